//! What happens around a printed character: clusters, wraps, and the halves of wide characters.

use alacritty_terminal::grid::Row;
use alacritty_terminal::index::{Column, Line as GridLine, Point};
use alacritty_terminal::term::TermMode;
use alacritty_terminal::term::cell::{Cell, Flags};
use unicode_width::UnicodeWidthChar;

use super::Emulator;
use crate::terminal::cluster;

/// The attributes that do not show on a blank.
const HIDDEN_BY_BLANK: Flags = Flags::BOLD_ITALIC.union(Flags::DIM).union(Flags::HIDDEN);

impl Emulator {
    /// Whether the cursor goes to the next row before `character` is printed.
    pub(super) fn wraps_before(&self, character: char) -> bool {
        let cursor = &self.term.grid().cursor;
        cursor.point.column.0 + 1 >= usize::from(self.size.columns)
            && (cursor.input_needs_wrap || character.width() == Some(2))
            && self.term.mode().contains(TermMode::LINE_WRAP)
    }

    /// Blanks what is left of wide characters that were cut in the cursor's row.
    pub(super) fn mend_cursor_row(&mut self) {
        let line = self.term.grid().cursor.point.line;
        mend(&mut self.term.grid_mut()[line]);
    }

    /// Takes the mark of a wrapped line from the last row, which is followed by none.
    pub(super) fn end_last_row(&mut self) {
        let last = Point::new(
            GridLine(i32::from(self.size.rows) - 1),
            Column(usize::from(self.size.columns) - 1),
        );
        let flags = &mut self.term.grid_mut()[last.line][last.column].flags;
        flags.remove(Flags::WRAPLINE);
    }

    /// Where the character before the cursor stands, if there is one in this row.
    fn previous_character(&self) -> Option<Point> {
        let grid = self.term.grid();
        let Point { line, column } = grid.cursor.point;
        let mut column = if grid.cursor.input_needs_wrap {
            column
        } else {
            Column(column.0.checked_sub(1)?)
        };
        if grid[line][column].flags.contains(Flags::WIDE_CHAR_SPACER) {
            column = Column(column.0.checked_sub(1)?);
        }
        Some(Point::new(line, column))
    }

    /// Adds `character` to the cluster before the cursor; returns whether it belongs there.
    pub(super) fn join(&mut self, character: char) -> bool {
        let joiner = self.joiner.take();
        let Some(point) = self.previous_character() else {
            return character.width() == Some(0);
        };
        if character == cluster::ZERO_WIDTH_JOINER {
            self.joiner = Some(point);
            return true;
        }
        let joined = joiner == Some(point);
        let pen = self.term.grid().cursor.template.clone();
        let cell = &mut self.term.grid_mut()[point.line][point.column];
        let base = cell.c;
        if !cluster::joins(base, joined, character) {
            return false;
        }
        let extra = cell.zerowidth().unwrap_or_default().len() + usize::from(joined) + 1;
        let widens = !cell.flags.contains(Flags::WIDE_CHAR) && cluster::widens(base, character);
        let room = !widens || point.column.0 + 1 < usize::from(self.size.columns);
        // Without room for it the cluster stays as it is: a wider one would not survive a repaint.
        if room && extra <= cluster::EXTRA_LIMIT {
            if joined {
                cell.push_zerowidth(cluster::ZERO_WIDTH_JOINER);
            }
            cell.push_zerowidth(character);
            if matches!(base, ' ' | '\t') {
                // A blank's own style cannot be seen, so the mark on it takes the pen's.
                cell.fg = pen.fg;
                cell.flags = cell.flags.difference(HIDDEN_BY_BLANK) | (pen.flags & HIDDEN_BY_BLANK);
            }
            if widens {
                self.widen(point);
            }
        }
        true
    }

    /// Whether the next character joins the one before the cursor.
    pub(in crate::terminal) fn awaits_joined(&self) -> bool {
        self.joiner.is_some() && self.joiner == self.previous_character()
    }

    /// Makes the narrow character at `point`, the one before the cursor and not in the last column,
    /// two columns wide.
    fn widen(&mut self, point: Point) {
        let last = Column(usize::from(self.size.columns) - 1);
        let grid = self.term.grid_mut();
        let row = &mut grid[point.line];
        let next = point.column + 1;
        if row[next].flags.contains(Flags::WIDE_CHAR) && next < last {
            row[next + 1].flags.remove(Flags::WIDE_CHAR_SPACER);
        }
        row[point.column].flags.insert(Flags::WIDE_CHAR);
        let mut spacer = row[point.column].clone();
        spacer.c = ' ';
        spacer.flags.remove(Flags::WIDE_CHAR);
        spacer.flags.insert(Flags::WIDE_CHAR_SPACER);
        spacer.extra = None;
        row[next] = spacer;
        if next < last {
            grid.cursor.point.column = next + 1;
        } else {
            grid.cursor.point.column = last;
            grid.cursor.input_needs_wrap = true;
        }
    }
}

/// Blanks the halves of wide characters in a row whose other half is gone. The emulator leaves them,
/// and would later blank what stands beside them instead.
pub(super) fn mend(row: &mut Row<Cell>) {
    let mut expected = false;
    for column in 0..row.len() {
        let next = row[..].get(column + 1).map(|cell| cell.flags);
        let flags = row[Column(column)].flags;
        let spacer = flags.contains(Flags::WIDE_CHAR_SPACER);
        if spacer && !expected {
            row[Column(column)].flags.remove(Flags::WIDE_CHAR_SPACER);
        }
        let wide = flags.contains(Flags::WIDE_CHAR) && !(spacer && expected);
        expected = wide && next.is_some_and(|next| next.contains(Flags::WIDE_CHAR_SPACER));
        if wide && !expected {
            row[Column(column)].clear_wide();
        }
    }
}
