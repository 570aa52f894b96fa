//! Who asks, and whether they may.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use super::Shared;
use crate::fault::{Code, Fault};
use crate::secret::Secret;
use crate::token::{Caller, Scope};

/// The other end of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Peer {
    /// The user whose hub this is, on its own socket; the system says so.
    Owner,
    /// An agent of this user, on the same socket, or a process of which nobody can tell whose it is.
    Refused(Fault),
    /// Somebody on the network.
    Network(IpAddr),
}

/// How many refused tokens an address may present within a window, before it is told to wait.
const FAILURES: u32 = 10;
const WINDOW: Duration = Duration::from_secs(60);
/// How often it is looked whether a token still lasts with which something goes on.
const LOOK: Duration = Duration::from_secs(3);
/// How many addresses are remembered.
const ADDRESSES: usize = 4096;

/// Refused tokens, by address.
///
/// A valid token is never held up: behind a proxy many callers have one address, and 256 random bits
/// are not found by trying.
#[derive(Debug, Default)]
pub(super) struct FailedLogins(Mutex<HashMap<IpAddr, (u32, Instant)>>);

impl FailedLogins {
    /// Takes note of a refused token; returns whether the address has presented too many.
    fn one_more(&self, address: IpAddr) -> bool {
        let now = Instant::now();
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= ADDRESSES {
            known.retain(|_, (_, since)| now - *since < WINDOW);
        }
        if known.len() >= ADDRESSES {
            known.clear();
        }
        let (count, since) = known.entry(address).or_insert((0, now));
        if now - *since >= WINDOW {
            (*count, *since) = (0, now);
        }
        *count = count.saturating_add(1);
        *count > FAILURES
    }
}

impl FromRequestParts<Arc<Shared>> for Caller {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, shared: &Arc<Shared>) -> Result<Self, Fault> {
        let address = match parts.extensions.get::<Peer>() {
            Some(Peer::Owner) => {
                shared.hub.hear();
                return Ok(Self::owner());
            }
            Some(Peer::Refused(fault)) => return Err(fault.clone()),
            Some(Peer::Network(address)) => *address,
            None => return Err(Fault::new(Code::Internal, "a request without a connection")),
        };
        if let Some(token) = presented(&parts.headers) {
            return shared.identify(&token, address);
        }
        let caller = shared.sessions.caller(parts)?.ok_or_else(|| {
            Fault::new(Code::AuthRequired, "a token is needed")
                .hint("`fleet hub token create` on the hub's machine makes one")
        })?;
        shared.hear(&caller);
        Ok(caller)
    }
}

impl Shared {
    /// Returns who presents a token from that address.
    ///
    /// # Errors
    /// Fails for one that is worth nothing, after some of them without saying more.
    pub(super) fn identify(&self, token: &Secret, address: IpAddr) -> Result<Caller, Fault> {
        let topology = self.hub.topology();
        match topology.caller(token, podfleet_pod::clock::wall())? {
            Some(caller) => {
                self.hear(&caller);
                Ok(caller)
            }
            None if self.failures.one_more(address) => Err(Fault::new(
                Code::LimitExceeded,
                "too many tokens were refused; wait a minute",
            )),
            None => Err(Fault::new(
                Code::AuthRequired,
                "the token is unknown, revoked or over",
            )),
        }
    }
}

impl Shared {
    /// Takes note of somebody who may open terminals.
    fn hear(&self, caller: &Caller) {
        if caller.may(Scope::Pty) {
            self.hub.hear();
        }
    }

    /// Waits until the token that a caller showed is revoked or over: then what goes on with it ends,
    /// too. Who needed none is never waited for in vain.
    pub(super) fn revoked(self: &Arc<Self>, caller: &Caller) -> impl Future<Output = ()> + use<> {
        let (shared, token) = (Arc::clone(self), caller.token.clone());
        async move {
            let Some(token) = token else {
                return std::future::pending().await;
            };
            let topology = shared.hub.topology();
            loop {
                tokio::time::sleep(LOOK).await;
                // A disk that fails revokes nothing.
                if let Ok(false) = topology.token_lasts(&token, podfleet_pod::clock::wall()) {
                    return;
                }
            }
        }
    }
}

impl Caller {
    /// Refuses who has not that right.
    pub(super) fn needs(&self, scope: impl Into<Option<Scope>>) -> Result<(), Fault> {
        let Some(scope) = scope.into().filter(|scope| !self.may(*scope)) else {
            return Ok(());
        };
        let message = format!("the token `{}` has no right `{scope}`", self.name);
        Err(Fault::new(Code::AuthDenied, message))
    }
}

fn presented(headers: &HeaderMap) -> Option<Secret> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    let token = Secret::new(token);
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

/// Refuses requests that a page of another site has a browser make: such a page has an origin of its
/// own, or a name that it had resolved to this machine. Who shows a token in the head of the request is
/// no such page, whatever this machine is called by.
pub(super) async fn check_origin(
    State(shared): State<Arc<Shared>>,
    request: Request,
    next: Next,
) -> Response {
    let peer = request.extensions().get::<Peer>();
    if !matches!(peer, Some(Peer::Owner | Peer::Refused(_))) {
        let headers = request.headers();
        let host = request.uri().authority().map(ToString::to_string);
        let host = host.or_else(|| text(headers, header::HOST));
        let known = |host: &String| presented(headers).is_some() || knows(&shared, host);
        let Some(host) = host.filter(known) else {
            let message = "this machine is not known by the name in `Host`";
            return Fault::new(Code::RequestInvalid, message)
                .hint("`fleet hub run --host NAME` makes a name known")
                .into_response();
        };
        if headers.contains_key(header::ORIGIN) {
            let origin = text(headers, header::ORIGIN).unwrap_or_default();
            let site = origin.split_once("://").map(|(_, site)| site);
            if site != Some(host.as_str()) {
                let message = "a page of another site asks";
                return Fault::new(Code::AuthDenied, message).into_response();
            }
        }
    }
    next.run(request).await
}

fn knows(shared: &Shared, host: &str) -> bool {
    let Ok(authority) = host.parse::<axum::http::uri::Authority>() else {
        return false;
    };
    if authority.as_str().contains('@') {
        return false;
    }
    let name = authority
        .host()
        .trim_start_matches('[')
        .trim_end_matches(']');
    let own = ["localhost", &shared.hub.info().host];
    let named = shared.settings.hosts.iter().map(String::as_str);
    name.parse::<IpAddr>().is_ok()
        || own
            .into_iter()
            .chain(named)
            .any(|known| known.eq_ignore_ascii_case(name))
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}
