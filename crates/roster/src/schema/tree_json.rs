//! The tree as the validator's JSON, so that nothing is copied for it.

use std::borrow::Cow;
use std::slice;

use jsonschema::JsonType;
use jsonschema::json::{Array, Json, Node as JsonNode, NodeIdentity, Object};
use serde_json::{Number, Value};

use crate::tree::{Entry, NodeId, NodeKind, Tree};

/// The representation: nodes of a [`Tree`].
pub(super) struct TreeJson;

/// A value of the tree, or the name of a property while it is judged itself.
#[derive(Clone, Copy)]
pub(super) enum Node<'t> {
    Value(&'t Tree, NodeId),
    Name(&'t str),
}

impl<'t> Node<'t> {
    fn kind(&self) -> Option<&'t NodeKind> {
        match self {
            Self::Value(tree, id) => Some(&tree.node(*id).kind),
            Self::Name(_) => None,
        }
    }

    fn text(&self) -> Option<&'t str> {
        match (self, self.kind()) {
            (Self::Name(name), _) => Some(name),
            (_, Some(NodeKind::Text(text))) => Some(text),
            _ => None,
        }
    }
}

impl Json for TreeJson {
    type Node<'t> = Node<'t>;
    type PreparedKey = String;
    type StringBuffer = ();

    // Entries are a plain list: going through it once is cheaper than a search for each property.
    const KEYS_PER_LOOKUP: usize = 8;

    fn prepare_key(key: &str) -> String {
        key.to_owned()
    }

    fn with_string_node<T>((): &mut (), name: &str, judge: impl FnOnce(Node<'_>) -> T) -> T {
        judge(Node::Name(name))
    }
}

impl<'t> JsonNode<'t, TreeJson> for Node<'t> {
    type Object = Members<'t>;
    type Array = Items<'t>;
    type Number = &'t Number;

    fn as_object(&self) -> Option<Members<'t>> {
        match (self, self.kind()?) {
            (Self::Value(tree, _), NodeKind::Mapping(entries)) => Some(Members {
                tree,
                entries: entries.iter(),
            }),
            _ => None,
        }
    }

    fn as_array(&self) -> Option<Items<'t>> {
        match (self, self.kind()?) {
            (Self::Value(tree, _), NodeKind::List(ids)) => Some(Items {
                tree,
                ids: ids.iter(),
            }),
            _ => None,
        }
    }

    fn as_string(&self) -> Option<Cow<'t, str>> {
        self.text().map(Cow::Borrowed)
    }

    fn as_number(&self) -> Option<&'t Number> {
        match self.kind()? {
            NodeKind::Number(number) => Some(number),
            _ => None,
        }
    }

    fn as_boolean(&self) -> Option<bool> {
        match self.kind()? {
            NodeKind::Boolean(value) => Some(*value),
            _ => None,
        }
    }

    fn is_null(&self) -> bool {
        matches!(self.kind(), Some(NodeKind::Null))
    }

    fn json_type(&self) -> JsonType {
        match self.kind() {
            None | Some(NodeKind::Text(_)) => JsonType::String,
            Some(NodeKind::Null) => JsonType::Null,
            Some(NodeKind::Boolean(_)) => JsonType::Boolean,
            Some(NodeKind::Number(_)) => JsonType::Number,
            Some(NodeKind::List(_)) => JsonType::Array,
            Some(NodeKind::Mapping(_)) => JsonType::Object,
        }
    }

    fn equals_value(&self, expected: &Value) -> bool {
        match (self.text(), expected) {
            (Some(text), Value::String(expected)) => text == expected,
            (Some(_), _) => false,
            (None, _) => jsonschema::json::cmp::equal(&self.to_value(), expected),
        }
    }

    fn to_value(&self) -> Cow<'t, Value> {
        Cow::Owned(match self {
            Self::Value(tree, id) => tree.value(*id),
            Self::Name(name) => Value::from(*name),
        })
    }

    fn identity(&self) -> Option<NodeIdentity> {
        match self {
            Self::Value(tree, id) => {
                Some(NodeIdentity::new(std::ptr::from_ref(tree.node(*id)).addr()))
            }
            Self::Name(_) => None,
        }
    }
}

/// The entries of a mapping, and the way through them.
pub(super) struct Members<'t> {
    tree: &'t Tree,
    entries: slice::Iter<'t, Entry>,
}

impl<'t> Object<'t, TreeJson> for Members<'t> {
    type Node = Node<'t>;
    type MemberName = &'t str;
    type MembersIter = Self;

    fn len(&self) -> usize {
        self.entries.len()
    }

    fn get(&self, key: &String) -> Option<Node<'t>> {
        let mut entries = self.entries.clone();
        let found = entries.find(|entry| entry.key == *key)?;
        Some(Node::Value(self.tree, found.value))
    }

    fn members(&self) -> Self {
        Self {
            tree: self.tree,
            entries: self.entries.clone(),
        }
    }
}

impl<'t> Iterator for Members<'t> {
    type Item = (&'t str, Node<'t>);

    fn next(&mut self) -> Option<Self::Item> {
        let entry = self.entries.next()?;
        Some((&entry.key, Node::Value(self.tree, entry.value)))
    }
}

/// The items of a list, and the way through them.
pub(super) struct Items<'t> {
    tree: &'t Tree,
    ids: slice::Iter<'t, NodeId>,
}

impl<'t> Array<'t, TreeJson> for Items<'t> {
    type Node = Node<'t>;
    type ElementsIter = Self;

    fn len(&self) -> usize {
        self.ids.len()
    }

    fn elements(&self) -> Self {
        Self {
            tree: self.tree,
            ids: self.ids.clone(),
        }
    }
}

impl<'t> Iterator for Items<'t> {
    type Item = Node<'t>;

    fn next(&mut self) -> Option<Node<'t>> {
        self.ids.next().map(|id| Node::Value(self.tree, *id))
    }
}
