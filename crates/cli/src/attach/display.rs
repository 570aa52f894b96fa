//! Showing an agent's terminal in the user's.
//!
//! Where both have one size the bytes go straight through. Otherwise they are read into a model,
//! and a part of it is drawn.

use std::io::Write as _;

use podfleet_pod::terminal::{LEAVE, Terminal};
use podfleet_protocol::Size;

use super::alternate::confine;
use super::console::Panel;
use super::crop::crop;

/// Lines that left the screen are of no use in a part of it.
const NO_SCROLLBACK: usize = 0;

/// An agent's terminal, shown in the user's.
pub(crate) struct Display {
    ours: Size,
    screen: ScreenUse,
    canvas: Option<Canvas>,
    pan: Pan,
    cover: Option<Cover>,
}

/// What lies over the lower end of the terminal, so that the agent's bytes cannot go through.
struct Cover {
    panel: Panel,
    changed: bool,
}

/// What is done with the user's screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ScreenUse {
    /// The whole terminal is ours, as that of a tmux pane.
    Owned,
    /// We are in the alternate screen and must not leave it.
    Alternate,
}

/// A model of the agent's terminal that a part is drawn of.
struct Canvas {
    terminal: Terminal,
    changed: bool,
}

/// Which part of a larger terminal is shown.
#[derive(Debug, Clone, Copy, Default)]
enum Pan {
    /// The part around the cursor.
    #[default]
    Cursor,
    /// The part from this column and row on.
    At(u16, u16),
}

/// What has to be asked of the pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub(crate) enum Need {
    Nothing,
    /// A repaint: what is shown is not what it should be.
    Repaint,
}

impl Display {
    /// Makes the display in a terminal of a size.
    pub(crate) const fn new(ours: Size, screen: ScreenUse) -> Self {
        Self {
            ours,
            screen,
            canvas: None,
            pan: Pan::Cursor,
            cover: None,
        }
    }

    /// Begins anew with a repaint of a terminal of `size`.
    pub(crate) fn reset(&mut self, size: Size, bytes: &[u8], out: &mut Vec<u8>) {
        if size == self.ours && self.cover.is_none() {
            self.canvas = None;
            let _ = self.show(bytes, out);
            return;
        }
        // Modes that a program set in the user's terminal would reach nobody.
        confine(LEAVE, out);
        out.extend_from_slice(b"\x1b[2J");
        let mut terminal = Terminal::new(size, NO_SCROLLBACK);
        terminal.feed(bytes);
        self.canvas = Some(Canvas {
            terminal,
            changed: true,
        });
    }

    /// Goes on with a repaint.
    pub(crate) fn reset_part(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        match &mut self.canvas {
            Some(canvas) => {
                canvas.terminal.feed(bytes);
            }
            // A repaint may itself switch screens on its way.
            None => {
                let _ = self.show(bytes, out);
            }
        }
    }

    /// Shows further output.
    pub(crate) fn output(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Need {
        match &mut self.canvas {
            Some(canvas) => {
                canvas.terminal.feed(bytes);
                canvas.changed = true;
                Need::Nothing
            }
            // The repaint that was asked for has all of it.
            None if self.cover.is_some() => Need::Nothing,
            None => self.show(bytes, out),
        }
    }

    /// Lays lines over the lower end of the terminal.
    pub(crate) fn cover(&mut self, panel: Panel, out: &mut Vec<u8>) -> Need {
        let covered = self.cover.is_some();
        self.cover = Some(Cover {
            panel,
            changed: true,
        });
        if covered || self.canvas.is_some() {
            return Need::Nothing;
        }
        // Nothing that the agent set may act on what is drawn over its terminal.
        confine(LEAVE, out);
        self.draw(out);
        Need::Repaint
    }

    /// Takes the lines away; the repaint brings back what was below them.
    pub(crate) fn uncover(&mut self) -> Need {
        self.cover = None;
        Need::Repaint
    }

    fn show(&self, bytes: &[u8], out: &mut Vec<u8>) -> Need {
        match self.screen {
            ScreenUse::Owned => out.extend_from_slice(bytes),
            ScreenUse::Alternate => {
                if confine(bytes, out) {
                    return Need::Repaint;
                }
            }
        }
        Need::Nothing
    }

    /// Takes note that the user's terminal has another size.
    pub(crate) fn resize(&mut self, ours: Size) -> Need {
        if std::mem::replace(&mut self.ours, ours) == ours {
            Need::Nothing
        } else {
            Need::Repaint
        }
    }

    /// Moves the shown part; does nothing where the whole is shown.
    pub(crate) fn pan(&mut self, columns: i32, rows: i32) {
        let Some(canvas) = &mut self.canvas else {
            return;
        };
        let (column, row) = origin(self.pan, self.ours, &canvas.terminal);
        let move_by = |from: u16, by: i32, whole: u16, part: u16| {
            let last = i32::from(whole.saturating_sub(part));
            let to = i32::from(from).saturating_add(by).clamp(0, last);
            u16::try_from(to).unwrap_or(0)
        };
        let whole = canvas.terminal.size();
        self.pan = Pan::At(
            move_by(column, columns, whole.columns, self.ours.columns),
            move_by(row, rows, whole.rows, self.ours.rows),
        );
        canvas.changed = true;
    }

    /// Returns whether something is to be drawn.
    pub(crate) fn is_stale(&self) -> bool {
        let canvas = self.canvas.as_ref().is_some_and(|canvas| canvas.changed);
        canvas || self.cover.as_ref().is_some_and(|cover| cover.changed)
    }

    /// Draws what changed.
    pub(crate) fn draw(&mut self, out: &mut Vec<u8>) {
        let (ours, pan) = (self.ours, self.pan);
        if !self.is_stale() {
            return;
        }
        if let Some(canvas) = &mut self.canvas {
            canvas.changed = false;
            draw(&canvas.terminal, ours, pan, out);
        }
        if let Some(cover) = &mut self.cover {
            cover.changed = false;
            draw_panel(&cover.panel, ours, out);
        }
    }
}

/// Returns the column and row of the terminal that are shown at the upper left.
fn origin(pan: Pan, ours: Size, terminal: &Terminal) -> (u16, u16) {
    let whole = terminal.size();
    let last_column = whole.columns.saturating_sub(ours.columns);
    let last_row = whole.rows.saturating_sub(ours.rows);
    match pan {
        Pan::At(column, row) => (column.min(last_column), row.min(last_row)),
        Pan::Cursor => {
            let cursor = terminal.screen().cursor;
            let beyond = |at: u16, part: u16| (at + 1).saturating_sub(part);
            (
                beyond(cursor.column, ours.columns).min(last_column),
                beyond(cursor.row, ours.rows).min(last_row),
            )
        }
    }
}

fn draw(terminal: &Terminal, ours: Size, pan: Pan, out: &mut Vec<u8>) {
    let (column, row) = origin(pan, ours, terminal);
    let lines = terminal.text(terminal.scrollback_len().., true);
    let mut shown = lines.iter().skip(usize::from(row));
    out.extend_from_slice(b"\x1b[?2026h\x1b[?25l");
    for at in 0..ours.rows {
        let line = shown.next().map_or_else(String::new, |line| {
            crop(line, usize::from(column), usize::from(ours.columns))
        });
        let _ = write!(out, "\x1b[{};1H\x1b[m\x1b[K{line}\x1b[m", at + 1);
    }
    let cursor = terminal.screen().cursor;
    let inside = |at: u16, from: u16, part: u16| at.checked_sub(from).filter(|at| *at < part);
    let place = inside(cursor.row, row, ours.rows).zip(inside(cursor.column, column, ours.columns));
    if let Some((row, column)) = place.filter(|_| cursor.visible) {
        let _ = write!(out, "\x1b[{};{}H\x1b[?25h", row + 1, column + 1);
    }
    out.extend_from_slice(b"\x1b[?2026l");
}

/// Draws lines over the lower end of the user's terminal; of too many the last are left out.
fn draw_panel(panel: &Panel, ours: Size, out: &mut Vec<u8>) {
    let room = usize::from(ours.rows.saturating_sub(1)).max(1);
    let shown = panel.lines.len().min(room);
    let first = usize::from(ours.rows).saturating_sub(shown) + 1;
    out.extend_from_slice(b"\x1b[?2026h\x1b[?25l");
    for (row, line) in (first..).zip(panel.lines.iter().take(shown)) {
        let line = line.replace(char::is_control, " ");
        let line = crop(&line, 0, usize::from(ours.columns));
        let _ = write!(out, "\x1b[{row};1H\x1b[m\x1b[7m{line}\x1b[K\x1b[m");
    }
    if let Some(column) = panel.cursor {
        let _ = write!(out, "\x1b[{};{}H\x1b[?25h", ours.rows, column + 1);
    }
    out.extend_from_slice(b"\x1b[?2026l");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size(columns: u16, rows: u16) -> Size {
        Size { columns, rows }
    }

    /// Shows what a user's terminal has on its screen after these bytes.
    fn seen(ours: Size, bytes: &[u8]) -> Vec<String> {
        let mut terminal = Terminal::new(ours, 0);
        terminal.feed(bytes);
        let screen = terminal.screen();
        screen.rows.into_iter().map(|row| row.text).collect()
    }

    #[test]
    fn one_size_is_shown_byte_for_byte() {
        let mut display = Display::new(size(10, 2), ScreenUse::Owned);
        let mut out = Vec::new();
        display.reset(size(10, 2), b"abc", &mut out);
        assert_eq!(display.output(b"\x1b[?1049hd", &mut out), Need::Nothing);
        assert_eq!(out, b"abc\x1b[?1049hd");
        assert!(!display.is_stale());
    }

    #[test]
    fn a_larger_terminal_is_shown_in_part_around_its_cursor() {
        let mut display = Display::new(size(4, 2), ScreenUse::Alternate);
        let mut out = Vec::new();
        display.reset(size(8, 4), b"one\r\ntwo\r\nthree\r\nabcdefg", &mut out);
        display.draw(&mut out);
        assert_eq!(seen(size(4, 2), &out), ["e", "efg"]);
        assert!(!display.is_stale());
    }

    #[test]
    fn panning_ends_at_the_edges() {
        let mut display = Display::new(size(4, 2), ScreenUse::Alternate);
        let mut out = Vec::new();
        display.reset(size(8, 4), b"one\r\ntwo\r\nthree\r\nabcdefg", &mut out);
        display.pan(-100, -1);
        display.draw(&mut out);
        assert_eq!(seen(size(4, 2), &out), ["two", "thre"]);
        display.pan(2, -100);
        display.draw(&mut out);
        assert_eq!(seen(size(4, 2), &out), ["e", "o"]);
    }

    fn panel(lines: &[&str], cursor: Option<usize>) -> Panel {
        Panel {
            lines: lines.iter().map(|line| (*line).to_owned()).collect(),
            cursor,
        }
    }

    #[test]
    fn a_line_over_the_terminal_stays_while_the_agent_writes_and_leaves_no_trace() {
        let ours = size(12, 3);
        let mut display = Display::new(ours, ScreenUse::Alternate);
        let mut out = Vec::new();
        display.reset(ours, b"one\r\ntwo\r\nthree", &mut out);
        let need = display.cover(panel(&[":pods"], Some(5)), &mut out);
        assert_eq!(need, Need::Repaint);
        assert_eq!(seen(ours, &out), ["one", "two", ":pods"]);
        // What comes before the repaint is in it.
        assert_eq!(display.output(b"rubbish", &mut out), Need::Nothing);
        display.reset(ours, b"one\r\ntwo\r\nthree", &mut out);
        assert_eq!(display.output(b"\r\nfour", &mut out), Need::Nothing);
        display.draw(&mut out);
        assert_eq!(seen(ours, &out), ["two", "three", ":pods"]);
        let need = display.cover(panel(&["a", "b"], None), &mut out);
        assert_eq!(need, Need::Nothing);
        display.draw(&mut out);
        assert_eq!(seen(ours, &out), ["two", "a", "b"]);
        assert_eq!(display.uncover(), Need::Repaint);
        display.reset(ours, b"\x1b[2J\x1b[Htwo\r\nthree\r\nfour", &mut out);
        assert_eq!(seen(ours, &out), ["two", "three", "four"]);
        assert!(!display.is_stale());
    }

    #[test]
    fn of_too_many_lines_the_first_are_shown_below_a_line_of_the_terminal() {
        let ours = size(6, 3);
        let mut display = Display::new(ours, ScreenUse::Alternate);
        let mut out = Vec::new();
        display.reset(ours, b"agent", &mut out);
        let _ = display.cover(panel(&["1", "2", "3", "4"], None), &mut out);
        assert_eq!(seen(ours, &out), ["agent", "1", "2"]);
    }

    #[test]
    fn a_smaller_terminal_leaves_the_rest_blank() {
        let mut display = Display::new(size(6, 3), ScreenUse::Alternate);
        let mut out = b"old rubbish on the screen".to_vec();
        display.reset(size(4, 1), b"abcd", &mut out);
        display.draw(&mut out);
        assert_eq!(seen(size(6, 3), &out), ["abcd", "", ""]);
    }

    #[test]
    fn another_size_of_ours_needs_a_repaint() {
        let mut display = Display::new(size(6, 3), ScreenUse::Alternate);
        assert_eq!(display.resize(size(6, 3)), Need::Nothing);
        assert_eq!(display.resize(size(7, 3)), Need::Repaint);
    }
}
