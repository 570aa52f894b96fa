//! A roster's text, read once and checked layer by layer.

use serde_json::Value;

use crate::catalog::Code;
use crate::diagnostic::Diagnostic;
use crate::finding::{Finding, locate};
use crate::known::Known;
use crate::roster::Roster;
use crate::schema;
use crate::source::Source;
use crate::syntax;
use crate::tree::Tree;

/// A roster's text, read once and checked layer by layer.
#[derive(Debug)]
pub struct Document {
    source: Source,
    tree: Tree,
    syntax: Vec<Finding>,
    complete: bool,
}

impl Document {
    /// Reads a text. `name` is what findings call it, usually a path.
    ///
    /// Reading never fails: what is wrong with the text comes out of [`Document::check`].
    #[must_use]
    pub fn read(text: &str, name: &str) -> Self {
        let syntax = syntax::read(text);
        Self {
            source: Source::new(name, text),
            tree: syntax.tree,
            syntax: syntax.findings,
            complete: syntax.complete,
        }
    }

    /// Runs every check that needs nothing but the text and what is known.
    #[must_use]
    pub fn check(&self, _known: &Known) -> (Option<Roster>, Vec<Diagnostic>) {
        let mut findings = self.syntax.clone();
        let value = self.complete.then(|| self.tree.root()).flatten();
        let value = value.map(|root| (root, self.tree.value(root)));
        if let Some((root, value)) = &value {
            findings.extend(schema::evaluate(
                self.source.text(),
                &self.tree,
                *root,
                value,
            ));
        }
        let roster = value.and_then(|(_, value)| typed(value, &mut findings));
        (roster, locate(findings, &self.source))
    }
}

/// The typed roster, if neither the syntax nor the schema found an error.
fn typed(value: Value, findings: &mut Vec<Finding>) -> Option<Roster> {
    if findings.iter().any(Finding::is_error) {
        return None;
    }
    // The schema comes from the types, so this fails only where they disagree.
    serde_json::from_value(value)
        .inspect_err(|error| {
            findings.push(Finding::new(Code::InvalidValue, &(0..0), error.to_string()));
        })
        .ok()
}

impl Roster {
    /// Reads and checks a roster in one pass; every finding is in the list, sorted by place.
    ///
    /// `name` is what findings call the text, usually a path. There is a roster exactly when the
    /// syntax and the schema have no error; the rules may still have found some (see
    /// [`Diagnostic::blocks`]).
    #[must_use]
    pub fn parse(text: &str, name: &str, known: &Known) -> (Option<Self>, Vec<Diagnostic>) {
        Document::read(text, name).check(known)
    }
}
