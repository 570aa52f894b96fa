//! Keeping an agent's output inside the alternate screen that we show it in.
//!
//! What the user had on the screen before is safe below it. The agent's own switches to and from
//! its alternate screen are taken out of the stream: entering one clears ours, leaving one needs a
//! repaint, since ours has no screen below.

/// The private modes that switch to an alternate screen.
const SWITCHES: [&[u8]; 3] = [b"1049", b"1047", b"47"];

/// Appends `bytes` without the switches; returns whether a switch back was among them.
///
/// `bytes` are a piece of the view stream, so every sequence in them is whole.
pub(crate) fn confine(mut bytes: &[u8], out: &mut Vec<u8>) -> bool {
    let mut left = false;
    while let Some(start) = find(bytes, b"\x1b[?") {
        let parameters = &bytes[start + 3..];
        let length = parameters
            .iter()
            .take_while(|byte| byte.is_ascii_digit() || **byte == b';')
            .count();
        let (sequence, rest) = bytes[start..].split_at((3 + length + 1).min(bytes.len() - start));
        out.extend_from_slice(&bytes[..start]);
        match sequence.last() {
            Some(end @ (b'h' | b'l')) => {
                left |= switch(&parameters[..length], *end, out);
            }
            _ => out.extend_from_slice(sequence),
        }
        bytes = rest;
    }
    out.extend_from_slice(bytes);
    left
}

fn find(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    bytes
        .windows(needle.len())
        .position(|window| window == needle)
}

/// Writes a change of private modes without the switches; returns whether it leaves.
fn switch(parameters: &[u8], end: u8, out: &mut Vec<u8>) -> bool {
    let modes = parameters.split(|byte| *byte == b';');
    let (switches, kept): (Vec<_>, Vec<_>) = modes.partition(|mode| SWITCHES.contains(mode));
    if !kept.is_empty() {
        out.extend_from_slice(b"\x1b[?");
        out.extend_from_slice(&kept.join(&b';'));
        out.push(end);
    }
    if !switches.is_empty() && end == b'h' {
        out.extend_from_slice(b"\x1b[2J");
    }
    !switches.is_empty() && end == b'l'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn confined(bytes: &[u8]) -> (String, bool) {
        let mut out = Vec::new();
        let left = confine(bytes, &mut out);
        (String::from_utf8(out).unwrap(), left)
    }

    #[test]
    fn entering_an_alternate_screen_clears_ours() {
        let (text, left) = confined(b"a\x1b[?1049hb");
        assert_eq!((text.as_str(), left), ("a\x1b[2Jb", false));
    }

    #[test]
    fn leaving_one_asks_for_a_repaint() {
        let (text, left) = confined(b"a\x1b[?1049lb");
        assert_eq!((text.as_str(), left), ("ab", true));
    }

    #[test]
    fn other_modes_of_the_same_sequence_are_kept() {
        let (text, _) = confined(b"\x1b[?25;1049;2004h");
        assert_eq!(text, "\x1b[?25;2004h\x1b[2J");
    }

    #[test]
    fn all_else_is_left_alone() {
        let stream = "\x1b[?25l漢\x1b[?2026$p\x1b[>4;1m\x1b[?u\x1b[?6c\x1b[1;1Hx";
        assert_eq!(confined(stream.as_bytes()), (stream.to_owned(), false));
        assert_eq!(confined(b"\x1b[?"), ("\x1b[?".to_owned(), false));
    }
}
