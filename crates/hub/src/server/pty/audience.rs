//! All who only look at one terminal share one way to its pod.
//!
//! Whoever comes first has a way of its own, as those who type have. With the second one a further
//! viewer is attached, whose frames all who have caught up with it are given: each byte comes from the
//! pod once, however many look. It acknowledges at once what it gets, so that the slowness of those
//! behind it is not the pod's affair.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use bytes::{Bytes, BytesMut};
use futures_util::stream;
use podfleet_protocol::frame::{Frame, Header, kind};
use podfleet_protocol::limits::ATTACH_WINDOW;
use podfleet_protocol::method::{AttachParams, AttachRole};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;

use super::replay::Replay;
use super::side::{Item, Side, forward};
use super::{Target, open};
use crate::server::Shared;
use crate::terminal::TerminalRef;

/// The pod hears of what was taken after so many bytes, well before it would stop sending.
const ACK_EVERY: u64 = ATTACH_WINDOW / 8;

/// What tells one terminal from another: its pod where that is known, since a name may be another's
/// soon. No endpoint is this machine.
type Key = (Option<Uuid>, TerminalRef);

/// The audiences of all terminals that are looked at.
#[derive(Debug, Default)]
pub(in crate::server) struct Audiences(Mutex<HashMap<Key, Weak<Audience>>>);

/// All who look at one terminal, each of whom holds it.
#[derive(Debug)]
pub(super) struct Audience {
    frames: Arc<watch::Sender<Replay>>,
    end: CancellationToken,
    _end_with_the_last: DropGuard,
}

impl Audiences {
    /// Takes one more into the audience of a terminal.
    pub(super) fn enter(&self, shared: &Arc<Shared>, target: &Target) -> Arc<Audience> {
        let key = (target.endpoint(), target.terminal.clone());
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(audience) = known.get(&key).and_then(Weak::upgrade) {
            drop(known);
            audience.begin(shared, target);
            return audience;
        }
        known.retain(|_, audience| audience.strong_count() > 0);
        let end = CancellationToken::new();
        let audience = Arc::new(Audience {
            frames: Arc::new(watch::Sender::new(Replay::default())),
            _end_with_the_last: end.clone().drop_guard(),
            end,
        });
        known.insert(key, Arc::downgrade(&audience));
        audience
    }
}

impl Audience {
    /// Follows the frames that all are given.
    pub(super) fn frames(&self) -> watch::Receiver<Replay> {
        self.frames.subscribe()
    }

    /// Attaches the viewer whose frames all are given, unless it is there.
    fn begin(&self, shared: &Arc<Shared>, target: &Target) {
        let begins = self.frames.send_if_modified(|replay| {
            let begins = !replay.is_live();
            if begins {
                replay.begin();
            }
            begins
        });
        if !begins {
            return;
        }
        let (shared, target) = (Arc::clone(shared), target.clone());
        let (frames, end) = (Arc::clone(&self.frames), self.end.clone());
        tokio::spawn(async move {
            let params = AttachParams {
                role: AttachRole::Viewer,
                take: false,
                size: None,
                from: None,
            };
            let following = async {
                // If there is none, each goes on having a way of its own.
                if let Ok((_, pod, link)) = open(&shared, &target, params).await {
                    forward(taking(Arc::clone(&frames)), pod, link).await;
                }
            };
            tokio::select! {
                () = following => {}
                () = end.cancelled() => {}
            }
            frames.send_modify(Replay::finish);
        });
    }
}

/// Makes the end of a way whose frames become those of an audience.
fn taking(frames: Arc<watch::Sender<Replay>>) -> Side {
    let (acks, taken) = mpsc::unbounded_channel();
    let incoming = stream::unfold(taken, async |mut taken| {
        Some((Ok(Item::Frame(taken.recv().await?)), taken))
    });
    let begin = (frames, acks, 0_u64);
    let outgoing = futures_util::sink::unfold(begin, async |(frames, acks, mut acked), item| {
        if let Item::Frame(frame) = item {
            let header = Header::of(&frame);
            frames.send_modify(|replay| replay.push(frame));
            match header {
                Some(header) if header.kind == kind::RESET => acked = header.offset,
                Some(header) if header.kind == kind::OUTPUT => {
                    let end = header.offset + header.length as u64;
                    if end.saturating_sub(acked) >= ACK_EVERY {
                        acked = end;
                        // Nobody takes it when the way ends.
                        let _ = acks.send(acknowledgement(end));
                    }
                }
                _ => {}
            }
        }
        Ok::<_, io::Error>((frames, acks, acked))
    });
    Side {
        outgoing: Box::pin(outgoing),
        incoming: Box::pin(incoming),
        beats: false,
    }
}

fn acknowledgement(offset: u64) -> Bytes {
    raw(&Frame::Ack(offset))
}

/// Writes a frame of ours.
pub(super) fn raw(frame: &Frame) -> Bytes {
    let mut bytes = BytesMut::new();
    // Only a long payload fails, and ours are short.
    let _ = frame.write(&mut bytes);
    bytes.freeze()
}
