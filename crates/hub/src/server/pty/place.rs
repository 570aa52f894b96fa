//! Where a client is in a view stream.

use bytes::Buf as _;
use podfleet_protocol::frame::{HEADER, Header, kind};
use podfleet_protocol::method::{AttachResult, Position};
use podfleet_protocol::{Generation, Run, Size};

/// What is shown to somebody: two who have the same have been shown the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shown {
    /// Up to where.
    pub(super) position: Position,
    /// The size that it was drawn for.
    pub(super) size: Size,
}

/// Follows the frames that go to a client, or come from a pod.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Place {
    shown: Option<Shown>,
    in_reset: bool,
}

impl Place {
    /// Begins where an attach does that was to go on from a position.
    pub(super) fn after(result: &AttachResult, from: Option<Position>) -> Self {
        let goes_on = from == Some(result.position);
        Self {
            shown: goes_on.then_some(Shown {
                position: result.position,
                size: result.size,
            }),
            in_reset: false,
        }
    }

    /// Returns what is shown; nothing before and within a repaint.
    pub(super) fn shown(&self) -> Option<Shown> {
        self.shown.filter(|_| !self.in_reset)
    }

    /// Returns whether a repaint is half told.
    pub(super) fn is_in_reset(&self) -> bool {
        self.in_reset
    }

    /// Takes note of a frame.
    pub(super) fn pass(&mut self, frame: &[u8]) {
        let Some(header) = Header::of(frame) else {
            return;
        };
        match header.kind {
            kind::OUTPUT => {
                if let Some(shown) = &mut self.shown {
                    shown.position.offset = header.offset + header.length as u64;
                }
            }
            kind::RESET if self.in_reset => self.in_reset = header.more,
            kind::RESET => {
                self.in_reset = header.more;
                self.shown = repainted(header, &frame[HEADER..]);
            }
            // What is shown does not fit it; a repaint follows.
            kind::GEOMETRY => self.shown = None,
            _ => {}
        }
    }
}

fn repainted(header: Header, mut payload: &[u8]) -> Option<Shown> {
    let generation = Generation(payload.try_get_u64().ok()?);
    let run = Run(payload.try_get_u64().ok()?);
    let columns = payload.try_get_u16().ok()?;
    let rows = payload.try_get_u16().ok()?;
    Some(Shown {
        position: Position {
            generation,
            run,
            offset: header.offset,
        },
        size: Size { columns, rows },
    })
}
