//! The screen as the harness rules and people read it.

use std::ops::Range;

use alacritty_terminal::grid::Dimensions;
use alacritty_terminal::index::Line as GridLine;
use podfleet_harness::{Cursor, Row, Screen};

use super::emulator::Emulator;
use super::line::{Line, Style};
use super::sgr::Pen;

/// The rows of the screen shown, from the top.
pub(super) fn rows(terminal: &Emulator) -> impl Iterator<Item = Line> {
    let rows = 0..i32::from(terminal.size().rows);
    rows.map(|row| Line::of(&terminal.grid()[GridLine(row)][..]))
}

pub(super) fn screen(terminal: &Emulator) -> Screen {
    let modes = terminal.modes();
    let cursor = terminal.grid().cursor.point;
    Screen {
        rows: rows(terminal).map(|line| row(&line)).collect(),
        columns: u16::try_from(terminal.grid().columns()).unwrap_or(u16::MAX),
        cursor: Cursor {
            row: u16::try_from(cursor.line.0).unwrap_or(0),
            column: u16::try_from(cursor.column.0).unwrap_or(0),
            visible: modes.cursor_visible,
        },
        title: terminal.title().current().to_owned(),
        alternate: modes.alternate_screen,
        bracketed_paste: modes.bracketed_paste,
    }
}

fn row(line: &Line) -> Row {
    let text = line.trimmed();
    Row {
        faint: faint_ranges(line, text.len()),
        text: text.to_owned(),
        wrapped: line.wrapped,
    }
}

/// The faint stretches of the first `length` bytes, neighbours joined.
fn faint_ranges(line: &Line, length: usize) -> Vec<Range<usize>> {
    let mut ranges: Vec<Range<usize>> = Vec::new();
    let mut start = 0;
    for (text, style) in line.segments() {
        let range = start..(start + text.len()).min(length);
        start += text.len();
        if range.is_empty() || !style.is_faint() {
            continue;
        }
        match ranges.last_mut() {
            Some(last) if last.end == range.start => last.end = range.end,
            _ => ranges.push(range),
        }
    }
    ranges
}

/// The text of a line; with `ansi`, in its colours, beginning and ending with the default ones.
pub(super) fn text(line: &Line, ansi: bool) -> String {
    if !ansi {
        return line.trimmed().to_owned();
    }
    let mut out = Vec::new();
    let mut pen = Pen::default();
    pen.write(line, &mut out);
    pen.switch(&Style::default(), &mut out);
    String::from_utf8_lossy(&out).into_owned()
}
