//! From terminal input to keys.
//!
//! A pure parser: bytes go in as they were read, in pieces of any size, and keys come out. The
//! same bytes give the same keys however they were cut, except that a lone ESC at the end of the
//! input is only known to be the Escape key once nothing follows it ([`KeyParser::flush`]).

/// Bytes that end a bracketed paste.
const PASTE_END: &[u8] = b"\x1b[201~";
/// A string sequence longer than this is dropped: no terminal answers that much.
const MAX_SEQUENCE: usize = 4096;

/// One thing that came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Key {
    /// A printable character, or TAB.
    Char(char),
    /// A line end, CR or LF.
    Enter,
    /// ESC CR: a newline in the composer.
    AltEnter,
    /// The Escape key.
    Escape,
    /// Backspace.
    Backspace,
    /// The up arrow.
    Up,
    /// The down arrow.
    Down,
    /// A control key, by its letter in lower case.
    Control(char),
    /// A whole bracketed paste, without its frame. Bytes that are no UTF-8 are replaced.
    Paste(String),
    /// A paste frame's mark while bracketed paste is off, or an end without a beginning.
    StrayPasteMark,
    /// The terminal's answer to a query.
    Reply(Reply),
    /// A focus report, mouse report, function key, or other sequence without a meaning here.
    Ignored,
}

/// The terminal's answer to a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// DA1, with its parameters.
    DeviceAttributes(String),
    /// The cursor's row and column, as sent.
    CursorPosition(String),
    /// OSC 10.
    Foreground(String),
    /// OSC 11.
    Background(String),
}

/// Turns terminal input into keys.
#[derive(Debug, Default)]
pub struct KeyParser {
    bracketed_paste: bool,
    pending: Vec<u8>,
    paste: Option<Vec<u8>>,
}

enum Step {
    Key(Key, usize),
    BeginPaste(usize),
    Incomplete,
}

impl KeyParser {
    /// Creates a parser with bracketed paste off.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets whether the terminal has been asked to frame pastes.
    pub fn set_bracketed_paste(&mut self, on: bool) {
        self.bracketed_paste = on;
    }

    /// Takes in bytes and returns the keys that they complete.
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<Key> {
        self.pending.extend_from_slice(bytes);
        let mut keys = Vec::new();
        let mut at = 0;
        loop {
            if self.paste.is_some() {
                match self.continue_paste(at) {
                    Some((key, next)) => {
                        keys.push(key);
                        at = next;
                    }
                    None => {
                        at = self.pending.len() - held_back(&self.pending[at..]);
                        break;
                    }
                }
            }
            match step(&self.pending[at..], self.bracketed_paste) {
                Step::Key(key, length) => {
                    keys.push(key);
                    at += length;
                }
                Step::BeginPaste(length) => {
                    self.paste = Some(Vec::new());
                    at += length;
                }
                Step::Incomplete => break,
            }
        }
        self.pending.drain(..at);
        if self.pending.is_empty() {
            // A megabyte of paste must not stay allocated for the life of an idle process.
            self.pending.shrink_to(4096);
        }
        keys
    }

    /// Returns whether a lone ESC waits for what may follow it.
    #[must_use]
    pub fn has_lone_escape(&self) -> bool {
        self.paste.is_none() && self.pending == b"\x1b"
    }

    /// Takes a lone ESC for the Escape key; other unfinished input goes on waiting.
    pub fn flush(&mut self) -> Option<Key> {
        if !self.has_lone_escape() {
            return None;
        }
        self.pending.clear();
        Some(Key::Escape)
    }

    /// Moves paste bytes from `pending[at..]`; returns the paste and where it ended, once it did.
    fn continue_paste(&mut self, at: usize) -> Option<(Key, usize)> {
        let paste = self.paste.as_mut()?;
        let rest = &self.pending[at..];
        if let Some(end) = find(rest, PASTE_END) {
            paste.extend_from_slice(&rest[..end]);
            let text = String::from_utf8_lossy(paste).into_owned();
            self.paste = None;
            return Some((Key::Paste(text), at + end + PASTE_END.len()));
        }
        paste.extend_from_slice(&rest[..rest.len() - held_back(rest)]);
        None
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack
        .windows(needle.len())
        .position(|window| window == needle)
}

/// Length of the longest tail of `bytes` that may be the beginning of the paste's end.
fn held_back(bytes: &[u8]) -> usize {
    (1..PASTE_END.len())
        .rev()
        .find(|&length| bytes.ends_with(&PASTE_END[..length]))
        .unwrap_or(0)
}

/// Reads one key from the beginning of `bytes`.
fn step(bytes: &[u8], bracketed_paste: bool) -> Step {
    match bytes {
        [] => Step::Incomplete,
        [0x1b, rest @ ..] => escape(rest, bracketed_paste),
        [b'\r' | b'\n', ..] => Step::Key(Key::Enter, 1),
        [0x7f | 0x08, ..] => Step::Key(Key::Backspace, 1),
        [b'\t', ..] => Step::Key(Key::Char('\t'), 1),
        [byte @ 0x01..=0x1a, ..] => Step::Key(Key::Control(char::from(byte + 0x60)), 1),
        [0x00..=0x1f, ..] => Step::Key(Key::Ignored, 1),
        _ => character(bytes),
    }
}

fn character(bytes: &[u8]) -> Step {
    let head = &bytes[..bytes.len().min(4)];
    let (valid, error_length) = match std::str::from_utf8(head) {
        Ok(text) => (text, None),
        Err(error) => {
            let valid = std::str::from_utf8(&head[..error.valid_up_to()]).unwrap_or_default();
            match error.error_len() {
                None if valid.is_empty() && bytes.len() < 4 => return Step::Incomplete,
                length => (valid, Some(length.unwrap_or(1))),
            }
        }
    };
    match (valid.chars().next(), error_length) {
        (Some(c), _) if c.is_control() => Step::Key(Key::Ignored, c.len_utf8()),
        (Some(c), _) => Step::Key(Key::Char(c), c.len_utf8()),
        (None, length) => Step::Key(Key::Char(char::REPLACEMENT_CHARACTER), length.unwrap_or(1)),
    }
}

/// Reads what follows an ESC; lengths include the ESC.
fn escape(rest: &[u8], bracketed_paste: bool) -> Step {
    match rest {
        [] => Step::Incomplete,
        [b'[', ..] => control_sequence(&rest[1..], bracketed_paste),
        [b']', ..] => string_sequence(&rest[1..], true),
        [b'P' | b'_' | b'^' | b'X', ..] => string_sequence(&rest[1..], false),
        [b'O'] => Step::Incomplete,
        [b'O', b'A', ..] => Step::Key(Key::Up, 3),
        [b'O', b'B', ..] => Step::Key(Key::Down, 3),
        [b'O', ..] => Step::Key(Key::Ignored, 3),
        [b'\r' | b'\n', ..] => Step::Key(Key::AltEnter, 2),
        [0x1b, ..] => Step::Key(Key::Escape, 1),
        _ => match step(rest, bracketed_paste) {
            Step::Key(_, length) => Step::Key(Key::Ignored, length + 1),
            other => other,
        },
    }
}

/// Reads a control sequence after its `ESC [`.
fn control_sequence(body: &[u8], bracketed_paste: bool) -> Step {
    let is_final = |byte: &u8| !(0x20..=0x3f).contains(byte);
    let Some(end) = body.iter().take(MAX_SEQUENCE).position(is_final) else {
        return unfinished(body);
    };
    let parameters = String::from_utf8_lossy(&body[..end]).into_owned();
    let length = end + 3;
    let key = match (parameters.as_str(), body[end]) {
        ("200", b'~') if bracketed_paste => return Step::BeginPaste(length),
        ("200" | "201", b'~') => Key::StrayPasteMark,
        ("", b'A') => Key::Up,
        ("", b'B') => Key::Down,
        (_, b'c') if parameters.starts_with('?') => Key::Reply(Reply::DeviceAttributes(parameters)),
        (_, b'R') if parameters.contains(';') => Key::Reply(Reply::CursorPosition(parameters)),
        // No final byte: the sequence is broken off, and the byte belongs to what follows.
        (_, 0x00..=0x1f | 0x7f..) => return Step::Key(Key::Ignored, length - 1),
        _ => Key::Ignored,
    };
    Step::Key(key, length)
}

/// Reads an OSC, DCS, APC, PM or SOS after its introducer, up to BEL or ST.
fn string_sequence(body: &[u8], is_osc: bool) -> Step {
    for (at, byte) in body.iter().enumerate().take(MAX_SEQUENCE) {
        let terminator = match (byte, body.get(at + 1)) {
            (0x07, _) => 1,
            (0x1b, None) => return Step::Incomplete,
            (0x1b, Some(b'\\')) => 2,
            (0x1b, Some(_)) => 0,
            _ => continue,
        };
        let key = if is_osc {
            osc_reply(&body[..at])
        } else {
            Key::Ignored
        };
        return Step::Key(key, at + terminator + 2);
    }
    unfinished(body)
}

/// Waits for the rest of a sequence, or drops as much of it as one may be long.
fn unfinished(body: &[u8]) -> Step {
    if body.len() >= MAX_SEQUENCE {
        Step::Key(Key::Ignored, MAX_SEQUENCE + 2)
    } else {
        Step::Incomplete
    }
}

fn osc_reply(body: &[u8]) -> Key {
    let text = String::from_utf8_lossy(body);
    match text.split_once(';') {
        Some(("10", colour)) => Key::Reply(Reply::Foreground(colour.to_owned())),
        Some(("11", colour)) => Key::Reply(Reply::Background(colour.to_owned())),
        _ => Key::Ignored,
    }
}
