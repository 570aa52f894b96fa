//! Which control sequences of an agent reach a terminal.
//!
//! The filter is a list of what is let through, not of what is kept back: a sequence that this
//! file does not name is dropped. So nothing unknown can ask an attached client's terminal for an
//! answer (which would be typed into the agent) or reach outside its screen (clipboard, files,
//! notifications, printer, window), and the model and every client see the same bytes. Named on
//! purpose as dropped, because programs do send them: OSC 9, 99 and 777 (notifications), OSC 52
//! (clipboard), OSC 7, 133, 1337 and 7501 (shell integration), OSC 66 (kitty text sizes), every
//! APC (kitty graphics), every DCS (sixel, tmux passthrough), modes 2031 and 2048 (unsolicited
//! reports), mode 1016 (the model knows no pixels), `CSI i` (printer), tab stops (they stay at
//! every eighth column).
//!
//! Some are let through in the form that the model knows: `CSI ! p` (DECSTR) as the single
//! settings that it resets, the older alternate-screen modes 47 and 1047 as 1049, mode 1048 as
//! DECSC and DECRC, REP as the characters themselves (which it repeats may be long past for a
//! client that has just joined).

use super::color;
use super::csi::Csi;
use super::lexer::{Lexer, Piece};
use super::query::Query;

/// The largest repeat count of REP: a line of the greatest width.
const REPEAT_LIMIT: u16 = 1000;

/// The longest title that is let through, in bytes.
const TITLE_LIMIT: usize = 4096;

/// The longest target of a hyperlink that is let through, in bytes.
const LINK_LIMIT: usize = 2083;

/// DECSTR in single steps; the cursor keeps its place.
const SOFT_RESET: &[u8] =
    b"\x1b7\x1b[?6l\x1b[r\x1b8\x1b[?1l\x1b[?7h\x1b[?25h\x1b[4l\x1b>\x1b(B\x1b)B\x0f\x1b[m";

/// Lexer and rules in one: bytes in, bytes for a terminal out, with the questions in between.
#[derive(Debug)]
pub(super) struct Filter {
    lexer: Lexer,
    /// The last character that was printed.
    printed: Option<char>,
}

impl Filter {
    pub(super) fn new() -> Self {
        Self {
            lexer: Lexer::new(),
            printed: None,
        }
    }

    /// Appends to `out` what of `bytes` reaches a terminal. `asked` is called at each question
    /// with all that was let through before it in `out`, which it may empty.
    pub(super) fn feed(
        &mut self,
        bytes: &[u8],
        out: &mut Vec<u8>,
        mut asked: impl FnMut(Query, &mut Vec<u8>),
    ) {
        let printed = &mut self.printed;
        self.lexer.advance(bytes, &mut |piece| match piece {
            Piece::Text(text) => {
                out.extend_from_slice(text.as_bytes());
                let last = text.chars().rev().find(|character| !character.is_control());
                *printed = last.or(*printed);
            }
            Piece::Escape(bytes) => escape(bytes, out, &mut asked),
            Piece::Csi(bytes) => {
                if let Some(csi) = Csi::parse(bytes) {
                    if (csi.marker, csi.intermediates, csi.action) == (None, b"", b'b') {
                        repeat(*printed, csi.first(), out);
                    } else {
                        control(&csi, bytes, out, &mut asked);
                    }
                }
            }
            Piece::Osc { body, bell } => command(body, bell, out, &mut asked),
            Piece::Dcs(body) => device_control(body, out, &mut asked),
        });
    }
}

fn escape(bytes: &[u8], out: &mut Vec<u8>, asked: &mut impl FnMut(Query, &mut Vec<u8>)) {
    match bytes {
        b"7" | b"8" | b"D" | b"E" | b"M" | b"c" | b"=" | b">" | b"#8" | b"(0" | b"(B" | b")0"
        | b")B" => {
            out.push(0x1B);
            out.extend_from_slice(bytes);
        }
        b"Z" => asked(Query::PrimaryAttributes, out),
        _ => {}
    }
}

fn control(
    csi: &Csi<'_>,
    bytes: &[u8],
    out: &mut Vec<u8>,
    asked: &mut impl FnMut(Query, &mut Vec<u8>),
) {
    match (csi.marker, csi.intermediates, csi.action) {
        (None, [], b'm') => pass(bytes, out),
        // Only SGR has sub-parameters.
        _ if csi.parameters.contains(&b':') => {}
        (None, [], b'h' | b'l') => modes(csi, is_known_mode, out),
        (Some(b'?'), [], b'h' | b'l') => private_modes(csi, out),
        (None, [], b't') if matches!(csi.first(), 22 | 23) => {
            if matches!(csi.values().nth(1), None | Some(0 | 2)) {
                pass(bytes, out);
            }
        }
        (None, [b'!'], b'p') => out.extend_from_slice(SOFT_RESET),
        _ if is_for_the_screen(csi) => pass(bytes, out),
        _ => {
            if let Some(query) = control_query(csi) {
                asked(query, out);
            }
        }
    }
}

/// REP.
fn repeat(printed: Option<char>, count: u16, out: &mut Vec<u8>) {
    let Some(character) = printed else {
        return;
    };
    let mut buffer = [0; 4];
    let text = character.encode_utf8(&mut buffer).as_bytes();
    for _ in 0..count.clamp(1, REPEAT_LIMIT) {
        out.extend_from_slice(text);
    }
}

fn pass(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(b"\x1b[");
    out.extend_from_slice(bytes);
}

/// Whether the sequence only changes the screen, the cursor, or how keys are encoded.
fn is_for_the_screen(csi: &Csi<'_>) -> bool {
    let count = csi.values().count();
    match (csi.marker, csi.intermediates, csi.action) {
        // With more parameters `T` is a mouse protocol and `s` sets margins.
        (None, [], b'T') => count == 1,
        (None, [], b's' | b'u') => csi.parameters.is_empty(),
        (None, [], b'@' | b'A'..=b'M' | b'P' | b'S' | b'X' | b'Z' | b'`' | b'a')
        | (None, [], b'd' | b'e' | b'f' | b'r')
        | (Some(b'<' | b'=' | b'>'), [], b'u') => true,
        (None, [b' '], b'q') => csi.first() <= 6,
        (Some(b'>'), [], b'm') => csi.first() == 4 && csi.values().nth(1).unwrap_or(0) <= 2,
        _ => false,
    }
}

fn control_query(csi: &Csi<'_>) -> Option<Query> {
    let first = csi.first();
    let query = match (csi.marker, csi.intermediates, csi.action) {
        (None, [], b'c') if first == 0 => Query::PrimaryAttributes,
        (Some(b'>'), [], b'c') if first == 0 => Query::SecondaryAttributes,
        (Some(b'='), [], b'c') if first == 0 => Query::TertiaryAttributes,
        (None, [], b'n') if first == 5 => Query::Status,
        (None, [], b'n') if first == 6 => Query::CursorPosition { private: false },
        (Some(b'?'), [], b'n') if first == 6 => Query::CursorPosition { private: true },
        (marker @ (None | Some(b'?')), [b'$'], b'p') => Query::Mode {
            mode: first,
            private: marker.is_some(),
        },
        (Some(b'>'), [], b'q') if first == 0 => Query::Version,
        (None, [], b'x') if first <= 1 => Query::Parameters(first),
        (Some(b'?'), [], b'm') if first == 4 => Query::ModifyOtherKeys,
        (None, [], b't') => Query::Window(first),
        _ => return None,
    };
    Some(query)
}

/// Lets the known ones of the modes that `csi` sets or resets through.
fn modes(csi: &Csi<'_>, known: fn(u16) -> bool, out: &mut Vec<u8>) {
    let mut separator = match csi.marker {
        Some(_) => "\x1b[?",
        None => "\x1b[",
    };
    let start = out.len();
    for mode in csi.values().filter(|&mode| known(mode)) {
        out.extend_from_slice(separator.as_bytes());
        out.extend_from_slice(mode.to_string().as_bytes());
        separator = ";";
    }
    if out.len() > start {
        out.push(csi.action);
    }
}

fn private_modes(csi: &Csi<'_>, out: &mut Vec<u8>) {
    if csi.values().all(is_known_private_mode) {
        return modes(csi, is_known_private_mode, out);
    }
    for mode in csi.values() {
        let action = char::from(csi.action);
        match (mode, csi.action) {
            (47 | 1047, _) => out.extend_from_slice(format!("\x1b[?1049{action}").as_bytes()),
            (1048, b'h') => out.extend_from_slice(b"\x1b7"),
            (1048, _) => out.extend_from_slice(b"\x1b8"),
            _ if is_known_private_mode(mode) => {
                out.extend_from_slice(format!("\x1b[?{mode}{action}").as_bytes());
            }
            _ => {}
        }
    }
}

/// IRM and LNM.
pub(super) fn is_known_mode(mode: u16) -> bool {
    matches!(mode, 4 | 20)
}

/// Cursor keys, origin, autowrap, blinking and visible cursor, mouse tracking and encodings, focus
/// reports, alternate scroll, alternate screen, bracketed paste, synchronised updates.
pub(super) fn is_known_private_mode(mode: u16) -> bool {
    matches!(
        mode,
        1 | 6 | 7 | 12 | 25 | 1000 | 1002..=1007 | 1049 | 2004 | 2026
    )
}

fn command(
    body: &[u8],
    bell: bool,
    out: &mut Vec<u8>,
    asked: &mut impl FnMut(Query, &mut Vec<u8>),
) {
    let mut parts = body.splitn(2, |&byte| byte == b';');
    let code = parts.next().unwrap_or_default();
    let text = parts.next();
    match (code, text) {
        (b"0" | b"2", Some(title)) if title.len() <= TITLE_LIMIT => {
            let title = printable(title);
            pass_command(&[code, b";", title.as_bytes()], out);
        }
        (b"8", Some(link)) => hyperlink(link, out),
        (b"4", Some(text)) => palette(text, bell, out, asked),
        (b"10" | b"11" | b"12", Some(text)) => dynamic_colors(code, text, bell, out, asked),
        (b"104", None | Some(b"")) | (b"110" | b"111" | b"112", _) => pass_command(&[code], out),
        (b"104", Some(indices)) => {
            let valid = |digits: &[u8]| color::index(digits).is_some();
            if indices.split(|&byte| byte == b';').all(valid) {
                pass_command(&[code, b";", indices], out);
            }
        }
        _ => {}
    }
}

fn pass_command(parts: &[&[u8]], out: &mut Vec<u8>) {
    out.extend_from_slice(b"\x1b]");
    for part in parts {
        out.extend_from_slice(part);
    }
    out.extend_from_slice(b"\x1b\\");
}

/// The text without control characters.
fn printable(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.chars()
        .filter(|character| !character.is_control())
        .collect()
}

/// A link too long to keep ends the one before it, or its text would belong to that.
fn hyperlink(link: &[u8], out: &mut Vec<u8>) {
    let link = if link.len() > LINK_LIMIT {
        ";".to_owned()
    } else {
        printable(link)
    };
    if link.contains(';') {
        pass_command(&[b"8;", link.as_bytes()], out);
    }
}

fn palette(
    text: &[u8],
    bell: bool,
    out: &mut Vec<u8>,
    asked: &mut impl FnMut(Query, &mut Vec<u8>),
) {
    let mut fields = text.split(|&byte| byte == b';');
    while let (Some(digits), Some(value)) = (fields.next(), fields.next()) {
        let Some(index) = color::index(digits) else {
            continue;
        };
        if value == b"?" {
            asked(Query::PaletteColor { index, bell }, out);
        } else if color::is_specification(value) {
            pass_command(&[b"4;", digits, b";", value], out);
        }
    }
}

/// Each further field belongs to the next code, up to the cursor's.
fn dynamic_colors(
    code: &[u8],
    text: &[u8],
    bell: bool,
    out: &mut Vec<u8>,
    asked: &mut impl FnMut(Query, &mut Vec<u8>),
) {
    let Some(first) = color::index(code) else {
        return;
    };
    for (code, value) in (first..=12).zip(text.split(|&byte| byte == b';')) {
        if value == b"?" {
            asked(Query::DynamicColor { code, bell }, out);
        } else if color::is_specification(value) {
            pass_command(&[code.to_string().as_bytes(), b";", value], out);
        }
    }
}

fn device_control(body: &[u8], out: &mut Vec<u8>, asked: &mut impl FnMut(Query, &mut Vec<u8>)) {
    if let Some(setting) = body.strip_prefix(b"$q") {
        asked(Query::Setting(setting.to_vec()), out);
    } else if let Some(names) = body.strip_prefix(b"+q") {
        asked(Query::Capabilities(names.to_vec()), out);
    }
}
