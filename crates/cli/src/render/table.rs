//! The one printer of tables.

mod lines;
mod paragraphs;

use anstyle::Style;
use unicode_width::UnicodeWidthStr;

use lines::lines;
pub(crate) use lines::truncate;

/// Blanks between two columns.
const GAP: usize = 2;

/// A column of a table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column {
    title: &'static str,
    right: bool,
    min: Option<usize>,
    wraps: bool,
    rank: u8,
}

impl Column {
    /// A column whose cells are always shown whole.
    pub(crate) const fn new(title: &'static str) -> Self {
        Self {
            title,
            right: false,
            min: None,
            wraps: false,
            rank: 0,
        }
    }

    /// Puts the cells at the right edge, as numbers are read.
    pub(crate) const fn right(mut self) -> Self {
        self.right = true;
        self
    }

    /// Lets the column shrink to `min` columns where the table is too wide.
    pub(crate) const fn flexible(mut self, min: usize) -> Self {
        self.min = Some(min);
        self
    }

    /// Lets the column shrink as a flexible one, its cells going on in the next lines instead of
    /// being cut.
    pub(crate) const fn wrapping(mut self, min: usize) -> Self {
        self.wraps = true;
        self.flexible(min)
    }

    /// Lets the column be left out where shrinking is not enough; the highest rank goes first.
    pub(crate) const fn optional(mut self, rank: u8) -> Self {
        self.rank = rank;
        self
    }
}

/// A cell: its text and its style.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cell {
    text: String,
    style: Style,
}

impl Cell {
    /// Makes a cell in a style.
    pub(crate) fn styled(text: impl Into<String>, style: Style) -> Self {
        let text = text.into();
        // A program's own words must not move the cursor of whoever looks at the table.
        let text = text.replace(char::is_control, " ");
        Self { text, style }
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::styled(text, Style::new())
    }
}

/// A table: columns and rows.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    /// Makes a table without rows.
    pub(crate) fn new(columns: impl Into<Vec<Column>>) -> Self {
        Self {
            columns: columns.into(),
            rows: Vec::new(),
        }
    }

    /// Adds a row; it has a cell for each column.
    pub(crate) fn row(&mut self, cells: impl Into<Vec<Cell>>) {
        let mut cells = cells.into();
        cells.resize_with(self.columns.len(), Cell::default);
        self.rows.push(cells);
    }

    /// Leaves out the columns of that title in which no row says anything.
    pub(crate) fn without_empty(&mut self, titles: &[&str]) {
        let empty = |index: usize| {
            let silent = |row: &Vec<Cell>| matches!(row[index].text.as_str(), "" | "-");
            self.rows.iter().all(silent)
        };
        let dropped: Vec<usize> = (0..self.columns.len())
            .filter(|index| titles.contains(&self.columns[*index].title) && empty(*index))
            .collect();
        for index in dropped.into_iter().rev() {
            self.remove(index);
        }
    }

    fn remove(&mut self, index: usize) {
        self.columns.remove(index);
        for row in &mut self.rows {
            row.remove(index);
        }
    }

    /// Renders the table. With a `width` no line is wider; where the columns do not allow that, each
    /// row becomes a paragraph with a line or more for each of its cells.
    pub(crate) fn render(mut self, width: Option<usize>) -> String {
        let width = width.unwrap_or(usize::MAX);
        let whole = self.clone();
        let widths = self.fit(width);
        if widths.iter().sum::<usize>() + self.gaps() > width {
            return whole.paragraphs(width);
        }
        let mut text = String::new();
        let header = self
            .columns
            .iter()
            .map(|column| Cell::styled(column.title, super::style::STRONG))
            .collect::<Vec<_>>();
        for row in std::iter::once(&header).chain(&self.rows) {
            self.render_row(row, &widths, &mut text);
        }
        text
    }

    /// Renders the columns that [`render`](Self::render) shows in `width`, with cells that are whole.
    pub(crate) fn render_uncut(mut self, width: usize) -> String {
        self.fit(width);
        self.render(None)
    }

    /// Shrinks the widest flexible columns, then leaves optional ones out, until the table fits.
    fn fit(&mut self, width: usize) -> Vec<usize> {
        loop {
            let mut widths = self.natural_widths();
            let least: usize = self.least_widths(&widths).iter().sum();
            if least + self.gaps() > width {
                let optional = |index: &usize| self.columns[*index].rank > 0;
                let last = (0..self.columns.len())
                    .filter(optional)
                    .max_by_key(|index| self.columns[*index].rank);
                if let Some(last) = last {
                    self.remove(last);
                    continue;
                }
            }
            self.shrink(&mut widths, width);
            return widths;
        }
    }

    fn gaps(&self) -> usize {
        self.columns.len().saturating_sub(1) * GAP
    }

    fn natural_widths(&self) -> Vec<usize> {
        let cell_width = |index: usize| {
            let cells = self.rows.iter().map(|row| row[index].text.width());
            cells.chain([self.columns[index].title.width()]).max()
        };
        (0..self.columns.len())
            .map(|index| cell_width(index).unwrap_or(0))
            .collect()
    }

    fn least_widths(&self, natural: &[usize]) -> Vec<usize> {
        let least = |(column, natural): (&Column, &usize)| {
            let min = column.min.map(|min| min.max(column.title.width()));
            min.map_or(*natural, |min| min.min(*natural))
        };
        self.columns.iter().zip(natural).map(least).collect()
    }

    fn shrink(&self, widths: &mut [usize], width: usize) {
        let least = self.least_widths(widths);
        while widths.iter().sum::<usize>() + self.gaps() > width {
            let widest = (0..widths.len())
                .filter(|index| widths[*index] > least[*index])
                .max_by_key(|index| widths[*index]);
            match widest {
                Some(index) => widths[index] -= 1,
                None => break,
            }
        }
    }

    fn render_row(&self, row: &[Cell], widths: &[usize], text: &mut String) {
        let cells = row.iter().zip(&self.columns).zip(widths);
        let mut cells: Vec<_> = cells
            .map(|((cell, column), width)| match column.wraps {
                true => lines(&cell.text, *width).into_iter(),
                false => vec![truncate(&cell.text, *width)].into_iter(),
            })
            .collect();
        while cells.iter().any(|cell| cell.len() > 0) {
            let line = cells.iter_mut().map(|cell| cell.next().unwrap_or_default());
            let line: Vec<String> = line.collect();
            self.render_line(row, line, widths, text);
        }
    }

    fn render_line(&self, row: &[Cell], line: Vec<String>, widths: &[usize], text: &mut String) {
        let start = text.len();
        for (index, (cell, shown)) in row.iter().zip(line).enumerate() {
            let blank = " ".repeat(widths[index] - shown.width());
            let gap = if index == 0 { "" } else { "  " };
            let style = cell.style;
            text.push_str(gap);
            let styled = if shown.is_empty() {
                String::new()
            } else {
                format!("{style}{shown}{style:#}")
            };
            if self.columns[index].right {
                text.push_str(&blank);
                text.push_str(&styled);
            } else {
                text.push_str(&styled);
                text.push_str(&blank);
            }
        }
        let end = text.trim_end_matches(' ').len().max(start);
        text.truncate(end);
        text.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Table {
        let mut table = Table::new([
            Column::new("NAME").flexible(8),
            Column::new("MODEL").flexible(6).optional(1),
            Column::new("INBOX").right(),
        ]);
        table.row([
            "coder".into(),
            "openai-codex/gpt-5.5:high".into(),
            "3".into(),
        ]);
        table.row(["漢字漢字漢字漢字".into(), "-".into(), "12".into()]);
        table
    }

    fn plain(table: Table, width: usize) -> String {
        anstream::adapter::strip_str(&table.render(Some(width))).to_string()
    }

    #[test]
    fn a_wrapping_column_goes_on_in_the_next_line() {
        let mut table = Table::new([
            Column::new("FACT"),
            Column::new("VALUE").wrapping(10),
            Column::new("AGE").right(),
        ]);
        table.row([
            "quiet".into(),
            "for 42 s; 漢字漢字漢字漢字漢字漢字漢字".into(),
            "1s".into(),
        ]);
        table.row(["view".into(), "session a".into(), "0s".into()]);
        insta::assert_snapshot!(plain(table, 28), @"
        FACT   VALUE             AGE
        quiet  for 42 s;          1s
               漢字漢字漢字漢字
               漢字漢字漢字
        view   session a          0s
        ");
    }

    #[test]
    fn a_long_word_is_broken_behind_a_colon_or_slash() {
        let paths = "in /usr/local/sbin:/usr/local/bin:/usr/sbin";
        assert_eq!(
            lines(paths, 20),
            ["in", "/usr/local/sbin:", "/usr/local/bin:/usr/", "sbin"]
        );
        assert_eq!(lines("/aaaaaaaaaaaa", 8), ["/aaaaaaa", "aaaaa"]);
        assert_eq!(lines("漢字漢字", 5), ["漢字", "漢字"]);
        assert_eq!(lines("漢", 1), ["漢"]);
    }

    #[test]
    fn a_table_that_fits_is_shown_whole() {
        insta::assert_snapshot!(plain(sample(), 80), @"
        NAME              MODEL                      INBOX
        coder             openai-codex/gpt-5.5:high      3
        漢字漢字漢字漢字  -                             12
        ");
    }

    #[test]
    fn flexible_columns_shrink_to_the_width() {
        insta::assert_snapshot!(plain(sample(), 30), @"
        NAME         MODEL       INBOX
        coder        openai-co…      3
        漢字漢字漢…  -              12
        ");
    }

    #[test]
    fn a_column_is_left_out_before_a_line_gets_too_wide() {
        insta::assert_snapshot!(plain(sample(), 20), @"
        NAME           INBOX
        coder              3
        漢字漢字漢字…     12
        ");
    }

    #[test]
    fn where_no_table_fits_rows_become_paragraphs() {
        let mut table = Table::new([
            Column::new(""),
            Column::new("CHECK"),
            Column::new("IS"),
            Column::new("FOUND").wrapping(16),
            Column::new("REMEDY").wrapping(16),
        ]);
        table.row([
            "".into(),
            "tmux".into(),
            "ok".into(),
            "3.5a, /usr/bin/tmux".into(),
            "-".into(),
        ]);
        let found = "the user manager does not run after you log out";
        let remedy = "run `loginctl enable-linger`";
        table.row([
            "►".into(),
            "boot".into(),
            "note".into(),
            found.into(),
            remedy.into(),
        ]);
        insta::assert_snapshot!(plain(table, 40), @"
        CHECK   tmux
        IS      ok
        FOUND   3.5a, /usr/bin/tmux

        CHECK   ► boot
        IS      note
        FOUND   the user manager does not run
                after you log out
        REMEDY  run `loginctl enable-linger`
        ");
    }

    #[test]
    fn a_cell_cannot_move_the_cursor() {
        let mut table = Table::new([Column::new("NAME")]);
        table.row(["a\u{1b}[2Jb\n".into()]);
        assert!(!plain(table, 80).contains('\u{1b}'));
    }

    #[test]
    fn a_silent_column_can_be_left_out() {
        let mut table = Table::new([Column::new("A"), Column::new("B"), Column::new("C")]);
        table.row(["1".into(), "-".into(), "2".into()]);
        table.without_empty(&["A", "B"]);
        assert_eq!(plain(table, 80), "A  C\n1  2\n");
    }
}
