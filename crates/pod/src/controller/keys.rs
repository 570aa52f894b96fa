//! What a person types: when, how much, and when it may go through.

use std::time::{Duration, Instant};

use bytes::BytesMut;
use podfleet_pod_store::session_log::Entry;

use super::typist::Typist;
use crate::attach::{ClientId, Source};

/// How much of a person's typing waits for the log, for a message to be submitted, and for an agent
/// that does not read: long pastes come in many pieces.
const WAITING_ROOM: usize = 4 << 20;
/// How many bytes an agent may leave unread before further keys wait here.
const UNREAD: usize = 64 << 10;

/// A person's keys.
#[derive(Debug, Default)]
pub(super) struct Keys {
    last_text: Option<Instant>,
    /// Text keys since the last submit or clear.
    open: bool,
    /// Keys that wait: for the log to say that somebody types, or for a message to be submitted.
    waiting: BytesMut,
    log_asked: bool,
    /// Whoever typed last, until that is settled.
    typist: Option<Typist>,
}

impl Keys {
    /// Takes a client's keys in. Returns what the log has to record before they go through, if a burst
    /// begins. What another client typed before has to be [settled](Self::settle).
    pub(super) fn typed(
        &mut self,
        (id, name): (ClientId, &str),
        bytes: &[u8],
        now: Instant,
    ) -> Option<Entry> {
        let text = text_keys(bytes);
        if text.any {
            self.last_text = Some(now);
        }
        self.open = text.open.unwrap_or(self.open);
        if self.waiting.len() + bytes.len() > WAITING_ROOM {
            tracing::warn!(bytes = bytes.len(), "no room for more keys of a person");
            return None;
        }
        self.waiting.extend_from_slice(bytes);
        let before = self.typist.take().filter(|typist| typist.is(id));
        let goes_on = before.as_ref().is_some_and(|typist| typist.is_typing(now));
        let typist = self
            .typist
            .insert(before.unwrap_or_else(|| Typist::new(id, name, now)));
        typist.typed(bytes.len(), now);
        if goes_on {
            return None;
        }
        self.log_asked = true;
        typist.count()
    }

    /// Takes in what a terminal reports by itself, in its order among the keys.
    pub(super) fn reported(&mut self, bytes: &[u8]) {
        if self.waiting.len() + bytes.len() <= WAITING_ROOM {
            self.waiting.extend_from_slice(bytes);
        }
    }

    /// Lets keys go on: the log knows of them.
    pub(super) fn logged(&mut self) {
        self.log_asked = false;
    }

    /// Returns the keys that may go to the agent now.
    pub(super) fn release(&mut self, delivery_types: bool, unread: usize) -> Option<BytesMut> {
        let waits = self.log_asked || delivery_types || unread > UNREAD;
        let free = !waits && !self.waiting.is_empty();
        free.then(|| self.waiting.split())
    }

    /// Returns what the log does not count yet, once the burst is over.
    pub(super) fn uncounted(&mut self, now: Instant) -> Option<Entry> {
        let typist = self.typist.as_mut()?;
        if typist.is_typing(now) {
            return None;
        }
        typist.count()
    }

    /// Ends the burst of whoever typed last, unless that is this client. Returns what the log does not
    /// count yet of it.
    pub(super) fn settle(&mut self, unless: Option<ClientId>) -> Option<Entry> {
        let other = |typist: &mut Typist| !unless.is_some_and(|id| typist.is(id));
        self.typist.take_if(other)?.count()
    }

    /// Returns whether this client typed last.
    pub(super) fn are_of(&self, id: ClientId) -> bool {
        self.typist.as_ref().is_some_and(|typist| typist.is(id))
    }

    pub(super) fn age(&self, now: Instant) -> Option<Duration> {
        self.last_text
            .map(|last| now.saturating_duration_since(last))
    }

    pub(super) fn is_open(&self) -> bool {
        self.open
    }

    /// Forgets everything: a new run has an empty composer.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

/// What is among some keys.
struct TextKeys {
    /// Whether a person typed text, or edited it.
    any: bool,
    /// Whether text stands unsubmitted after them; nothing if they do not change that.
    open: Option<bool>,
}

/// Tells text keys from what terminals send by themselves: focus, mouse and other reports, and
/// keys that only move.
fn text_keys(bytes: &[u8]) -> TextKeys {
    let mut keys = TextKeys {
        any: false,
        open: None,
    };
    let mut rest = bytes;
    while let [first, tail @ ..] = rest {
        rest = tail;
        match first {
            0x1b => {
                rest = after_sequence(tail);
                let sequence = &tail[..tail.len() - rest.len()];
                if let Some(open) = kitty_text(sequence) {
                    keys.any = true;
                    keys.open = Some(open);
                }
            }
            // Enter, ctrl-C and ctrl-U leave an empty line.
            b'\r' | b'\n' | 0x03 | 0x15 => {
                keys.any = true;
                keys.open = Some(false);
            }
            // Backspace and tab edit; other control keys command.
            0x00..=0x06 | 0x0b..=0x1f => {}
            _ => {
                keys.any = true;
                keys.open = Some(true);
            }
        }
    }
    keys
}

/// Returns whether a key is among some keys, `key` being what terminals send for it by default. What
/// is pasted is no key.
pub(super) fn has_key(bytes: &[u8], key: &[u8]) -> bool {
    let mut rest = bytes;
    while let [first, tail @ ..] = rest {
        rest = match first {
            0x1b => after_sequence(tail),
            _ => tail,
        };
        let sequence = &tail[..tail.len() - rest.len()];
        let pressed = match kitty_key(sequence) {
            Some(pressed) => key == [pressed],
            // Escape twice in a row has the form of a sequence.
            None if sequence == b"\x1b" => key == b"\x1b",
            None => key.split_first() == Some((first, sequence)),
        };
        if pressed {
            return true;
        }
        if sequence == PASTE_BEGINS {
            let end = rest
                .windows(PASTE_ENDS.len())
                .position(|at| at == PASTE_ENDS);
            rest = end.map_or(&[][..], |end| &rest[end..]);
        }
    }
    false
}

const PASTE_BEGINS: &[u8] = b"[200~";
const PASTE_ENDS: &[u8] = b"\x1b[201~";

/// Reads a key of the kitty keyboard protocol that has a control character of its own: escape, or a
/// letter with ctrl.
fn kitty_key(sequence: &[u8]) -> Option<u8> {
    let parameters = std::str::from_utf8(sequence.strip_prefix(b"[")?.strip_suffix(b"u")?).ok()?;
    let (code, modifiers) = parameters.split_once(';').unwrap_or((parameters, "1"));
    let (modifiers, event) = modifiers.split_once(':').unwrap_or((modifiers, "1"));
    let code: u8 = code.split(':').next()?.parse().ok()?;
    let held = modifiers.parse::<u8>().ok()?.checked_sub(1)?;
    // Locks count as modifiers there; `3` marks the release of a key.
    match (code, held & 0x3f, event) {
        (_, _, "3") => None,
        (27, 0, _) => Some(27),
        (b'a'..=b'z', 4, _) => Some(code & 0x1f),
        _ => None,
    }
}

/// Tells a person's keys, those that only move among them, from reports: focus, mouse, and answers
/// to queries (xterm's control sequences).
pub(super) fn source_of(bytes: &[u8]) -> Source {
    let mut rest = bytes;
    while let [first, tail @ ..] = rest {
        if *first != 0x1b {
            return Source::Person;
        }
        rest = after_sequence(tail);
        if !is_report(&tail[..tail.len() - rest.len()]) {
            return Source::Person;
        }
    }
    Source::Terminal
}

fn is_report(sequence: &[u8]) -> bool {
    match sequence {
        [b'[', b'I' | b'O'] | [b'[', b'M', _, _, _] | [b'[', b'<' | b'?', ..] => true,
        // The cursor's place and the size; `F3` with a modifier has the form of the former.
        [b'[', b'0'..=b'9', .., b'R' | b't' | b'n' | b'c'] => !sequence.starts_with(b"[1;"),
        [b'[', b'>' | b'=', ..] => true,
        [b']' | b'P' | b'_' | b'^' | b'X', ..] => true,
        _ => false,
    }
}

/// Reads a key of the kitty keyboard protocol (`CSI code … u`). Returns whether text stands
/// unsubmitted after it; nothing if it is no text key.
fn kitty_text(sequence: &[u8]) -> Option<bool> {
    let parameters = std::str::from_utf8(sequence.strip_prefix(b"[")?.strip_suffix(b"u")?).ok()?;
    // `:3` marks the release of a key.
    if parameters.ends_with(":3") {
        return None;
    }
    let code: u32 = parameters.split([';', ':']).next()?.parse().ok()?;
    match code {
        13 => Some(false),
        32..57344 => Some(true),
        _ => None,
    }
}

/// Skips an escape sequence, but for the content of a paste.
fn after_sequence(bytes: &[u8]) -> &[u8] {
    match bytes {
        [b'[', b'M', rest @ ..] => rest.get(3..).unwrap_or_default(),
        [b'[', rest @ ..] => {
            let end = rest.iter().position(|byte| (0x40..=0x7e).contains(byte));
            end.and_then(|end| rest.get(end + 1..)).unwrap_or_default()
        }
        [b'O', rest @ ..] => rest.get(1..).unwrap_or_default(),
        [b']' | b'P' | b'_' | b'^' | b'X', rest @ ..] => {
            let end = rest.iter().position(|byte| matches!(byte, 0x07 | 0x1b));
            end.and_then(|end| rest.get(end + 1..)).unwrap_or_default()
        }
        [_, rest @ ..] => rest,
        [] => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::super::typist::BURST;
    use super::*;
    use proptest::prelude::*;
    use test_case::test_case;

    const ADA: (ClientId, &str) = (ClientId(1), "ada");
    const BOB: (ClientId, &str) = (ClientId(2), "bob");

    fn input(client: &str, bytes: u64) -> Entry {
        Entry::Input {
            client: client.to_owned(),
            bytes,
        }
    }

    #[test_case(b"\x1b[I", false; "focus gained")]
    #[test_case(b"\x1b[<0;10;5M", false; "mouse")]
    #[test_case(b"\x1b[M !!", false; "old mouse")]
    #[test_case(b"\x1b[A", false; "arrow")]
    #[test_case(b"\x1b]11;rgb:0000/0000/0000\x07", false; "colour report")]
    #[test_case(b"\x1b[97u", true; "letter of the kitty protocol")]
    #[test_case(b"\x1b[97;1:3u", false; "its release")]
    #[test_case(b"\x1b[27u", false; "escape of the kitty protocol")]
    #[test_case(b"a", true; "letter")]
    #[test_case("\u{3042}".as_bytes(), true; "kana")]
    #[test_case(b"\x7f", true; "backspace")]
    #[test_case(b"\x1b[200~hi\x1b[201~", true; "paste")]
    fn a_text_key_is_told_from_what_terminals_send_by_themselves(bytes: &[u8], text: bool) {
        assert_eq!(text_keys(bytes).any, text);
    }

    #[test_case(b"\x1b[I", Source::Terminal; "focus")]
    #[test_case(b"\x1b[O\x1b[<35;10;5M", Source::Terminal; "focus and mouse")]
    #[test_case(b"\x1b[M !!", Source::Terminal; "old mouse")]
    #[test_case(b"\x1b[?62;c", Source::Terminal; "attributes")]
    #[test_case(b"\x1b[24;80R", Source::Terminal; "cursor")]
    #[test_case(b"\x1b]11;rgb:0/0/0\x07", Source::Terminal; "colour")]
    #[test_case(b"\x1b[A", Source::Person; "arrow")]
    #[test_case(b"\x1bOP", Source::Person; "function key")]
    #[test_case(b"\x1b[1;2R", Source::Person; "function key with shift")]
    #[test_case(b"\x1b", Source::Person; "escape")]
    #[test_case(b"\x1bx", Source::Person; "meta")]
    #[test_case(b"\x1b[Ix", Source::Person; "focus and a letter")]
    #[test_case(b"\x1b[200~a\x1b[201~", Source::Person; "paste")]
    #[test_case(b"\x1b[97u", Source::Person; "kitty")]
    fn keys_are_told_from_reports(bytes: &[u8], source: Source) {
        assert_eq!(source_of(bytes), source);
    }

    #[test_case(b"\x1b", b"\x1b", true; "escape")]
    #[test_case(b"ab\x1b", b"\x1b", true; "escape behind letters")]
    #[test_case(b"\x1b\x1b", b"\x1b", true; "escape twice")]
    #[test_case(b"\x1b[27u", b"\x1b", true; "escape of the kitty protocol")]
    #[test_case(b"\x1b[27;129:1u", b"\x1b", true; "escape while num lock is on")]
    #[test_case(b"\x1b[27;1:3u", b"\x1b", false; "its release")]
    #[test_case(b"\x1b[27;2u", b"\x1b", false; "escape with shift")]
    #[test_case(b"\x1b[A", b"\x1b", false; "arrow")]
    #[test_case(b"\x1bx", b"\x1b", false; "meta")]
    #[test_case(b"\x1bOP", b"\x1b", false; "function key")]
    #[test_case(b"a\x03", b"\x03", true; "ctrl-C")]
    #[test_case(b"\x1b[99;5u", b"\x03", true; "ctrl-C of the kitty protocol")]
    #[test_case(b"\x1b[99u", b"\x03", false; "the letter alone")]
    #[test_case(b"\x1b[200~a\x03b\x1b[201~", b"\x03", false; "pasted")]
    #[test_case(b"\x1b[200~a\x1b[201~\x03", b"\x03", true; "behind a paste")]
    #[test_case(b"\x1b[200~a", b"\x1b", false; "a paste that goes on")]
    #[test_case(b"\x1b[20~", b"\x1b[20~", true; "a key of several bytes")]
    fn the_interrupt_key_is_told_from_others(bytes: &[u8], key: &[u8], found: bool) {
        assert_eq!(has_key(bytes, key), found);
    }

    #[test]
    fn a_burst_waits_for_the_log_once() {
        let mut keys = Keys::default();
        let now = Instant::now();
        assert_eq!(keys.typed(ADA, b"ab", now), Some(input("ada", 2)));
        assert_eq!(keys.release(false, 0), None);
        keys.logged();
        assert_eq!(keys.release(false, 0).as_deref(), Some(&b"ab"[..]));
        assert_eq!(keys.typed(ADA, b"c", now), None);
        assert_eq!(keys.release(true, 0), None);
        assert_eq!(keys.release(false, 0).as_deref(), Some(&b"c"[..]));
        assert_eq!(keys.uncounted(now), None);
        assert_eq!(keys.uncounted(now + BURST), Some(input("ada", 1)));
    }

    #[test]
    fn a_burst_is_one_clients() {
        let mut keys = Keys::default();
        let now = Instant::now();
        keys.typed(ADA, b"a", now);
        keys.typed(ADA, b"bcd", now);
        assert_eq!(keys.settle(Some(ADA.0)), None);
        assert_eq!(keys.settle(Some(BOB.0)), Some(input("ada", 3)));
        assert_eq!(keys.typed(BOB, b"x", now), Some(input("bob", 1)));
        keys.typed(BOB, b"y", now);
        assert_eq!(keys.settle(None), Some(input("bob", 1)));
        assert_eq!(keys.settle(None), None);
        assert_eq!(keys.uncounted(now + BURST), None);
    }

    #[test]
    fn a_long_paste_waits_whole() {
        let mut keys = Keys::default();
        let now = Instant::now();
        let piece = vec![b'x'; 60 << 10];
        assert!(keys.typed(ADA, &piece, now).is_some());
        for _ in 0..9 {
            assert_eq!(keys.typed(ADA, &piece, now), None);
        }
        keys.logged();
        assert_eq!(keys.release(false, UNREAD + 1), None);
        let released = keys.release(false, 0).unwrap();
        assert_eq!(released.len(), 10 * piece.len());
    }

    proptest! {
        #[test]
        fn any_bytes_are_looked_at_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..50)) {
            text_keys(&bytes);
            source_of(&bytes);
            has_key(&bytes, b"\x1b");
        }
    }
}
