//! A table as paragraphs, where its columns do not fit.

use std::mem;

use unicode_width::UnicodeWidthStr;

use super::{Cell, GAP, Table};
use crate::render::style::STRONG;
use crate::render::wrap::wrap_to;

impl Table {
    /// Renders every row as a paragraph: titles at the left, what they say beside them. Cells that
    /// say nothing are left out.
    pub(super) fn paragraphs(&self, width: usize) -> String {
        let titles = self.columns.iter().map(|column| column.title.width());
        let room = titles.max().unwrap_or(0) + GAP;
        let paragraphs = self.rows.iter().map(|row| self.paragraph(row, room, width));
        paragraphs.collect::<Vec<_>>().join("\n")
    }

    fn paragraph(&self, row: &[Cell], room: usize, width: usize) -> String {
        let mut text = String::new();
        // What stands in a column without a title, such as a mark, belongs to the next cell.
        let mut mark = String::new();
        for (column, cell) in self.columns.iter().zip(row) {
            if column.title.is_empty() {
                mark.push_str(&cell.text);
                continue;
            }
            let said = [mem::take(&mut mark), cell.text.clone()];
            let said = said.join(" ");
            let said = said.trim_start();
            if matches!(said, "" | "-") {
                continue;
            }
            let (strong, style, title) = (STRONG, cell.style, column.title);
            text.push_str(&format!("{strong}{title}{strong:#}"));
            // People copy long words, such as ids.
            let longest = said.split(' ').map(UnicodeWidthStr::width).max();
            let below = room + longest.unwrap_or(0) > width;
            let (first, indent) = match below {
                true => ("\n  ".to_owned(), "  ".to_owned()),
                false => (" ".repeat(room - title.width()), " ".repeat(room)),
            };
            let said = wrap_to(width, said, indent.len(), &indent);
            text.push_str(&format!("{first}{style}{said}{style:#}\n"));
        }
        text
    }
}
