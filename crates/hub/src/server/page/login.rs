//! Logging in and out.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use axum::Form;
use axum::extract::{Extension, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Redirect, Response};
use maud::{Markup, html};
use serde::Deserialize;

use super::{layout, status_of};
use crate::fault::{Code, Fault};
use crate::secret::Secret;
use crate::server::{Peer, Shared};

#[derive(Deserialize)]
pub(super) struct Wanted {
    #[serde(default)]
    next: String,
}

#[derive(Deserialize)]
pub(super) struct Login {
    token: Secret,
    #[serde(default)]
    next: String,
}

pub(super) async fn form(
    State(shared): State<Arc<Shared>>,
    Query(wanted): Query<Wanted>,
) -> Response {
    let host = &shared.hub.info().host;
    let content = fields(host, &wanted.next, None);
    layout::outside(StatusCode::OK, "Log in", host, &content)
}

pub(super) async fn enter(
    State(shared): State<Arc<Shared>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    Form(login): Form<Login>,
) -> Response {
    match begin(&shared, peer, &headers, &login.token) {
        Ok(response) => {
            let next = Redirect::to(own_page(&login.next));
            (response, next).into_response()
        }
        Err(fault) => {
            let host = &shared.hub.info().host;
            let content = fields(host, &login.next, Some(&fault));
            layout::outside(status_of(&fault), "Log in", host, &content)
        }
    }
}

/// Returns the cookie to set for who presents a token that is worth something.
fn begin(
    shared: &Shared,
    peer: Peer,
    headers: &HeaderMap,
    token: &Secret,
) -> Result<[(header::HeaderName, header::HeaderValue); 1], Fault> {
    // Who sends no `Origin` is no browser, and would have no use for the cookie: it is refused
    // wherever it matters. That of a browser says by which protocol its user sees this page.
    let origin = headers
        .get(header::ORIGIN)
        .and_then(|origin| origin.to_str().ok());
    let Some(origin) = origin else {
        let message = "the browser does not say of which page this form is";
        return Err(Fault::new(Code::AuthDenied, message));
    };
    // The owner's socket has no address, and needs none.
    let address = match peer {
        Peer::Network(address) => address,
        Peer::Refused(fault) => return Err(fault),
        Peer::Owner => IpAddr::V4(Ipv4Addr::LOCALHOST),
    };
    let token = shared.identify(token, address)?.token.unwrap_or_default();
    let secure = origin.starts_with("https://");
    let cookie = shared.sessions.begin(&token, secure)?;
    Ok([(header::SET_COOKIE, cookie)])
}

pub(super) async fn leave(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let cookie = shared.sessions.end(&headers)?;
    Ok(([(header::SET_COOKIE, cookie)], Redirect::to("/login")).into_response())
}

fn fields(host: &str, next: &str, fault: Option<&Fault>) -> Markup {
    html! {
        form.login method="post" action="/login" {
            h1 { "Log in" }
            @if let Some(fault) = fault { (layout::fault(fault)) }
            input type="hidden" name="next" value=(own_page(next));
            // By this name a browser keeps the token, if its user wants that.
            input type="text" name="user" value=(host) autocomplete="username" readonly hidden;
            label for="token" { "Token" }
            input #token type="password" name="token" required autofocus autocomplete="current-password" spellcheck="false";
            button { "Log in" }
            p.hint { "On this machine " code { "fleet hub token create NAME --scope observe" } " makes one. It says what you may do here." }
        }
    }
}

/// A place of this site, whatever was asked for: another site could stand behind `//` or `/\`.
fn own_page(wanted: &str) -> &str {
    let mut characters = wanted.chars();
    let own = characters.next() == Some('/') && !matches!(characters.next(), Some('/' | '\\'));
    let plain = wanted.bytes().all(|byte| byte.is_ascii_graphic());
    if own && plain { wanted } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_a_login_one_is_on_a_page_of_this_site() {
        for own in ["/", "/agents/a@box", "/files/m/a%20b"] {
            assert_eq!(own_page(own), own);
        }
        for other in [
            "",
            "//evil.example",
            "/\\evil.example",
            "http://x",
            "/a\r\nb: c",
            "/\tx",
        ] {
            assert_eq!(own_page(other), "/", "{other:?}");
        }
    }
}
