//! The last part of the view stream, kept for clients that read slowly or come back.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};
use podfleet_protocol::limits::{MAX_FRAME, VIEW_RING};

/// Up to this many bytes, pieces are joined: of an agent whose output is nearly all kept from views, a
/// read leaves a byte or two, and each piece costs more than that.
const JOINED: usize = 4 << 10;

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
        match self.pieces.back_mut() {
            Some(last) if last.len() + bytes.len() <= JOINED => {
                let mut joined = BytesMut::with_capacity(last.len() + bytes.len());
                joined.extend_from_slice(last);
                joined.extend_from_slice(&bytes);
                *last = joined.freeze();
            }
            _ => self.pieces.push_back(bytes),
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_of_single_bytes_takes_few_pieces_and_reads_as_it_came() {
        let mut ring = Ring::default();
        let sent: Vec<u8> = (0..3 * VIEW_RING / 2).map(|at| (at % 251) as u8).collect();
        for byte in &sent {
            ring.push(Bytes::copy_from_slice(&[*byte]));
        }
        assert!(
            ring.pieces.len() <= VIEW_RING / JOINED + 1,
            "{}",
            ring.pieces.len()
        );
        let begin = ring.end() - VIEW_RING as u64 / 2 - 7;
        let read = ring.read(begin, u64::MAX);
        let read: Vec<u8> = read.iter().flat_map(|(_, part)| part.to_vec()).collect();
        assert!(read == sent[usize::try_from(begin).unwrap()..]);
    }
}
