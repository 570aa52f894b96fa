//! The last part of the view stream, kept for clients that read slowly or come back.

use std::collections::VecDeque;

use bytes::Bytes;
use podfleet_protocol::limits::{MAX_FRAME, VIEW_RING};

/// The last [`VIEW_RING`] bytes of a stream, by their offsets in it.
#[derive(Debug, Default)]
pub(super) struct Ring {
    pieces: VecDeque<Bytes>,
    start: u64,
    end: u64,
}

impl Ring {
    /// Returns the offset after the last byte.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    /// Returns whether the stream from `offset` on is still here.
    pub(super) fn holds(&self, offset: u64) -> bool {
        (self.start..=self.end).contains(&offset)
    }

    /// Appends bytes, and drops the oldest pieces beyond the limit.
    pub(super) fn push(&mut self, bytes: Bytes) {
        if bytes.is_empty() {
            return;
        }
        self.end += bytes.len() as u64;
        self.pieces.push_back(bytes);
        while self.end - self.start > VIEW_RING as u64
            && let Some(oldest) = self.pieces.pop_front()
        {
            self.start += oldest.len() as u64;
        }
    }

    /// Drops all bytes; offsets go on.
    pub(super) fn forget(&mut self) {
        self.pieces.clear();
        self.start = self.end;
    }

    /// Returns the stream from `from` on, in pieces fit for a frame, until at least `room` bytes.
    pub(super) fn read(&self, from: u64, room: u64) -> Vec<(u64, Bytes)> {
        let mut found = Vec::new();
        let mut offset = self.end;
        let mut first = self.pieces.len();
        while offset > from && first > 0 {
            first -= 1;
            offset -= self.pieces[first].len() as u64;
        }
        let mut given = 0;
        for piece in self.pieces.range(first..) {
            let skip = usize::try_from(from.saturating_sub(offset)).unwrap_or(usize::MAX);
            let mut rest = piece.slice(skip.min(piece.len())..);
            let mut at = offset + (piece.len() - rest.len()) as u64;
            offset += piece.len() as u64;
            while !rest.is_empty() {
                if given >= room {
                    return found;
                }
                let part = rest.split_to(rest.len().min(MAX_FRAME));
                given += part.len() as u64;
                let next = at + part.len() as u64;
                found.push((at, part));
                at = next;
            }
        }
        found
    }
}
