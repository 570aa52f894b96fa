//! `GET /v1/pty/{session}`: the frames of a terminal over a WebSocket, one a message, as they are.
//!
//! Each client has a connection of its own all the way to the pod, whose acknowledgements are its
//! credit: a client that does not read stops its own way, and the pod skips it to a repaint. Nothing
//! is kept between.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Path, Query, State};
use axum::response::Response;
use bytes::{Bytes, BytesMut};
use futures_util::{Sink, SinkExt as _, Stream, StreamExt as _};
use podfleet_protocol::frame::{FrameError, HEADER, next_raw_frame};
use podfleet_protocol::limits::MAX_FRAME;
use podfleet_protocol::method::{AttachParams, AttachResult, AttachRole, Position};
use podfleet_protocol::{FleetName, Generation, PodId, Run, Size};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::time::{Instant, interval};
use tokio_util::codec::{Decoder, FramedRead};
use tokio_util::sync::CancellationToken;

use super::Shared;
use crate::fault::{Code, Fault};
use crate::hub::Doer;
use crate::op::AgentRef;
use crate::token::{Caller, Scope};
use crate::wire::Answer;

/// The subprotocol: a text with the result of `attach`, then binary frames.
pub(crate) const SUBPROTOCOL: &str = "fleet.attach.v1";
/// The longest message in bytes.
pub(crate) const MAX_MESSAGE: usize = HEADER + MAX_FRAME;
/// How much is read of a client at once: acknowledgements and keys are small, and clients many.
const SMALL_READ: usize = 8 << 10;
/// How often each side is asked whether it is there …
const BEAT: Duration = Duration::from_secs(10);
/// … and how long it may be silent.
const SILENCE: Duration = Duration::from_secs(30);

/// What stands behind the `?` of an attach.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AttachQuery {
    role: Option<AttachRole>,
    #[serde(default)]
    take: bool,
    columns: Option<u16>,
    rows: Option<u16>,
    generation: Option<u64>,
    run: Option<u64>,
    offset: Option<u64>,
    fleet: Option<FleetName>,
    #[serde(default)]
    refusal: Refusal,
}

/// How it is told that there will be no terminal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Refusal {
    /// By the answer to the request.
    #[default]
    Answer,
    /// By the first message, as in the body of an answer: browsers hide the answer to a request
    /// for a socket from their pages.
    Message,
}

/// Writes the parameters of an attach as a query.
pub(crate) fn query(fleet: Option<&FleetName>, params: &AttachParams) -> String {
    let role = match params.role {
        AttachRole::Viewer => "viewer",
        AttachRole::Controller => "controller",
        AttachRole::View => "view",
    };
    let mut query = format!("role={role}&take={}", params.take);
    if let Some(Size { columns, rows }) = params.size {
        query.push_str(&format!("&columns={columns}&rows={rows}"));
    }
    if let Some(Position {
        generation,
        run,
        offset,
    }) = params.from
    {
        query.push_str(&format!(
            "&generation={generation}&run={run}&offset={offset}"
        ));
    }
    if let Some(fleet) = fleet {
        query.push_str(&format!("&fleet={fleet}"));
    }
    query
}

impl AttachQuery {
    fn params(&self) -> Result<AttachParams, Fault> {
        let size = match (self.columns, self.rows) {
            (Some(columns), Some(rows)) if columns > 0 && rows > 0 => Some(Size { columns, rows }),
            (None, None) => None,
            _ => return Err(invalid("a size has `columns` and `rows`, both over 0")),
        };
        let from = match (self.generation, self.run, self.offset) {
            (Some(generation), Some(run), Some(offset)) => Some(Position {
                generation: Generation(generation),
                run: Run(run),
                offset,
            }),
            (None, None, None) => None,
            _ => return Err(invalid("a place has `generation`, `run` and `offset`")),
        };
        Ok(AttachParams {
            role: self.role.unwrap_or(AttachRole::Viewer),
            take: self.take,
            size,
            from,
        })
    }
}

fn invalid(why: &str) -> Fault {
    Fault::new(Code::RequestInvalid, why)
}

pub(super) async fn attach(
    State(shared): State<Arc<Shared>>,
    caller: Result<Caller, Fault>,
    session: Result<Path<String>, PathRejection>,
    query: Result<Query<AttachQuery>, QueryRejection>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Fault> {
    let Path(session) = session.map_err(|error| invalid(&error.body_text()))?;
    let Query(query) = query.map_err(|error| invalid(&error.body_text()))?;
    let allowed = query.params().and_then(|params| {
        let looks = params.role == AttachRole::Viewer;
        let caller = caller?;
        caller.needs(if looks { Scope::Observe } else { Scope::Pty })?;
        Ok((caller, params))
    });
    let upgrade = match (upgrade, &allowed) {
        (Ok(upgrade), _) => upgrade,
        (Err(_), Ok(_)) => return Err(invalid("a terminal is had by a WebSocket")),
        (Err(_), Err(fault)) => return Err(fault.clone()),
    };
    let upgrade = upgrade
        .protocols([SUBPROTOCOL])
        .max_message_size(MAX_MESSAGE)
        .max_frame_size(MAX_MESSAGE)
        .read_buffer_size(SMALL_READ)
        .write_buffer_size(0);
    let opened = async {
        let (caller, params) = allowed?;
        let looks = params.role == AttachRole::Viewer;
        let agent = agent_of(&shared, &session)?;
        let agent = shared.hub.whereabouts(agent, query.fleet.as_ref()).await?;
        let opened = open(&shared, &agent, query.fleet, params).await?;
        Ok((caller, looks, opened))
    };
    let opened = opened.await;
    shared.metrics.count(
        "pty.attach",
        opened.as_ref().err().map(|fault: &Fault| fault.code),
    );
    match opened {
        Ok((caller, looks, (result, pod, link))) => {
            Ok(upgrade.on_upgrade(move |socket| async move {
                shared.metrics.terminals.inc();
                tokio::select! {
                    () = serve(socket, looks, &result, pod, link) => {}
                    () = shared.revoked(&caller) => {}
                }
                shared.metrics.terminals.dec();
            }))
        }
        Err(fault) if query.refusal == Refusal::Message => {
            Ok(upgrade.on_upgrade(|socket| refuse(socket, fault)))
        }
        Err(fault) => Err(fault),
    }
}

async fn refuse(mut socket: WebSocket, fault: Fault) {
    let answer = Answer::of(String::new(), Err(fault));
    let text = serde_json::to_string(&answer).unwrap_or_default();
    // Whoever is gone needs no reason.
    let _ = socket.send(Message::Text(text.into())).await;
    let _ = socket.send(Message::Close(None)).await;
}

/// Returns which agent is meant by the id of a terminal that was opened here, or by a name.
fn agent_of(shared: &Shared, session: &str) -> Result<AgentRef, Fault> {
    if let Ok(id) = session.parse::<PodId>() {
        let route = shared.hub.topology().route(id)?;
        let route = route.ok_or_else(|| {
            Fault::new(Code::AgentNotFound, "there is no such terminal")
                .hint("`fleet pty list` lists them")
        })?;
        return Ok(AgentRef {
            agent: route.agent,
            endpoint: route.endpoint,
        });
    }
    session
        .parse()
        .map_err(|error: podfleet_protocol::NameError| {
            Fault::new(Code::AgentNotFound, error.to_string())
        })
}

async fn open(
    shared: &Shared,
    agent: &AgentRef,
    fleet: Option<FleetName>,
    params: AttachParams,
) -> Result<(AttachResult, Side, CancellationToken), Fault> {
    match shared.hub.doer(&agent.endpoint)? {
        Doer::Here => {
            let name = agent.agent.as_str();
            let (result, stream) = shared.hub.machine().attach(name, fleet, params).await?;
            let parts = stream.into_parts();
            let side = Side::pod(parts.io, &parts.read_buf);
            Ok((result, side, CancellationToken::new()))
        }
        Doer::There(remote) => {
            let local = AgentRef::local(agent.agent.clone());
            let attaching = remote.work(|client| async move {
                client.attach_raw(&local, fleet.as_ref(), &params).await
            });
            let (result, frames) = attaching.await?;
            Ok((result, frames.side(), remote.link()))
        }
    }
}

async fn serve(
    socket: WebSocket,
    looks: bool,
    result: &AttachResult,
    pod: Side,
    link: CancellationToken,
) {
    let mut client = Side::client(socket, looks);
    let Ok(text) = serde_json::to_string(result) else {
        return;
    };
    if client.outgoing.send(Item::Text(text)).await.is_ok() {
        forward(client, pod, link).await;
    }
}

/// What goes over a connection with frames.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Item {
    /// A frame, header included.
    Frame(Bytes),
    /// What stands before the first frame.
    Text(String),
    /// A question whether the other side is there, or its answer.
    Beat,
}

/// One end of a way that frames go.
pub(crate) struct Side {
    pub(crate) outgoing: Pin<Box<dyn Sink<Item, Error = io::Error> + Send>>,
    pub(crate) incoming: Pin<Box<dyn Stream<Item = io::Result<Item>> + Send>>,
    /// Whether the other end answers beats, so that its silence means something.
    pub(crate) beats: bool,
}

impl Side {
    /// A pod's socket, with what was read of it already.
    pub(crate) fn pod(stream: UnixStream, read: &BytesMut) -> Self {
        let (reading, writing) = stream.into_split();
        // What was read already is read first, without waiting for more.
        let reading = io::Cursor::new(read.to_vec()).chain(reading);
        let frames = FramedRead::with_capacity(reading, RawFrames, 128 << 10);
        let incoming = frames.map(|frame| match frame {
            Ok(frame) => Ok(Item::Frame(frame)),
            Err(FrameError::Io(error)) => Err(error),
            Err(error) => Err(io::Error::new(io::ErrorKind::InvalidData, error)),
        });
        let outgoing = futures_util::sink::unfold(writing, |mut writing, item| async move {
            if let Item::Frame(frame) = item {
                writing.write_all(&frame).await?;
            }
            Ok::<_, io::Error>(writing)
        });
        Self {
            outgoing: Box::pin(outgoing),
            incoming: Box::pin(incoming),
            beats: false,
        }
    }

    /// The client of the server's WebSocket.
    fn client(socket: WebSocket, looks: bool) -> Self {
        let (sink, stream) = socket.split();
        let outgoing = sink.sink_map_err(io::Error::other).with(|item| {
            std::future::ready(Ok::<_, io::Error>(match item {
                Item::Frame(frame) => Message::Binary(frame),
                Item::Text(text) => Message::Text(text.into()),
                Item::Beat => Message::Ping(Bytes::new()),
            }))
        });
        let incoming = stream.map(move |message| match message {
            Ok(Message::Binary(frame)) => checked(frame, looks),
            Ok(Message::Close(_)) => Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(_) => Ok(Item::Beat),
            Err(error) => Err(io::Error::other(error)),
        });
        Self {
            outgoing: Box::pin(outgoing),
            incoming: Box::pin(incoming),
            beats: true,
        }
    }
}

/// A message holds one frame. Who only looks sends nothing that a pod could take for control: the
/// pod refuses it too.
fn checked(frame: Bytes, looks: bool) -> io::Result<Item> {
    let mut copy = BytesMut::from(&frame[..frame.len().min(HEADER)]);
    copy.resize(frame.len(), 0);
    let whole = matches!(next_raw_frame(&mut copy), Ok(Some(_))) && copy.is_empty();
    let harmless = matches!(frame.first(), Some(0x83 | 0x85 | 0x86));
    if whole && (harmless || !looks) {
        return Ok(Item::Frame(frame));
    }
    Err(io::ErrorKind::InvalidData.into())
}

struct RawFrames;

impl Decoder for RawFrames {
    type Item = Bytes;
    type Error = FrameError;

    fn decode(&mut self, buffer: &mut BytesMut) -> Result<Option<Bytes>, FrameError> {
        next_raw_frame(buffer)
    }
}

/// Passes frames both ways until either end is done or silent, or `link` ends. What came from the
/// pod before its end still goes to the client.
pub(crate) async fn forward(client: Side, pod: Side, link: CancellationToken) {
    let up = one_way(client.incoming, client.beats, pod.outgoing, pod.beats);
    let down = one_way(pod.incoming, pod.beats, client.outgoing, client.beats);
    tokio::select! {
        // How it ended shows at the ends.
        _ = up => {}
        _ = down => {}
        () = link.cancelled() => {}
    }
}

async fn one_way(
    mut from: Pin<Box<dyn Stream<Item = io::Result<Item>> + Send>>,
    from_beats: bool,
    mut to: Pin<Box<dyn Sink<Item, Error = io::Error> + Send>>,
    to_beats: bool,
) -> io::Result<()> {
    let mut beat = interval(BEAT);
    let mut seen = Instant::now();
    loop {
        tokio::select! {
            biased;
            item = from.next() => {
                seen = Instant::now();
                match item {
                    Some(Ok(Item::Beat | Item::Text(_))) => {}
                    Some(Ok(frame)) => to.send(frame).await?,
                    Some(Err(error)) => return Err(error),
                    None => return to.close().await,
                }
            }
            _ = beat.tick() => {
                if from_beats && seen.elapsed() > SILENCE {
                    return Err(io::ErrorKind::TimedOut.into());
                }
                if to_beats {
                    to.send(Item::Beat).await?;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_frame_that_came_with_the_answer_is_not_waited_behind() {
        let (near, _far) = UnixStream::pair().unwrap();
        let mut read = BytesMut::new();
        let frame = podfleet_protocol::frame::Frame::Output {
            offset: 7,
            bytes: Bytes::from_static(b"early"),
        };
        frame.write(&mut read).unwrap();
        let mut side = Side::pod(near, &read);
        let next = tokio::time::timeout(Duration::from_secs(5), side.incoming.next()).await;
        let item = next.expect("it waits for more").unwrap().unwrap();
        assert_eq!(item, Item::Frame(read.freeze()));
    }

    #[test]
    fn a_message_is_one_frame_and_who_looks_sends_nothing_that_writes() {
        let frame = |kind: u8, payload: &[u8]| {
            let mut bytes = vec![kind, 0, 0, 0];
            bytes.extend(u32::try_from(payload.len()).unwrap().to_be_bytes());
            bytes.extend([0; 8]);
            bytes.extend(payload);
            Bytes::from(bytes)
        };
        assert!(checked(frame(0x81, b"x"), false).is_ok());
        assert!(checked(frame(0x81, b"x"), true).is_err());
        assert!(checked(frame(0x82, b"abcd"), true).is_err());
        assert!(checked(frame(0x83, b""), true).is_ok());
        assert!(checked(frame(0x83, b"").slice(..10), true).is_err());
        let two = [frame(0x83, b""), frame(0x83, b"")].concat();
        assert!(checked(two.into(), false).is_err());
    }

    #[test]
    fn a_query_is_read_back_as_it_was_meant() {
        let fleet: FleetName = "other".parse().unwrap();
        for from in [
            None,
            Some(Position {
                generation: Generation(3),
                run: Run(2),
                offset: 1 << 40,
            }),
        ] {
            let params = AttachParams {
                role: AttachRole::Controller,
                take: true,
                size: Some(Size {
                    columns: 80,
                    rows: 24,
                }),
                from,
            };
            let uri = format!("http://x/?{}", query(Some(&fleet), &params))
                .parse()
                .unwrap();
            let Query(read) = Query::<AttachQuery>::try_from_uri(&uri).unwrap();
            assert_eq!(read.params().unwrap(), params);
            assert_eq!(read.fleet.as_ref(), Some(&fleet));
        }
    }
}
