//! What a terminal shows, as the rules see it.

use std::ops::Range;

use serde::{Deserialize, Serialize};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// A terminal's visible screen at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Screen {
    /// The rows from top to bottom, as many as the terminal is high.
    pub rows: Vec<Row>,
    /// Width of the terminal in columns.
    pub columns: u16,
    /// Where the cursor is.
    pub cursor: Cursor,
    /// The title that the program set (OSC 0 or 2); empty if it never did.
    pub title: String,
    /// Whether the alternate screen is shown.
    pub alternate: bool,
    /// Whether the program asked for bracketed paste (mode 2004).
    pub bracketed_paste: bool,
}

/// One row of a [`Screen`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Row {
    /// The text without trailing blanks.
    pub text: String,
    /// Byte ranges of `text` that are drawn faint (SGR 2) or in the palette's dark grey, as ghost
    /// texts are.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub faint: Vec<Range<usize>>,
    /// Byte ranges of `text` whose background is another than that of most of the row, as it is of
    /// what a program has picked out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lit: Vec<Range<usize>>,
    /// Whether the text goes on in the next row because it reached the right margin.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub wrapped: bool,
}

/// The cursor of a [`Screen`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Cursor {
    /// Row, counted from 0 at the top.
    pub row: u16,
    /// Column, counted from 0 at the left.
    pub column: u16,
    /// Whether the program shows it.
    pub visible: bool,
}

impl Screen {
    /// Makes a screen of plain lines: nothing faint, nothing wrapped, the cursor at the top left.
    ///
    /// It is meant for tests and examples; real screens come from a terminal model.
    pub fn from_text(columns: u16, text: &str) -> Screen {
        let rows = text.lines().map(Row::plain).collect();
        Screen {
            rows,
            columns,
            ..Screen::default()
        }
    }

    /// The row that the cursor is in, with the text before and after the cursor.
    ///
    /// `None` if the cursor stands outside of the rows.
    pub(crate) fn at_cursor(&self) -> Option<(&str, &str)> {
        let row = self.rows.get(usize::from(self.cursor.row))?;
        Some(row.text.split_at(row.offset_of(self.cursor.column)))
    }
}

impl Row {
    /// Makes a row of plain text; trailing blanks are cut.
    pub fn plain(text: &str) -> Row {
        Row {
            text: text.trim_end_matches(' ').to_owned(),
            ..Row::default()
        }
    }

    pub(crate) fn is_blank(&self) -> bool {
        self.text.trim().is_empty()
    }

    /// Columns that the text takes.
    pub(crate) fn width(&self) -> usize {
        self.text.width()
    }

    /// The byte offset of what stands at a column, or the length of the text if it is shorter.
    ///
    /// A joined character belongs as a whole to the columns before it.
    pub(crate) fn offset_of(&self, column: u16) -> usize {
        let column = usize::from(column);
        let mut end = 0;
        for (start, character) in self.text.char_indices() {
            let next = start + character.len_utf8();
            // The width of the whole prefix, for a joined emoji is narrower than its parts.
            let joined = character.width() == Some(0) || self.text[..start].ends_with('\u{200d}');
            if !joined && self.text[..next].width() > column {
                break;
            }
            end = next;
        }
        end
    }

    pub(crate) fn is_faint(&self, offset: usize) -> bool {
        self.faint.iter().any(|range| range.contains(&offset))
    }

    pub(crate) fn is_lit(&self, offset: usize) -> bool {
        self.lit.iter().any(|range| range.contains(&offset))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_is_found_behind_wide_and_joined_characters() {
        let row = Row::plain("日本 👩\u{200d}💻x");
        let before = |column| &row.text[..row.offset_of(column)];
        assert_eq!(before(0), "");
        assert_eq!(before(3), "日");
        assert_eq!(before(5), "日本 ");
        assert_eq!(before(7), "日本 👩\u{200d}💻");
        assert_eq!(before(99), row.text);
    }
}
