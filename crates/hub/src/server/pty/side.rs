//! Ways that frames go, and passing them on from one to another.

use std::io;
use std::pin::Pin;
use std::time::Duration;

use axum::extract::ws::{Message, WebSocket};
use bytes::{Bytes, BytesMut};
use futures_util::{Sink, SinkExt as _, Stream, StreamExt as _};
use podfleet_protocol::frame::{FrameError, HEADER, Header, kind, next_raw_frame};
use podfleet_protocol::limits::MAX_FRAME;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::time::{Instant, interval};
use tokio_util::codec::{Decoder, FramedRead};
use tokio_util::sync::CancellationToken;

/// The longest message in bytes.
pub(crate) const MAX_MESSAGE: usize = HEADER + MAX_FRAME;
/// How much is read of a pod at once, in bytes; of longer frames more.
const READ: usize = 32 << 10;
/// How often each side is asked whether it is there …
pub(super) const BEAT: Duration = Duration::from_secs(10);
/// … and how long it may be silent.
pub(super) const SILENCE: Duration = Duration::from_secs(30);

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

/// Where items are written.
pub(crate) type Outgoing = Pin<Box<dyn Sink<Item, Error = io::Error> + Send>>;
/// Where items come from.
pub(crate) type Incoming = Pin<Box<dyn Stream<Item = io::Result<Item>> + Send>>;

/// One end of a way that frames go.
pub(crate) struct Side {
    pub(crate) outgoing: Outgoing,
    pub(crate) incoming: Incoming,
    /// Whether the other end answers beats, so that its silence means something.
    pub(crate) beats: bool,
}

impl Side {
    /// A pod's socket, with what was read of it already.
    pub(crate) fn pod(stream: UnixStream, read: &BytesMut) -> Self {
        let (reading, writing) = stream.into_split();
        // What was read already is read first, without waiting for more.
        let reading = io::Cursor::new(read.to_vec()).chain(reading);
        let frames = FramedRead::with_capacity(reading, RawFrames, READ);
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
    pub(super) fn client(socket: WebSocket, looks: bool) -> Self {
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
    let header = Header::of(&frame).filter(|header| HEADER + header.length == frame.len());
    match header.map(|header| header.kind) {
        Some(kind::ACK | kind::PING | kind::REPAINT) => Ok(Item::Frame(frame)),
        Some(_) if !looks => Ok(Item::Frame(frame)),
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
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
pub(crate) async fn forward(mut client: Side, mut pod: Side, link: CancellationToken) {
    let up = one_way(
        &mut client.incoming,
        client.beats,
        &mut pod.outgoing,
        pod.beats,
    );
    let down = one_way(
        &mut pod.incoming,
        pod.beats,
        &mut client.outgoing,
        client.beats,
    );
    tokio::select! {
        // How it ended shows at the ends.
        _ = up => {}
        _ = down => {}
        () = link.cancelled() => {}
    }
}

/// Passes frames one way until its beginning is done or silent.
pub(super) async fn one_way(
    mut from: impl Stream<Item = io::Result<Item>> + Unpin,
    from_beats: bool,
    to: &mut Outgoing,
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
    use podfleet_protocol::frame::Frame;

    use super::*;

    #[tokio::test]
    async fn a_frame_that_came_with_the_answer_is_not_waited_behind() {
        let (near, _far) = UnixStream::pair().unwrap();
        let mut read = BytesMut::new();
        let frame = Frame::Output {
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
        assert!(checked(frame(kind::INPUT, b"x"), false).is_ok());
        assert!(checked(frame(kind::INPUT, b"x"), true).is_err());
        assert!(checked(frame(kind::RESIZE, b"abcd"), true).is_err());
        assert!(checked(frame(kind::ACK, b""), true).is_ok());
        assert!(checked(frame(kind::ACK, b"").slice(..10), true).is_err());
        let two = [frame(kind::ACK, b""), frame(kind::ACK, b"")].concat();
        assert!(checked(two.into(), false).is_err());
    }
}
