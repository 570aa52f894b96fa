//! JSON objects of others, changed in one place: the rest stays as it was written.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

/// A JSON object that keeps the order of its keys, and its values as they were written: numbers too,
/// which no number of ours may be able to hold.
#[derive(Debug, Default)]
pub(crate) struct Ordered(Vec<(String, Box<RawValue>)>);

impl Ordered {
    pub(crate) fn parse(text: &str) -> serde_json::Result<Self> {
        serde_json::from_str(text)
    }

    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        let found = self.0.iter().rev().find(|(name, _)| name == key);
        found.map(|(_, value)| value.get())
    }

    /// Returns whether a key has a value.
    pub(crate) fn has(&self, key: &str, value: &Value) -> bool {
        let found = self.get(key).map(serde_json::from_str::<Value>);
        found.is_some_and(|found| found.is_ok_and(|found| found == *value))
    }

    /// Gives a key a value, in its place or at the end; `text` is JSON.
    pub(crate) fn set(&mut self, key: &str, text: String) -> serde_json::Result<()> {
        let value = RawValue::from_string(text)?;
        match self.0.iter_mut().rev().find(|(name, _)| name == key) {
            Some((_, old)) => *old = value,
            None => self.0.push((key.to_owned(), value)),
        }
        Ok(())
    }

    /// Writes it out, a key a line; `depth` says in how many objects it stands.
    pub(crate) fn written(&self, depth: usize) -> String {
        let indent = "  ".repeat(depth);
        let lines = self.0.iter().map(|(key, value)| {
            format!("\n{indent}  {}: {}", Value::from(key.as_str()), value.get())
        });
        let lines = lines.collect::<Vec<_>>().join(",");
        match lines.is_empty() {
            true => "{}".to_owned(),
            false => format!("{{{lines}\n{indent}}}"),
        }
    }
}

impl<'de> Deserialize<'de> for Ordered {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Keys)
    }
}

struct Keys;

impl<'de> Visitor<'de> for Keys {
    type Value = Ordered;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Ordered, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Ordered(entries))
    }
}
