//! Attaching to a terminal through a hub: the pod's own frames, one a message.

use std::io;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::{SinkExt as _, StreamExt as _};
use podfleet_protocol::client::AttachStream;
use podfleet_protocol::frame::{Frame, FrameCodec};
use podfleet_protocol::method::{AttachParams, AttachResult};
use tokio::net::UnixStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error as WsError, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};
use tokio_util::codec::Framed;
use tokio_util::sync::CancellationToken;

use super::connect::Conn;
use super::{ClientError, HubClient, Unreachable};
use crate::op::AgentRef;
use crate::server::pty::{Item, MAX_MESSAGE, SUBPROTOCOL, Side, forward, query};
use crate::terminal::{Attached, TerminalRef};
use crate::wire::Answer;

/// How much is read of a terminal at once, in bytes; each attach has so much memory.
const READ: usize = 32 << 10;
/// How long an attach may take to begin.
const PATIENCE: Duration = Duration::from_secs(10);

/// The frames of a terminal on their way through a hub, as they are.
pub struct Frames(WebSocketStream<Conn>);

impl std::fmt::Debug for Frames {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Frames")
    }
}

impl Frames {
    /// Returns the next frame with its header; nothing when the hub has closed the way.
    ///
    /// # Errors
    /// Fails when the way breaks.
    pub async fn next(&mut self) -> Option<Result<Bytes, ClientError>> {
        loop {
            match self.0.next().await? {
                Ok(Message::Binary(frame)) => return Some(Ok(frame)),
                Ok(Message::Close(_)) => return None,
                // A question whether we are there is answered by the layer below.
                Ok(_) => {}
                Err(error) => return Some(Err(broken(&error))),
            }
        }
    }

    /// Sends a frame.
    ///
    /// # Errors
    /// Fails for a frame that is too long, and when the way breaks.
    pub async fn send(&mut self, frame: &Frame) -> Result<(), ClientError> {
        let mut bytes = BytesMut::new();
        let written = frame.write(&mut bytes);
        written.map_err(|error| ClientError::NoHub(error.to_string()))?;
        let sent = self.0.send(Message::Binary(bytes.freeze())).await;
        sent.map_err(|error| broken(&error))
    }

    /// Makes an end of them that frames are passed on from.
    pub(crate) fn side(self) -> Side {
        let (sink, stream) = self.0.split();
        let outgoing = sink.sink_map_err(io::Error::other).with(|item| {
            std::future::ready(Ok::<_, io::Error>(match item {
                Item::Frame(frame) => Message::Binary(frame),
                Item::Text(text) => Message::Text(text.into()),
                Item::Beat => Message::Ping(Bytes::new()),
            }))
        });
        let incoming = stream.map(|message| match message {
            Ok(Message::Binary(frame)) => Ok(Item::Frame(frame)),
            Ok(Message::Close(_)) => Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(_) => Ok(Item::Beat),
            Err(error) => Err(io::Error::other(error)),
        });
        Side {
            outgoing: Box::pin(outgoing),
            incoming: Box::pin(incoming),
            beats: true,
        }
    }
}

fn broken(error: &WsError) -> ClientError {
    let detail = format!("the way to the terminal broke ({error})");
    ClientError::Unreachable(Unreachable::Reset, detail)
}

impl HubClient {
    /// Attaches to a terminal and gives its frames as they are.
    ///
    /// # Errors
    /// Fails when the hub is not reached, and with what it answers.
    pub async fn attach_raw(
        &self,
        terminal: &TerminalRef,
        params: &AttachParams,
    ) -> Result<(Attached, Frames), ClientError> {
        let opening = async {
            let path = format!("/v1/pty/{}?{}", terminal.agent, query(terminal, params));
            let mut stream = self.open_socket(&path).await?;
            let first = stream.next().await;
            let attached = first.and_then(|message| message.ok()?.into_text().ok());
            let attached = attached.and_then(|text| serde_json::from_str(&text).ok());
            let ended = || {
                let detail = "the connection ended before the terminal was there".to_owned();
                ClientError::Unreachable(Unreachable::Reset, detail)
            };
            Ok((attached.ok_or_else(ended)?, Frames(stream)))
        };
        let opened = timeout(PATIENCE, opening).await;
        opened.unwrap_or_else(|_| {
            let detail = "it did not answer in time".to_owned();
            Err(ClientError::Unreachable(Unreachable::Timeout, detail))
        })
    }

    /// Attaches once to the terminal that has that name now, as to a pod of this machine.
    ///
    /// # Errors
    /// Fails as [`attach_raw`](Self::attach_raw) does.
    pub async fn attach(
        &self,
        agent: &AgentRef,
        params: &AttachParams,
    ) -> Result<(AttachResult, AttachStream), ClientError> {
        let mut terminal = agent.clone().into();
        self.attach_to(&mut terminal, params).await
    }

    /// Attaches to a terminal, which is that very pod's from then on: whoever goes on with it later
    /// gets its bytes, or hears that it is gone ([`Code::AgentGone`](crate::fault::Code::AgentGone)).
    ///
    /// # Errors
    /// Fails as [`attach_raw`](Self::attach_raw) does.
    pub async fn attach_to(
        &self,
        terminal: &mut TerminalRef,
        params: &AttachParams,
    ) -> Result<(AttachResult, AttachStream), ClientError> {
        let (Attached { pod, result }, frames) = self.attach_raw(terminal, params).await?;
        terminal.pod = terminal.pod.or(pod);
        let broken = |error: io::Error| ClientError::NoHub(error.to_string());
        let (near, far) = UnixStream::pair().map_err(broken)?;
        let far = Side::pod(far, &BytesMut::new());
        // It ends when either side does.
        tokio::spawn(forward(far, frames.side(), CancellationToken::new()));
        Ok((result, Framed::new(near, FrameCodec::new())))
    }

    async fn open_socket(&self, path: &str) -> Result<WebSocketStream<Conn>, ClientError> {
        let connection = self.connector.connect().await;
        let connection = connection.map_err(|f| ClientError::Unreachable(f.why, f.detail))?;
        let key = tokio_tungstenite::tungstenite::handshake::client::generate_key();
        let request = self
            .request("GET", path)
            .uri(format!("ws://{}{path}", self.authority))
            .header("host", &self.authority)
            .header("connection", "Upgrade")
            .header("upgrade", "websocket")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", key)
            .header("sec-websocket-protocol", SUBPROTOCOL)
            .body(())
            .map_err(|error| ClientError::NoHub(error.to_string()))?;
        let config = WebSocketConfig::default()
            .max_message_size(Some(MAX_MESSAGE))
            .max_frame_size(Some(MAX_MESSAGE))
            .read_buffer_size(READ)
            // Each frame goes at once.
            .write_buffer_size(0);
        match client_async_with_config(request, connection, Some(config)).await {
            Ok((stream, _)) => Ok(stream),
            Err(WsError::Http(response)) => {
                let body = response.body().as_deref().unwrap_or_default();
                let answer: Option<Answer> = serde_json::from_slice(body).ok();
                Err(match answer.and_then(|answer| answer.error) {
                    Some(fault) => ClientError::Answer(fault),
                    None => ClientError::NoHub(format!("status {}", response.status().as_u16())),
                })
            }
            // As of a hub that ends in the middle of the answer.
            Err(
                error @ (WsError::Io(_)
                | WsError::ConnectionClosed
                | WsError::Protocol(ProtocolError::HandshakeIncomplete)),
            ) => Err(ClientError::Unreachable(
                Unreachable::Reset,
                error.to_string(),
            )),
            Err(error) => Err(ClientError::NoHub(error.to_string())),
        }
    }
}
