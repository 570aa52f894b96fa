//! The screen as the harness rules and people read it.

use std::ops::Range;

use alacritty_terminal::grid::Dimensions;
use alacritty_terminal::index::Line as GridLine;
use alacritty_terminal::vte::ansi::Color;
use podfleet_harness::{Cursor, Row, Screen};
use unicode_width::UnicodeWidthStr;

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
    let most = most_of(line);
    Row {
        faint: ranges(line, text.len(), Style::is_faint),
        lit: ranges(line, text.len(), |style| style.shade() != most),
        text: text.to_owned(),
        wrapped: line.wrapped,
    }
}

/// What most cells of a row have behind them; what is right of the text has the default.
fn most_of(line: &Line) -> Color {
    let plain = Style::default().shade();
    if line.segments().all(|(_, style)| style.shade() == plain) {
        return plain;
    }
    let mut shades = vec![(plain, usize::from(line.columns))];
    for (text, style) in line.segments() {
        let cells = text.width();
        shades[0].1 = shades[0].1.saturating_sub(cells);
        let shade = style.shade();
        match shades.iter_mut().find(|(known, _)| *known == shade) {
            Some((_, count)) => *count += cells,
            None => shades.push((shade, cells)),
        }
    }
    let most = shades.into_iter().max_by_key(|(_, count)| *count);
    most.map_or(plain, |(shade, _)| shade)
}

/// The stretches of the first `length` bytes of a style, neighbours joined.
fn ranges(line: &Line, length: usize, of: impl Fn(&Style) -> bool) -> Vec<Range<usize>> {
    let mut ranges: Vec<Range<usize>> = Vec::new();
    let mut start = 0;
    for (text, style) in line.segments() {
        let range = start..(start + text.len()).min(length);
        start += text.len();
        if range.is_empty() || !of(style) {
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
