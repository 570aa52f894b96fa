//! The value tree of a YAML document, every part with its place.
//!
//! Nodes live in one arena and refer to each other by index, so that an alias shares what its
//! anchor names instead of copying it.

use serde_json::{Map, Number, Value};

use crate::finding::Span;
use crate::secret::kind_of;
use crate::spelling::{is_key, meant};

/// The index of a node in its [`Tree`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct NodeId(usize);

impl NodeId {
    /// The place of the node in [`Tree::nodes`].
    pub(crate) const fn index(self) -> usize {
        self.0
    }
}

/// A YAML document as values with places.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tree {
    nodes: Vec<Node>,
    root: Option<NodeId>,
    has_secrets: bool,
}

/// A value and its place.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) span: Span,
    pub(crate) kind: NodeKind,
}

/// A value of YAML's core schema.
#[derive(Debug, Clone)]
pub(crate) enum NodeKind {
    Null,
    Boolean(bool),
    Number(Number),
    Text(String),
    List(Vec<NodeId>),
    Mapping(Vec<Entry>),
}

/// A key of a mapping with its value.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) key_span: Span,
    pub(crate) value: NodeId,
}

/// A text of the document with its place.
#[derive(Debug, Clone)]
pub(crate) struct Text<'t> {
    pub(crate) text: &'t str,
    pub(crate) span: &'t Span,
}

/// What a mapping says of a key that holds a text.
#[derive(Debug, Clone)]
pub(crate) enum Stated<'t> {
    /// Nothing.
    Absent,
    /// This.
    Text(Text<'t>),
    /// Something that cannot be read: a value of another type, a misspelt key, or no mapping at
    /// all. That is a finding already, which a rule that goes by it would only repeat.
    Unclear,
}

impl Node {
    /// The texts that the node itself is, or has as its keys, with their places.
    pub(crate) fn texts(&self) -> impl Iterator<Item = (&str, &Span)> {
        let (text, keys) = match &self.kind {
            NodeKind::Text(text) => (Some((text.as_str(), &self.span)), &[][..]),
            NodeKind::Mapping(entries) => (None, entries.as_slice()),
            _ => (None, &[][..]),
        };
        let keys = keys.iter().map(|key| (key.key.as_str(), &key.key_span));
        text.into_iter().chain(keys)
    }
}

impl Tree {
    pub(crate) fn push(&mut self, node: Node) -> NodeId {
        self.has_secrets |= node.texts().any(|(text, _)| kind_of(text).is_some());
        self.nodes.push(node);
        NodeId(self.nodes.len() - 1)
    }

    pub(crate) fn set_root(&mut self, id: NodeId) {
        self.root = Some(id);
    }

    pub(crate) const fn root(&self) -> Option<NodeId> {
        self.root
    }

    pub(crate) fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0]
    }

    pub(crate) fn node_mut(&mut self, id: NodeId) -> &mut Node {
        &mut self.nodes[id.0]
    }

    /// Takes over the nodes of another tree, whose text stands that many bytes later in this one's,
    /// and returns what its root is here. The root of this tree stays what it is.
    pub(crate) fn adopt(&mut self, other: Self, bytes: usize) -> Option<NodeId> {
        let nodes = self.nodes.len();
        let later = |span: &mut Span| *span = span.start + bytes..span.end + bytes;
        let moved = |id: &mut NodeId| id.0 += nodes;
        self.nodes.extend(other.nodes.into_iter().map(|mut node| {
            later(&mut node.span);
            match &mut node.kind {
                NodeKind::List(items) => items.iter_mut().for_each(moved),
                NodeKind::Mapping(entries) => {
                    for entry in entries {
                        later(&mut entry.key_span);
                        moved(&mut entry.value);
                    }
                }
                _ => {}
            }
            node
        }));
        self.has_secrets |= other.has_secrets;
        other.root.map(|root| NodeId(root.0 + nodes))
    }

    /// Whether any text in it has the shape of a credential. Where none has, as in most rosters,
    /// nobody has to look for one.
    pub(crate) const fn has_secrets(&self) -> bool {
        self.has_secrets
    }

    /// Every node once, in no promised order; a key is part of its mapping.
    pub(crate) fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The entries of a mapping; of anything else none.
    pub(crate) fn entries(&self, id: NodeId) -> &[Entry] {
        match &self.node(id).kind {
            NodeKind::Mapping(entries) => entries,
            _ => &[],
        }
    }

    /// The items of a list; of anything else none.
    pub(crate) fn items(&self, id: NodeId) -> &[NodeId] {
        match &self.node(id).kind {
            NodeKind::List(items) => items,
            _ => &[],
        }
    }

    /// The entry of a key, which is given in `snake_case` and found in either spelling.
    pub(crate) fn entry(&self, mapping: NodeId, key: &str) -> Option<&Entry> {
        let mut entries = self.entries(mapping).iter();
        entries.find(|entry| is_key(&entry.key, key))
    }

    /// The value of a key, as [`Tree::entry`] finds it.
    pub(crate) fn get(&self, mapping: NodeId, key: &str) -> Option<NodeId> {
        self.entry(mapping, key).map(|entry| entry.value)
    }

    /// A node as text, if it is one.
    pub(crate) fn text(&self, id: NodeId) -> Option<Text<'_>> {
        match &self.node(id).kind {
            NodeKind::Text(text) => Some(Text {
                text,
                span: &self.node(id).span,
            }),
            _ => None,
        }
    }

    /// The text of a key of a mapping.
    pub(crate) fn text_of(&self, mapping: NodeId, key: &str) -> Option<Text<'_>> {
        self.get(mapping, key).and_then(|id| self.text(id))
    }

    pub(crate) fn is_mapping(&self, id: NodeId) -> bool {
        matches!(self.node(id).kind, NodeKind::Mapping(_))
    }

    /// What a mapping, which has these keys at most, says of one of them that holds a text.
    pub(crate) fn stated(&self, mapping: NodeId, key: &str, keys: &[&str]) -> Stated<'_> {
        match self.get(mapping, key) {
            Some(value) => self.text(value).map_or(Stated::Unclear, Stated::Text),
            None if self.is_mapping(mapping) && !self.misspells(mapping, key, keys) => {
                Stated::Absent
            }
            None => Stated::Unclear,
        }
    }

    /// Whether a mapping lacks a key and has one that no mapping of its kind has, and that most
    /// likely means it.
    pub(crate) fn misspells(&self, mapping: NodeId, key: &str, keys: &[&str]) -> bool {
        let entries = self.entries(mapping);
        let known = |spelled: &str| keys.iter().any(|key| is_key(spelled, key));
        let mut unknown = entries.iter().filter(|entry| !known(&entry.key)).peekable();
        if unknown.peek().is_none() || self.entry(mapping, key).is_some() {
            return false;
        }
        let absent = |key: &&str| self.entry(mapping, key).is_none();
        let free: Vec<&str> = keys.iter().copied().filter(absent).collect();
        unknown.any(|entry| meant(&entry.key, free.iter().copied()) == Some(key))
    }

    /// The place to show for something that a mapping or list lacks: its first key or character,
    /// not all of its lines.
    pub(crate) fn head(&self, id: NodeId) -> Span {
        let node = self.node(id);
        match self.entries(id).first() {
            Some(entry) if entry.key_span.start == node.span.start => entry.key_span.clone(),
            _ => node.span.start..(node.span.start + 1).min(node.span.end),
        }
    }

    /// The node as a JSON value, aliases unfolded.
    pub(crate) fn value(&self, id: NodeId) -> Value {
        match &self.node(id).kind {
            NodeKind::Null => Value::Null,
            NodeKind::Boolean(value) => Value::Bool(*value),
            NodeKind::Number(number) => Value::Number(number.clone()),
            NodeKind::Text(text) => Value::String(text.clone()),
            NodeKind::List(items) => items.iter().map(|item| self.value(*item)).collect(),
            NodeKind::Mapping(entries) => Value::Object(
                entries
                    .iter()
                    .map(|entry| (entry.key.clone(), self.value(entry.value)))
                    .collect::<Map<_, _>>(),
            ),
        }
    }
}
