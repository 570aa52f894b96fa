//! A connection as an attach stream.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use futures_util::stream::SplitStream;
use futures_util::{SinkExt, StreamExt};
use podfleet_protocol::frame::{Frame, FrameCodec, FrameError};
use podfleet_protocol::limits::LAST_WORDS;
use podfleet_protocol::method::AttachParams;
use podfleet_protocol::rpc::{ErrorCode, RequestId, Response, RpcError};
use tokio::net::UnixStream;
use tokio::sync::{Semaphore, oneshot};
use tokio::time::timeout;
use tokio_util::codec::{Framed, FramedParts};

use super::caller::Caller;
use super::connection::Lines;
use crate::attach::{ClientId, Outgoing, outbox};
use crate::command::{Command, NewClient};
use crate::shared::Shared;

/// How much of what a client sent may wait for the controller, in bytes. The rest waits in the socket,
/// where it is the client that waits for it.
const SENT_AHEAD: usize = 64 << 10;
/// What each frame counts for at least, so that they are few, too.
const LEAST: usize = 1 << 10;
/// How many pings of a client may wait for it to read their answers; further ones get none.
const MAX_UNANSWERED: u32 = 16;

/// Attaches the client and carries frames both ways until either side ends.
pub(super) async fn serve(
    mut lines: Lines,
    shared: &Arc<Shared>,
    caller: &Caller,
    id: RequestId,
    params: AttachParams,
) {
    let (frames, outgoing) = outbox();
    let (answer, answered) = oneshot::channel();
    shared.tell(Command::Attach(Box::new(NewClient {
        name: caller.name.clone(),
        params,
        frames,
        answer,
    })));
    let ending = || RpcError::new(ErrorCode::ShuttingDown, "the pod is ending");
    let (client, result) = match answered.await.unwrap_or_else(|_| Err(ending())) {
        Ok(attached) => attached,
        Err(error) => {
            let _ = lines.send(&Response::failure(Some(id), error)).await;
            return;
        }
    };
    let result = serde_json::to_value(result).unwrap_or_default();
    if lines.send(&Response::success(id, result)).await.is_ok() {
        carry(into_frames(lines), shared, client, &outgoing).await;
    }
    shared.tell(Command::Gone(client));
}

fn into_frames(lines: Lines) -> Framed<UnixStream, FrameCodec> {
    let parts = lines.into_parts();
    let mut frames = FramedParts::new::<Frame>(parts.io.into_socket(), FrameCodec::new());
    frames.read_buf = parts.read_buf;
    Framed::from_parts(frames)
}

async fn carry(
    stream: Framed<UnixStream, FrameCodec>,
    shared: &Shared,
    client: ClientId,
    outgoing: &Outgoing,
) {
    let (mut sink, mut source) = stream.split();
    let unanswered = AtomicU32::new(0);
    let reading = read(&mut source, shared, client, &unanswered);
    let writing = async {
        while let Some(frame) = outgoing.next().await {
            let painted = ends_repaint(&frame);
            let pong = matches!(frame, Frame::Pong(_));
            if sink.feed(frame).await.is_err() {
                break;
            }
            // Frames that are there already go out together.
            if (outgoing.is_empty() || painted || pong) && sink.flush().await.is_err() {
                break;
            }
            if pong {
                unanswered.fetch_sub(1, Ordering::Relaxed);
            }
            if painted {
                shared.tell(Command::Painted(client));
            }
        }
    };
    let wrong = tokio::select! {
        wrong = reading => wrong,
        why = outgoing.cut() => Some(why),
        () = writing => None,
        () = shared.ending.cancelled() => None,
    };
    if let Some(why) = wrong {
        let _ = timeout(LAST_WORDS, sink.send(Frame::Error(why))).await;
    }
}

/// Passes on what a client sends, as fast as the controller takes it. Returns what it did wrong, if
/// it did not just go.
async fn read(
    source: &mut SplitStream<Framed<UnixStream, FrameCodec>>,
    shared: &Shared,
    client: ClientId,
    unanswered: &AtomicU32,
) -> Option<String> {
    let places = Arc::new(Semaphore::new(SENT_AHEAD));
    loop {
        let frame = match source.next().await? {
            Ok(frame) if frame.is_from_client() => frame,
            Ok(frame) => return Some(FrameError::Foreign(frame.kind()).to_string()),
            Err(FrameError::Io(_) | FrameError::Unterminated) => return None,
            Err(error) => return Some(error.to_string()),
        };
        if matches!(frame, Frame::Ping(_)) {
            if unanswered.load(Ordering::Relaxed) == MAX_UNANSWERED {
                continue;
            }
            unanswered.fetch_add(1, Ordering::Relaxed);
        }
        let place = Arc::clone(&places).acquire_many_owned(weight(&frame));
        let place = place.await.ok()?;
        shared.tell(Command::Frame(client, frame, place));
    }
}

fn weight(frame: &Frame) -> u32 {
    let length = match frame {
        Frame::Input(bytes) => bytes.len(),
        _ => 0,
    };
    u32::try_from(length.clamp(LEAST, SENT_AHEAD)).unwrap_or(u32::MAX)
}

fn ends_repaint(frame: &Frame) -> bool {
    matches!(
        frame,
        Frame::Reset { more: false, .. } | Frame::ResetPart { more: false, .. }
    )
}

#[cfg(test)]
mod tests {
    use bytes::{Bytes, BytesMut};
    use podfleet_protocol::limits::MAX_FRAME;
    use test_case::test_case;
    use tokio::io::AsyncWriteExt as _;

    use super::*;
    use crate::testing::Bench;

    #[test_case(&Frame::Ack(7), 64; "small frames are counted")]
    #[test_case(&Frame::Repaint, 64; "those without content too")]
    #[test_case(&Frame::Input(Bytes::from_static(&[b'x'; MAX_FRAME])), 1; "large ones are weighed")]
    #[tokio::test]
    async fn a_client_sends_no_further_ahead_than_its_places(frame: &Frame, places: usize) {
        let mut bench = Bench::new();
        let (mut client, pod) = UnixStream::pair().unwrap();
        let mut bytes = BytesMut::new();
        for _ in 0..places + 100 {
            frame.write(&mut bytes).unwrap();
        }
        let sending = tokio::spawn(async move { client.write_all(&bytes).await.map(|()| client) });
        let (_frames, outgoing) = outbox();
        let shared = Arc::clone(&bench.shared);
        let carrying = tokio::spawn(async move {
            let stream = Framed::new(pod, FrameCodec::new());
            carry(stream, &shared, ClientId(1), &outgoing).await;
        });
        let mut taken = Vec::new();
        for _ in 0..places {
            taken.push(bench.commands.recv().await.unwrap());
        }
        assert!(bench.commands.try_recv().is_err(), "it is further ahead");
        for _ in 0..100 {
            taken.remove(0);
            taken.push(bench.commands.recv().await.unwrap());
            assert!(bench.commands.try_recv().is_err(), "it is further ahead");
        }
        drop(sending.await.unwrap());
        carrying.await.unwrap();
    }
}
