//! Splits a terminal's output into text and control sequences.
//!
//! The state machine is the one of DEC's terminals as xterm runs it on UTF-8: only 7-bit
//! introducers, C0 controls inside a sequence are executed at once, CAN and SUB abort, and ESC
//! begins the next sequence. What it hands on is clean: text is valid UTF-8 without C1 code points,
//! and a sequence is complete.

/// Bytes of one sequence that are kept while it is unfinished; a longer one is dropped. With its
/// introducer and its terminator it has 64 KiB.
pub(super) const SEQUENCE_LIMIT: usize = 64 * 1024 - 4;

const CAN: u8 = 0x18;
const SUB: u8 = 0x1A;
const ESC: u8 = 0x1B;
const DEL: u8 = 0x7F;

/// What stands for bytes that are no UTF-8.
const REPLACEMENT: &str = "\u{FFFD}";

/// A part of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// Printable text and those controls that move the cursor, ring the bell or shift charsets.
    Text(&'a str),
    /// `ESC`, then these bytes.
    Escape(&'a [u8]),
    /// `CSI`, then these bytes, the last of which is the final byte.
    Csi(&'a [u8]),
    /// `OSC`, then this text.
    Osc {
        /// What stands between introducer and terminator.
        body: &'a [u8],
        /// Whether BEL ended it rather than ST.
        bell: bool,
    },
    /// `DCS`, then this text, then ST.
    Dcs(&'a [u8]),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum StringKind {
    Osc,
    Dcs,
    /// SOS, PM and APC, which this terminal has no use for.
    Other,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Ground,
    Escape,
    Csi,
    String(StringKind),
    /// After the ESC in a string that a `\` would end.
    StringEscape(StringKind),
}

/// The state machine; it may be given its input in any chunks.
#[derive(Debug)]
pub(super) struct Lexer {
    state: State,
    /// The unfinished sequence without its introducer, or in the ground state an unfinished
    /// character.
    held: Vec<u8>,
    /// Whether the present sequence is longer than [`SEQUENCE_LIMIT`].
    overflowed: bool,
}

impl Lexer {
    pub(super) fn new() -> Self {
        Self {
            state: State::Ground,
            held: Vec::new(),
            overflowed: false,
        }
    }

    /// Reads `bytes` and hands every completed piece to `sink`, in order.
    pub(super) fn advance(&mut self, bytes: &[u8], sink: &mut impl FnMut(Piece<'_>)) {
        let mut rest = bytes;
        while let Some((&byte, tail)) = rest.split_first() {
            rest = match self.state {
                State::Ground => self.ground(rest, sink),
                State::Escape => {
                    self.escape(byte, sink);
                    tail
                }
                State::Csi => self.csi(rest, sink),
                State::String(kind) => self.string(kind, rest, sink),
                State::StringEscape(kind) => {
                    if byte == b'\\' {
                        self.finish_string(kind, false, sink);
                        tail
                    } else {
                        self.begin(State::Escape);
                        rest
                    }
                }
            };
        }
    }

    /// Reads text up to the next escape; returns what is left.
    fn ground<'a>(&mut self, bytes: &'a [u8], sink: &mut impl FnMut(Piece<'_>)) -> &'a [u8] {
        if !self.held.is_empty() {
            return self.continue_character(bytes, sink);
        }
        let length = bytes.iter().position(|&byte| byte == ESC);
        let (run, rest) = match length {
            Some(0) => {
                self.begin(State::Escape);
                return &bytes[1..];
            }
            Some(length) => bytes.split_at(length),
            None => (bytes, &bytes[bytes.len()..]),
        };
        let mut run = run;
        loop {
            let error = match std::str::from_utf8(run) {
                Ok(text) => {
                    emit_text(text, sink);
                    return rest;
                }
                Err(error) => error,
            };
            let (valid, bad) = run.split_at(error.valid_up_to());
            if let Ok(text) = std::str::from_utf8(valid) {
                emit_text(text, sink);
            }
            match error.error_len() {
                Some(length) => {
                    emit_invalid(&bad[..length], sink);
                    run = &bad[length..];
                }
                None => {
                    self.held.extend_from_slice(bad);
                    return rest;
                }
            }
        }
    }

    /// Adds one byte to the character that the last chunk left unfinished; returns what is left.
    fn continue_character<'a>(
        &mut self,
        bytes: &'a [u8],
        sink: &mut impl FnMut(Piece<'_>),
    ) -> &'a [u8] {
        let Some((&byte, tail)) = bytes.split_first() else {
            return bytes;
        };
        self.held.push(byte);
        match std::str::from_utf8(&self.held) {
            Ok(text) => {
                emit_text(text, sink);
                self.held.clear();
                tail
            }
            Err(error) if error.error_len().is_none() => tail,
            Err(_) => {
                // The new byte does not belong to it, so it is read again as a beginning.
                self.held.clear();
                sink(Piece::Text(REPLACEMENT));
                bytes
            }
        }
    }

    fn escape(&mut self, byte: u8, sink: &mut impl FnMut(Piece<'_>)) {
        match byte {
            ESC => self.begin(State::Escape),
            CAN | SUB => self.begin(State::Ground),
            0x00..=0x1F => emit_control(byte, sink),
            0x20..=0x2F => self.hold(byte),
            0x30..=0x7E if self.held.is_empty() && !self.overflowed => match byte {
                b'[' => self.begin(State::Csi),
                b']' => self.begin(State::String(StringKind::Osc)),
                b'P' => self.begin(State::String(StringKind::Dcs)),
                b'X' | b'^' | b'_' => self.begin(State::String(StringKind::Other)),
                _ => self.finish_escape(byte, sink),
            },
            0x30..=0x7E => self.finish_escape(byte, sink),
            DEL.. => {}
        }
    }

    fn finish_escape(&mut self, byte: u8, sink: &mut impl FnMut(Piece<'_>)) {
        self.hold(byte);
        if !self.overflowed {
            sink(Piece::Escape(&self.held));
        }
        self.begin(State::Ground);
    }

    /// Reads a control sequence up to the first byte that is no parameter or intermediate; returns
    /// what is left.
    fn csi<'a>(&mut self, bytes: &'a [u8], sink: &mut impl FnMut(Piece<'_>)) -> &'a [u8] {
        let length = bytes.iter().position(|byte| !matches!(byte, 0x20..=0x3F));
        let Some(length) = length else {
            self.hold_all(bytes);
            return &[];
        };
        let rest = &bytes[length + 1..];
        match bytes[length] {
            0x40..=0x7E if self.held.is_empty() && !self.overflowed && length < SEQUENCE_LIMIT => {
                sink(Piece::Csi(&bytes[..=length]));
                self.state = State::Ground;
            }
            0x40..=0x7E => {
                self.hold_all(&bytes[..=length]);
                if !self.overflowed {
                    sink(Piece::Csi(&self.held));
                }
                self.begin(State::Ground);
            }
            ESC => self.begin(State::Escape),
            CAN | SUB => self.begin(State::Ground),
            control => {
                self.hold_all(&bytes[..length]);
                if control < 0x20 {
                    emit_control(control, sink);
                }
            }
        }
        rest
    }

    /// Reads a string's bytes up to the first that may end it; returns what is left.
    fn string<'a>(
        &mut self,
        kind: StringKind,
        bytes: &'a [u8],
        sink: &mut impl FnMut(Piece<'_>),
    ) -> &'a [u8] {
        let bell_ends = kind == StringKind::Osc;
        let ends = |byte: u8| matches!(byte, ESC | CAN | SUB) || (bell_ends && byte == 0x07);
        let length = bytes.iter().position(|&byte| ends(byte));
        let length = length.unwrap_or(bytes.len());
        let (run, rest) = bytes.split_at(length);
        if kind != StringKind::Other {
            self.hold_all(run);
        }
        let Some((&byte, tail)) = rest.split_first() else {
            return rest;
        };
        match byte {
            ESC => self.state = State::StringEscape(kind),
            0x07 => self.finish_string(kind, true, sink),
            _ => self.begin(State::Ground),
        }
        tail
    }

    fn finish_string(&mut self, kind: StringKind, bell: bool, sink: &mut impl FnMut(Piece<'_>)) {
        if !self.overflowed {
            let body = &self.held;
            match kind {
                StringKind::Osc => sink(Piece::Osc { body, bell }),
                StringKind::Dcs => sink(Piece::Dcs(body)),
                StringKind::Other => {}
            }
        }
        self.begin(State::Ground);
    }

    fn begin(&mut self, state: State) {
        self.state = state;
        self.overflowed = false;
        self.held.clear();
        // One long sequence must not keep its memory for ever.
        self.held.shrink_to(1024);
    }

    fn hold(&mut self, byte: u8) {
        self.hold_all(&[byte]);
    }

    fn hold_all(&mut self, bytes: &[u8]) {
        if self.overflowed || self.held.len() + bytes.len() > SEQUENCE_LIMIT {
            self.overflowed = true;
            self.held.clear();
        } else {
            self.held.extend_from_slice(bytes);
        }
    }
}

/// What [`emit_text`] has to do about a byte.
const fn is_plain(byte: u8) -> bool {
    match byte {
        0x07..=0x0F | 0x20..=0x7E => true,
        // 0xC2 begins the C1 code points (and some harmless ones).
        0xC2 => false,
        0x80.. => true,
        _ => false,
    }
}

const PLAIN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = is_plain(byte as u8);
        byte += 1;
    }
    table
};

/// Hands on `text` without its C1 code points and without the C0 controls that do nothing here:
/// xterm takes U+0080 to U+009F for the controls that they encode.
fn emit_text(text: &str, sink: &mut impl FnMut(Piece<'_>)) {
    let bytes = text.as_bytes();
    let mut start = 0;
    let mut at = 0;
    while let Some(found) = bytes[at..]
        .iter()
        .position(|&byte| !PLAIN[usize::from(byte)])
    {
        at += found;
        let width = match (bytes[at], bytes.get(at + 1)) {
            (0xC2, Some(0xA0..)) => {
                at += 2;
                continue;
            }
            (0xC2, _) => 2,
            _ => 1,
        };
        if start < at {
            sink(Piece::Text(&text[start..at]));
        }
        at += width;
        start = at;
    }
    if start < bytes.len() {
        sink(Piece::Text(&text[start..]));
    }
}

fn emit_control(byte: u8, sink: &mut impl FnMut(Piece<'_>)) {
    if let Ok(text) = std::str::from_utf8(&[byte]) {
        emit_text(text, sink);
    }
}

/// A lone byte of the C1 range is a control that this terminal does not have; every other invalid
/// sequence shows as one replacement character.
fn emit_invalid(bytes: &[u8], sink: &mut impl FnMut(Piece<'_>)) {
    if !matches!(bytes, [0x80..=0x9F]) {
        sink(Piece::Text(REPLACEMENT));
    }
}
