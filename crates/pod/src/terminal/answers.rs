//! The answers to the agent's questions, always the same, attached or not.
//!
//! | question | answer |
//! |---|---|
//! | DA1, DECID | `CSI ? 62 ; 22 c`: a VT220 with colour |
//! | DA2 | `CSI > 1 ; 0 ; 0 c` |
//! | DA3 | `DCS ! \| 00000000 ST` |
//! | DSR 5 | `CSI 0 n` |
//! | DSR 6, DECXCPR | the cursor, rows counted from the top margin in origin mode |
//! | DECRQM | 1 (set) or 2 (reset) for the modes that the model has, else 0 |
//! | DECRQSS | `m`, `r`, ` q` and `"p`; else invalid |
//! | XTGETTCAP | `TN`, `Co`, `RGB`, `name`, `colors`, one answer a name; else invalid |
//! | XTVERSION | `DCS > \| podfleet(VERSION) ST` |
//! | DECREQTPARM | 8 bits, no parity, 38,400 baud |
//! | XTQMODKEYS 4 | the level that was set |
//! | `CSI t` 11, 13 | not iconified, at 0,0 |
//! | `CSI t` 14, 15, 16, 18, 19 | the size, with cells of [`CELL_WIDTH`] by [`CELL_HEIGHT`] pixels |
//! | `CSI t` 20, 21 | an empty title: the true one would let output become input |
//! | OSC 4, 10, 11, 12 | the colour that the agent set, else that of [`Colors`] |
//!
//! No answer, as from a plain xterm: ENQ, the kitty keyboard and graphics queries, OSC 52, sixel
//! and checksum reports, colour-scheme reports.

use alacritty_terminal::vte::ansi::{NamedColor, Rgb as EmulatorRgb};

use super::color::{Colors, Rgb};
use super::emulator::Emulator;
use super::filter::{is_known_mode, is_known_private_mode};
use super::line::Style;
use super::modes::{Modes, MouseEncoding, MouseTracking};
use super::query::Query;
use super::sgr;

/// Width of a cell in pixels, as far as a program may ask; also for the PTY's window size.
pub const CELL_WIDTH: u16 = 8;

/// Height of a cell in pixels, as far as a program may ask; also for the PTY's window size.
pub const CELL_HEIGHT: u16 = 16;

/// The terminal as it answers a question now; empty where the answer is silence.
pub(super) fn answer(query: &Query, terminal: &Emulator, colors: &Colors) -> Vec<u8> {
    let text = match query {
        Query::PrimaryAttributes => "\x1b[?62;22c".to_owned(),
        Query::SecondaryAttributes => "\x1b[>1;0;0c".to_owned(),
        Query::TertiaryAttributes => "\x1bP!|00000000\x1b\\".to_owned(),
        Query::Status => "\x1b[0n".to_owned(),
        Query::CursorPosition { private } => cursor_position(terminal, *private),
        Query::Mode { mode, private } => mode_report(&terminal.modes(), *mode, *private),
        Query::Setting(setting) => setting_report(terminal, setting),
        Query::Capabilities(names) => capabilities(names),
        Query::Version => {
            concat!("\x1bP>|podfleet(", env!("CARGO_PKG_VERSION"), ")\x1b\\").to_owned()
        }
        Query::Parameters(kind) => format!("\x1b[{};1;1;128;128;1;0x", kind + 2),
        Query::ModifyOtherKeys => format!("\x1b[>4;{}m", terminal.modes().modify_other_keys),
        Query::Window(report) => window_report(terminal, *report),
        Query::PaletteColor { index, bell } => {
            let color = set_color(terminal, usize::from(*index));
            let color = color.unwrap_or_else(|| colors.palette(*index));
            color_report(&format!("4;{index}"), color, *bell)
        }
        Query::DynamicColor { code, bell } => {
            let (index, default) = match code {
                10 => (NamedColor::Foreground, colors.foreground),
                11 => (NamedColor::Background, colors.background),
                _ => (NamedColor::Cursor, colors.cursor),
            };
            let color = set_color(terminal, index as usize).unwrap_or(default);
            color_report(&code.to_string(), color, *bell)
        }
    };
    text.into_bytes()
}

fn cursor_position(terminal: &Emulator, private: bool) -> String {
    let point = terminal.grid().cursor.point;
    let top = if terminal.modes().origin {
        terminal.margins().start
    } else {
        0
    };
    let marker = if private { "?" } else { "" };
    let row = (point.line.0 - top).max(0) + 1;
    format!("\x1b[{marker}{row};{}R", point.column.0 + 1)
}

fn mode_report(modes: &Modes, mode: u16, private: bool) -> String {
    let (marker, known) = if private {
        ("?", is_known_private_mode(mode))
    } else {
        ("", is_known_mode(mode))
    };
    let state = match (known, known && is_set(modes, mode, private)) {
        (false, _) => 0,
        (true, true) => 1,
        (true, false) => 2,
    };
    format!("\x1b[{marker}{mode};{state}$y")
}

fn is_set(modes: &Modes, mode: u16, private: bool) -> bool {
    match (private, mode) {
        (false, 4) => modes.insert,
        (false, 20) => modes.newline,
        (true, 1) => modes.application_cursor,
        (true, 6) => modes.origin,
        (true, 7) => modes.autowrap,
        (true, 12) => modes.cursor_style % 2 == 1,
        (true, 25) => modes.cursor_visible,
        (true, 1000) => modes.mouse == MouseTracking::Buttons,
        (true, 1002) => modes.mouse == MouseTracking::Drag,
        (true, 1003) => modes.mouse == MouseTracking::Motion,
        (true, 1004) => modes.focus_reports,
        (true, 1005) => modes.mouse_encoding == MouseEncoding::Utf8,
        (true, 1006) => modes.mouse_encoding == MouseEncoding::Sgr,
        (true, 1007) => modes.alternate_scroll,
        (true, 1049) => modes.alternate_screen,
        (true, 2004) => modes.bracketed_paste,
        (true, 2026) => modes.synchronized_update,
        _ => false,
    }
}

fn setting_report(terminal: &Emulator, setting: &[u8]) -> String {
    let value = match setting {
        b"m" => {
            let pen = Style::of(&terminal.grid().cursor.template);
            format!("{}m", sgr::parameters(&pen))
        }
        b"r" => {
            let margins = terminal.margins();
            format!("{};{}r", margins.start + 1, margins.end)
        }
        b" q" => format!("{} q", terminal.modes().cursor_style),
        b"\"p" => "62;1\"p".to_owned(),
        _ => return "\x1bP0$r\x1b\\".to_owned(),
    };
    format!("\x1bP1$r{value}\x1b\\")
}

fn capabilities(names: &[u8]) -> String {
    let names = names.split(|&byte| byte == b';').take(64);
    names.map(capability).collect()
}

fn capability(name: &[u8]) -> String {
    let decoded = data_encoding::HEXUPPER_PERMISSIVE.decode(name);
    let value: &[u8] = match decoded.as_deref() {
        Ok(b"TN" | b"name") => b"xterm-256color",
        Ok(b"Co" | b"colors") => b"256",
        Ok(b"RGB") => b"8/8/8",
        Ok(_) => return format!("\x1bP0+r{}\x1b\\", String::from_utf8_lossy(name)),
        // What is not hexadecimal must not come back: it could be anything.
        Err(_) => return "\x1bP0+r\x1b\\".to_owned(),
    };
    let name = String::from_utf8_lossy(name);
    let value = data_encoding::HEXUPPER.encode(value);
    format!("\x1bP1+r{name}={value}\x1b\\")
}

fn window_report(terminal: &Emulator, report: u16) -> String {
    let size = terminal.size();
    let (rows, columns) = (u32::from(size.rows), u32::from(size.columns));
    let (cell_height, cell_width) = (u32::from(CELL_HEIGHT), u32::from(CELL_WIDTH));
    let (height, width) = (rows * cell_height, columns * cell_width);
    match report {
        11 => "\x1b[1t".to_owned(),
        13 => "\x1b[3;0;0t".to_owned(),
        14 => format!("\x1b[4;{height};{width}t"),
        15 => format!("\x1b[5;{height};{width}t"),
        16 => format!("\x1b[6;{cell_height};{cell_width}t"),
        18 => format!("\x1b[8;{rows};{columns}t"),
        19 => format!("\x1b[9;{rows};{columns}t"),
        20 => "\x1b]L\x1b\\".to_owned(),
        21 => "\x1b]l\x1b\\".to_owned(),
        _ => String::new(),
    }
}

fn set_color(terminal: &Emulator, index: usize) -> Option<Rgb> {
    let EmulatorRgb { r, g, b } = terminal.color(index)?;
    Some(Rgb {
        red: r,
        green: g,
        blue: b,
    })
}

fn color_report(code: &str, color: Rgb, bell: bool) -> String {
    let Rgb { red, green, blue } = color;
    let end = if bell { "\x07" } else { "\x1b\\" };
    format!("\x1b]{code};rgb:{red:02x}{red:02x}/{green:02x}{green:02x}/{blue:02x}{blue:02x}{end}")
}
