//! `ps`: one row an agent, joined from what is recorded and what can be seen.

mod join;
mod row;

pub use row::{Elsewhere, Flag, FlagKind, PsRow, RowState};

pub(crate) use join::{Sources, join};

/// Returns the JSON Schema of an array of rows.
pub(crate) fn json_schema() -> serde_json::Value {
    let generator = schemars::generate::SchemaSettings::draft2020_12()
        .for_serialize()
        .into_generator();
    let mut schema = generator.into_root_schema_for::<Vec<PsRow>>();
    schema.insert("title".to_owned(), "Podfleet ps".into());
    schema.insert(
        "description".to_owned(),
        "What `fleet ps --json` prints: one object an agent, in roster order, then one for each tmux session that no pod hosts.".into(),
    );
    schema.to_value()
}
