//! A connection as an attach stream.

use std::sync::Arc;

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
    let reading = async {
        while let Some(Ok(frame)) = source.next().await {
            shared.tell(Command::Frame(client, frame));
        }
    };
    let writing = async {
        while let Some(frame) = outgoing.recv().await {
            let last = matches!(frame, Frame::Error(_));
            if sink.feed(frame).await.is_err() {
                break;
            }
            // Frames that are there already go out together.
            if (outgoing.is_empty() || last) && sink.flush().await.is_err() {
                break;
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
