//! Bytes from the agent and to it: the terminal's two ends.

use std::io;
use std::time::Instant;

use bytes::{Buf, Bytes, BytesMut};
use futures_util::FutureExt as _;
use podfleet_pod_store::CrashPoint;
use pty_process::{OwnedReadPty, OwnedWritePty};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::Controller;
use crate::clock::Moment;

/// How much output is taken at once.
pub(super) const READ: usize = 64 << 10;
/// How much of it the terminal reads at once.
const PIECE: usize = 4 << 10;
/// The same after a piece that stood for more than [`GROWS`] times as much as it was.
const GROWING_PIECE: usize = 256;
const GROWS: usize = 16;
/// After how much output for clients it is others' turn.
const VISIBLE: usize = READ;
/// How many bytes an agent may leave unread before its terminal answers no more queries.
const UNREAD_ANSWERS: usize = 64 << 10;

impl Controller {
    pub(super) fn read_done(&mut self, length: usize) {
        if length == 0 {
            // The guard's report says that a run ended, not the terminal: a descendant of the
            // agent may hold it, or have closed it.
            self.terminal = None;
        } else {
            self.output();
        }
    }

    /// Takes the agent's output in: model, answers to its queries, clients. What stands for much more
    /// than it is, is left for later in part: a few bytes may repeat a character a thousand times.
    pub(super) fn output(&mut self) {
        let live = &mut self.live;
        let mut visible = Vec::with_capacity(self.unread.len());
        while !self.unread.is_empty() && visible.len() < VISIBLE {
            let piece = if self.grows { GROWING_PIECE } else { PIECE };
            let piece = piece.min(self.unread.len());
            let before = visible.len();
            let unread = &self.unread[..piece];
            let answers = live.terminal.feed_seen(unread, &mut visible);
            // An agent that asks and never reads gets no further answers.
            if live.outgoing.len() + answers.len() <= UNREAD_ANSWERS || live.delivery.is_typing() {
                live.outgoing.extend_from_slice(&answers);
            }
            self.grows = visible.len() - before > GROWS * piece;
            self.unread.advance(piece);
        }
        // In memory of just its size, since it is kept.
        live.clients.output(Bytes::copy_from_slice(&visible));
        live.last_output = Some(Instant::now());
        live.output_at = Some(Moment::now());
        self.dirty = true;
    }

    pub(super) fn write_done(&mut self, length: Option<usize>, now: Instant) {
        match length {
            Some(length) => {
                self.live.last_input = Some(now);
                self.live.outgoing.advance(length);
                if self.live.outgoing.is_empty() && self.live.delivery.is_typing() {
                    CrashPoint::DeliverTyped.reach();
                }
            }
            None => self.live.outgoing.clear(),
        }
        self.release_keys();
    }
}

/// Reads what is there, up to about [`READ`] bytes, and waits until there is something. The kernel gives
/// a page at a time, and each costs conclusions and a frame for every client unless it is taken with
/// the others. What is left of the last time comes first.
pub(super) async fn read(
    terminal: Option<&mut OwnedReadPty>,
    output: &mut BytesMut,
) -> io::Result<usize> {
    let Some(terminal) = terminal else {
        return std::future::pending().await;
    };
    if !output.is_empty() {
        return Ok(output.len());
    }
    output.reserve(READ);
    terminal.read_buf(output).await?;
    // Nothing is waited for here, so that what was read cannot be lost on the way. An end or an error
    // is met again by the next read.
    while !output.is_empty() && output.len() < READ {
        match terminal.read_buf(output).now_or_never() {
            Some(Ok(more)) if more > 0 => {}
            _ => break,
        }
    }
    Ok(output.len())
}

pub(super) async fn write(
    terminal: Option<&mut OwnedWritePty>,
    bytes: &BytesMut,
) -> io::Result<usize> {
    match terminal {
        Some(terminal) if !bytes.is_empty() => terminal.write(bytes).await,
        _ => std::future::pending().await,
    }
}
