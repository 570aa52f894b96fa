//! The tree written as JSON, its keys in the order in which they stand.

use serde::{Serialize, Serializer};

use crate::tree::{NodeId, NodeKind, Tree};

/// Returns a node as indented JSON, aliases unfolded, with a newline at its end.
pub(crate) fn pretty(tree: &Tree, id: NodeId) -> Option<String> {
    let mut text = serde_json::to_string_pretty(&Part { tree, id }).ok()?;
    text.push('\n');
    Some(text)
}

struct Part<'t> {
    tree: &'t Tree,
    id: NodeId,
}

impl Part<'_> {
    const fn at(&self, id: NodeId) -> Self {
        Self {
            tree: self.tree,
            id,
        }
    }
}

impl Serialize for Part<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.tree.node(self.id).kind {
            NodeKind::Null => serializer.serialize_unit(),
            NodeKind::Boolean(value) => serializer.serialize_bool(*value),
            NodeKind::Number(number) => number.serialize(serializer),
            NodeKind::Text(text) => serializer.serialize_str(text),
            NodeKind::List(items) => serializer.collect_seq(items.iter().map(|id| self.at(*id))),
            NodeKind::Mapping(entries) => {
                let entries = entries.iter();
                serializer.collect_map(entries.map(|one| (&one.key, self.at(one.value))))
            }
        }
    }
}
