//! The HTTP interface.

use std::collections::HashMap;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{FromRequest as _, Multipart, Path, Query, Request, State as Of};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{any, get};
use serde_json::{Value, json};

use crate::state::{BOT, CHANNEL, Fault, File, State};
use crate::{Shared, gateway, locked};

type Parameters = HashMap<String, String>;

pub(crate) fn router(state: Shared) -> Router {
    Router::new()
        .route("/", any(gateway::connect))
        .route("/files/{message}/{index}", get(file))
        .route("/api/v10/{*path}", any(api))
        .with_state(state)
}

/// Files are had by whoever knows their address; a token has no business there.
async fn file(
    Of(state): Of<Shared>,
    Path((message, index)): Path<(u64, usize)>,
    headers: HeaderMap,
) -> Response {
    let state = locked(&state);
    let found = state.messages.iter().find(|kept| kept.id == message);
    match found.and_then(|kept| kept.files.get(index)) {
        Some(file) if !headers.contains_key(AUTHORIZATION) => file.bytes.clone().into_response(),
        Some(_) => StatusCode::BAD_REQUEST.into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn api(
    Of(state): Of<Shared>,
    Path(path): Path<String>,
    Query(parameters): Query<Parameters>,
    request: Request,
) -> Response {
    if !is_authorized(&locked(&state), request.headers()) {
        return refusal(StatusCode::UNAUTHORIZED, 0, "401: Unauthorized");
    }
    let steps: Vec<&str> = path.split('/').collect();
    match (request.method().clone(), steps.as_slice()) {
        (Method::POST, ["channels", channel, "messages"]) => {
            let channel = channel.parse().unwrap_or_default();
            create(&state, channel, request).await
        }
        (Method::GET, steps) => look(&locked(&state), steps, &parameters),
        _ => unknown(),
    }
}

fn is_authorized(state: &State, headers: &HeaderMap) -> bool {
    let told = headers
        .get(AUTHORIZATION)
        .and_then(|told| told.to_str().ok());
    told == Some(&format!("Bot {}", state.token))
}

fn look(state: &State, steps: &[&str], parameters: &Parameters) -> Response {
    let answer = match steps {
        ["users", "@me"] => json!({ "id": BOT.to_string(), "username": "fleet", "bot": true }),
        ["applications", "@me"] => {
            json!({ "id": BOT.to_string(), "flags": if state.content_allowed { 1 << 19 } else { 0 } })
        }
        ["gateway", "bot"] => json!({
            "url": format!("ws://{}", state.address),
            "shards": 1,
            "session_start_limit": {
                "total": 1000, "remaining": 999, "reset_after": 14_400_000, "max_concurrency": 1
            },
        }),
        ["guilds", _, "threads", "active"] => json!({ "threads": state.threads(false) }),
        ["channels", id, "threads", "archived", "public"] if is_channel(id) => {
            json!({ "threads": state.threads(true), "has_more": false })
        }
        ["channels", id] => match state.channel(id.parse().unwrap_or_default()) {
            Some(channel) => channel,
            None => return unknown(),
        },
        ["channels", id, "messages"] => {
            let id = id.parse().unwrap_or_default();
            match state.channel(id) {
                Some(_) => history(state, id, parameters),
                None => return unknown(),
            }
        }
        _ => return unknown(),
    };
    axum::Json(answer).into_response()
}

fn is_channel(id: &str) -> bool {
    id.parse() == Ok(CHANNEL)
}

/// Returns messages of a channel, the newest first, as Discord does.
fn history(state: &State, channel: u64, parameters: &Parameters) -> Value {
    let number = |name: &str| {
        parameters
            .get(name)
            .and_then(|text| text.parse::<u64>().ok())
    };
    let limit = usize::try_from(number("limit").unwrap_or(50)).unwrap();
    let of_channel = state.messages.iter().filter(|kept| kept.channel == channel);
    let mut page: Vec<_> = match number("after") {
        Some(after) => of_channel
            .filter(|kept| kept.id > after)
            .take(limit)
            .collect(),
        None => {
            let all: Vec<_> = of_channel.collect();
            all[all.len().saturating_sub(limit)..].to_vec()
        }
    };
    page.reverse();
    page.into_iter().map(|kept| state.message(kept)).collect()
}

async fn create(state: &Shared, channel: u64, request: Request) -> Response {
    let Some((body, files)) = read(request).await else {
        return refusal(StatusCode::BAD_REQUEST, 50_035, "Invalid Form Body");
    };
    let mut state = locked(state);
    if state.channel(channel).is_none() {
        return unknown();
    }
    let (left, most, reset) = state.count();
    let limits = [
        ("x-ratelimit-bucket", "messages".to_owned()),
        ("x-ratelimit-limit", most.to_string()),
        ("x-ratelimit-remaining", left.unwrap_or(0).to_string()),
        ("x-ratelimit-reset-after", reset.as_secs_f64().to_string()),
    ];
    if left.is_none() {
        return (limits, too_many(reset, false)).into_response();
    }
    let text = body["content"].as_str().unwrap_or_default();
    let length = text.chars().count();
    if length > 2000 || (length == 0 && files.is_empty()) {
        return refusal(StatusCode::BAD_REQUEST, 50_035, "Invalid Form Body");
    }
    let failed = || refusal(StatusCode::BAD_GATEWAY, 0, "");
    match state.faults.pop_front() {
        Some(Fault::Refuse { status, code }) => {
            let status = StatusCode::from_u16(status).unwrap();
            refusal(status, code, "as it was told to")
        }
        Some(Fault::TooMany(pause)) => too_many(pause, true),
        Some(Fault::KeepAndFail) => {
            state.keep_of_bot(channel, &body, files, true);
            failed()
        }
        Some(Fault::KeepWithoutNonce) => {
            state.keep_of_bot(channel, &body, files, false);
            failed()
        }
        None => {
            let message = state.keep_of_bot(channel, &body, files, true);
            (limits, axum::Json(message)).into_response()
        }
    }
}

/// Reads a message with its files, as JSON or as a form.
async fn read(request: Request) -> Option<(Value, Vec<File>)> {
    let kind = request.headers().get(CONTENT_TYPE)?.to_str().ok()?;
    if kind.starts_with("application/json") {
        let bytes = Bytes::from_request(request, &()).await.ok()?;
        return Some((serde_json::from_slice(&bytes).ok()?, Vec::new()));
    }
    let mut form = Multipart::from_request(request, &()).await.ok()?;
    let (mut body, mut files) = (Value::Null, Vec::new());
    while let Some(field) = form.next_field().await.ok()? {
        let name = field.file_name().map(str::to_owned);
        let bytes = field.bytes().await.ok()?;
        match name {
            None => body = serde_json::from_slice(&bytes).ok()?,
            Some(name) => files.push(File {
                name,
                bytes: bytes.to_vec(),
            }),
        }
    }
    Some((body, files))
}

fn unknown() -> Response {
    refusal(StatusCode::NOT_FOUND, 10_003, "Unknown Channel")
}

fn refusal(status: StatusCode, code: u64, message: &str) -> Response {
    (
        status,
        axum::Json(json!({ "code": code, "message": message })),
    )
        .into_response()
}

fn too_many(pause: Duration, global: bool) -> Response {
    let scope = if global { "global" } else { "user" };
    let headers = [
        ("retry-after", pause.as_secs_f64().to_string()),
        ("x-ratelimit-scope", scope.to_owned()),
    ];
    let body = json!({
        "message": "You are being rate limited.",
        "retry_after": pause.as_secs_f64(),
        "global": global,
    });
    (StatusCode::TOO_MANY_REQUESTS, headers, axum::Json(body)).into_response()
}
