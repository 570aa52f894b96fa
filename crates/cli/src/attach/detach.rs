//! The keys that leave an agent's terminal: `ctrl-\ d`.

/// `ctrl-\` as terminals send it: plain, in the kitty keyboard protocol, and as xterm's
/// `modifyOtherKeys`.
const PREFIXES: [&[u8]; 3] = [b"\x1c", b"\x1b[92;5u", b"\x1b[27;5;92~"];

/// Watches what a user types for the keys that leave.
///
/// After `ctrl-\`, `d` leaves; a second `ctrl-\` is typed once; anything else is typed with the
/// `ctrl-\` before it.
#[derive(Debug, Default)]
pub(crate) struct DetachKeys {
    /// The prefix that was typed last, as it was sent.
    prefix: Option<&'static [u8]>,
}

/// What a piece of typing comes to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Typed {
    /// What the agent gets.
    pub(crate) bytes: Vec<u8>,
    /// Whether the user leaves after that.
    pub(crate) leave: bool,
}

impl DetachKeys {
    /// Takes what was typed; bytes after the keys that leave are dropped.
    pub(crate) fn take(&mut self, mut input: &[u8]) -> Typed {
        let mut bytes = Vec::with_capacity(input.len());
        while !input.is_empty() {
            let found = PREFIXES.iter().find(|prefix| input.starts_with(prefix));
            match (self.prefix.take(), found) {
                (Some(_), _) if input[0] == b'd' => return Typed { bytes, leave: true },
                (Some(_), Some(again)) => {
                    bytes.extend_from_slice(again);
                    input = &input[again.len()..];
                }
                (None, Some(prefix)) => {
                    self.prefix = Some(prefix);
                    input = &input[prefix.len()..];
                }
                (held, None) => {
                    bytes.extend_from_slice(held.unwrap_or_default());
                    bytes.push(input[0]);
                    input = &input[1..];
                }
            }
        }
        Typed {
            bytes,
            leave: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(pieces: &[&[u8]]) -> (Vec<u8>, bool) {
        let mut keys = DetachKeys::default();
        let mut all = Vec::new();
        for piece in pieces {
            let typed = keys.take(piece);
            all.extend(typed.bytes);
            if typed.leave {
                return (all, true);
            }
        }
        (all, false)
    }

    #[test]
    fn the_prefix_and_d_leave_also_in_two_pieces() {
        assert_eq!(typed(&[b"ab\x1cdrest"]), (b"ab".to_vec(), true));
        assert_eq!(typed(&[b"\x1c", b"d"]), (Vec::new(), true));
    }

    #[test]
    fn the_prefix_is_known_in_every_keyboard_protocol() {
        assert_eq!(typed(&[b"\x1b[92;5ud"]), (Vec::new(), true));
        assert_eq!(typed(&[b"\x1b[27;5;92~", b"d"]), (Vec::new(), true));
    }

    #[test]
    fn the_prefix_twice_is_typed_once() {
        assert_eq!(typed(&[b"\x1c\x1cd"]), (b"\x1cd".to_vec(), false));
    }

    #[test]
    fn the_prefix_and_another_key_are_both_typed() {
        assert_eq!(typed(&[b"\x1c", b"xd"]), (b"\x1cxd".to_vec(), false));
    }

    #[test]
    fn all_else_is_typed_as_it_is() {
        let text = "漢字\x1b[A\r".as_bytes();
        assert_eq!(typed(&[text]), (text.to_vec(), false));
    }
}
