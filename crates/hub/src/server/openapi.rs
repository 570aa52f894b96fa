//! The description of the surface, generated from the types.

use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use crate::contained::Change;
use crate::endpoint::Event;
use crate::fault::{Code, Fault};
use crate::op::{Described, describe};

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
    let stat = generator.subschema_for::<crate::contained::Stat>();
    let event = generator.subschema_for::<Event>();
    let change = generator.subschema_for::<Change>();
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
        "paths": paths(&stat.into(), &event.into(), &change.into()),
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

fn json_body(schema: &Value) -> Value {
    json!({ "application/json": { "schema": schema } })
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

/// The answers of a path: the good one, and one for each status that an error can have.
fn answers(good: &Value) -> Value {
    let mut answers = Map::new();
    let mut statuses: Vec<u16> = Code::ALL.iter().map(|code| code.http_status()).collect();
    // Of HTTP itself.
    statuses.extend([405, 416]);
    for status in statuses {
        let codes = Code::ALL.iter().filter(|code| code.http_status() == status);
        let words: Vec<&str> = codes.map(|code| code.as_str()).collect();
        answers.insert(status.to_string(), json!({
            "description": if words.is_empty() { "refused".to_owned() } else { words.join(", ") },
            "content": json_body(&reference("Refusal")),
        }));
    }
    answers.extend(good.as_object().cloned().unwrap_or_default());
    Value::Object(answers)
}

fn paths(stat: &Value, event: &Value, change: &Value) -> Value {
    let written = json!({
        "type": "object",
        "required": ["ok", "value"],
        "properties": { "ok": { "const": true }, "value": stat },
    });
    let bytes = json!({
        "application/octet-stream": { "schema": { "type": "string", "format": "binary" } }
    });
    let in_path = |name: &str, about: &str| {
        json!({
            "name": name, "in": "path", "required": true, "description": about,
            "schema": { "type": "string" },
        })
    };
    let file = json!([
        in_path(
            "mount",
            "the mount, `space%2Fname` for one of another space"
        ),
        in_path("path", "the path below the mount"),
    ]);
    let text = |about: &str| {
        json!({ "200": {
            "description": about,
            "content": { "text/plain": { "schema": { "type": "string" } } },
        } })
    };
    json!({
        "/v1/invoke": { "post": {
            "summary": "Carries one operation out.",
            "requestBody": { "required": true, "content": json_body(&reference("Invocation")) },
            "responses": answers(&json!({ "200": {
                "description": "it is done", "content": json_body(&reference("Answer")),
            } })),
        } },
        "/v1/files/{mount}/{path}": {
            "parameters": file,
            "get": {
                "summary": "Reads a file, or with `Range` a part of it.",
                "responses": answers(&json!({
                    "200": { "description": "the file", "content": bytes },
                    "206": { "description": "the part", "content": bytes },
                })),
            },
            "put": {
                "summary": "Writes a file, whole or not at all; `If-Match` and `If-None-Match: *` are heeded.",
                "requestBody": { "required": true, "content": bytes },
                "responses": answers(&json!({ "200": {
                    "description": "it is written", "content": json_body(&written),
                } })),
            },
        },
        "/v1/watch/{mount}/{path}": {
            "parameters": file,
            "get": {
                "summary": "Tells what changes in a directory, as server-sent events.",
                "responses": answers(&json!({ "200": {
                    "description": "events, each with this as its data",
                    "content": { "text/event-stream": { "schema": { "type": "string" }, "x-event": change } },
                } })),
            },
        },
        "/v1/pty/{session}": { "get": {
            "summary": "Attaches to a terminal by WebSocket, subprotocol `fleet.attach.v1`.",
            "parameters": [in_path("session", "a terminal's id, or an agent: `name` or `name@endpoint`")],
            "responses": answers(&json!({ "101": { "description": "frames follow" } })),
        } },
        "/v1/events": { "get": {
            "summary": "Tells what changes, as server-sent events.",
            "responses": answers(&json!({ "200": {
                "description": "events, each with this as its data",
                "content": { "text/event-stream": { "schema": { "type": "string" }, "x-event": event } },
            } })),
        } },
        "/v1/openapi.json": { "get": {
            "summary": "Gives this document.", "security": [],
            "responses": answers(&json!({ "200": {
                "description": "the document",
                "content": json_body(&json!({ "type": "object" })),
            } })),
        } },
        "/health": { "get": {
            "summary": "Says that the process lives.", "security": [],
            "responses": answers(&text("it lives")),
        } },
        "/ready": { "get": {
            "summary": "Says whether the hub can serve.", "security": [],
            "responses": answers(&text("it can")),
        } },
        "/metrics": { "get": {
            "summary": "Gives counters.",
            "responses": answers(&json!({ "200": {
                "description": "counters",
                "content": { "application/openmetrics-text": { "schema": { "type": "string" } } },
            } })),
        } },
    })
}
