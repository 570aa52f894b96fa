//! The tree as the input of the types, so that nothing is copied for them.

use serde::de::value::{MapAccessDeserializer, MapDeserializer, SeqDeserializer, StrDeserializer};
use serde::de::{DeserializeOwned, Deserializer, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::Error;

use crate::tree::{NodeId, NodeKind, Tree};

/// Reads the node as a type.
///
/// # Errors
/// Fails where the type does not take what is there.
pub(crate) fn typed<T: DeserializeOwned>(tree: &Tree, id: NodeId) -> Result<T, Error> {
    T::deserialize(Input { tree, id })
}

#[derive(Clone, Copy)]
struct Input<'t> {
    tree: &'t Tree,
    id: NodeId,
}

impl<'t> Input<'t> {
    const fn at(self, id: NodeId) -> Self {
        Self {
            tree: self.tree,
            id,
        }
    }

    fn kind(self) -> &'t NodeKind {
        &self.tree.node(self.id).kind
    }

    fn entries(self) -> MapDeserializer<'t, impl Iterator<Item = (&'t str, Self)>, Error> {
        let entries = self.tree.entries(self.id).iter();
        MapDeserializer::new(entries.map(move |entry| (entry.key.as_str(), self.at(entry.value))))
    }
}

impl<'t> IntoDeserializer<'t, Error> for Input<'t> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for Input<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.kind() {
            NodeKind::Null => visitor.visit_unit(),
            NodeKind::Boolean(value) => visitor.visit_bool(*value),
            NodeKind::Number(number) => number.deserialize_any(visitor),
            NodeKind::Text(text) => visitor.visit_borrowed_str(text),
            NodeKind::List(items) => {
                visitor.visit_seq(SeqDeserializer::new(items.iter().map(|id| self.at(*id))))
            }
            NodeKind::Mapping(_) => visitor.visit_map(self.entries()),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.kind() {
            NodeKind::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.kind() {
            NodeKind::Text(text) => visitor.visit_enum(StrDeserializer::new(text)),
            _ => visitor.visit_enum(MapAccessDeserializer::new(self.entries())),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::syntax;

    #[test]
    fn a_node_is_read_as_its_value_is() {
        let text = "a: [1, -2, 1.5, true, ~, x]\nb: {c: 漢字}\nd: &e {f: ''}\ng: *e\n";
        let tree = syntax::read(text).tree;
        let root = tree.root().unwrap();
        assert_eq!(typed::<Value>(&tree, root).unwrap(), tree.value(root));
    }
}
