//! A finding before its place is turned into line and column.

use std::ops::Range;

use crate::catalog::Code;
use crate::diagnostic::{Diagnostic, Related, Severity};
use crate::source::Source;

/// Bytes of the text.
pub(crate) type Span = Range<usize>;

/// A finding located by bytes alone, as the checks make it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    code: Code,
    severity: Severity,
    span: Span,
    message: String,
    related: Vec<(Span, String)>,
    help: Option<String>,
}

impl Finding {
    pub(crate) fn new(code: Code, span: &Span, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: code.severity(),
            span: span.clone(),
            message: message.into(),
            related: Vec::new(),
            help: None,
        }
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub(crate) fn related(mut self, span: &Span, message: impl Into<String>) -> Self {
        self.related.push((span.clone(), message.into()));
        self
    }

    pub(crate) const fn code(&self) -> Code {
        self.code
    }

    pub(crate) const fn span(&self) -> &Span {
        &self.span
    }

    pub(crate) fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    fn locate(self, source: &Source) -> Diagnostic {
        let place = source.place(self.span.start);
        Diagnostic {
            code: self.code,
            severity: self.severity,
            message: self.message,
            file: source.name().to_owned(),
            line: place.line,
            column: place.column,
            span: self.span,
            related: self
                .related
                .into_iter()
                .map(|(span, message)| {
                    let place = source.place(span.start);
                    Related {
                        message,
                        line: place.line,
                        column: place.column,
                        span,
                    }
                })
                .collect(),
            help: self.help,
        }
    }
}

/// Whether two findings are one fault that was met on two ways. Only of missing keys there can be
/// several at one place.
fn same_fault(a: &Finding, b: &Finding) -> bool {
    a.span == b.span && a.code == b.code && (a.code != Code::MissingKey || a.message == b.message)
}

/// Sorts findings by place, drops repetitions (a node behind an alias is seen once per use), and
/// gives them lines and columns.
pub(crate) fn locate(mut findings: Vec<Finding>, source: &Source) -> Vec<Diagnostic> {
    findings.sort_by(|a, b| {
        let key = |f: &Finding| (f.span.start, f.span.end, f.code.as_str());
        key(a).cmp(&key(b)).then_with(|| a.message.cmp(&b.message))
    });
    findings.dedup_by(|b, a| same_fault(a, b));
    findings
        .into_iter()
        .map(|finding| finding.locate(source))
        .collect()
}
