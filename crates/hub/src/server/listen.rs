//! Listening: connections, their limits, TLS, and the owner's socket.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use podfleet_pod::identity::peer_process;
use rustix::net::sockopt::set_tcp_user_timeout;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::{OwnerSocket, Peer};
use crate::fault::{Code, Fault};
use crate::hub::Hub;

/// How many files the hub has open that are no client's: its own, and the ways to its endpoints.
const OWN_FILES: u64 = 512;

/// How long a client may leave unanswered what it was sent, in milliseconds.
const UNANSWERED: u32 = 60_000;

/// What keeps clients from taking all there is.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// How many connections a listener has at once. Three in four of them may be terminals.
    pub connections: usize,
    /// How long the head of a request, or a TLS handshake, may take.
    pub head: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 1024,
            head: Duration::from_secs(10),
        }
    }
}

/// Has the system let this process open as many files as the clients of so many listeners need: a
/// connection each, and one more for a terminal or a file. What is started from here inherits it.
pub(crate) fn make_room(limits: Limits, listeners: usize) {
    let clients = u64::try_from(limits.connections * listeners).unwrap_or(u64::MAX);
    let need = clients.saturating_mul(2).saturating_add(OWN_FILES);
    let Some(raised) = raised(getrlimit(Resource::Nofile), need) else {
        return;
    };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(%error, need, "the limit of open files is not raised");
    }
}

/// Returns what the limit is to be, where it is too low.
fn raised(now: Rlimit, need: u64) -> Option<Rlimit> {
    let most = now.maximum.unwrap_or(u64::MAX);
    let wanted = need.min(most);
    now.current
        .is_some_and(|current| current < wanted)
        .then_some(Rlimit {
            current: Some(wanted),
            ..now
        })
}

/// A client's place at a listener. It is held for as long as anything of the connection is, a terminal
/// that it became among it.
#[derive(Debug, Clone)]
pub(super) struct Held {
    _connection: Arc<OwnedSemaphorePermit>,
    terminals: Arc<Semaphore>,
    most_terminals: usize,
    end: CancellationToken,
}

impl Held {
    /// Takes a place for a terminal, which ends with the listener.
    ///
    /// # Errors
    /// Fails when as many are attached as may be: some connections are left for all else.
    pub(super) fn terminal(&self) -> Result<HeldTerminal, Fault> {
        let terminals = Arc::clone(&self.terminals);
        let permit = terminals.try_acquire_owned().map_err(|_| {
            let most = self.most_terminals;
            let message = format!("{most} clients are attached to terminals, and no more may be");
            Fault::new(Code::LimitExceeded, message)
        })?;
        Ok(HeldTerminal {
            held: self.clone(),
            _terminal: permit,
        })
    }
}

/// The place of a client that is attached to a terminal.
#[derive(Debug)]
pub(super) struct HeldTerminal {
    held: Held,
    _terminal: OwnedSemaphorePermit,
}

impl HeldTerminal {
    /// Waits until the listener ends.
    pub(super) async fn ended(&self) {
        self.held.end.cancelled().await;
    }
}

/// Where clients come in.
#[derive(Debug)]
pub enum Listener {
    /// The owner's socket; the hub tells who of the owner's processes are agents'.
    Owner(OwnerSocket, Arc<Hub>),
    /// The network; with a configuration, by TLS.
    Network(TcpListener, Option<Arc<ServerConfig>>),
}

/// Serves the clients of a listener until `end`.
pub async fn serve(mut listener: Listener, router: Router, limits: Limits, end: CancellationToken) {
    let permits = Arc::new(Semaphore::new(limits.connections));
    let most_terminals = limits.connections - limits.connections / 4;
    let terminals = Arc::new(Semaphore::new(most_terminals));
    loop {
        let Ok(permit) = Arc::clone(&permits).acquire_owned().await else {
            return;
        };
        let accepted = tokio::select! {
            accepted = accept(&mut listener) => accepted,
            () = end.cancelled() => return,
        };
        let accepted = match accepted {
            Ok(Some(accepted)) => accepted,
            Ok(None) => continue,
            Err(error) => {
                // Too many open files, most likely: others have to end first.
                tracing::warn!(%error, "a connection is not taken");
                sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let held = Held {
            _connection: Arc::new(permit),
            terminals: Arc::clone(&terminals),
            most_terminals,
            end: end.clone(),
        };
        let end = end.clone();
        let router = router.clone().layer(Extension(held.clone()));
        tokio::spawn(async move {
            let _held = held;
            admit(accepted, router, limits, end).await;
        });
    }
}

enum Accepted {
    Owner(UnixStream, Arc<Hub>),
    Network(TcpStream, IpAddr, Option<TlsAcceptor>),
}

/// Takes the next connection; nothing for one on the owner's socket that is not the owner's.
async fn accept(listener: &mut Listener) -> io::Result<Option<Accepted>> {
    match listener {
        Listener::Owner(socket, hub) => {
            let stream = socket.accept().await?;
            let own = rustix::process::geteuid().as_raw();
            let owner = stream.peer_cred().is_ok_and(|peer| peer.uid() == own);
            Ok(owner.then(|| Accepted::Owner(stream, Arc::clone(hub))))
        }
        Listener::Network(listener, tls) => {
            let (stream, from): (_, SocketAddr) = listener.accept().await?;
            // Keys are small; they must not wait for more of them.
            let _ = stream.set_nodelay(true);
            // Whoever vanishes without a word keeps its place no longer.
            let _ = set_tcp_user_timeout(&stream, UNANSWERED);
            let tls = tls.clone().map(TlsAcceptor::from);
            Ok(Some(Accepted::Network(stream, from.ip(), tls)))
        }
    }
}

/// Finds out who has connected, and serves them.
async fn admit(accepted: Accepted, router: Router, limits: Limits, end: CancellationToken) {
    match accepted {
        Accepted::Owner(stream, hub) => {
            let process = peer_process(&stream);
            let peer = match hub.machine().check_operator(process).await {
                Ok(()) => Peer::Owner,
                Err(fault) => Peer::Refused(fault),
            };
            connection(stream, router.layer(Extension(peer)), limits, end).await;
        }
        Accepted::Network(stream, from, tls) => {
            let router = router.layer(Extension(Peer::Network(from)));
            let Some(tls) = tls else {
                return connection(stream, router, limits, end).await;
            };
            if let Ok(Ok(stream)) = timeout(limits.head, tls.accept(stream)).await {
                connection(stream, router, limits, end).await;
            }
        }
    }
}

async fn connection(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    router: Router,
    limits: Limits,
    end: CancellationToken,
) {
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .max_buf_size(256 << 10)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router))
        .with_upgrades();
    tokio::select! {
        // How a client's connection ended is its own affair.
        _ = serving => {}
        () = end.cancelled() => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_of_open_files_is_raised_as_far_as_it_may_and_never_lowered() {
        let limit = |current, maximum| Rlimit { current, maximum };
        let needed = |current, maximum| raised(limit(current, maximum), 5000);
        let raised = Some(limit(Some(5000), Some(9000)));
        assert_eq!(needed(Some(1024), Some(9000)), raised);
        let some = Some(limit(Some(4096), Some(4096)));
        assert_eq!(needed(Some(1024), Some(4096)), some);
        assert_eq!(needed(Some(4096), Some(4096)), None);
        assert_eq!(needed(Some(8000), Some(9000)), None);
        assert_eq!(needed(None, None), None);
    }

    #[tokio::test]
    async fn a_terminal_holds_its_connection_and_some_are_left_for_all_else() {
        let connections = Arc::new(Semaphore::new(2));
        let permit = Arc::clone(&connections).acquire_owned().await.unwrap();
        let held = Held {
            _connection: Arc::new(permit),
            terminals: Arc::new(Semaphore::new(1)),
            most_terminals: 1,
            end: CancellationToken::new(),
        };
        let terminal = held.terminal().unwrap();
        assert_eq!(held.terminal().unwrap_err().code, Code::LimitExceeded);
        drop(held);
        assert_eq!(connections.available_permits(), 1);
        drop(terminal);
        assert_eq!(connections.available_permits(), 2);
    }
}
