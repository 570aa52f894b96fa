//! Connections to a hub.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tower_service::Service;

use super::{ClientError, Unreachable, Way};
use crate::address::Address;
use crate::tls::{Pin as KeyPin, PinCheck};

/// How long a connection may take to be there.
const PATIENCE: Duration = Duration::from_secs(5);

/// A connection was not made.
#[derive(Debug, thiserror::Error)]
#[error("{detail}")]
pub(super) struct ConnectFault {
    pub(super) why: Unreachable,
    pub(super) detail: String,
}

fn fault(why: Unreachable, detail: impl Into<String>) -> ConnectFault {
    ConnectFault {
        why,
        detail: detail.into(),
    }
}

/// Makes connections to one hub.
#[derive(Debug, Clone)]
pub(super) struct Connector {
    way: Arc<Way>,
    check: Arc<PinCheck>,
    given_up: Arc<Mutex<GivenUp>>,
}

impl Connector {
    pub(super) fn new(way: Way) -> Self {
        let pin = match &way {
            Way::Tls(_, pin) => Some(*pin),
            Way::Socket(_) | Way::Plain(_) => None,
        };
        Self {
            way: Arc::new(way),
            check: PinCheck::new(pin),
            given_up: Arc::default(),
        }
    }

    /// Has all connections that were made until now end by a reset.
    pub(super) fn give_up(&self) {
        let until_now = std::mem::take(&mut *self.present());
        until_now.store(true, Ordering::Relaxed);
    }

    fn present(&self) -> MutexGuard<'_, GivenUp> {
        self.given_up.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn way(&self) -> &Way {
        &self.way
    }

    pub(super) async fn connect(&self) -> Result<Conn, ConnectFault> {
        let given_up = self.present().clone();
        let opening = async {
            match &*self.way {
                Way::Socket(path) => {
                    let stream = UnixStream::connect(path).await.map_err(|error| {
                        fault(
                            Unreachable::Refused,
                            format!("{}: {}", path.display(), plain(&error)),
                        )
                    })?;
                    Ok(Conn(Box::new(stream)))
                }
                Way::Plain(address) => Ok(Conn(Box::new(tcp(address, given_up).await?))),
                Way::Tls(address, _) => tls(address, &self.check, given_up).await,
            }
        };
        let opened = timeout(PATIENCE, opening).await;
        opened.unwrap_or_else(|_| Err(fault(Unreachable::Timeout, "it does not answer")))
    }
}

/// Whether connections are given up.
type GivenUp = Arc<AtomicBool>;

async fn tcp(address: &Address, given_up: GivenUp) -> Result<Tcp, ConnectFault> {
    let found = tokio::net::lookup_host((address.host(), address.port())).await;
    let found: Vec<SocketAddr> = match found {
        Ok(found) => found.collect(),
        Err(_) => Vec::new(),
    };
    if found.is_empty() {
        let detail = format!("the name {} is not known", address.host());
        return Err(fault(Unreachable::Dns, detail));
    }
    let mut last = None;
    for at in found {
        match TcpStream::connect(at).await {
            Ok(stream) => {
                // Keys are small; they must not wait for more of them.
                let _ = stream.set_nodelay(true);
                return Ok(Tcp { stream, given_up });
            }
            Err(error) => last = Some(error),
        }
    }
    let error = last.unwrap_or_else(|| io::ErrorKind::NotFound.into());
    let why = match error.kind() {
        io::ErrorKind::TimedOut
        | io::ErrorKind::HostUnreachable
        | io::ErrorKind::NetworkUnreachable => Unreachable::Timeout,
        _ => Unreachable::Refused,
    };
    Err(fault(why, format!("{address}: {}", plain(&error))))
}

async fn tls(
    address: &Address,
    check: &Arc<PinCheck>,
    given_up: GivenUp,
) -> Result<Conn, ConnectFault> {
    let stream = tcp(address, given_up).await?;
    let wrong =
        |error: &dyn std::fmt::Display| fault(Unreachable::Tls, format!("{address}: {error}"));
    let config = check.client().map_err(|error| wrong(&error))?;
    let name = ServerName::try_from(address.host()).map_err(|error| wrong(&error))?;
    match TlsConnector::from(config).connect(name, stream).await {
        Ok(stream) => Ok(Conn(Box::new(stream))),
        Err(_) if check.seen().is_some() => {
            let seen = check.seen().map(|pin| pin.to_string()).unwrap_or_default();
            Err(wrong(&format!(
                "it shows the key {seen}, which is not the one that is pinned"
            )))
        }
        Err(error) => Err(wrong(&format!("it does not speak TLS ({})", plain(&error)))),
    }
}

/// Finds out which key a machine shows; nothing is sent to it.
///
/// # Errors
/// Fails when it cannot be reached, or speaks no TLS.
pub async fn probe(address: &Address) -> Result<KeyPin, ClientError> {
    let check = PinCheck::new(None);
    let tried = timeout(PATIENCE, tls(address, &check, GivenUp::default())).await;
    match (check.seen(), tried) {
        (Some(pin), _) => Ok(pin),
        (None, Ok(Err(fault))) => Err(ClientError::Unreachable(fault.why, fault.detail)),
        (None, _) => {
            let detail = "it does not answer".to_owned();
            Err(ClientError::Unreachable(Unreachable::Timeout, detail))
        }
    }
}

fn plain(error: &io::Error) -> String {
    super::plain(&error.to_string())
}

/// A connection that is reset at its end once it is given up: nothing of it is delivered later.
struct Tcp {
    stream: TcpStream,
    given_up: GivenUp,
}

impl Drop for Tcp {
    fn drop(&mut self) {
        if self.given_up.load(Ordering::Relaxed) {
            // One that has ended already delivers nothing either.
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Tcp {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Tcp {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A connection, whatever it goes over.
pub(super) struct Conn(Box<dyn Stream>);

impl AsyncRead for Conn {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for Conn {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

impl Connection for Conn {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl Service<::http::Uri> for Connector {
    type Response = TokioIo<Conn>;
    type Error = ConnectFault;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, ConnectFault>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ConnectFault>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: ::http::Uri) -> Self::Future {
        let connector = self.clone();
        Box::pin(async move { connector.connect().await.map(TokioIo::new) })
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt as _;
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn a_connection_that_is_given_up_is_reset_and_the_next_one_ends_in_order() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let connector = Connector::new(Way::Plain(address.parse().unwrap()));
        let lost = connector.connect().await.unwrap();
        let (mut of_lost, _) = listener.accept().await.unwrap();
        connector.give_up();
        let next = connector.connect().await.unwrap();
        let (mut of_next, _) = listener.accept().await.unwrap();
        drop((lost, next));
        let reset = of_lost.read(&mut [0; 8]).await.unwrap_err();
        assert_eq!(reset.kind(), io::ErrorKind::ConnectionReset);
        assert_eq!(of_next.read(&mut [0; 8]).await.unwrap(), 0);
    }
}
