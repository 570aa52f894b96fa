//! The text of a roster or a profile, read once and checked layer by layer.

use std::borrow::Cow;
use std::collections::HashSet;

use serde_json::Value;

use crate::as_json;
use crate::beside::beside;
use crate::catalog::Code;
use crate::diagnostic::Diagnostic;
use crate::finding::{Finding, Span, locate};
use crate::known::Known;
use crate::outline::Outline;
use crate::roster::Roster;
use crate::rules::{self, Disk, Rule};
use crate::schema::{self, Subject};
use crate::source::Source;
use crate::syntax;
use crate::tree::{NodeId, Tree};
use crate::typed::typed;

/// Values from which on a second thread is worth its start.
const MANY_VALUES: usize = 4096;

/// The text of a roster (or of a [`Profile`](crate::Profile)), read once and checked layer by
/// layer.
///
/// [`Roster::parse`] does all of it in one call; this is for programs that also check the disk,
/// run single rules, or show the text.
///
/// ```
/// use podfleet_roster::{Code, Document, Known};
///
/// let text = "version: 1\ntransport: tmux\nagents:\n- name: 7\n  runtime: sim\n";
/// let document = Document::read(text, "roster.yaml");
/// let (roster, findings) = document.check(&Known::shipped());
/// assert!(roster.is_none());
/// assert_eq!(findings[1].code, Code::WrongType);
/// assert_eq!((findings[1].line, findings[1].column), (4, 9));
/// assert_eq!(findings[1].help.as_deref(), Some("put it in quotes: `name: \"7\"`"));
/// ```
#[derive(Debug)]
pub struct Document {
    source: Source,
    tree: Tree,
    syntax: Vec<Finding>,
    complete: bool,
}

impl Document {
    /// Reads a text. `name` is what findings call it, usually a path; if it ends in `.json`, YAML
    /// that is no JSON is a finding.
    ///
    /// Reading never fails: what is wrong with the text comes out of [`Document::check`].
    #[must_use]
    pub fn read<'t>(text: impl Into<Cow<'t, str>>, name: &str) -> Self {
        let text = text.into();
        let syntax = syntax::read_file(name, &text);
        Self {
            source: Source::new(name, text.into_owned()),
            tree: syntax.tree,
            syntax: syntax.findings,
            complete: syntax.complete,
        }
    }

    /// Reads the bytes of a file; bytes that are no UTF-8 are a finding like any other. Of a file
    /// that is larger than [`MAX_BYTES`](crate::MAX_BYTES), `MAX_BYTES + 1` bytes are enough.
    #[must_use]
    pub fn read_bytes<'b>(bytes: impl Into<Cow<'b, [u8]>>, name: &str) -> Self {
        let bytes = bytes.into();
        // Also where a part was read that ends within a character.
        if bytes.len() > syntax::MAX_BYTES {
            return Self::read(String::from_utf8_lossy(&bytes), name);
        }
        let refused = match String::from_utf8(bytes.into_owned()) {
            Ok(text) => return Self::read(text, name),
            Err(refused) => refused,
        };
        let valid = refused.utf8_error().valid_up_to();
        let (valid, rest) = refused.as_bytes().split_at(valid);
        let text = String::from_utf8_lossy(valid);
        let byte = rest.first().copied().unwrap_or_default();
        let message = format!("the byte 0x{byte:02X} here is no UTF-8");
        let finding = Finding::new(Code::Encoding, &(valid.len()..valid.len()), message)
            .help("save the file as UTF-8");
        Self {
            source: Source::new(name, text),
            tree: Tree::default(),
            syntax: vec![finding],
            complete: false,
        }
    }

    /// Runs every check that needs nothing but the text and what is known.
    ///
    /// There is a roster exactly when the syntax and the schema have no error. The findings are
    /// sorted by place.
    #[must_use]
    pub fn check(&self, known: &Known) -> (Option<Roster>, Vec<Diagnostic>) {
        let mut roster = None;
        let findings = self.check_all(known, None, |root, findings| {
            roster = self.typed(root, findings);
        });
        (roster, findings)
    }

    /// Returns what is wrong, without the roster itself: what [`Document::check`] finds and, given a
    /// disk, [`Document::check_disk`], in one list sorted by place. This is for programs that only
    /// report; of a large fleet the roster takes more memory than its text.
    #[must_use]
    pub fn findings(&self, known: &Known, disk: Option<&dyn Disk>) -> Vec<Diagnostic> {
        self.check_all(known, disk, |_, _| {})
    }

    /// Runs every layer; `use_root` comes after the schema, with what was found so far. On a long
    /// text the rules are at work at the same time.
    fn check_all(
        &self,
        known: &Known,
        disk: Option<&dyn Disk>,
        use_root: impl FnOnce(NodeId, &mut Vec<Finding>),
    ) -> Vec<Diagnostic> {
        let mut findings = self.syntax.clone();
        let mut on_disk = Vec::new();
        if let Some(root) = self.root() {
            let rules = || self.rules(root, known);
            let schema = || {
                findings.extend(self.schema(Subject::Roster, root));
                use_root(root, &mut findings);
                on_disk = self.directories(root, known, disk);
            };
            let ruled = if self.tree.nodes().len() < MANY_VALUES {
                schema();
                rules()
            } else {
                beside(schema, rules).1
            };
            Self::add_ruled(ruled, &mut findings);
            findings.append(&mut on_disk);
        }
        self.locate(findings)
    }

    /// Reads the roster as [`Document::check`] does, but asks the schema only when the types alone
    /// refuse the text: for those who look at a fleet, and for whom preparing the schema would be
    /// most of the time. What only the schema forbids, such as an empty text, passes.
    #[must_use]
    pub fn glance(&self, known: &Known) -> (Option<Roster>, Vec<Diagnostic>) {
        let mut findings = self.syntax.clone();
        let read = self
            .root()
            .filter(|_| !findings.iter().any(Finding::is_error));
        let roster = read.and_then(|root| typed(&self.tree, root).ok());
        match (read, roster) {
            (Some(root), Some(roster)) => {
                Self::add_ruled(self.rules(root, known), &mut findings);
                (Some(roster), self.locate(findings))
            }
            _ => self.check(known),
        }
    }

    fn rules(&self, root: NodeId, known: &Known) -> Vec<Finding> {
        let outline = Outline::new(&self.tree, root);
        let rules = Rule::all().iter();
        rules.flat_map(|rule| rule.check(&outline, known)).collect()
    }

    /// Adds what the rules found. A value that the schema refuses, or that is a secret, breaks rules
    /// for the same reason; that it is a secret is a reason of its own.
    pub(crate) fn add_ruled(ruled: impl IntoIterator<Item = Finding>, findings: &mut Vec<Finding>) {
        let refused = findings
            .iter()
            .filter(|finding| finding.code().refuses_value());
        let refused: HashSet<Span> = refused.map(|finding| finding.span().clone()).collect();
        let ruled: Vec<Finding> = ruled.into_iter().collect();
        let secrets = ruled.iter().filter(|finding| is_secret(finding));
        let secrets: HashSet<Span> = secrets.map(|finding| finding.span().clone()).collect();
        findings.extend(ruled.into_iter().filter(|finding| {
            is_secret(finding)
                || !(refused.contains(finding.span()) || secrets.contains(finding.span()))
        }));
    }

    /// Runs the first two layers alone: what any validator finds that reads YAML and has the
    /// published schema.
    #[must_use]
    pub fn check_schema(&self) -> Vec<Diagnostic> {
        let mut findings = self.syntax.clone();
        if let Some(root) = self.root() {
            findings.extend(self.schema(Subject::Roster, root));
        }
        self.locate(findings)
    }

    /// Runs one rule of the third layer alone. A text that is no YAML has nothing that a rule
    /// could look at.
    #[must_use]
    pub fn check_rule(&self, rule: &Rule, known: &Known) -> Vec<Diagnostic> {
        let findings = self
            .root()
            .map(|root| rule.check(&Outline::new(&self.tree, root), known));
        self.locate(findings.unwrap_or_default())
    }

    /// Checks the working directories of the agents that this roster hosts against a disk.
    #[must_use]
    pub fn check_disk(&self, known: &Known, disk: &dyn Disk) -> Vec<Diagnostic> {
        let found = |root| self.directories(root, known, Some(disk));
        self.locate(self.root().map(found).unwrap_or_default())
    }

    fn directories(&self, root: NodeId, known: &Known, disk: Option<&dyn Disk>) -> Vec<Finding> {
        let outline = || Outline::new(&self.tree, root);
        disk.map_or_else(Vec::new, |disk| rules::directories(&outline(), known, disk))
    }

    /// The text as a value, aliases unfolded; nothing if the syntax has errors.
    pub(crate) fn value(&self) -> Option<Value> {
        let sound = !self.syntax.iter().any(Finding::is_error);
        Some(self.tree.value(self.root().filter(|_| sound)?))
    }

    /// Returns the text, byte for byte as it was read.
    #[must_use]
    pub fn text(&self) -> &str {
        self.source.text()
    }

    /// Returns the text for showing: every value that looks like a secret is covered, by as many
    /// bytes, so that spans, lines and columns hold for it too.
    #[must_use]
    pub fn redacted_text(&self) -> String {
        rules::redact(self.source.text(), &self.tree)
    }

    /// Returns the text as JSON, keys in their order and aliases unfolded; nothing if the syntax has
    /// errors. Comments are lost.
    ///
    /// ```
    /// let yaml = "b: [1, 'x'] # two\na: ~\n";
    /// let document = podfleet_roster::Document::read(yaml, "roster.yaml");
    /// let json = document.to_json().unwrap();
    /// assert_eq!(json, "{\n  \"b\": [\n    1,\n    \"x\"\n  ],\n  \"a\": null\n}\n");
    /// ```
    #[must_use]
    pub fn to_json(&self) -> Option<String> {
        let sound = !self.syntax.iter().any(Finding::is_error);
        as_json::pretty(&self.tree, self.root().filter(|_| sound)?)
    }

    /// Returns what findings call the text.
    #[must_use]
    pub fn name(&self) -> &str {
        self.source.name()
    }

    pub(crate) const fn tree(&self) -> &Tree {
        &self.tree
    }

    pub(crate) fn syntax_findings(&self) -> Vec<Finding> {
        self.syntax.clone()
    }

    /// The place of the value of a top-level key; the beginning if there is none.
    pub(crate) fn span_of(&self, key: &str) -> Span {
        let value = self.root().and_then(|root| self.tree.get(root, key));
        value.map_or(0..0, |value| self.tree.node(value).span.clone())
    }

    pub(crate) fn root(&self) -> Option<NodeId> {
        self.tree.root().filter(|_| self.complete)
    }

    /// What the schema finds, without what the syntax reported already: a value that could not be
    /// read cannot be judged.
    pub(crate) fn schema(&self, subject: Subject, root: NodeId) -> Vec<Finding> {
        let unread: HashSet<&Span> = self.syntax.iter().map(Finding::span).collect();
        let mut findings = schema::evaluate(subject, self.source.text(), &self.tree, root);
        findings
            .retain(|finding| !(finding.code().refuses_value() && unread.contains(finding.span())));
        findings
    }

    /// The typed roster, if neither the syntax nor the schema found an error.
    fn typed(&self, root: NodeId, findings: &mut Vec<Finding>) -> Option<Roster> {
        if findings.iter().any(Finding::is_error) {
            return None;
        }
        // The schema comes from the types, so this fails only where they disagree.
        typed(&self.tree, root)
            .inspect_err(|error| {
                findings.push(Finding::new(Code::InvalidValue, &(0..0), error.to_string()));
            })
            .ok()
    }

    pub(crate) fn locate(&self, findings: Vec<Finding>) -> Vec<Diagnostic> {
        locate(findings, &self.source)
    }
}

fn is_secret(finding: &Finding) -> bool {
    finding.code() == Code::Secret
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
