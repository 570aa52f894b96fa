//! The page: the hub for a person with a browser.
//!
//! It is made here, out of the operations that programs invoke, with the rights of the token that
//! the person logged in with. What changes is asked for again by the browser, as a part of a page
//! made in the same way. Scripts only do what HTML cannot: they keep such parts fresh, show a
//! terminal and move files. There is nothing to build: styles, scripts and xterm.js are files of the
//! repository and parts of the program.

mod agent;
mod assets;
mod files;
mod fleet;
mod layout;
mod login;
mod machines;
mod messages;

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};
use maud::Markup;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::Shared;
use crate::fault::{Code, Fault};
use crate::hub::Order;
use crate::op::{Call, Op};
use crate::token::{Caller, Scope};
use crate::wire::MAX_BODY;

/// The longest form of a login, in bytes: a token and where one wanted to go.
const MAX_LOGIN: usize = 8 << 10;

pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/", get(fleet::page))
        .route("/fleet", get(fleet::part))
        .route(
            "/login",
            get(login::form)
                .post(login::enter)
                .layer(DefaultBodyLimit::max(MAX_LOGIN)),
        )
        .route("/logout", post(login::leave))
        .route("/agents/{agent}", get(agent::page))
        .route("/agents/{agent}/state", get(agent::state))
        .route("/agents/{agent}/inbox", get(agent::inbox))
        .route("/agents/{agent}/log", get(agent::log))
        .route(
            "/agents/{agent}/messages",
            post(messages::send).layer(DefaultBodyLimit::max(MAX_BODY)),
        )
        .route("/agents/{agent}/messages/{id}", get(messages::receipt))
        .route("/machines", get(machines::page))
        .route("/machines/state", get(machines::part))
        .route("/machines/{endpoint}/retry", post(machines::retry))
        .route("/terminals", post(machines::open_terminal))
        .route("/files/{mount}", get(files::page))
        .route("/files/{mount}/", get(files::page))
        .route("/files/{mount}/{*path}", get(files::page))
        .route("/assets/{name}", get(assets::serve))
}

/// Who looks at the page.
pub(super) struct Visitor {
    caller: Caller,
    shared: Arc<Shared>,
}

impl Visitor {
    /// Has an operation carried out with the visitor's rights.
    ///
    /// # Errors
    /// Fails as the operation does, and without the right to it.
    async fn ask<O: Op>(&self, params: O::Params) -> Result<O::Result, Fault> {
        self.order::<O>(params, Order::default()).await
    }

    async fn order<O: Op>(&self, params: O::Params, order: Order) -> Result<O::Result, Fault> {
        let internal = |error: serde_json::Error| Fault::new(Code::Internal, error.to_string());
        let params = serde_json::to_value(params).map_err(internal)?;
        let order = Order {
            may_type: self.may(Scope::Pty),
            ..order
        };
        let done = async {
            self.caller.needs(O::SCOPE)?;
            let call = Call::parse(O::NAME, params)?;
            self.shared.hub.carry_out(call, &order).await
        };
        let done = done.await;
        let failed = done.as_ref().err().map(|fault| fault.code);
        self.shared.metrics.count(O::NAME, failed);
        serde_json::from_value(done?).map_err(internal)
    }

    fn may(&self, scope: Scope) -> bool {
        self.caller.may(scope)
    }

    fn host(&self) -> &str {
        &self.shared.hub.info().host
    }
}

impl FromRequestParts<Arc<Shared>> for Visitor {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, shared: &Arc<Shared>) -> Result<Self, Response> {
        let fault = match Caller::from_request_parts(parts, shared).await {
            Ok(caller) => {
                let shared = Arc::clone(shared);
                return Ok(Self { caller, shared });
            }
            Err(fault) => fault,
        };
        let bearer = parts.headers.contains_key(header::AUTHORIZATION);
        if fault.code != Code::AuthRequired || bearer {
            return Err(fault.into_response());
        }
        // After it the visitor is where they wanted to be, if that is a page.
        let wanted = match parts.method {
            Method::GET => parts.uri.path(),
            _ => "/",
        };
        let form = format!("/login?next={}", segment(wanted));
        Err(Redirect::to(&form).into_response())
    }
}

/// A part of a page as the browser asks for it again.
struct Part(Result<Markup, Fault>);

impl axum::response::IntoResponse for Part {
    fn into_response(self) -> Response {
        match self.0 {
            Ok(markup) => layout::html(StatusCode::OK, markup),
            Err(fault) => layout::html(status_of(&fault), layout::fault(&fault)),
        }
    }
}

fn status_of(fault: &Fault) -> StatusCode {
    StatusCode::from_u16(fault.code.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// Writes a text as one segment of a path, or as a value of a query.
fn segment(text: &str) -> String {
    const KEPT: AsciiSet = NON_ALPHANUMERIC
        .remove(b'.')
        .remove(b'-')
        .remove(b'_')
        .remove(b'~')
        .remove(b'@');
    utf8_percent_encode(text, &KEPT).to_string()
}
