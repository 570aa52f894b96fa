//! Repaints of the terminal for clients that need one.

use bytes::Bytes;
use podfleet_protocol::Size;
use podfleet_protocol::frame::{Frame, RESET_HEAD};
use podfleet_protocol::limits::MAX_FRAME;
use podfleet_protocol::method::Position;

use crate::terminal::whole;

/// Where so much of repaints waits to be taken, further ones bring no scrollback along.
const SCROLLED: usize = 2 << 20;
/// Where so much of them waits, whoever needs one waits, too.
pub(super) const REPAINTS: usize = 4 << 20;

/// How much scrollback a repaint brings along.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scrollback {
    None,
    Tail,
}

/// Repaints of one moment, each rendered once, as far as there is room for them.
pub(super) struct Easel {
    unpainted: usize,
    plain: Option<Bytes>,
    scrolled: Option<Bytes>,
}

impl Easel {
    pub(super) fn new(unpainted: usize) -> Self {
        Self {
            unpainted,
            plain: None,
            scrolled: None,
        }
    }

    pub(super) fn paint(
        &mut self,
        wanted: Scrollback,
        render: impl Fn(Scrollback) -> Vec<u8>,
    ) -> Option<Bytes> {
        let scrolls = self.scrolled.is_some() || self.unpainted < SCROLLED;
        let (scrollback, made) = match wanted {
            Scrollback::Tail if scrolls => (wanted, &mut self.scrolled),
            _ => (Scrollback::None, &mut self.plain),
        };
        if made.is_none() && self.unpainted < REPAINTS {
            let bytes = Bytes::from(render(scrollback).into_boxed_slice());
            self.unpainted += bytes.len();
            *made = Some(bytes);
        }
        made.clone()
    }
}

/// Cuts a repaint into frames, between whole sequences as output is.
pub(super) fn reset_frames(bytes: &Bytes, position: Position, size: Size) -> Vec<Frame> {
    let first = whole(bytes, MAX_FRAME - RESET_HEAD);
    let mut rest = bytes.slice(first..);
    let mut frames = vec![Frame::Reset {
        offset: position.offset,
        generation: position.generation,
        run: position.run,
        size,
        bytes: bytes.slice(..first),
        more: !rest.is_empty(),
    }];
    while !rest.is_empty() {
        let bytes = rest.split_to(whole(&rest, MAX_FRAME));
        frames.push(Frame::ResetPart {
            offset: position.offset,
            bytes,
            more: !rest.is_empty(),
        });
    }
    frames
}

#[cfg(test)]
mod tests {
    use podfleet_protocol::{Generation, Run};

    use super::*;
    use crate::terminal::ViewStream;

    #[test]
    fn a_long_repaint_is_cut_into_frames_that_fit() {
        let bytes = "\x1b[1;31m漢\x1b]8;;http://a.b\x1b\\字"
            .repeat(8000)
            .into_bytes();
        let frames = reset_frames(
            &Bytes::from(bytes.clone()),
            Position {
                generation: Generation(1),
                run: Run(1),
                offset: 0,
            },
            Size::DEFAULT,
        );
        let mut joined = Vec::new();
        for (index, frame) in frames.iter().enumerate() {
            let (part, more) = match frame {
                Frame::Reset { bytes, more, .. } => (bytes, *more),
                Frame::ResetPart { bytes, more, .. } => (bytes, *more),
                frame => panic!("{frame:?}"),
            };
            joined.extend_from_slice(part);
            let mut whole = Vec::new();
            ViewStream::new().feed(part, &mut whole);
            assert!(whole == *part, "a frame ends in the middle");
            assert_eq!(more, index + 1 < frames.len());
            assert!(frame.write(&mut bytes::BytesMut::new()).is_ok());
        }
        assert_eq!(joined, bytes);
    }
}
