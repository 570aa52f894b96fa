//! The file in `schemas/` is what the types say. `UPDATE_SCHEMAS=1` writes it anew.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;
use std::rc::Rc;
use std::{fs, io};

use podfleet_protocol::json_schema;
use podfleet_protocol::method::{Call, PROTOCOL};
use serde_json::{Value, json};

thread_local! {
    /// The validators that were made: each compiles the whole schema.
    static VALIDATORS: RefCell<BTreeMap<String, Rc<jsonschema::Validator>>> = RefCell::default();
}

/// Returns the schema of one part of the protocol, such as `/methods/run/params`.
pub(crate) fn validator(part: &str) -> Rc<jsonschema::Validator> {
    VALIDATORS.with_borrow_mut(|made| {
        let made = made.entry(part.to_owned());
        Rc::clone(made.or_insert_with(|| Rc::new(compile(part))))
    })
}

fn compile(part: &str) -> jsonschema::Validator {
    let mut schema = json_schema();
    let root = schema.as_object_mut().unwrap();
    if !part.is_empty() {
        root.remove("oneOf");
        root.insert("$ref".to_owned(), format!("#{part}").into());
    }
    jsonschema::validator_for(&schema).unwrap()
}

#[test]
fn the_published_schema_is_fresh() -> io::Result<()> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas/protocol.schema.json");
    let generated = format!("{:#}\n", json_schema());
    if std::env::var_os("UPDATE_SCHEMAS").is_some() {
        fs::write(&path, &generated)?;
    }
    assert!(
        fs::read_to_string(&path)? == generated,
        "schemas/protocol.schema.json is stale; UPDATE_SCHEMAS=1 cargo test -p podfleet-protocol --test protocol schema"
    );
    Ok(())
}

#[test]
fn the_schema_is_a_valid_schema() {
    assert!(jsonschema::meta::is_valid(&json_schema()));
    validator("");
    for method in Call::NAMES {
        validator(&format!("/methods/{method}/params"));
        validator(&format!("/methods/{method}/result"));
    }
}

#[test]
fn the_schema_names_its_version_and_every_method() {
    let schema = json_schema();
    assert_eq!(schema["protocol"], PROTOCOL);
    let methods = schema["methods"].as_object().unwrap();
    assert_eq!(methods.len(), Call::NAMES.len());
    assert!(Call::NAMES.iter().all(|name| methods.contains_key(*name)));
}

#[test]
fn every_method_type_variant_and_field_is_described() {
    fn described(value: &Value) -> bool {
        let text = value["description"].as_str();
        text.is_some_and(|text| !text.is_empty())
    }
    let schema = json_schema();
    for (name, method) in schema["methods"].as_object().unwrap() {
        assert!(described(method), "{name}");
    }
    for (name, definition) in schema["$defs"].as_object().unwrap() {
        for (field, value) in definition["properties"].as_object().into_iter().flatten() {
            assert!(described(value), "{name}.{field}");
        }
        let variants = definition["oneOf"].as_array().into_iter().flatten();
        // Without a type it is a condition on the fields, not a variant.
        for variant in variants.filter(|variant| variant.get("type").is_some()) {
            assert!(described(variant), "{name}: {variant}");
            for (field, value) in variant["properties"].as_object().into_iter().flatten() {
                assert!(described(value), "{name}.{field}: {variant}");
            }
        }
    }
}

#[test]
fn the_schema_refuses_what_is_no_line_of_the_protocol() {
    let line = validator("");
    for wrong in [
        json!({ "jsonrpc": "2.0", "method": "ping" }),
        json!({ "jsonrpc": "1.0", "id": 1, "method": "ping" }),
        json!({ "jsonrpc": "2.0", "id": 1, "method": "ping", "params": [] }),
        json!({ "jsonrpc": "2.0", "id": 1, "error": { "code": "busy", "message": "" } }),
        json!({ "jsonrpc": "2.0", "id": 1, "result": {}, "error": { "code": 1, "message": "" } }),
        json!({ "jsonrpc": "2.0", "id": 1 }),
        json!([]),
    ] {
        assert!(!line.is_valid(&wrong), "{wrong} passed");
    }
}
