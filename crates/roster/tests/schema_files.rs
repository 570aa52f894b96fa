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

/// A property that a schema describes.
struct Property<'s> {
    /// Where it stands in the schema.
    path: String,
    schema: &'s Value,
    required: bool,
    /// The key that it is another spelling of.
    twin_of: Option<&'s Value>,
}

impl Property<'_> {
    fn description(&self) -> &str {
        self.schema["description"].as_str().unwrap_or_default()
    }

    /// Whether the schema itself says all that it can hold.
    fn is_choice(&self) -> bool {
        self.schema.get("enum").is_some() || self.schema["type"] == "boolean"
    }
}

/// Returns every property that a schema describes. Conditions name properties that are described
/// elsewhere, and examples are values.
fn properties(schema: &Value) -> Vec<Property<'_>> {
    let mut found = Vec::new();
    gather(schema, "", &mut found);
    assert!(found.len() > 8, "{}", found.len());
    found
}

fn gather<'s>(schema: &'s Value, path: &str, found: &mut Vec<Property<'s>>) {
    if schema.get("additionalProperties").is_some() {
        let properties = schema.get("properties").and_then(Value::as_object);
        for (key, property) in properties.into_iter().flatten() {
            let required = schema["required"].as_array();
            let required = required.is_some_and(|keys| keys.contains(&Value::from(key.as_str())));
            let snake = key.chars().flat_map(|c| {
                let mark = c.is_ascii_uppercase().then_some('_');
                mark.into_iter().chain([c.to_ascii_lowercase()])
            });
            let snake: String = snake.collect();
            found.push(Property {
                path: format!("{path}/{key}"),
                schema: property,
                required,
                twin_of: (snake != *key).then(|| &schema["properties"][&snake]),
            });
        }
    }
    match schema {
        Value::Object(object) => {
            for (key, inner) in object.iter().filter(|(key, _)| *key != "examples") {
                gather(inner, &format!("{path}/{key}"), found);
            }
        }
        Value::Array(items) => items.iter().for_each(|inner| gather(inner, path, found)),
        _ => {}
    }
}

#[test]
fn every_field_is_described() {
    for schema in all() {
        for property in properties(&schema) {
            let (path, description) = (&property.path, property.description());
            assert!(description.ends_with('.'), "{path}: {description:?}");
        }
    }
}

#[test]
fn every_field_that_is_no_choice_has_an_example() {
    for schema in all() {
        for property in properties(&schema) {
            let examples = property.schema["examples"].as_array();
            let has_example = examples.is_some_and(|examples| !examples.is_empty());
            assert!(has_example || property.is_choice(), "{}", property.path);
        }
    }
}

#[test]
fn every_optional_field_says_what_its_absence_means() {
    for schema in all() {
        for property in properties(&schema) {
            let told = property.schema.get("default").is_some()
                || property.description().contains("Absent: ");
            assert!(told || property.required, "{}", property.path);
        }
    }
}

#[test]
fn the_other_spelling_of_a_field_says_the_same() {
    for schema in all() {
        let all = properties(&schema);
        let twins = all.iter().filter_map(|twin| Some((twin, twin.twin_of?)));
        for (twin, original) in twins {
            let (path, said) = (&twin.path, twin.description());
            let meaning = original["description"].as_str().unwrap();
            assert!(said.starts_with("The same as `"), "{path}: {said}");
            assert!(said.contains(meaning), "{path}: {said}");
            if let Some(default) = original.get("default") {
                assert!(
                    said.ends_with(&format!(" Absent: `{default}`.")),
                    "{path}: {said}"
                );
            }
            assert_eq!(twin.schema["examples"], original["examples"], "{path}");
        }
    }
}

#[test]
fn every_example_is_valid_where_it_stands() {
    for schema in all() {
        for Property {
            path,
            schema: property,
            ..
        } in properties(&schema)
        {
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
        }
    }
}

#[test]
fn no_default_names_a_socket() {
    for schema in all() {
        for Property {
            path,
            schema: property,
            ..
        } in properties(&schema)
        {
            let Some(value) = property.get("default") else {
                continue;
            };
            let names = path.contains("socket") || value.to_string().contains("socket");
            assert!(!names, "{path}: {value}");
        }
    }
}
