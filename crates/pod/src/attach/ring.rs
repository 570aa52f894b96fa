//! The last part of the view stream, kept for clients that read slowly or come back.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};
use podfleet_protocol::limits::{MAX_FRAME, VIEW_RING};

use crate::terminal::whole;

/// Up to this many bytes, pieces are joined: of an agent whose output is nearly all kept from views, a
/// read leaves a byte or two, and each piece costs more than that.
const JOINED: usize = 4 << 10;

/// The last [`VIEW_RING`] bytes of a stream, by their offsets in it.
#[derive(Debug, Default)]
pub(super) struct Ring {
    /// Each of them fits into a frame.
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

    /// Appends bytes, which end with a whole character and a whole sequence, and drops the oldest pieces
    /// beyond the limit. So does every piece end: a client may show something else after any frame.
    pub(super) fn push(&mut self, mut bytes: Bytes) {
        self.end += bytes.len() as u64;
        while !bytes.is_empty() {
            let length = whole(&bytes, MAX_FRAME);
            self.push_piece(bytes.split_to(length));
        }
        while self.end - self.start > VIEW_RING as u64
            && let Some(oldest) = self.pieces.pop_front()
        {
            self.start += oldest.len() as u64;
        }
    }

    fn push_piece(&mut self, bytes: Bytes) {
        match self.pieces.back_mut() {
            Some(last) if last.len() + bytes.len() <= JOINED => {
                let mut joined = BytesMut::with_capacity(last.len() + bytes.len());
                joined.extend_from_slice(last);
                joined.extend_from_slice(&bytes);
                *last = joined.freeze();
            }
            _ => self.pieces.push_back(bytes),
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
            if given >= room {
                break;
            }
            let skip = usize::try_from(from.saturating_sub(offset)).unwrap_or(usize::MAX);
            let part = piece.slice(skip.min(piece.len())..);
            let at = offset + (piece.len() - part.len()) as u64;
            offset += piece.len() as u64;
            given += part.len() as u64;
            found.push((at, part));
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::terminal::ViewStream;

    /// What an agent writes over and over, between a beginning and an end: text of one to four bytes a
    /// character, sequences short and as long as they can be, and what stands for much more than it is.
    const WRITTEN: [[&str; 3]; 7] = [
        ["", "x漢é🦀", "\r\n"],
        ["", "\x1b[38;2;1;20;30mx", ""],
        ["", "\x1b]8;;http://a.b\x1b\\link\x1b]8;;\x1b\\", ""],
        ["", "\x1b(0\x1b)B\x1b#8\x1b7", ""],
        ["漢", "\x1b[20b", ""],
        ["\x1b[", "1;", "m"],
        ["\x1b]104", ";7", "\x07"],
    ];

    fn written((which, length): &(usize, usize)) -> Vec<u8> {
        let [begin, text, end] = WRITTEN[*which];
        [begin, &text.repeat(length / text.len()), end]
            .concat()
            .into_bytes()
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(24) })]

        #[test]
        fn every_part_ends_with_a_whole_character_and_a_whole_sequence(
            pieces in vec(vec((0..WRITTEN.len(), 0..80_000_usize), 1..4), 1..5)
        ) {
            let (mut view, mut ring) = (ViewStream::new(), Ring::default());
            let mut sent = Vec::new();
            for piece in pieces {
                let mut visible = Vec::new();
                view.feed(&piece.iter().flat_map(written).collect::<Vec<_>>(), &mut visible);
                sent.extend_from_slice(&visible);
                ring.push(Bytes::from(visible));
            }
            let mut read = Vec::new();
            for (offset, part) in ring.read(ring.start, u64::MAX) {
                prop_assert!(part.len() <= MAX_FRAME);
                prop_assert_eq!(offset, ring.start + read.len() as u64);
                // What is whole goes through as it is; of what is not, a part is held back.
                let mut whole = Vec::new();
                ViewStream::new().feed(&part, &mut whole);
                prop_assert!(whole == part, "{:?}", &part[part.len() - 20..]);
                read.extend_from_slice(&part);
            }
            prop_assert!(sent.ends_with(&read), "other bytes");
            prop_assert!(read.len() + MAX_FRAME > sent.len().min(VIEW_RING), "{} are kept", read.len());
        }
    }

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
