//! The description of the surface, generated from the types.

mod paths;

use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema as _, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::pty::AttachQuery;
use crate::contained::{Change, Stat};
use crate::endpoint::Event;
use crate::fault::Fault;
use crate::op::{Described, describe};
use paths::Types;

/// Returns the `OpenAPI` 3.1 document of the surface.
#[must_use]
pub fn document() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    });
    let mut generator = SchemaGenerator::new(settings);
    let ops = describe(&mut generator);
    let fault = generator.subschema_for::<Fault>();
    let types = Types {
        stat: generator.subschema_for::<Stat>().into(),
        event: generator.subschema_for::<Event>().into(),
        change: generator.subschema_for::<Change>().into(),
        // Its fields are parameters of their own.
        attach: AttachQuery::json_schema(&mut generator).into(),
    };
    let mut schemas: Map<String, Value> = generator.take_definitions(true);
    schemas.insert("Invocation".into(), invocation(&ops));
    schemas.insert("Answer".into(), answer(&ops));
    schemas.insert(
        "Refusal".into(),
        json!({
            "type": "object",
            "required": ["ok", "error"],
            "properties": {
                "id": { "type": "string" },
                "ok": { "const": false },
                "error": fault,
            },
        }),
    );
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Podfleet hub",
            "version": crate::wire::VERSION.to_string(),
            "description": "Endpoints, mounts, files, terminals and agents of many machines.",
        },
        "paths": paths::paths(&types),
        "components": {
            "schemas": schemas,
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer" } },
        },
        "security": [{ "token": [] }],
    })
}

pub(super) async fn serve() -> Response {
    let kind = [(header::CONTENT_TYPE, "application/json")];
    (kind, document().to_string()).into_response()
}

fn invocation(ops: &[Described]) -> Value {
    let forms: Vec<Value> = ops
        .iter()
        .map(|op| {
            json!({
                "title": op.name,
                "description": format!("{} Needs the right `{}`.", op.about, op.scope),
                "type": "object",
                "required": ["op"],
                "additionalProperties": false,
                "properties": {
                    "id": { "type": "string" },
                    "op": { "const": op.name },
                    "params": op.params,
                    "deadline_ms": { "type": ["integer", "null"], "minimum": 0 },
                    "idempotency_key": {
                        "type": ["string", "null"], "minLength": 1, "maxLength": 256
                    },
                },
            })
        })
        .collect();
    json!({ "oneOf": forms })
}

fn answer(ops: &[Described]) -> Value {
    let values: Vec<Value> = ops.iter().map(|op| op.result.clone()).collect();
    json!({
        "type": "object",
        "required": ["ok", "value"],
        "properties": {
            "id": { "type": "string" },
            "ok": { "const": true },
            "value": { "anyOf": values },
        },
    })
}
