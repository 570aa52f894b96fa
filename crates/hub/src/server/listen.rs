//! Listening: connections, their limits, TLS, and the owner's socket.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::Peer;

/// What keeps clients from taking all there is.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// How many connections a listener has at once.
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

/// Where clients come in.
#[derive(Debug)]
pub enum Listener {
    /// The owner's socket.
    Owner(UnixListener),
    /// The network; with a configuration, by TLS.
    Network(TcpListener, Option<Arc<ServerConfig>>),
}

/// Serves the clients of a listener until `end`.
pub async fn serve(listener: Listener, router: Router, limits: Limits, end: CancellationToken) {
    let permits = Arc::new(Semaphore::new(limits.connections));
    loop {
        let Ok(permit) = Arc::clone(&permits).acquire_owned().await else {
            return;
        };
        let accepted = tokio::select! {
            accepted = accept(&listener) => accepted,
            () = end.cancelled() => return,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Too many open files, most likely: others have to end first.
                tracing::warn!(%error, "a connection is not taken");
                sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let Some(peer) = peer else { continue };
        let router = router.clone().layer(Extension(peer));
        let end = end.clone();
        let tls = match &listener {
            Listener::Network(_, Some(config)) => Some(TlsAcceptor::from(Arc::clone(config))),
            _ => None,
        };
        tokio::spawn(async move {
            let _permit = permit;
            match (stream, tls) {
                (Accepted::Unix(stream), _) => connection(stream, router, limits, end).await,
                (Accepted::Tcp(stream), None) => connection(stream, router, limits, end).await,
                (Accepted::Tcp(stream), Some(tls)) => {
                    if let Ok(Ok(stream)) = timeout(limits.head, tls.accept(stream)).await {
                        connection(stream, router, limits, end).await;
                    }
                }
            }
        });
    }
}

enum Accepted {
    Unix(tokio::net::UnixStream),
    Tcp(tokio::net::TcpStream),
}

/// Takes the next connection, and finds out who it is; nobody is served who is not the owner on the
/// owner's socket.
async fn accept(listener: &Listener) -> io::Result<(Accepted, Option<Peer>)> {
    match listener {
        Listener::Owner(listener) => {
            let (stream, _) = listener.accept().await?;
            let own = rustix::process::geteuid().as_raw();
            let owner = stream.peer_cred().is_ok_and(|peer| peer.uid() == own);
            Ok((Accepted::Unix(stream), owner.then_some(Peer::Owner)))
        }
        Listener::Network(listener, _) => {
            let (stream, from): (_, SocketAddr) = listener.accept().await?;
            // Keys are small; they must not wait for more of them.
            let _ = stream.set_nodelay(true);
            Ok((Accepted::Tcp(stream), Some(Peer::Network(from.ip()))))
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
