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
fn the_published_schema_of_profiles_is_fresh() -> io::Result<()> {
    compare(
        "profile.schema.json",
        &podfleet_roster::profile_json_schema(),
    )
}

#[test]
fn the_published_schema_of_profiles_for_editors_is_fresh() -> io::Result<()> {
    compare(
        "profile.draft-07.schema.json",
        &podfleet_roster::profile_json_schema_draft07(),
    )
}

#[test]
fn the_schemas_are_valid_schemas() {
    for schema in all() {
        assert!(jsonschema::meta::is_valid(&schema));
        assert!(jsonschema::validator_for(&schema).is_ok());
    }
}

/// Both drafts of every schema.
fn all() -> [Value; 4] {
    [
        podfleet_roster::json_schema(),
        podfleet_roster::json_schema_draft07(),
        podfleet_roster::profile_json_schema(),
        podfleet_roster::profile_json_schema_draft07(),
    ]
}

/// Calls `look` with every property that a schema describes: its path, its schema, and whether it
/// must be there. Conditions name properties that are described elsewhere.
fn each_property(schema: &Value, path: &str, look: &mut impl FnMut(&str, &Value, bool)) {
    if schema.get("additionalProperties").is_some() {
        let properties = schema.get("properties").and_then(Value::as_object);
        for (key, property) in properties.into_iter().flatten() {
            let required = schema["required"].as_array();
            let required = required.is_some_and(|keys| keys.contains(&Value::from(key.as_str())));
            look(&format!("{path}/{key}"), property, required);
        }
    }
    match schema {
        Value::Object(object) => {
            for (key, inner) in object.iter().filter(|(key, _)| *key != "examples") {
                each_property(inner, &format!("{path}/{key}"), look);
            }
        }
        Value::Array(items) => {
            for inner in items {
                each_property(inner, path, look);
            }
        }
        _ => {}
    }
}

/// Whether an example would say no more than the schema does: a choice, a boolean, or a mapping
/// whose own keys have examples.
fn speaks_for_itself(property: &Value) -> bool {
    ["enum", "$ref", "properties", "allOf"]
        .iter()
        .any(|keyword| property.get(keyword).is_some())
        || property["type"] == "boolean"
}

#[test]
fn every_field_is_described_and_has_an_example() {
    for schema in all() {
        let mut seen = 0;
        each_property(&schema, "", &mut |path, property, _| {
            let description = property["description"].as_str().unwrap_or_default();
            assert!(description.ends_with('.'), "{path}: {description:?}");
            let examples = property["examples"].as_array();
            assert!(
                examples.is_some_and(|examples| !examples.is_empty())
                    || speaks_for_itself(property),
                "{path} has no example"
            );
            seen += 1;
        });
        assert!(seen > 8, "{seen}");
    }
}

#[test]
fn every_optional_field_says_what_its_absence_means() {
    for schema in all() {
        each_property(&schema, "", &mut |path, property, required| {
            let description = property["description"].as_str().unwrap_or_default();
            let told = property.get("default").is_some()
                || description.contains("Absent: ")
                || description.starts_with("The same as ");
            assert!(told || required, "{path}: {description}");
        });
    }
}

#[test]
fn every_example_is_valid_where_it_stands() {
    for schema in all() {
        each_property(&schema, "", &mut |path, property, _| {
            let mut alone = property.clone();
            for definitions in ["$defs", "definitions"] {
                if let Some(found) = schema.get(definitions) {
                    alone[definitions] = found.clone();
                }
            }
            let validator = jsonschema::validator_for(&alone).unwrap();
            for example in property["examples"].as_array().into_iter().flatten() {
                assert!(validator.is_valid(example), "{path}: {example}");
            }
        });
    }
}

#[test]
fn no_default_names_a_socket() {
    for schema in all() {
        let mut defaults = Vec::new();
        each_property(&schema, "", &mut |path, property, _| {
            defaults.extend(
                property
                    .get("default")
                    .map(|value| (path.to_owned(), value.to_string())),
            );
        });
        for (path, value) in defaults {
            assert!(
                !path.contains("socket") && !value.contains("socket"),
                "{path}: {value}"
            );
        }
    }
}
