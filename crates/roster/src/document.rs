//! A roster's text, read once and checked layer by layer.

use crate::catalog::Code;
use crate::diagnostic::Diagnostic;
use crate::finding::{Finding, locate};
use crate::known::Known;
use crate::roster::Roster;
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
        let roster = self.typed(&mut findings);
        (roster, locate(findings, &self.source))
    }

    fn typed(&self, findings: &mut Vec<Finding>) -> Option<Roster> {
        if !self.complete || findings.iter().any(Finding::is_error) {
            return None;
        }
        let value = self.tree.value(self.tree.root()?);
        match serde_json::from_value(value) {
            Ok(roster) => Some(roster),
            Err(error) => {
                findings.push(Finding::new(Code::InvalidValue, &(0..0), error.to_string()));
                None
            }
        }
    }
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
