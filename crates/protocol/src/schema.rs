//! The protocol as a JSON Schema.

use schemars::Schema;
use schemars::generate::SchemaSettings;
use schemars::transform::{Transform, transform_subschemas};
use serde_json::{Value, json};

use crate::event::{EventParams, LaggedParams, Push};
use crate::method;
use crate::receipt::Receipt;
use crate::rpc::{Notification, Request, Response};

/// Returns the JSON Schema (2020-12) of the request phase: the envelopes, under `methods` each
/// method's parameters and result, and under `notifications` what comes unasked.
#[must_use]
pub fn json_schema() -> Value {
    let mut generator = schema_settings().into_generator();
    let methods = method::describe(&mut generator);
    let request = generator.subschema_for::<Request>();
    let response = generator.subschema_for::<Response>();
    let notification = generator.subschema_for::<Notification>();
    let notifications = json!({
        Push::EVENT: {
            "description": "Tells a subscriber what happened.",
            "params": generator.subschema_for::<EventParams>(),
        },
        Push::LAGGED: {
            "description": "Tells a subscriber that it read too slowly; the pod closes the connection.",
            "params": generator.subschema_for::<LaggedParams>(),
        },
    });
    let data = json!({
        "start_failed": generator.subschema_for::<method::StartFailure>(),
        "too_late": generator.subschema_for::<Receipt>(),
    });
    let definitions = generator.take_definitions(true);
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Podfleet pod protocol",
        "description": "JSON-RPC 2.0 over a Unix socket, one object a line. A line is a request (client to pod), a response or a notification (pod to client); `methods` gives the parameters and the result of each method, `notifications` the parameters of each notification, `error_data` the data of the errors that have some.",
        "oneOf": [request, response, notification],
        "protocol": method::PROTOCOL,
        "methods": methods,
        "notifications": notifications,
        "error_data": data,
        "$defs": definitions,
    })
}

/// Returns the settings of every schema of ours: JSON Schema 2020-12, each field described.
#[must_use]
pub fn schema_settings() -> SchemaSettings {
    SchemaSettings::draft2020_12().with_transform(DescribedVariants)
}

/// Describes the fields that only tell the variants of a type apart, such as its tag, as the variant
/// is: they are no fields of the type, which could say something of them.
#[derive(Debug, Clone)]
struct DescribedVariants;

impl Transform for DescribedVariants {
    fn transform(&mut self, schema: &mut Schema) {
        let variants = schema.get_mut("oneOf").and_then(Value::as_array_mut);
        for variant in variants.into_iter().flatten() {
            let Some(about) = variant.get("description").cloned() else {
                continue;
            };
            let fields = variant.get_mut("properties").and_then(Value::as_object_mut);
            let fields = fields.into_iter().flatten();
            for field in fields.filter_map(|(_, field)| field.as_object_mut()) {
                field.entry("description").or_insert_with(|| about.clone());
            }
        }
        transform_subschemas(self, schema);
    }
}
