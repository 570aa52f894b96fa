//! The protocol as a JSON Schema.

use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use crate::method;
use crate::rpc::{Request, Response};

/// Returns the JSON Schema (2020-12) of the request phase: the envelopes, and under `methods` each
/// method's parameters and result.
#[must_use]
pub fn json_schema() -> Value {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let methods = method::describe(&mut generator);
    let request = generator.subschema_for::<Request>();
    let response = generator.subschema_for::<Response>();
    let definitions = generator.take_definitions(true);
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Podfleet pod protocol",
        "description": "JSON-RPC 2.0 over a Unix socket, one object a line. A line is a request (client to pod) or a response (pod to client); `methods` gives the parameters and the result of each method.",
        "oneOf": [request, response],
        "protocol": method::PROTOCOL,
        "methods": methods,
        "$defs": definitions,
    })
}
