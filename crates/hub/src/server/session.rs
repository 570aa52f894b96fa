//! Who is logged in with a browser.
//!
//! A browser shows a token once, in the body of a request, and gets a cookie that means nothing
//! outside this process: no token is ever in a URL, in a cookie or in what a page can read. A token
//! that is revoked or over ends its logins, since it is asked for anew at every request.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, header};
use data_encoding::BASE32_NOPAD;
use uuid::Uuid;

use crate::fault::{Code, Fault};
use crate::secret::Secret;

/// How long a login lasts.
const LASTS: Duration = Duration::from_secs(12 * 3600);
/// How many logins there may be; beyond that the oldest ends.
const MOST: usize = 1024;

/// The logins of this process.
pub(super) struct Sessions {
    cookie: String,
    known: Mutex<HashMap<[u8; 32], Session>>,
}

struct Session {
    token: Secret,
    until: Instant,
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions").finish_non_exhaustive()
    }
}

impl Sessions {
    /// Makes the empty list. Cookies do not know ports, so each hub's have a name of their own.
    pub(super) fn of(hub: Uuid) -> Self {
        let hub = hub.simple().to_string();
        Self {
            cookie: format!("fleet_{}", hub.get(..12).unwrap_or(&hub)),
            known: Mutex::default(),
        }
    }

    /// Begins a login, and returns the cookie to set. `secure`: the browser came by TLS.
    pub(super) fn begin(&self, token: Secret, secure: bool) -> Result<HeaderValue, Fault> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes)
            .map_err(|error| Fault::new(Code::Internal, error.to_string()))?;
        let value = BASE32_NOPAD.encode(&bytes).to_lowercase();
        let now = Instant::now();
        let mut known = self.lock();
        known.retain(|_, session| session.until > now);
        if known.len() >= MOST {
            let oldest = known.iter().min_by_key(|(_, session)| session.until);
            if let Some(oldest) = oldest.map(|(key, _)| *key) {
                known.remove(&oldest);
            }
        }
        let until = now + LASTS;
        known.insert(key(&value), Session { token, until });
        self.set(&value, LASTS, secure)
    }

    /// Ends the login of a request, and returns the cookie that takes the browser's away.
    pub(super) fn end(&self, headers: &HeaderMap) -> Result<HeaderValue, Fault> {
        self.forget(headers);
        self.set("", Duration::ZERO, false)
    }

    /// Ends the login of a request.
    pub(super) fn forget(&self, headers: &HeaderMap) {
        if let Some(value) = self.presented(headers) {
            self.lock().remove(&key(value));
        }
    }

    /// Returns the token that the browser of a request is logged in with.
    ///
    /// # Errors
    /// Fails when there is a login, but a page of another site may have had the browser ask.
    pub(super) fn token(&self, parts: &Parts) -> Result<Option<Secret>, Fault> {
        let Some(value) = self.presented(&parts.headers) else {
            return Ok(None);
        };
        let token = {
            let known = self.lock();
            let session = known.get(&key(value));
            let session = session.filter(|session| session.until > Instant::now());
            session.map(|session| session.token.clone())
        };
        if token.is_some() && !is_of_own_page(parts) {
            let message = "a page of another site may have asked";
            return Err(Fault::new(Code::AuthDenied, message));
        }
        Ok(token)
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

    fn lock(&self) -> MutexGuard<'_, HashMap<[u8; 32], Session>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Logins are found by a digest, so that how long that takes says nothing of the cookie.
fn key(value: &str) -> [u8; 32] {
    *Secret::new(value).digest().as_bytes()
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

    fn logged_in() -> (Sessions, String) {
        let sessions = Sessions::of(Uuid::nil());
        let set = sessions.begin(Secret::new("flt_secret"), true).unwrap();
        let set = set.to_str().unwrap();
        assert!(!set.contains("secret"), "{set}");
        let cookie = set.split(';').next().unwrap().to_owned();
        (sessions, cookie)
    }

    #[test]
    fn a_cookie_stands_for_a_token_until_its_login_ends() {
        let (sessions, cookie) = logged_in();
        let others = format!("a=b; {cookie}; c=d");
        let asks = parts("GET", &[("cookie", &others)]);
        assert!(sessions.token(&asks).unwrap().unwrap().expose() == "flt_secret");
        let wrong = parts("GET", &[("cookie", "fleet_000000000000=x")]);
        assert!(sessions.token(&wrong).unwrap().is_none());
        let gone = sessions.end(&asks.headers).unwrap();
        assert!(gone.to_str().unwrap().contains("Max-Age=0"));
        assert!(sessions.token(&asks).unwrap().is_none());
    }

    #[test]
    fn a_cookie_alone_changes_nothing_and_opens_no_socket() {
        let (sessions, cookie) = logged_in();
        let allowed = |method: &str, headers: &[(&str, &str)]| {
            let headers = [&[("cookie", cookie.as_str())], headers].concat();
            sessions.token(&parts(method, &headers)).is_ok()
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

    #[test]
    fn the_oldest_login_ends_when_there_are_too_many() {
        let (sessions, first) = logged_in();
        for _ in 0..MOST {
            sessions.begin(Secret::new("t"), false).unwrap();
        }
        assert_eq!(sessions.lock().len(), MOST);
        assert!(
            sessions
                .token(&parts("GET", &[("cookie", &first)]))
                .unwrap()
                .is_none()
        );
    }
}
