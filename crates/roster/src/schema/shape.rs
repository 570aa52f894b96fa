//! What the generated schema needs beyond the types.

use serde_json::{Map, Value, json};

use crate::spelling::camel_case;

/// Brings a generated schema into its published shape, in every place:
/// - an optional value is absent, not null;
/// - integers carry no Rust-specific format;
/// - every `snake_case` key has its camelCase twin, and only one of the two may be given.
pub(super) fn finish(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            refuse_null(object);
            drop_integer_format(object);
            flatten_choices(object);
            one_line_descriptions(object);
            object.values_mut().for_each(finish);
            if object.get("additionalProperties") == Some(&Value::Bool(false)) {
                add_twins(object);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(finish),
        _ => {}
    }
}

fn refuse_null(object: &mut Map<String, Value>) {
    if let Some(Value::Array(types)) = object.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            object.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(choices)) = object.get_mut("enum") {
        choices.retain(|choice| !choice.is_null());
    }
    if let Some(Value::Array(branches)) = object.get_mut("anyOf") {
        branches.retain(|branch| branch.get("type") != Some(&json!("null")));
        if let [Value::Object(only)] = branches.as_slice() {
            let only = only.clone();
            object.remove("anyOf");
            for (key, value) in only {
                object.entry(key).or_insert(value);
            }
        }
    }
    if object.get("default") == Some(&Value::Null) {
        object.remove("default");
    }
}

fn drop_integer_format(object: &mut Map<String, Value>) {
    if object.get("type") == Some(&json!("integer")) {
        object.remove("format");
        if object.contains_key("const") {
            object.remove("minimum");
        }
    }
}

/// A choice of constants is an enumeration, which editors complete and validators explain better.
fn flatten_choices(object: &mut Map<String, Value>) {
    let Some(Value::Array(branches)) = object.get("oneOf") else {
        return;
    };
    let choices: Option<Vec<Value>> = branches
        .iter()
        .map(|branch| branch.get("const").cloned())
        .collect();
    if let Some(choices) = choices {
        object.remove("oneOf");
        object.insert("enum".to_owned(), choices.into());
    }
}

/// Source lines are no lines of a description.
fn one_line_descriptions(object: &mut Map<String, Value>) {
    if let Some(Value::String(text)) = object.get_mut("description") {
        *text = text.replace('\n', " ");
    }
}

fn add_twins(object: &mut Map<String, Value>) {
    let Some(Value::Object(properties)) = object.get_mut("properties") else {
        return;
    };
    let mut refused = Vec::new();
    for (key, schema) in properties.clone() {
        let twin = camel_case(&key);
        if twin == key {
            continue;
        }
        refused.push(json!({ "not": { "required": [key, twin] } }));
        properties.insert(twin, twin_schema(schema, &key));
    }
    if refused.is_empty() {
        return;
    }
    if let Some(Value::Array(all)) = object.get_mut("allOf") {
        all.extend(refused);
    } else {
        object.insert("allOf".to_owned(), refused.into());
    }
}

/// The twin's default is told in words alone: a program that fills defaults in must not write both.
fn twin_schema(mut schema: Value, key: &str) -> Value {
    if let Value::Object(schema) = &mut schema {
        let mut description = format!("The same as `{key}`.");
        if let Some(meaning) = schema.get("description").and_then(Value::as_str) {
            description.push(' ');
            description.push_str(meaning);
        }
        if let Some(default) = schema.remove("default") {
            description.push_str(&format!(" Absent: `{default}`."));
        }
        schema.insert("description".to_owned(), description.into());
    }
    schema
}
