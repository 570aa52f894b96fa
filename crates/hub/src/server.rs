//! The HTTP server of a hub.
//!
//! | path | is |
//! |---|---|
//! | `POST /v1/invoke` | one operation |
//! | `GET`, `PUT /v1/files/{mount}/{path}` | the bytes of a file, streamed |
//! | `GET /v1/watch/{mount}/{path}` | what changes in a directory, as server-sent events |
//! | `GET /v1/pty/{session}` | a terminal's frames over a WebSocket |
//! | `GET /v1/events` | what changes, as server-sent events |
//! | `GET /v1/openapi.json` | the description of all this |
//! | `GET /health`, `/ready` | whether the process lives, and whether it can serve |
//! | `GET /metrics` | counters, for Prometheus |
//! | `/`, and what it links to | the page for people with a browser |

mod access;
mod events;
pub(crate) mod files;
mod invoke;
mod lent;
mod listen;
mod metrics;
mod openapi;
mod owner_socket;
mod page;
pub(crate) mod pty;
mod query;
mod range;
mod session;
pub(crate) mod watch;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, HttpBody as _};
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use futures_util::{StreamExt as _, stream};
use tokio::time::{Instant, timeout_at};

use crate::fault::{Code, Fault};
use crate::hub::Hub;
use crate::wire::{Answer, MAX_BODY};

pub use access::Peer;
pub(crate) use listen::make_room;
pub use listen::{Limits, Listener, serve};
pub use openapi::document;
pub use owner_socket::OwnerSocket;

use access::FailedLogins;
use metrics::Metrics;
use pty::Audiences;
use query::{Empty, Query};
use session::Sessions;

/// How long the body of a request may take that is no file.
const BODY: Duration = Duration::from_secs(30);

/// What the server needs besides the hub.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Names by which clients may call this machine, besides addresses, `localhost` and its own.
    pub hosts: Vec<String>,
}

/// Everything that requests share.
#[derive(Debug)]
pub struct Shared {
    hub: Arc<Hub>,
    settings: Settings,
    failures: FailedLogins,
    sessions: Sessions,
    audiences: Audiences,
    metrics: Metrics,
}

/// Makes the server's routes for a hub.
pub fn router(hub: Arc<Hub>, settings: Settings) -> Router {
    let shared = Arc::new(Shared {
        sessions: Sessions::of(hub.topology()),
        hub,
        settings,
        failures: FailedLogins::default(),
        audiences: Audiences::default(),
        metrics: Metrics::default(),
    });
    Router::new()
        .route(
            "/v1/invoke",
            post(invoke::invoke).layer(DefaultBodyLimit::max(MAX_BODY)),
        )
        .merge(page::routes())
        .layer(axum::middleware::map_request(in_time))
        .route(
            "/v1/files/{*path}",
            get(files::read)
                .put(files::write)
                .layer(DefaultBodyLimit::disable()),
        )
        .route("/v1/watch/{*path}", get(watch::watch))
        .route("/v1/pty/{session}", get(pty::attach))
        .route("/v1/events", get(events::events))
        .route("/v1/openapi.json", get(openapi::serve))
        .route("/health", get(health))
        .route("/ready", get(metrics::ready))
        .route("/metrics", get(metrics::metrics))
        .fallback(nowhere)
        .method_not_allowed_fallback(not_so)
        .layer(axum::middleware::from_fn_with_state(
            Arc::clone(&shared),
            access::check_origin,
        ))
        .layer(axum::middleware::map_response(harden))
        .with_state(shared)
}

/// Has the body of a request come in time, or fail.
async fn in_time(request: Request) -> Request {
    if request.body().is_end_stream() {
        return request;
    }
    let deadline = Instant::now() + BODY;
    request.map(|body| {
        let body = Some(body.into_data_stream());
        Body::from_stream(stream::unfold(body, move |body| async move {
            let mut body = body?;
            match timeout_at(deadline, body.next()).await {
                Ok(part) => Some((part?.map_err(axum::Error::into_inner), Some(body))),
                Err(late) => Some((Err(late.into()), None)),
            }
        }))
    })
}

async fn health(_: Query<Empty>) -> &'static str {
    "ok\n"
}

async fn nowhere() -> Fault {
    Fault::new(Code::RequestUnknown, "there is nothing at this path")
        .hint("`/v1/openapi.json` describes what there is")
}

async fn not_so() -> Response {
    let fault = Fault::new(Code::RequestInvalid, "this path has no such method");
    (StatusCode::METHOD_NOT_ALLOWED, fault.into_response()).into_response()
}

/// Answers say nothing to frames of other sites, are kept by nobody, and are what they say. What is
/// no page of ours, such as a file of a mount, may do nothing in a browser.
async fn harden(mut response: Response) -> Response {
    let headers = response.headers_mut();
    let set = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
    ];
    for (name, value) in set {
        headers.insert(name, HeaderValue::from_static(value));
    }
    let unless_set = [
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; frame-ancestors 'none'; sandbox",
        ),
    ];
    for (name, value) in unless_set {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    response
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.code.http_status())
            .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let code = self.code;
        let answer = axum::Json(Answer::of(String::new(), Err(self)));
        let mut response = (status, answer).into_response();
        let headers = response.headers_mut();
        match code {
            Code::AuthRequired => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            Code::LimitExceeded => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("60"));
            }
            _ => {}
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_body_that_does_not_come_in_time_fails() {
        let slow = |pause: Duration| {
            let parts = stream::iter(0..3).then(move |_| async move {
                tokio::time::sleep(pause).await;
                Ok::<_, std::io::Error>("part")
            });
            Request::new(Body::from_stream(parts))
        };
        let read = async |request| {
            let body = in_time(request).await.into_body();
            axum::body::to_bytes(body, 1024).await
        };
        assert_eq!(read(slow(BODY / 4)).await.unwrap(), "partpartpart");
        // No part is late, but all of them together.
        assert!(read(slow(BODY / 2)).await.is_err());
    }
}
