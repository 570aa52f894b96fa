//! The second layer: the JSON Schemas of rosters and profiles, generated from the types, and their
//! evaluation.
//!
//! A published schema and the one that the program evaluates are the same value, so they cannot
//! disagree.

mod evaluate;
mod expect;
mod key_index;
mod message;
mod shape;
mod text;
mod tree_json;

pub use text::{InvalidText, check_text};

pub(crate) use evaluate::{evaluate, published};

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::Value;

use crate::profile::Profile;
use crate::roster::Roster;

/// Where the published schemas are found.
const BASE: &str = "https://raw.githubusercontent.com/podfleet/podfleet/main/schemas/";

/// The line by which editors find the roster's schema, first in all rosters that are made here.
pub(crate) const ROSTER_MODELINE: &str = "# yaml-language-server: $schema=https://raw.githubusercontent.com/podfleet/podfleet/main/schemas/roster.draft-07.schema.json";

/// What a document is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subject {
    Roster,
    Profile,
}

impl Subject {
    pub(crate) const fn noun(self) -> &'static str {
        match self {
            Self::Roster => "the roster",
            Self::Profile => "the profile",
        }
    }

    fn schema(self) -> Value {
        match self {
            Self::Roster => json_schema(),
            Self::Profile => profile_json_schema(),
        }
    }
}

/// Prepares the schema of rosters, which else happens when the first one is checked. It takes a few
/// milliseconds, once a process; a program that is about to read a roster can do it meanwhile, on
/// another thread.
pub fn prepare_schema() {
    published();
}

/// Returns the JSON Schema of a roster, draft 2020-12.
///
/// ```
/// let schema = podfleet_roster::json_schema();
/// assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
/// assert_eq!(schema["properties"]["version"]["const"], 1);
/// ```
#[must_use]
pub fn json_schema() -> Value {
    generate::<Roster>(SchemaSettings::draft2020_12(), "roster.schema.json")
}

/// Returns the JSON Schema of a roster, draft 07, which every editor understands.
#[must_use]
pub fn json_schema_draft07() -> Value {
    generate::<Roster>(SchemaSettings::draft07(), "roster.draft-07.schema.json")
}

/// Returns the JSON Schema of a [`Profile`], draft 2020-12.
#[must_use]
pub fn profile_json_schema() -> Value {
    generate::<Profile>(SchemaSettings::draft2020_12(), "profile.schema.json")
}

/// Returns the JSON Schema of a [`Profile`], draft 07, which every editor understands.
#[must_use]
pub fn profile_json_schema_draft07() -> Value {
    generate::<Profile>(SchemaSettings::draft07(), "profile.draft-07.schema.json")
}

fn generate<T: JsonSchema>(settings: SchemaSettings, file: &str) -> Value {
    let schema = settings.into_generator().into_root_schema_for::<T>();
    let mut schema = schema.to_value();
    shape::finish(&mut schema);
    if let Value::Object(root) = &mut schema {
        root.insert("$id".to_owned(), format!("{BASE}{file}").into());
    }
    schema
}
