//! The bytes that bring another terminal to the state of this one.

use alacritty_terminal::grid::{Cursor, Dimensions, Grid};
use alacritty_terminal::index::Line as GridLine;
use alacritty_terminal::term::cell::{Cell, Flags};
use alacritty_terminal::vte::ansi::{CharsetIndex, NamedColor, StandardCharset};

use super::emulator::{Emulator, waits_for_wrap};
use super::line::{Line, Style};
use super::modes::{Modes, MouseEncoding, MouseTracking};
use super::sgr::Pen;

/// Takes back every mode that the view stream can have set. Not RIS, which would also take back
/// what the client's user has set.
pub(super) const RESET: &[u8] = b"\x1b[?2026l\x1b[?1049l\x1b[?6l\x1b[r\x1b[4l\x1b[20l\x1b[?7h\
    \x1b(B\x1b)B\x0f\x1b[?1l\x1b>\x1b[?25h\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1005l\x1b[?1006l\
    \x1b[?1004l\x1b[?2004l\x1b[?1007h\x1b[0 q\x1b[>4;0m\x1b[<99u\x1b[=0u\x1b]104\x1b\\\x1b]110\x1b\\\
    \x1b]111\x1b\\\x1b]112\x1b\\\x1b]8;;\x1b\\\x1b[m";

/// Begins painting: nothing is shown until all is there.
const BEGIN: &[u8] = b"\x1b[?2026h\x1b[?25l\x1b[H\x1b[2J";

/// Goes over to the alternate screen, with a pen and keyboard flags as new.
const ALTERNATE: &[u8] =
    b"\x1b[?1049h\x1b(B\x1b)B\x0f\x1b]8;;\x1b\\\x1b[m\x1b[<99u\x1b[=0u\x1b[H\x1b[2J";

/// Renders `terminal` with the last `tail` lines of its scrollback.
pub(super) fn repaint(terminal: &Emulator, tail: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(16 * 1024);
    out.extend_from_slice(RESET);
    out.extend_from_slice(BEGIN);
    let scrollback = terminal.scrollback();
    let lines: Vec<_> = scrollback
        .from(scrollback.len().saturating_sub(tail))
        .collect();
    if let Some(hidden) = terminal.hidden_grid() {
        write_screen(&lines, hidden, &mut out);
        write_keyboard(terminal.keyboard().hidden(), &mut out);
        write_cursor(&hidden.cursor, hidden, 0, &mut out);
        out.extend_from_slice(ALTERNATE);
        write_screen(&[], terminal.grid(), &mut out);
    } else {
        write_screen(&lines, terminal.grid(), &mut out);
    }
    write_keyboard(terminal.keyboard().shown(), &mut out);
    write_title(terminal, &mut out);
    write_colors(terminal, &mut out);
    let modes = terminal.modes();
    write_cursors(terminal, &modes, &mut out);
    write_modes(&modes, &mut out);
    out
}

fn write(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(text.as_bytes());
}

/// Writes the scrollback and then the rows, so that the former leaves the screen at the top. The
/// screen must be blank, the cursor at its upper left and the pen as new; so is the pen afterwards.
fn write_screen(scrollback: &[&Line], grid: &Grid<Cell>, out: &mut Vec<u8>) {
    let rows = 0..i32::try_from(grid.screen_lines()).unwrap_or(i32::MAX);
    let rows: Vec<Line> = rows.map(|row| Line::of(&grid[GridLine(row)][..])).collect();
    let mut lines = scrollback.iter().copied().chain(&rows).peekable();
    let mut pen = Pen::default();
    while let Some(line) = lines.next() {
        pen.write(line, out);
        if lines.peek().is_none() {
            break;
        }
        // A new row at the bottom takes the pen's background.
        pen.switch(&Style::default(), out);
        if line.wrapped && usize::from(line.columns) == grid.columns() {
            // The wrap happens at the next character, whatever it is.
            write(out, " \r");
        } else {
            write(out, "\r\n");
        }
    }
    pen.switch(&Style::default(), out);
}

fn write_keyboard((aside, current): (&[u8], u8), out: &mut Vec<u8>) {
    let mut flags = aside.iter().copied().chain([current]);
    let first = flags.next().unwrap_or(0);
    if first != 0 {
        write(out, &format!("\x1b[={first}u"));
    }
    for flags in flags {
        write(out, &format!("\x1b[>{flags}u"));
    }
}

fn write_title(terminal: &Emulator, out: &mut Vec<u8>) {
    let title = terminal.title();
    for aside in title.aside() {
        write(out, &format!("\x1b]2;{aside}\x1b\\\x1b[22;2t"));
    }
    write(out, &format!("\x1b]2;{}\x1b\\", title.current()));
}

fn write_colors(terminal: &Emulator, out: &mut Vec<u8>) {
    let dynamic = [
        NamedColor::Foreground as usize,
        NamedColor::Background as usize,
        NamedColor::Cursor as usize,
    ];
    for index in (0..256).chain(dynamic) {
        let Some(color) = terminal.color(index) else {
            continue;
        };
        let code = match dynamic.iter().position(|&code| code == index) {
            Some(position) => format!("{}", 10 + position),
            None => format!("4;{index}"),
        };
        let (red, green, blue) = (color.r, color.g, color.b);
        write(
            out,
            &format!("\x1b]{code};rgb:{red:02x}/{green:02x}/{blue:02x}\x1b\\"),
        );
    }
}

/// Writes the saved cursor, the margins and the cursor.
fn write_cursors(terminal: &Emulator, modes: &Modes, out: &mut Vec<u8>) {
    let grid = terminal.grid();
    write_cursor(&grid.saved_cursor, grid, 0, out);
    write(out, "\x1b7");
    let margins = terminal.margins();
    if margins != (0..i32::from(terminal.size().rows)) {
        write(out, &format!("\x1b[{};{}r", margins.start + 1, margins.end));
    }
    let mut top = 0;
    if modes.origin {
        write(out, "\x1b[?6h");
        top = margins.start;
    }
    write_cursor(&grid.cursor, grid, top, out);
    if terminal.awaits_joined() {
        write(out, "\u{200D}");
    }
    if terminal.active_charset() == CharsetIndex::G1 {
        write(out, "\x0e");
    }
}

/// Puts the cursor, its pen and its charsets where `cursor` has them; row 1 is at `top`.
fn write_cursor(cursor: &Cursor<Cell>, grid: &Grid<Cell>, top: i32, out: &mut Vec<u8>) {
    let mut pen = Pen::default();
    write(out, "\x1b(B\x1b)B\x1b]8;;\x1b\\\x1b[m");
    let row = cursor.point.line.0 - top + 1;
    let column = cursor.point.column.0;
    let mut go_to = |column: usize| write(out, &format!("\x1b[{row};{}H", column + 1));
    if waits_for_wrap(cursor, grid) {
        // Only a character in the last column makes the cursor wait there for the next.
        let cells = &grid[cursor.point.line][..];
        let wide = cells[column].flags.contains(Flags::WIDE_CHAR_SPACER) && column > 0;
        let first = if wide { column - 1 } else { column };
        go_to(first);
        let last = Line::of(&cells[first..]);
        pen.write(&last, out);
        if last.text.is_empty() {
            write(out, " ");
        }
    } else {
        go_to(column);
    }
    pen.switch(&Style::of(&cursor.template), out);
    for (index, designation) in [(CharsetIndex::G0, "\x1b(0"), (CharsetIndex::G1, "\x1b)0")] {
        if cursor.charsets[index] == StandardCharset::SpecialCharacterAndLineDrawing {
            write(out, designation);
        }
    }
}

/// Writes the modes that would have disturbed the painting.
fn write_modes(modes: &Modes, out: &mut Vec<u8>) {
    let switches = [
        (modes.insert, "\x1b[4h"),
        (modes.newline, "\x1b[20h"),
        (!modes.autowrap, "\x1b[?7l"),
        (modes.application_cursor, "\x1b[?1h"),
        (modes.application_keypad, "\x1b="),
        (modes.focus_reports, "\x1b[?1004h"),
        (modes.bracketed_paste, "\x1b[?2004h"),
        (!modes.alternate_scroll, "\x1b[?1007l"),
        (modes.mouse == MouseTracking::Buttons, "\x1b[?1000h"),
        (modes.mouse == MouseTracking::Drag, "\x1b[?1002h"),
        (modes.mouse == MouseTracking::Motion, "\x1b[?1003h"),
        (modes.mouse_encoding == MouseEncoding::Utf8, "\x1b[?1005h"),
        (modes.mouse_encoding == MouseEncoding::Sgr, "\x1b[?1006h"),
        (modes.cursor_visible, "\x1b[?25h"),
        (!modes.synchronized_update, "\x1b[?2026l"),
    ];
    for (_, sequence) in switches.iter().filter(|(set, _)| *set) {
        write(out, sequence);
    }
    if modes.cursor_style != 0 {
        write(out, &format!("\x1b[{} q", modes.cursor_style));
    }
    if modes.modify_other_keys != 0 {
        write(out, &format!("\x1b[>4;{}m", modes.modify_other_keys));
    }
}
