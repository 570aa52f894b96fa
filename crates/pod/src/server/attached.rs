//! A connection as an attach stream.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use futures_util::{SinkExt, StreamExt};
use podfleet_protocol::codec::LineCodec;
use podfleet_protocol::frame::{Frame, FrameCodec};
use podfleet_protocol::method::AttachParams;
use podfleet_protocol::rpc::{ErrorCode, RequestId, Response, RpcError};
use tokio::net::UnixStream;
use tokio::sync::{mpsc, oneshot};
use tokio_util::codec::{Framed, FramedParts};

use super::caller::Caller;
use crate::attach::ClientId;
use crate::command::{Command, NewClient};
use crate::shared::Shared;

/// How many pings of a client may wait for it to read their answers; further ones get none.
const MAX_UNANSWERED: u32 = 16;

/// Attaches the client and carries frames both ways until either side ends.
pub(super) async fn serve(
    mut lines: Framed<UnixStream, LineCodec>,
    shared: &Arc<Shared>,
    caller: &Caller,
    id: RequestId,
    params: AttachParams,
) {
    let (frames, mut outgoing) = mpsc::unbounded_channel();
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
        carry(into_frames(lines), shared, client, &mut outgoing).await;
    }
    shared.tell(Command::Gone(client));
}

fn into_frames(lines: Framed<UnixStream, LineCodec>) -> Framed<UnixStream, FrameCodec> {
    let parts = lines.into_parts();
    let mut frames = FramedParts::new::<Frame>(parts.io, FrameCodec::new());
    frames.read_buf = parts.read_buf;
    Framed::from_parts(frames)
}

async fn carry(
    stream: Framed<UnixStream, FrameCodec>,
    shared: &Shared,
    client: ClientId,
    outgoing: &mut mpsc::UnboundedReceiver<Frame>,
) {
    let (mut sink, mut source) = stream.split();
    let unanswered = AtomicU32::new(0);
    let reading = async {
        while let Some(Ok(frame)) = source.next().await {
            if matches!(frame, Frame::Ping(_)) {
                if unanswered.load(Ordering::Relaxed) == MAX_UNANSWERED {
                    continue;
                }
                unanswered.fetch_add(1, Ordering::Relaxed);
            }
            shared.tell(Command::Frame(client, frame));
        }
    };
    let writing = async {
        while let Some(frame) = outgoing.recv().await {
            let last = matches!(frame, Frame::Error(_));
            let painted = ends_repaint(&frame);
            let pong = matches!(frame, Frame::Pong(_));
            if sink.feed(frame).await.is_err() {
                break;
            }
            // Frames that are there already go out together.
            if (outgoing.is_empty() || last || painted || pong) && sink.flush().await.is_err() {
                break;
            }
            if pong {
                unanswered.fetch_sub(1, Ordering::Relaxed);
            }
            if painted {
                shared.tell(Command::Painted(client));
            }
            if last {
                break;
            }
        }
    };
    tokio::select! {
        () = reading => {}
        () = writing => {}
        () = shared.ending.cancelled() => {}
    }
}

fn ends_repaint(frame: &Frame) -> bool {
    matches!(
        frame,
        Frame::Reset { more: false, .. } | Frame::ResetPart { more: false, .. }
    )
}
