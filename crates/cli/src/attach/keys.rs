//! The keys by which a user of an agent's terminal speaks to us instead: a prefix and a letter.

use super::prefix::PrefixKey;

/// Watches what a user types for keys that are meant for us.
///
/// After the prefix, `d` leaves and `:` opens the line for a command; a second prefix is typed
/// once; anything else is typed with the prefix before it.
#[derive(Debug)]
pub(crate) struct OurKeys {
    /// The ways in which a terminal sends the prefix.
    prefixes: [Vec<u8>; 3],
    /// The one that was typed last.
    prefix: Option<Held>,
}

/// A prefix whose next key is awaited.
#[derive(Debug, Clone, Copy)]
enum Held {
    /// One that the agent gets if the next key is none of ours.
    Typed(usize),
    /// One that nobody gets.
    Ours,
}

/// What a piece of typing comes to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Typed {
    /// What the agent gets.
    pub(crate) bytes: Vec<u8>,
    /// What the user wants of us after that.
    pub(crate) wish: Option<Wish>,
}

/// What a user wants of us.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    /// To leave; what was typed after that is dropped.
    Leave,
    /// To give a command, which begins with these bytes.
    Command(Vec<u8>),
}

impl OurKeys {
    /// Watches for what follows `prefix`.
    pub(crate) fn new(prefix: PrefixKey) -> Self {
        Self {
            prefixes: prefix.encodings(),
            prefix: None,
        }
    }

    /// Returns what follows the prefix that `input` begins with, if it does.
    pub(crate) fn behind<'i>(&self, input: &'i [u8]) -> Option<&'i [u8]> {
        let mut prefixes = self.prefixes.iter();
        prefixes.find_map(|prefix| input.strip_prefix(prefix.as_slice()))
    }

    /// Returns what follows the first prefix in `input`, if there is one.
    pub(crate) fn behind_first<'i>(&self, input: &'i [u8]) -> Option<&'i [u8]> {
        (0..input.len()).find_map(|at| self.behind(&input[at..]))
    }

    /// Takes a prefix for typed that was meant for us: what follows may be ours, and if it is not, goes to
    /// the agent without it.
    pub(crate) fn hold(&mut self) {
        self.prefix = Some(Held::Ours);
    }

    /// Takes what was typed.
    pub(crate) fn take(&mut self, mut input: &[u8]) -> Typed {
        let mut bytes = Vec::with_capacity(input.len());
        while !input.is_empty() {
            let mut prefixes = self.prefixes.iter();
            let found = prefixes.position(|prefix| input.starts_with(prefix));
            match (self.prefix.take(), found) {
                (Some(_), _) if input[0] == b'd' => {
                    let wish = Some(Wish::Leave);
                    return Typed { bytes, wish };
                }
                (Some(_), _) if input[0] == b':' => {
                    let wish = Some(Wish::Command(input[1..].to_vec()));
                    return Typed { bytes, wish };
                }
                (Some(_), Some(again)) => {
                    let again = &self.prefixes[again];
                    bytes.extend_from_slice(again);
                    input = &input[again.len()..];
                }
                (None, Some(prefix)) => {
                    self.prefix = Some(Held::Typed(prefix));
                    input = &input[self.prefixes[prefix].len()..];
                }
                (held, None) => {
                    if let Some(Held::Typed(held)) = held {
                        bytes.extend_from_slice(&self.prefixes[held]);
                    }
                    bytes.push(input[0]);
                    input = &input[1..];
                }
            }
        }
        Typed { bytes, wish: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(pieces: &[&[u8]]) -> (Vec<u8>, Option<Wish>) {
        let mut keys = OurKeys::new(PrefixKey::default());
        let mut all = Vec::new();
        for piece in pieces {
            let typed = keys.take(piece);
            all.extend(typed.bytes);
            if typed.wish.is_some() {
                return (all, typed.wish);
            }
        }
        (all, None)
    }

    #[test]
    fn the_prefix_and_d_leave_also_in_two_pieces() {
        assert_eq!(
            typed(&[b"ab\x1cdrest"]),
            (b"ab".to_vec(), Some(Wish::Leave))
        );
        assert_eq!(typed(&[b"\x1c", b"d"]), (Vec::new(), Some(Wish::Leave)));
    }

    #[test]
    fn the_prefix_and_a_colon_begin_a_command() {
        assert_eq!(
            typed(&[b"ab\x1c", b":pods"]),
            (b"ab".to_vec(), Some(Wish::Command(b"pods".to_vec())))
        );
    }

    #[test]
    fn the_prefix_is_known_in_every_keyboard_protocol() {
        for pieces in [&[&b"\x1b[92;5ud"[..]][..], &[b"\x1b[27;5;92~", b"d"]] {
            assert_eq!(typed(pieces), (Vec::new(), Some(Wish::Leave)));
        }
    }

    #[test]
    fn the_prefix_twice_is_typed_once() {
        assert_eq!(typed(&[b"\x1c\x1cd"]), (b"\x1cd".to_vec(), None));
    }

    #[test]
    fn the_prefix_and_another_key_are_both_typed() {
        assert_eq!(typed(&[b"\x1c", b"xd"]), (b"\x1cxd".to_vec(), None));
    }

    #[test]
    fn our_key_at_the_open_line_reaches_nobody_and_what_follows_may_be_ours() {
        for (rest, expected) in [
            (
                &b":pods"[..],
                (Vec::new(), Some(Wish::Command(b"pods".to_vec()))),
            ),
            (b"d", (Vec::new(), Some(Wish::Leave))),
            (b"yes", (b"yes".to_vec(), None)),
            (b"\x1cy", (b"\x1cy".to_vec(), None)),
        ] {
            let mut keys = OurKeys::new(PrefixKey::default());
            keys.hold();
            let Typed { bytes, wish } = keys.take(rest);
            assert_eq!((bytes, wish), expected);
        }
    }

    #[test]
    fn the_prefix_is_found_behind_other_keys_in_every_keyboard_protocol() {
        let keys = OurKeys::new(PrefixKey::default());
        assert_eq!(keys.behind_first(b"yes\x1b[A"), None);
        for input in [
            &b"\x1cd"[..],
            b"y\x1cd",
            b"y\x1b[92;5ud",
            b"y\x1b[27;5;92~d",
        ] {
            assert_eq!(keys.behind_first(input), Some(&b"d"[..]));
        }
        assert_eq!(keys.behind(b"y\x1cd"), None);
    }

    #[test]
    fn all_else_is_typed_as_it_is() {
        let text = "漢字\x1b[A\r".as_bytes();
        assert_eq!(typed(&[text]), (text.to_vec(), None));
    }
}
