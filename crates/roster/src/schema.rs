//! The second layer: the JSON Schema of a roster, generated from the types, and its evaluation.
//!
//! The published schema and the one that the program evaluates are the same value, so they cannot
//! disagree.

mod evaluate;
mod expect;
mod key_index;
mod message;
mod shape;

pub(crate) use evaluate::{evaluate, published};

use schemars::generate::SchemaSettings;
use serde_json::Value;

use crate::roster::Roster;

/// Where the published schema is found.
const BASE: &str = "https://raw.githubusercontent.com/podfleet/podfleet/main/schemas/";

/// Returns the JSON Schema of a roster, draft 2020-12.
///
/// ```
/// let schema = podfleet_roster::json_schema();
/// assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
/// assert_eq!(schema["properties"]["version"]["const"], 1);
/// ```
#[must_use]
pub fn json_schema() -> Value {
    generate(SchemaSettings::draft2020_12(), "roster.schema.json")
}

/// Returns the JSON Schema of a roster, draft 07, which every editor understands.
#[must_use]
pub fn json_schema_draft07() -> Value {
    generate(SchemaSettings::draft07(), "roster.draft-07.schema.json")
}

fn generate(settings: SchemaSettings, file: &str) -> Value {
    let schema = settings.into_generator().into_root_schema_for::<Roster>();
    let mut schema = schema.to_value();
    shape::finish(&mut schema);
    if let Value::Object(root) = &mut schema {
        root.insert("$id".to_owned(), format!("{BASE}{file}").into());
    }
    schema
}
