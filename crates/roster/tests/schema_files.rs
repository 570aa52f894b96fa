//! The files in `schemas/` are what the types say. `UPDATE_SCHEMAS=1` writes them anew.

use std::path::Path;
use std::{fs, io};

use serde_json::Value;

fn compare(file: &str, schema: &Value) -> io::Result<()> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../schemas")
        .join(file);
    let generated = format!("{schema:#}\n");
    if std::env::var_os("UPDATE_SCHEMAS").is_some() {
        fs::write(&path, &generated)?;
    }
    let published = fs::read_to_string(&path)?;
    assert!(
        published == generated,
        "schemas/{file} is stale; UPDATE_SCHEMAS=1 cargo test -p podfleet-roster --test schema_files"
    );
    Ok(())
}

#[test]
fn the_published_schema_is_fresh() -> io::Result<()> {
    compare("roster.schema.json", &podfleet_roster::json_schema())
}

#[test]
fn the_published_schema_for_editors_is_fresh() -> io::Result<()> {
    compare(
        "roster.draft-07.schema.json",
        &podfleet_roster::json_schema_draft07(),
    )
}

#[test]
fn the_schemas_are_valid_schemas() {
    for schema in [
        podfleet_roster::json_schema(),
        podfleet_roster::json_schema_draft07(),
    ] {
        assert!(jsonschema::meta::is_valid(&schema));
        assert!(jsonschema::validator_for(&schema).is_ok());
    }
}

#[test]
fn every_field_is_described() {
    fn visit(schema: &Value, path: &str) {
        let properties = schema.get("properties").and_then(Value::as_object);
        // Conditions name properties that are described elsewhere.
        let describing = schema.get("additionalProperties").is_some();
        for (key, field) in properties.into_iter().flatten().filter(|_| describing) {
            let description = field["description"].as_str().unwrap_or_default();
            assert!(!description.is_empty(), "{path}/{key} has no description");
        }
        match schema {
            Value::Object(object) => {
                for (key, inner) in object {
                    visit(inner, &format!("{path}/{key}"));
                }
            }
            Value::Array(items) => items.iter().for_each(|inner| visit(inner, path)),
            _ => {}
        }
    }
    visit(&podfleet_roster::json_schema(), "");
}
