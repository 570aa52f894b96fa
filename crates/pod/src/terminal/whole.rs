//! Where a view stream can be cut.

use podfleet_protocol::limits::MAX_FRAME;

use super::lexer::SEQUENCE_LIMIT;

const ESC: u8 = 0x1B;

/// What stands around the text of a sequence: introducer and ST.
const AROUND: usize = 4;

const _: () = assert!(
    SEQUENCE_LIMIT + AROUND <= MAX_FRAME,
    "each sequence of a view stream fits into a frame"
);

/// Returns how many of the first `most` bytes of `view` end with a whole character and in a terminal's
/// ground state. `view` is a part of a view stream that begins so, or bytes of a repaint.
///
/// Of such bytes it is enough to look at the last sequence: nothing in it is an escape but the one of
/// ST, and nothing between sequences is anything but text.
pub(crate) fn whole(view: &[u8], most: usize) -> usize {
    if view.len() <= most {
        return view.len();
    }
    let mut searched = most;
    while let Some(escape) = view[..searched].iter().rposition(|&byte| byte == ESC) {
        let end = escape + sequence_len(&view[escape..]);
        if end <= most {
            return end + whole_characters(&view[end..], most - end);
        }
        if view.get(escape + 1) != Some(&b'\\') {
            return if escape > 0 { escape } else { most };
        }
        // An ST that does not fit: what it ends does not, either.
        searched = escape;
    }
    whole_characters(view, most)
}

/// Returns how long the sequence is that `view` begins with.
fn sequence_len(view: &[u8]) -> usize {
    let find = |ends: fn(u8) -> bool| {
        let body = view.get(2..).unwrap_or_default();
        body.iter().position(|&byte| ends(byte)).map(|at| 2 + at)
    };
    let length = match view.get(1) {
        Some(b'[') => find(|byte| matches!(byte, 0x40..=0x7E)).map(|last| last + 1),
        Some(b']') => find(|byte| byte == ESC).map(|terminator| terminator + 2),
        Some(b'#' | b'(' | b')') => Some(3),
        _ => Some(2),
    };
    length.unwrap_or(view.len())
}

/// Returns how many of the first `most` bytes of `text` are whole characters.
fn whole_characters(text: &[u8], most: usize) -> usize {
    let continues = |at: usize| text.get(at).is_some_and(|byte| byte & 0xC0 == 0x80);
    let mut places = (most.saturating_sub(3)..=most).rev();
    places.find(|&at| !continues(at)).unwrap_or(most)
}
