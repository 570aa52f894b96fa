//! The frames on their way to a client, which may read slowly or not at all.
//!
//! What only the last of counts is there once, and small pieces of output are joined: a client that
//! does not read costs the bytes that wait for it, however many pieces they came in.

use std::collections::VecDeque;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};
use podfleet_protocol::frame::Frame;
use tokio::sync::Notify;

/// Up to this many bytes, pieces of output that wait are joined.
const JOINED: usize = 16 << 10;

#[derive(Debug, Default)]
struct Queue {
    frames: VecDeque<Frame>,
    /// How many bytes of output they have.
    output: u64,
    /// Whether no further frames come.
    over: bool,
    /// Why the client is let go.
    cut: Option<String>,
}

#[derive(Debug, Default)]
struct Inner {
    queue: Mutex<Queue>,
    filled: Notify,
    cut: Notify,
}

impl Inner {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where frames for a client go in. Without it, no further ones come.
#[derive(Debug)]
pub(crate) struct Outbox(Arc<Inner>);

/// Where they come out.
#[derive(Debug)]
pub(crate) struct Outgoing(Arc<Inner>);

/// Makes both ends.
pub(crate) fn outbox() -> (Outbox, Outgoing) {
    let inner = Arc::<Inner>::default();
    (Outbox(Arc::clone(&inner)), Outgoing(inner))
}

impl Outbox {
    /// Adds a frame; one of those that it makes obsolete leaves for it.
    pub(crate) fn push(&self, frame: Frame) {
        self.0.queue().push(frame);
        self.0.filled.notify_one();
    }

    /// Returns how many bytes of output wait to be written to the client's connection.
    pub(crate) fn waiting(&self) -> u64 {
        self.0.queue().output
    }

    /// Lets the client go without what waits for it; it is told why if it reads.
    pub(crate) fn cut(&self, why: &str) {
        let mut queue = self.0.queue();
        queue.frames = VecDeque::new();
        queue.output = 0;
        queue.cut = Some(why.to_owned());
        drop(queue);
        self.0.cut.notify_one();
    }
}

impl Drop for Outbox {
    fn drop(&mut self) {
        self.0.queue().over = true;
        self.0.filled.notify_one();
    }
}

impl Outgoing {
    /// Waits for the next frame; there is none when the client was let go. Dropping the future loses
    /// nothing.
    pub(crate) async fn next(&self) -> Option<Frame> {
        while !self.is_over() {
            let frame = self.0.queue().pop();
            match frame {
                Some(frame) => return Some(frame),
                None => self.0.filled.notified().await,
            }
        }
        None
    }

    /// Returns whether nothing comes any more. To who is let go `cut` tells that.
    fn is_over(&self) -> bool {
        let queue = self.0.queue();
        queue.over && queue.frames.is_empty() && queue.cut.is_none()
    }

    /// Waits until the client is to be let go, and returns why.
    pub(crate) async fn cut(&self) -> String {
        loop {
            if let Some(why) = self.0.queue().cut.take() {
                return why;
            }
            self.0.cut.notified().await;
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.queue().frames.is_empty()
    }

    /// Returns the next frame, or the error of a client that was let go, if there is one now.
    #[cfg(test)]
    pub(crate) fn now(&self) -> Option<Frame> {
        let mut queue = self.0.queue();
        let next = queue.pop();
        next.or_else(|| queue.cut.take().map(Frame::Error))
    }
}

impl Queue {
    fn push(&mut self, frame: Frame) {
        match frame {
            Frame::Output { offset, bytes } => self.output(offset, bytes),
            Frame::Geometry { .. }
            | Frame::ControllerChanged { .. }
            | Frame::NotController { .. }
            | Frame::Exit { .. } => {
                self.frames.retain(|earlier| earlier.kind() != frame.kind());
                self.frames.push_back(frame);
            }
            frame => self.frames.push_back(frame),
        }
    }

    fn pop(&mut self) -> Option<Frame> {
        let frame = self.frames.pop_front()?;
        if let Frame::Output { bytes, .. } = &frame {
            self.output -= bytes.len() as u64;
        }
        Some(frame)
    }

    fn output(&mut self, offset: u64, bytes: Bytes) {
        self.output += bytes.len() as u64;
        match self.frames.back_mut() {
            Some(Frame::Output {
                offset: begin,
                bytes: last,
            }) if *begin + last.len() as u64 == offset && last.len() + bytes.len() <= JOINED => {
                *last = join(mem::take(last), &bytes);
            }
            _ => self.frames.push_back(Frame::Output { offset, bytes }),
        }
    }
}

/// Appends to a piece, in place where it is nobody else's.
fn join(piece: Bytes, more: &[u8]) -> Bytes {
    let mut joined = piece.try_into_mut().unwrap_or_else(|shared| {
        let mut own = BytesMut::with_capacity(2 * (shared.len() + more.len()));
        own.extend_from_slice(&shared);
        own
    });
    joined.extend_from_slice(more);
    joined.freeze()
}

#[cfg(test)]
mod tests {
    use podfleet_protocol::{Run, Size};

    use super::*;

    fn waiting(outgoing: &Outgoing) -> Vec<Frame> {
        std::iter::from_fn(|| outgoing.now()).collect()
    }

    #[test]
    fn of_what_only_the_last_counts_one_waits() {
        let (outbox, outgoing) = outbox();
        let state = |count: u16| {
            let size = Size {
                columns: count,
                rows: 10,
            };
            [
                Frame::Geometry { offset: 0, size },
                Frame::ControllerChanged {
                    epoch: u32::from(count),
                    you: false,
                    name: "x".repeat(100),
                },
                Frame::NotController {
                    epoch: u32::from(count),
                },
                Frame::Exit {
                    offset: 0,
                    run: Run(count.into()),
                    end: "exit".into(),
                },
            ]
        };
        for count in 1..1000 {
            for frame in state(count) {
                outbox.push(frame);
            }
            outbox.push(Frame::Pong(Bytes::new()));
        }
        let mut left = waiting(&outgoing);
        left.retain(|frame| !matches!(frame, Frame::Pong(_)));
        assert_eq!(left, state(999));
    }

    #[test]
    fn output_in_single_bytes_waits_in_few_pieces_and_comes_as_it_was() {
        let (outbox, outgoing) = outbox();
        let sent: Vec<u8> = (0..5 * JOINED).map(|at| (at % 251) as u8).collect();
        for (offset, byte) in sent.iter().enumerate() {
            // A slice of something large, as the ring gives.
            let bytes = Bytes::from(vec![*byte; 4096]).slice(..1);
            outbox.push(Frame::Output {
                offset: offset as u64,
                bytes,
            });
        }
        let frames = waiting(&outgoing);
        assert_eq!(frames.len(), 5);
        let mut came = Vec::new();
        for frame in frames {
            let Frame::Output { offset, bytes } = frame else {
                panic!("{frame:?}");
            };
            assert_eq!(offset, came.len() as u64);
            came.extend_from_slice(&bytes);
        }
        assert!(came == sent);
    }

    #[test]
    fn what_does_not_follow_at_once_is_not_joined() {
        let (outbox, outgoing) = outbox();
        let piece = |offset| Frame::Output {
            offset,
            bytes: Bytes::from_static(b"ab"),
        };
        for offset in [0, 2, 7] {
            outbox.push(piece(offset));
        }
        assert_eq!(
            waiting(&outgoing),
            [
                Frame::Output {
                    offset: 0,
                    bytes: Bytes::from_static(b"abab")
                },
                piece(7)
            ]
        );
    }

    #[tokio::test]
    async fn who_is_cut_off_gets_nothing_more_and_is_told_why() {
        let (outbox, outgoing) = outbox();
        outbox.push(Frame::Pong(Bytes::new()));
        outbox.cut("too slow");
        drop(outbox);
        assert!(outgoing.is_empty());
        tokio::select! {
            biased;
            frame = outgoing.next() => panic!("{frame:?}"),
            why = outgoing.cut() => assert_eq!(why, "too slow"),
        }
    }

    #[tokio::test]
    async fn what_waits_comes_before_the_end() {
        let (outbox, outgoing) = outbox();
        outbox.push(Frame::Release);
        drop(outbox);
        assert_eq!(outgoing.next().await, Some(Frame::Release));
        assert_eq!(outgoing.next().await, None);
    }
}
