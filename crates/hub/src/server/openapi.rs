//! The description of the surface, generated from the types.

mod paths;

use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use schemars::{JsonSchema as _, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::files::{PlaceQuery, WriteQuery};
use super::pty::AttachQuery;
use super::query::{Empty, Query};
use crate::contained::{Change, Stat};
use crate::endpoint::Event;
use crate::fault::Fault;
use crate::op::{Described, describe};
use crate::preview::Preview;
use crate::wire::{Answer, Invocation};
use paths::Types;

/// Returns the `OpenAPI` 3.1 document of the surface.
#[must_use]
pub fn document() -> Value {
    let settings = podfleet_protocol::schema_settings().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    });
    let mut generator = SchemaGenerator::new(settings);
    let ops = describe(&mut generator);
    let answer: Value = Answer::json_schema(&mut generator).into();
    let stat: Value = generator.subschema_for::<Stat>().into();
    let preview: Value = generator.subschema_for::<Preview>().into();
    let types = Types {
        written: outcome(&answer, "value", json!({ "anyOf": [stat, preview] })),
        event: generator.subschema_for::<Event>().into(),
        change: generator.subschema_for::<Change>().into(),
        // Their fields are parameters of their own.
        place: PlaceQuery::json_schema(&mut generator).into(),
        write: WriteQuery::json_schema(&mut generator).into(),
        attach: AttachQuery::json_schema(&mut generator).into(),
    };
    let values = ops.iter().map(|op| op.result.clone());
    let values: Vec<Value> = values.chain([preview]).collect();
    let fault = generator.subschema_for::<Fault>().into();
    let own = [
        ("Invocation", invocation(&mut generator, &ops)),
        (
            "Answer",
            outcome(&answer, "value", json!({ "anyOf": values })),
        ),
        ("Refusal", outcome(&answer, "error", fault)),
    ];
    let mut schemas: Map<String, Value> = generator.take_definitions(true);
    schemas.extend(own.map(|(name, schema)| (name.to_owned(), schema)));
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

pub(super) async fn serve(_: Query<Empty>) -> Response {
    let kind = [(header::CONTENT_TYPE, "application/json")];
    (kind, document().to_string()).into_response()
}

/// The forms of an invocation: for each operation the type's, with the operation's name and
/// parameters.
fn invocation(generator: &mut SchemaGenerator, ops: &[Described]) -> Value {
    let any: Value = Invocation::json_schema(generator).into();
    let form = |op: &Described| {
        let mut form = any.clone();
        form["title"] = op.name.into();
        let right = match op.scope {
            Some(scope) => format!("Needs the right `{scope}`."),
            None => "Needs a token, and no right.".to_owned(),
        };
        form["description"] = format!("{} {right}", op.about).into();
        let fields = &any["properties"];
        form["properties"]["op"] = about(&fields["op"], json!({ "const": op.name }));
        form["properties"]["params"] = about(&fields["params"], op.params.clone());
        form
    };
    json!({ "oneOf": ops.iter().map(form).collect::<Vec<_>>() })
}

/// One form of an answer: the good one has a `value`, the other an `error`.
fn outcome(answer: &Value, name: &str, what: Value) -> Value {
    let fields = &answer["properties"];
    json!({
        "type": "object",
        "required": ["ok", name],
        "properties": {
            "id": about(&fields["id"], json!({ "type": "string" })),
            "ok": about(&fields["ok"], json!({ "const": name == "value" })),
            name: about(&fields[name], what),
        },
    })
}

/// Describes a schema as a field is.
fn about(field: &Value, mut schema: Value) -> Value {
    schema["description"] = field["description"].clone();
    schema
}
