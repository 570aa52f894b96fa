//! Who is logged in with a browser.
//!
//! A browser shows a token once, in the body of a request, and gets a cookie that means nothing
//! elsewhere: no token is ever in a URL, in a cookie or in what a page can read. Of the cookie only a
//! digest is kept, beside the tokens, so that a login outlives the process; one whose token is revoked
//! or over is none.

use std::sync::Arc;
use std::time::Duration;

use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, header};
use data_encoding::BASE32_NOPAD;
use podfleet_protocol::UnixMillis;

use crate::fault::{Code, Fault};
use crate::secret::{Digest, Secret};
use crate::token::Caller;
use crate::topology::Topology;

/// How long a login lasts.
const LASTS: Duration = Duration::from_secs(12 * 3600);

/// The logins of a hub.
#[derive(Debug)]
pub(super) struct Sessions {
    cookie: String,
    topology: Arc<Topology>,
}

impl Sessions {
    /// Makes the list. Cookies do not know ports, so each hub's have a name of their own.
    pub(super) fn of(topology: &Arc<Topology>) -> Self {
        let hub = topology.hub_id().simple().to_string();
        Self {
            cookie: format!("fleet_{}", hub.get(..12).unwrap_or(&hub)),
            topology: Arc::clone(topology),
        }
    }

    /// Begins a login by a token, and returns the cookie to set. `secure`: the browser came by TLS.
    pub(super) fn begin(&self, token: &str, secure: bool) -> Result<HeaderValue, Fault> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes)
            .map_err(|error| Fault::new(Code::Internal, error.to_string()))?;
        let value = BASE32_NOPAD.encode(&bytes).to_lowercase();
        let now = podfleet_pod::clock::wall();
        let lasts = i64::try_from(LASTS.as_millis()).unwrap_or(i64::MAX);
        let until = UnixMillis(now.0.saturating_add(lasts));
        self.topology
            .keep_login(&digest(&value), token, until, now)?;
        self.set(&value, LASTS, secure)
    }

    /// Ends the login of a request, and returns the cookie that takes the browser's away.
    pub(super) fn end(&self, headers: &HeaderMap) -> Result<HeaderValue, Fault> {
        if let Some(value) = self.presented(headers) {
            self.topology.end_login(&digest(value))?;
        }
        self.set("", Duration::ZERO, false)
    }

    /// Returns who is logged in with the browser of a request.
    ///
    /// # Errors
    /// Fails when there is a login, but a page of another site may have had the browser ask; and when
    /// it cannot be looked up.
    pub(super) fn caller(&self, parts: &Parts) -> Result<Option<Caller>, Fault> {
        let Some(value) = self.presented(&parts.headers) else {
            return Ok(None);
        };
        let now = podfleet_pod::clock::wall();
        let caller = self.topology.logged_in(&digest(value), now)?;
        if caller.is_some() && !is_of_own_page(parts) {
            let message = "a page of another site may have asked";
            return Err(Fault::new(Code::AuthDenied, message));
        }
        Ok(caller)
    }

    fn presented<'a>(&self, headers: &'a HeaderMap) -> Option<&'a str> {
        let cookies = headers.get_all(header::COOKIE).iter();
        cookies
            .filter_map(|cookies| cookies.to_str().ok())
            .flat_map(|cookies| cookies.split(';'))
            .filter_map(|cookie| cookie.trim().split_once('='))
            .find(|(name, _)| *name == self.cookie)
            .map(|(_, value)| value)
    }

    fn set(&self, value: &str, lasts: Duration, secure: bool) -> Result<HeaderValue, Fault> {
        let secure = if secure { "; Secure" } else { "" };
        let cookie = format!(
            "{}={value}; Path=/; Max-Age={}; HttpOnly; SameSite=Strict{secure}",
            self.cookie,
            lasts.as_secs()
        );
        HeaderValue::try_from(cookie).map_err(|error| Fault::new(Code::Internal, error.to_string()))
    }
}

/// Logins are found by a digest, so that how long that takes says nothing of the cookie.
fn digest(value: &str) -> Digest {
    Secret::new(value).digest()
}

/// Whether a browser says that its own user, or a page of this hub, asked. A cookie comes along
/// from every page of the same host, whatever its port, so it alone proves nothing.
///
/// What changes something, and what opens a socket, has an `Origin`, and that was compared with our
/// name before. What only reads has one of two marks of newer browsers, or is a page that is gone to.
fn is_of_own_page(parts: &Parts) -> bool {
    let text = |name: &str| {
        parts
            .headers
            .get(name)
            .and_then(|value| value.to_str().ok())
    };
    let reads = matches!(parts.method, Method::GET | Method::HEAD)
        && !parts.headers.contains_key(header::UPGRADE);
    if !reads {
        return parts.headers.contains_key(header::ORIGIN);
    }
    match text("sec-fetch-site") {
        None | Some("same-origin" | "none") => true,
        Some(_) => {
            text("sec-fetch-mode") == Some("navigate") && text("sec-fetch-dest") == Some("document")
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    fn parts(method: &str, headers: &[(&str, &str)]) -> Parts {
        let mut request = Request::builder().method(method).uri("/");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    /// Its directory, and the cookie of a login.
    fn logged_in() -> (tempfile::TempDir, Sessions, String) {
        let directory = tempfile::tempdir().unwrap();
        let topology = Topology::open(&directory.path().join("hub")).unwrap();
        let scopes = [crate::token::Scope::Observe].into();
        let made = topology.create_token("browser", scopes, None, UnixMillis(0));
        let (secret, record) = made.unwrap();
        let sessions = Sessions::of(&Arc::new(topology));
        let set = sessions.begin(&record.id, true).unwrap();
        let set = set.to_str().unwrap();
        assert!(!set.contains(secret.expose()), "{set}");
        let cookie = set.split(';').next().unwrap().to_owned();
        (directory, sessions, cookie)
    }

    #[test]
    fn a_cookie_stands_for_a_token_until_its_login_ends() {
        let (_directory, sessions, cookie) = logged_in();
        let others = format!("a=b; {cookie}; c=d");
        let asks = parts("GET", &[("cookie", &others)]);
        assert_eq!(sessions.caller(&asks).unwrap().unwrap().name, "browser");
        let wrong = parts("GET", &[("cookie", "fleet_000000000000=x")]);
        assert!(sessions.caller(&wrong).unwrap().is_none());
        let gone = sessions.end(&asks.headers).unwrap();
        assert!(gone.to_str().unwrap().contains("Max-Age=0"));
        assert!(sessions.caller(&asks).unwrap().is_none());
    }

    #[test]
    fn a_cookie_alone_changes_nothing_and_opens_no_socket() {
        let (_directory, sessions, cookie) = logged_in();
        let allowed = |method: &str, headers: &[(&str, &str)]| {
            let headers = [&[("cookie", cookie.as_str())], headers].concat();
            sessions.caller(&parts(method, &headers)).is_ok()
        };
        assert!(!allowed("POST", &[]));
        assert!(allowed("POST", &[("origin", "http://own")]));
        assert!(!allowed("GET", &[("upgrade", "websocket")]));
        assert!(allowed("GET", &[("sec-fetch-site", "same-origin")]));
        assert!(!allowed("GET", &[("sec-fetch-site", "same-site")]));
        assert!(!allowed(
            "GET",
            &[
                ("sec-fetch-site", "cross-site"),
                ("sec-fetch-mode", "navigate"),
                ("sec-fetch-dest", "iframe")
            ]
        ));
        assert!(allowed(
            "GET",
            &[
                ("sec-fetch-site", "same-site"),
                ("sec-fetch-mode", "navigate"),
                ("sec-fetch-dest", "document")
            ]
        ));
    }
}
