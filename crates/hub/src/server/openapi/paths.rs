//! The paths of the surface: what each takes, and what it may answer.

use serde_json::{Map, Value, json};

use crate::fault::Code;

/// The schemas that paths name.
pub(super) struct Types {
    /// The answer to a file that was written.
    pub(super) written: Value,
    pub(super) event: Value,
    pub(super) change: Value,
    /// The query of a file or directory, as an object.
    pub(super) place: Value,
    /// The query of a file that is written, as an object.
    pub(super) write: Value,
    /// The query of an attach, as an object.
    pub(super) attach: Value,
}

/// A request may come from a page of another site, or to a name that is not ours.
const OF_ALL: &[Code] = &[Code::RequestInvalid, Code::AuthDenied];
/// Who asks is looked up.
const OF_CALLERS: &[Code] = &[
    Code::AuthRequired,
    Code::LimitExceeded,
    Code::TopologyFailed,
    Code::Internal,
];
/// Another machine may be asked.
const OF_MACHINES: &[Code] = &[
    Code::EndpointNotFound,
    Code::EndpointOffline,
    Code::EndpointAuth,
    Code::EndpointIncompatible,
    Code::DeadlineExceeded,
];
const OF_FILES: &[Code] = &[
    Code::MountNotFound,
    Code::MountExists,
    Code::PathOutsideRoot,
    Code::FsNotFound,
    Code::FsPermission,
    Code::FsNotADirectory,
    Code::FsIsADirectory,
    Code::FsIo,
];
const OF_WRITES: &[Code] = &[Code::FsExists, Code::FsConflict, Code::FsTooLarge];
const OF_AGENTS: &[Code] = &[
    Code::AgentNotFound,
    Code::AgentNotRunning,
    Code::AgentGone,
    Code::AgentRefused,
    Code::AgentFailed,
];

fn json_body(schema: &Value) -> Value {
    json!({ "application/json": { "schema": schema } })
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

/// The answers of a path: the good ones, and one for each status that one of the errors has.
fn answers(good: &Value, errors: &[&[Code]]) -> Value {
    let mut answers = Map::new();
    let errors: Vec<Code> = errors.concat();
    for status in errors.iter().map(|code| code.http_status()) {
        let codes = errors.iter().filter(|code| code.http_status() == status);
        let words: Vec<&str> = codes.map(|code| code.as_str()).collect();
        let refusal = json!({
            "description": words.join(", "), "content": json_body(&reference("Refusal")),
        });
        answers.insert(status.to_string(), refusal);
    }
    answers.extend(good.as_object().cloned().unwrap_or_default());
    Value::Object(answers)
}

/// A parameter that is a text.
fn text(place: &str, name: &str, about: &str) -> Value {
    json!({
        "name": name, "in": place, "required": place == "path", "description": about,
        "schema": { "type": "string" },
    })
}

/// Headers of an answer, each with what it tells.
fn headers(told: &[(&str, &str)]) -> Value {
    let header = |(name, about): &(&str, &str)| {
        let header = json!({ "description": about, "schema": { "type": "string" } });
        ((*name).to_owned(), header)
    };
    told.iter().map(header).collect::<Map<_, _>>().into()
}

pub(super) fn paths(types: &Types) -> Value {
    json!({
        "/v1/invoke": { "post": {
            "summary": "Carries one operation out.",
            "requestBody": { "required": true, "content": json_body(&reference("Invocation")) },
            "responses": answers(&json!({ "200": {
                "description": "it is done", "content": json_body(&reference("Answer")),
            } }), &[Code::ALL]),
        } },
        "/v1/files/{mount}/{path}": files(types),
        "/v1/watch/{mount}/{path}": {
            "parameters": place(&types.place),
            "get": {
                "summary": "Tells what changes in a directory, as server-sent events.",
                "responses": answers(
                    &events(&types.change),
                    &[OF_ALL, OF_CALLERS, OF_MACHINES, OF_FILES],
                ),
            },
        },
        "/v1/pty/{session}": { "get": attach(&types.attach) },
        "/v1/events": { "get": {
            "summary": "Tells what changes, as server-sent events.",
            "responses": answers(&events(&types.event), &[OF_ALL, OF_CALLERS]),
        } },
        "/v1/openapi.json": { "get": {
            "summary": "Gives this document.", "security": [],
            "responses": answers(&json!({ "200": {
                "description": "the document",
                "content": json_body(&json!({ "type": "object" })),
            } }), &[OF_ALL]),
        } },
        "/health": { "get": {
            "summary": "Says that the process lives.", "security": [],
            "responses": answers(&plain("it lives"), &[OF_ALL]),
        } },
        "/ready": { "get": {
            "summary": "Says whether the hub can serve.", "security": [],
            "responses": answers(&plain("it can"), &[OF_ALL, &[Code::TopologyFailed]]),
        } },
        "/metrics": { "get": {
            "summary": "Gives counters.",
            "responses": answers(&json!({ "200": {
                "description": "counters",
                "content": { "application/openmetrics-text": { "schema": { "type": "string" } } },
            } }), &[OF_ALL, OF_CALLERS]),
        } },
    })
}

fn plain(about: &str) -> Value {
    json!({ "200": {
        "description": about,
        "content": { "text/plain": { "schema": { "type": "string" } } },
    } })
}

fn events(data: &Value) -> Value {
    json!({ "200": {
        "description": "events, each with this as its data",
        "content": { "text/event-stream": { "schema": { "type": "string" }, "x-event": data } },
    } })
}

/// Where a file or directory is.
fn place(query: &Value) -> Value {
    let mut parameters = vec![
        text(
            "path",
            "mount",
            "the mount, `space%2Fname` for one of another space; `-` is the directory `root` of the \
             hub's own machine",
        ),
        text("path", "path", "the path below the mount"),
    ];
    parameters.extend(parameters_of(query));
    parameters.into()
}

fn files(types: &Types) -> Value {
    let bytes = json!({
        "application/octet-stream": { "schema": { "type": "string", "format": "binary" } }
    });
    let whole = [
        ("ETag", "the file's tag, in quotes, for `If-Match`"),
        ("Content-Length", "how many bytes follow"),
        ("Accept-Ranges", "`bytes`"),
    ];
    let range = (
        "Content-Range",
        "which bytes these are: `bytes FIRST-LAST/SIZE`",
    );
    let part = [&whole[..], &[range]].concat();
    let size = [("Content-Range", "how many bytes there are: `bytes */SIZE`")];
    let errors = [OF_ALL, OF_CALLERS, OF_MACHINES, OF_FILES];
    // Where the file is stands with both methods.
    let mut write = parameters_of(&types.write);
    write.retain(|parameter| parameter["name"] != "root");
    write.extend([
        text(
            "header",
            "If-Match",
            "writes only over a file that has this tag, in quotes; not with `If-None-Match`",
        ),
        text(
            "header",
            "If-None-Match",
            "`*` alone: writes only where nothing is",
        ),
    ]);
    json!({
        "parameters": place(&types.place),
        "get": {
            "summary": "Reads a file, or with `Range` a part of it.",
            "parameters": [
                text(
                    "header",
                    "Range",
                    "one part, as `bytes=FIRST-LAST`, `bytes=FIRST-` or `bytes=-LENGTH`; anything \
                     else is the whole file"
                ),
                text(
                    "header",
                    "If-Range",
                    "a part only of a file that still has this tag, in quotes; else the whole file"
                ),
            ],
            "responses": answers(&json!({
                "200": { "description": "the file", "headers": headers(&whole), "content": bytes },
                "206": { "description": "the part", "headers": headers(&part), "content": bytes },
                "416": {
                    "description": "the file has no such part",
                    "headers": headers(&size), "content": json_body(&reference("Refusal")),
                },
            }), &errors),
        },
        "put": {
            "summary": "Writes a file, whole or not at all; `Content-Range` is refused.",
            "parameters": write,
            "requestBody": { "required": true, "content": bytes },
            "responses": answers(&json!({ "200": {
                "description": "it is written, or what would be", "content": json_body(&types.written),
            } }), &[&errors[..], &[OF_WRITES]].concat()),
        },
    })
}

fn attach(query: &Value) -> Value {
    let mut parameters = vec![text(
        "path",
        "session",
        "a terminal's id, or an agent: `name` or `name@endpoint`",
    )];
    parameters.extend(parameters_of(query));
    json!({
        "summary": "Attaches to a terminal by WebSocket, subprotocol `fleet.attach.v1`.",
        "parameters": parameters,
        "responses": answers(
            &json!({ "101": { "description": "the result of the attach follows as a text, with the terminal's `pod`; then frames" } }),
            &[OF_ALL, OF_CALLERS, OF_MACHINES, OF_AGENTS],
        ),
    })
}

/// The fields of a query as parameters. One that is absent is not there; it is never null.
fn parameters_of(query: &Value) -> Vec<Value> {
    let fields = query["properties"].as_object().into_iter().flatten();
    fields
        .map(|(name, schema)| {
            let mut schema = schema.clone();
            let about = schema
                .as_object_mut()
                .and_then(|it| it.remove("description"));
            let schema = not_null(schema);
            json!({
                "name": name, "in": "query", "required": false, "description": about,
                "schema": schema,
            })
        })
        .collect()
}

fn not_null(mut schema: Value) -> Value {
    let null = json!("null");
    if let Some([kind, other]) = schema["type"].as_array().map(Vec::as_slice)
        && *other == null
    {
        schema["type"] = kind.clone();
    }
    match schema["anyOf"].as_array().map(Vec::as_slice) {
        Some([one, other]) if other["type"] == null => one.clone(),
        _ => schema,
    }
}
