//! Values that must not stand in a roster.

use crate::catalog::Code;
use crate::finding::{Finding, Span};
use crate::known::Known;
use crate::outline::Outline;
use crate::secret::{kind_of, places, shown};
use crate::tree::{Node, NodeId, NodeKind, Tree};

/// No value has the shape of a credential.
pub(super) fn secrets(outline: &Outline<'_>, _: &Known) -> Vec<Finding> {
    secrets_below(outline.tree, outline.root)
}

/// Reports every value below `root` that has the shape of a credential.
pub(crate) fn secrets_below(tree: &Tree, root: NodeId) -> Vec<Finding> {
    if !tree.has_secrets() {
        return Vec::new();
    }
    let mut walk = Walk {
        tree,
        seen: vec![false; tree.nodes().len()],
        path: Vec::new(),
        findings: Vec::new(),
    };
    walk.node(root);
    walk.findings
}

/// A step from a collection to one of its values.
enum Step<'t> {
    Key(&'t str),
    Index(usize),
}

/// Goes through every value once, however many aliases lead to it.
struct Walk<'t> {
    tree: &'t Tree,
    seen: Vec<bool>,
    path: Vec<Step<'t>>,
    findings: Vec<Finding>,
}

impl<'t> Walk<'t> {
    fn node(&mut self, id: NodeId) {
        if std::mem::replace(&mut self.seen[id.index()], true) {
            return;
        }
        let node = self.tree.node(id);
        match &node.kind {
            NodeKind::Text(text) => self.text(&node.span, text),
            NodeKind::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.path.push(Step::Index(index));
                    self.node(*item);
                    self.path.pop();
                }
            }
            NodeKind::Mapping(entries) => {
                for entry in entries {
                    self.path.push(Step::Key(&entry.key));
                    self.text(&entry.key_span, &entry.key);
                    self.node(entry.value);
                    self.path.pop();
                }
            }
            NodeKind::Null | NodeKind::Boolean(_) | NodeKind::Number(_) => {}
        }
    }

    fn text(&mut self, span: &Span, text: &str) {
        let Some(kind) = kind_of(text) else {
            return;
        };
        let message = format!("`{}` has the shape of {kind}", written(&self.path));
        let help = "take it from the environment, or from a file of mode 0600 that a variable \
                    `…_FILE` names; revoke it if anybody else has seen the roster";
        self.findings
            .push(Finding::new(Code::Secret, span, message).help(help));
    }
}

/// Writes a path as people do, such as `agents[2].env.TOKEN`; keys may be secrets themselves.
fn written(path: &[Step<'_>]) -> String {
    let mut written = String::new();
    for step in path {
        match step {
            Step::Key(key) => {
                if !written.is_empty() {
                    written.push('.');
                }
                written.push_str(&shown(key));
            }
            Step::Index(index) => {
                written.push_str(&format!("[{index}]"));
            }
        }
    }
    written
}

/// Returns a text, be it a roster or a message, with all that looks like a credential written over,
/// by as many bytes.
///
/// ```
/// let text = podfleet_roster::without_secrets("no agent ghp_0123456789abcdefghijABCDEFGHIJ012345");
/// assert_eq!(text, format!("no agent {}", "*".repeat(40)));
/// ```
#[must_use]
pub fn without_secrets(text: &str) -> String {
    redact(text, &Tree::default())
}

/// Returns the text with all that looks like a credential written over, in values and anywhere
/// else, by as many bytes, so that all places stay what they were.
pub(crate) fn redact(text: &str, tree: &Tree) -> String {
    let texts = tree.nodes().iter().flat_map(Node::texts);
    let secrets = texts.filter(|(text, _)| kind_of(text).is_some());
    let secrets = secrets.map(|(_, span)| span.clone());
    let mut covered: Vec<Span> = secrets.chain(places(text)).collect();
    covered.sort_by_key(|place| (place.start, place.end));
    let mut redacted = String::with_capacity(text.len());
    let mut done = 0;
    for place in covered {
        let start = place.start.max(done);
        if place.end > start {
            redacted.push_str(&text[done..start]);
            redacted.extend(text[start..place.end].chars().map(cover));
            done = place.end;
        }
    }
    redacted.push_str(&text[done..]);
    redacted
}

/// A stand-in of the same length in bytes; line breaks stay.
fn cover(c: char) -> &'static str {
    match (c, c.len_utf8()) {
        ('\n', _) => "\n",
        ('\r', _) => "\r",
        (_, 1) => "*",
        (_, 2) => "·",
        (_, 3) => "…",
        _ => "𝕩",
    }
}
