//! The last frames of a terminal, for all who look at it.
//!
//! It holds what one viewer of the pod got, frame by frame. Whoever has been shown exactly what stood
//! before one of the frames may go on with it: the rest is what the pod would have sent them.

use std::collections::VecDeque;

use bytes::Bytes;
use podfleet_protocol::frame::{Header, kind};
use podfleet_protocol::limits::ATTACH_WINDOW;

use super::place::{Place, Shown};

/// How much is kept: more than this no viewer lags behind, since it may leave no more unacknowledged.
const KEPT: usize = ATTACH_WINDOW as usize;
/// What a frame takes besides its bytes, about.
const OVERHEAD: usize = 64;

/// The frames, from the first that is still there.
#[derive(Debug, Default)]
pub(super) struct Replay {
    entries: VecDeque<Entry>,
    /// The number of the first entry.
    first: u64,
    /// The sum of what the entries take.
    bytes: usize,
    place: Place,
    live: bool,
}

#[derive(Debug)]
struct Entry {
    frame: Bytes,
    /// What was shown before it.
    before: Option<Shown>,
}

impl Entry {
    fn bytes(&self) -> usize {
        self.frame.len() + OVERHEAD
    }

    fn is_reset(&self) -> bool {
        Header::of(&self.frame).is_some_and(|header| header.kind == kind::RESET)
    }
}

/// What a viewer finds at its number.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// The next frame.
    Frame(Bytes),
    /// Nothing yet.
    Nothing,
    /// It is gone: the viewer was too slow.
    Gone,
    /// Nothing more: the way to the pod has ended.
    End,
}

impl Replay {
    /// Begins anew, with the first repaint that comes. No number means two frames, and whoever waits
    /// for the next one finds it gone.
    pub(super) fn begin(&mut self) {
        *self = Self {
            first: self.end() + 1,
            live: true,
            ..Self::default()
        };
    }

    /// Takes note that nothing more comes.
    pub(super) fn finish(&mut self) {
        self.live = false;
    }

    /// Returns whether something may come.
    pub(super) fn is_live(&self) -> bool {
        self.live
    }

    fn end(&self) -> u64 {
        self.first + self.entries.len() as u64
    }

    /// Appends a frame of the pod.
    pub(super) fn push(&mut self, frame: Bytes) {
        let before = self.place.shown();
        self.place.pass(&frame);
        // Nobody could begin at the first repaint.
        if self.entries.is_empty() && before.is_none() {
            return;
        }
        let entry = Entry { frame, before };
        self.bytes += entry.bytes();
        self.entries.push_back(entry);
        while self.bytes > KEPT
            && let Some(oldest) = self.entries.pop_front()
        {
            self.bytes -= oldest.bytes();
            self.first += 1;
        }
    }

    /// Returns the number of the frame that goes on from what is shown to somebody.
    ///
    /// Of several, it is the first behind the last repaint: what is not part of the stream is rather
    /// told twice than not at all.
    pub(super) fn number(&self, shown: Shown) -> Option<u64> {
        if !self.live {
            return None;
        }
        let mut found = (self.place.shown() == Some(shown)).then(|| self.end());
        for (number, entry) in (self.first..self.end())
            .rev()
            .zip(self.entries.iter().rev())
        {
            if found.is_some() && entry.is_reset() {
                break;
            }
            if entry.before == Some(shown) {
                found = Some(number);
            }
        }
        found
    }

    /// Returns what is at a number.
    pub(super) fn at(&self, number: u64) -> Found {
        let Some(index) = number.checked_sub(self.first) else {
            return Found::Gone;
        };
        let entry = usize::try_from(index)
            .ok()
            .and_then(|index| self.entries.get(index));
        match entry {
            Some(entry) => Found::Frame(entry.frame.clone()),
            None if self.live => Found::Nothing,
            None => Found::End,
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;
    use podfleet_protocol::frame::Frame;
    use podfleet_protocol::method::Position;
    use podfleet_protocol::{Generation, Run, Size};

    use super::*;

    const SIZE: Size = Size {
        columns: 80,
        rows: 24,
    };

    fn raw(frame: &Frame) -> Bytes {
        let mut bytes = BytesMut::new();
        frame.write(&mut bytes).unwrap();
        bytes.freeze()
    }

    fn reset(offset: u64, size: Size) -> Bytes {
        raw(&Frame::Reset {
            offset,
            generation: Generation(1),
            run: Run(1),
            size,
            bytes: Bytes::from_static(b"repaint"),
            more: false,
        })
    }

    fn output(offset: u64, text: &'static str) -> Bytes {
        raw(&Frame::Output {
            offset,
            bytes: text.into(),
        })
    }

    fn shown(offset: u64, size: Size) -> Shown {
        let (generation, run) = (Generation(1), Run(1));
        Shown {
            position: Position {
                generation,
                run,
                offset,
            },
            size,
        }
    }

    /// What somebody gets who is shown that, until nothing is there.
    fn rest(replay: &Replay, from: Shown) -> Option<Vec<Bytes>> {
        let mut number = replay.number(from)?;
        let mut frames = Vec::new();
        while let Found::Frame(frame) = replay.at(number) {
            frames.push(frame);
            number += 1;
        }
        Some(frames)
    }

    #[test]
    fn whoever_was_shown_what_stood_before_a_frame_goes_on_with_it() {
        let mut replay = Replay::default();
        replay.begin();
        replay.push(reset(10, SIZE));
        assert_eq!(rest(&replay, shown(10, SIZE)), Some(vec![]));
        let frames = [output(10, "one"), output(13, "two")];
        frames.iter().for_each(|frame| replay.push(frame.clone()));
        assert_eq!(rest(&replay, shown(10, SIZE)).unwrap(), frames);
        assert_eq!(rest(&replay, shown(13, SIZE)).unwrap(), frames[1..]);
        assert_eq!(rest(&replay, shown(16, SIZE)), Some(vec![]));
        // Within a frame, before the first and after the last there is no way on.
        for offset in [9, 11, 17] {
            assert_eq!(replay.number(shown(offset, SIZE)), None, "{offset}");
        }
        let other = Size {
            columns: 81,
            rows: 24,
        };
        assert_eq!(replay.number(shown(13, other)), None);
    }

    #[test]
    fn a_repaint_for_another_size_comes_to_those_who_have_not_seen_it_only() {
        let mut replay = Replay::default();
        replay.begin();
        replay.push(reset(0, SIZE));
        replay.push(output(0, "one"));
        let wide = Size {
            columns: 120,
            rows: 24,
        };
        let geometry = raw(&Frame::Geometry {
            offset: 3,
            size: wide,
        });
        let ended = raw(&Frame::Exit {
            offset: 3,
            run: Run(1),
            end: "exited".into(),
        });
        let frames = [geometry, reset(3, wide), ended];
        frames.iter().for_each(|frame| replay.push(frame.clone()));
        assert_eq!(rest(&replay, shown(3, SIZE)).unwrap(), frames);
        assert_eq!(rest(&replay, shown(3, wide)).unwrap(), frames[2..]);
    }

    #[test]
    fn what_is_too_old_is_gone_and_numbers_go_on_after_an_end() {
        let mut replay = Replay::default();
        replay.begin();
        replay.push(reset(0, SIZE));
        let many = KEPT / OVERHEAD;
        for at in 0..many as u64 {
            replay.push(output(at, "x"));
        }
        assert!(replay.bytes <= KEPT && replay.entries.len() > 100);
        assert_eq!(replay.at(0), Found::Gone);
        assert_eq!(replay.number(shown(0, SIZE)), None);
        let end = replay.number(shown(many as u64, SIZE)).unwrap();
        assert_eq!(replay.at(end), Found::Nothing);
        replay.finish();
        assert_eq!(replay.at(end), Found::End);
        assert_eq!(replay.number(shown(many as u64, SIZE)), None);
        replay.begin();
        replay.push(reset(0, SIZE));
        replay.push(output(0, "new"));
        assert_eq!(replay.at(end), Found::Gone);
        assert_eq!(rest(&replay, shown(0, SIZE)).unwrap().len(), 1);
    }
}
