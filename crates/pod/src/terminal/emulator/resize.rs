//! What a change of the size does to the screens.

use std::mem;

use alacritty_terminal::grid::{Dimensions, Grid};
use alacritty_terminal::index::{Line as GridLine, Point};
use alacritty_terminal::term::TermMode;
use alacritty_terminal::term::cell::Cell;
use podfleet_protocol::Size;

use super::printing::mend;
use super::{Emulator, GridSize, supported};
use crate::terminal::line::Line;

impl Emulator {
    /// Changes the size. Long lines of the main screen are wrapped anew, and what no longer fits
    /// goes to the scrollback; nothing comes back from there. The margins are reset.
    pub(in crate::terminal) fn resize(&mut self, size: Size) {
        let size = supported(size);
        if size == self.size {
            return;
        }
        let alternate = self.term.mode().contains(TermMode::ALT_SCREEN);
        // The emulator gets to resize blank grids only, and only to a smaller size: for a larger
        // one it would take 1,000 rows of memory, and keep them.
        let larger = GridSize(Size {
            columns: size.columns + 1,
            rows: size.rows + 1,
        });
        let mut shown = mem::replace(self.term.grid_mut(), larger.blank_grid());
        self.term.swap_alt();
        *self.term.grid_mut() = larger.blank_grid();
        self.term.swap_alt();
        self.term.resize(GridSize(size));
        self.size = size;
        self.margins = 0..i32::from(size.rows);
        self.resize_grid(&mut shown, !alternate);
        *self.term.grid_mut() = shown;
        self.end_last_row();
        if let Some(mut hidden) = self.hidden.take() {
            self.resize_grid(&mut hidden, true);
            self.hidden = Some(hidden);
        }
    }

    fn resize_grid(&mut self, grid: &mut Grid<Cell>, main: bool) {
        let (rows, columns) = (usize::from(self.size.rows), usize::from(self.size.columns));
        self.set_height(grid, main);
        if main {
            grid.update_history(self.scrollback.limit());
        }
        grid.resize(main, rows, columns);
        for line in (1..=grid.history_size()).rev() {
            let line = i32::try_from(line).unwrap_or(i32::MAX);
            self.scrollback.push(Line::of(&grid[GridLine(-line)][..]));
        }
        grid.update_history(0);
        grid.truncate();
        for row in 0..i32::from(self.size.rows) {
            mend(&mut grid[GridLine(row)]);
        }
        let last = Point::new(grid.bottommost_line(), grid.last_column());
        let clamp = |point: Point| {
            Point::new(
                point.line.clamp(GridLine(0), last.line),
                point.column.min(last.column),
            )
        };
        grid.cursor.point = clamp(grid.cursor.point);
        grid.saved_cursor.point = clamp(grid.saved_cursor.point);
    }

    /// Gives `grid` the rows that the size has. Rows above go where the cursor's would be lost, else
    /// rows below; new ones come at the bottom. The emulator's own way takes 1,000 rows of memory.
    fn set_height(&mut self, grid: &mut Grid<Cell>, main: bool) {
        let rows = i32::from(self.size.rows);
        let mut resized = Grid::new(usize::from(self.size.rows), grid.columns(), 0);
        let above = (grid.cursor.point.line.0 + 1 - rows).max(0);
        for row in 0..i32::try_from(grid.screen_lines()).unwrap_or(i32::MAX) {
            let kept = row - above;
            if kept < 0 && main {
                self.scrollback.push(Line::of(&grid[GridLine(row)][..]));
            } else if (0..rows).contains(&kept) {
                mem::swap(&mut resized[GridLine(kept)], &mut grid[GridLine(row)]);
            }
        }
        resized.cursor = grid.cursor.clone();
        resized.saved_cursor = grid.saved_cursor.clone();
        resized.cursor.point.line -= above;
        let saved = &mut resized.saved_cursor.point.line;
        *saved = GridLine((saved.0 - above).clamp(0, rows - 1));
        *grid = resized;
    }
}
