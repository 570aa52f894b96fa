//! Values that must not stand in a roster.

use std::collections::HashSet;

use crate::catalog::Code;
use crate::finding::{Finding, Span};
use crate::known::Known;
use crate::outline::Outline;
use crate::secret::{kind_of, places, shown};
use crate::tree::{NodeId, NodeKind, Tree};

/// No value has the shape of a credential.
pub(super) fn secrets(outline: &Outline<'_>, _: &Known) -> Vec<Finding> {
    secrets_below(outline.tree, outline.root)
}

/// Reports every value below `root` that has the shape of a credential.
pub(crate) fn secrets_below(tree: &Tree, root: NodeId) -> Vec<Finding> {
    let mut walk = Walk {
        tree,
        seen: HashSet::new(),
        findings: Vec::new(),
    };
    walk.node(root, "");
    walk.findings
}

/// Goes through every value once, however many aliases lead to it.
struct Walk<'t> {
    tree: &'t Tree,
    seen: HashSet<NodeId>,
    findings: Vec<Finding>,
}

impl Walk<'_> {
    fn node(&mut self, id: NodeId, path: &str) {
        if !self.seen.insert(id) {
            return;
        }
        match &self.tree.node(id).kind {
            NodeKind::Text(text) => self.text(&self.tree.node(id).span, text, path),
            NodeKind::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.node(*item, &format!("{path}[{index}]"));
                }
            }
            NodeKind::Mapping(entries) => {
                for entry in entries {
                    let dot = if path.is_empty() { "" } else { "." };
                    let key = shown(&entry.key);
                    let path = format!("{path}{dot}{key}");
                    self.text(&entry.key_span, &entry.key, &path);
                    self.node(entry.value, &path);
                }
            }
            NodeKind::Null | NodeKind::Boolean(_) | NodeKind::Number(_) => {}
        }
    }

    fn text(&mut self, span: &Span, text: &str, path: &str) {
        let Some(kind) = kind_of(text) else {
            return;
        };
        let message = format!("`{path}` has the shape of {kind}");
        let help = "take it from the environment, or from a file of mode 0600 that a variable \
                    `…_FILE` names; revoke it if anybody else has seen the roster";
        self.findings
            .push(Finding::new(Code::Secret, span, message).help(help));
    }
}

/// Returns the text with all that looks like a credential written over, in values and anywhere
/// else, by as many bytes, so that all places stay what they were.
pub(crate) fn redact(text: &str, tree: &Tree) -> String {
    let is_secret =
        |kind: &NodeKind| matches!(kind, NodeKind::Text(value) if kind_of(value).is_some());
    let values = tree.nodes().iter().filter(|node| is_secret(&node.kind));
    let values = values.map(|node| node.span.clone());
    let mut covered: Vec<Span> = values.chain(places(text)).collect();
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
