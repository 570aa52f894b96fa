//! The client side of a pod's socket.

mod subscriber;
mod tail;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fmt, io};

use crate::codec::{LineCodec, LineError};
use crate::frame::FrameCodec;
use crate::limits::MAX_LINE;
use crate::method::{
    Attach, AttachParams, AttachResult, ConnectionRole, Credential, Hello, HelloParams,
    HelloResult, Method,
};
use crate::rpc::{Request, RequestId, Response, RpcError};
use crate::version::Versions;
use bytes::BytesMut;
use futures_util::{SinkExt, StreamExt};
use tokio::net::UnixStream;
use tokio_util::codec::{Framed, FramedParts};

pub use subscriber::Subscriber;

/// How long a pod may take to take up a connection and answer `hello`.
pub const CONNECT_DEADLINE: Duration = Duration::from_secs(2);

/// A pod could not be asked, or has refused.
#[derive(Debug, thiserror::Error)]
pub struct ClientError {
    socket: PathBuf,
    kind: ClientErrorKind,
}

/// An answer is the pod's own; of all else the socket is to be looked at.
impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { socket, kind } = self;
        match kind {
            ClientErrorKind::Answer(_) => write!(f, "{kind}"),
            _ => write!(f, "{kind} (socket {})", socket.display()),
        }
    }
}

/// Why a pod could not be asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientErrorKind {
    /// Nobody listens: the pod is not running.
    #[error("no pod listens")]
    NotListening,
    /// The pod did not answer in time.
    #[error("the pod did not answer in time")]
    Timeout,
    /// The pod answered with an error.
    #[error("{0}")]
    Answer(#[source] RpcError),
    /// The request is longer than a line may be; nothing of it was sent.
    #[error("the request is longer than {} MiB", MAX_LINE >> 20)]
    TooLong,
    /// The pod closed the connection.
    #[error("the pod closed the connection")]
    Closed,
    /// Events are lost, since the client read them too slowly; the pod closed the connection.
    #[error("events are lost: they were read too slowly")]
    Lagged,
    /// The pod answered in a version of the protocol that it was not offered.
    #[error("the pod answers in version {0} of the protocol, which is not ours")]
    Version(u32),
    /// What came was not the protocol.
    #[error("the pod does not speak the protocol: {0}")]
    Protocol(String),
    /// The connection failed.
    #[error("the connection failed: {0}")]
    Io(#[source] io::Error),
}

impl ClientError {
    /// Returns why.
    #[must_use]
    pub fn kind(&self) -> &ClientErrorKind {
        &self.kind
    }

    /// Returns the pod's own error, if it answered with one.
    #[must_use]
    pub fn answer(&self) -> Option<&RpcError> {
        match &self.kind {
            ClientErrorKind::Answer(error) => Some(error),
            _ => None,
        }
    }
}

/// How a client introduces itself.
#[derive(Debug, Clone)]
pub struct Introduction {
    /// Its name for people, such as `fleet send`.
    pub client: String,
    /// Which pod it is, or whose agent, if it is one.
    pub credential: Option<Credential>,
}

/// The frames of an attach stream.
pub type AttachStream = Framed<UnixStream, FrameCodec>;

/// A connection to a pod.
#[derive(Debug)]
pub struct PodClient {
    socket: PathBuf,
    lines: Framed<UnixStream, LineCodec>,
    next_id: i64,
    hello: HelloResult,
}

impl PodClient {
    /// Connects for requests, and says hello.
    ///
    /// # Errors
    /// Fails when nobody listens, the pod does not answer within [`CONNECT_DEADLINE`], or it
    /// refuses the client.
    pub async fn connect(socket: &Path, who: &Introduction) -> Result<Self, ClientError> {
        Self::open(socket, who, ConnectionRole::Command).await
    }

    /// Connects and turns the connection into an attach stream.
    ///
    /// # Errors
    /// Fails as [`connect`](Self::connect) does, or when control is another client's.
    pub async fn attach(
        socket: &Path,
        who: &Introduction,
        params: AttachParams,
    ) -> Result<(AttachResult, AttachStream), ClientError> {
        let mut client = Self::open(socket, who, ConnectionRole::Attach).await?;
        let result = client.call::<Attach>(params).await?;
        let parts = client.lines.into_parts();
        let mut frames = FramedParts::new(parts.io, FrameCodec::new());
        frames.read_buf = parts.read_buf;
        Ok((result, Framed::from_parts(frames)))
    }

    /// Returns what the pod answered to hello.
    #[must_use]
    pub fn hello(&self) -> &HelloResult {
        &self.hello
    }

    /// Calls a method and waits for its answer, however long that takes.
    ///
    /// # Errors
    /// Fails when the pod answers with an error, or the connection ends.
    pub async fn call<M: Method>(&mut self, params: M::Params) -> Result<M::Result, ClientError> {
        let result = exchange::<M>(&mut self.lines, self.next_id, params).await;
        self.next_id += 1;
        result.map_err(|kind| self.error(kind))
    }

    fn error(&self, kind: ClientErrorKind) -> ClientError {
        ClientError {
            socket: self.socket.clone(),
            kind,
        }
    }

    async fn open(
        socket: &Path,
        who: &Introduction,
        role: ConnectionRole,
    ) -> Result<Self, ClientError> {
        Self::open_speaking(Versions::OURS, socket, who, role).await
    }

    async fn open_speaking(
        ours: Versions,
        socket: &Path,
        who: &Introduction,
        role: ConnectionRole,
    ) -> Result<Self, ClientError> {
        let params = HelloParams {
            protocol: ours.newest(),
            min_protocol: ours.oldest(),
            role,
            client: who.client.clone(),
            credential: who.credential.clone(),
        };
        let opening = async {
            let stream = UnixStream::connect(socket).await.map_err(connect_error)?;
            let mut lines = Framed::new(stream, LineCodec::new());
            let hello = exchange::<Hello>(&mut lines, 0, params).await?;
            match ours.have(hello.protocol) {
                true => Ok((lines, hello)),
                false => Err(ClientErrorKind::Version(hello.protocol)),
            }
        };
        let opened = tokio::time::timeout(CONNECT_DEADLINE, opening)
            .await
            .unwrap_or(Err(ClientErrorKind::Timeout));
        match opened {
            Ok((lines, hello)) => Ok(Self {
                socket: socket.to_owned(),
                lines,
                next_id: 1,
                hello,
            }),
            Err(kind) => Err(ClientError {
                socket: socket.to_owned(),
                kind,
            }),
        }
    }
}

fn connect_error(error: io::Error) -> ClientErrorKind {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => ClientErrorKind::NotListening,
        _ => ClientErrorKind::Io(error),
    }
}

fn line_error(error: LineError) -> ClientErrorKind {
    match error {
        LineError::Io(error) if closed(&error) => ClientErrorKind::Closed,
        LineError::Io(error) => ClientErrorKind::Io(error),
        LineError::Unterminated => ClientErrorKind::Closed,
        error => ClientErrorKind::Protocol(error.to_string()),
    }
}

fn closed(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), BrokenPipe | ConnectionReset | UnexpectedEof)
}

async fn exchange<M: Method>(
    lines: &mut Framed<UnixStream, LineCodec>,
    id: i64,
    params: M::Params,
) -> Result<M::Result, ClientErrorKind> {
    let protocol = |error: serde_json::Error| ClientErrorKind::Protocol(error.to_string());
    let params = serde_json::to_value(params).map_err(protocol)?;
    // A pod that refuses the connection says why and closes: its line is read even if ours could
    // not be written.
    let sent = lines.send(&Request::new(id, M::NAME, params)).await;
    if let Err(LineError::TooLong) = sent {
        return Err(ClientErrorKind::TooLong);
    }
    let line: BytesMut = match lines.next().await {
        Some(line) => line.map_err(line_error)?,
        None => return Err(sent.err().map_or(ClientErrorKind::Closed, line_error)),
    };
    let response: Response = match serde_json::from_slice(&line) {
        // A pod that lets go of a client which read too slowly says so after a part of an answer.
        Err(error) if error.is_eof() => match lines.next().await {
            Some(Ok(last)) => serde_json::from_slice(&last).map_err(protocol)?,
            _ => return Err(protocol(error)),
        },
        response => response.map_err(protocol)?,
    };
    if let Some(error) = response.error {
        return Err(ClientErrorKind::Answer(error));
    }
    if response.id != Some(RequestId::Number(id)) {
        return Err(ClientErrorKind::Protocol(
            "an answer to another request".into(),
        ));
    }
    serde_json::from_value(response.result.unwrap_or_default()).map_err(protocol)
}
