//! A named text, and the way from a byte to a line and a column.

use std::sync::OnceLock;

/// A roster's text with its name.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    name: String,
    text: String,
    /// Made when the first place is asked for: most rosters have no finding.
    index: OnceLock<Index>,
}

#[derive(Debug, Clone)]
struct Index {
    /// Byte at which each line starts; the first is after a byte order mark.
    lines: Vec<usize>,
    /// Characters before each multiple of [`STRIDE`], so that a column is found quickly also in a
    /// text that is one long line.
    characters: Vec<usize>,
}

/// A place in a text, counted from 1; columns are characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

const STRIDE: usize = 1024;

/// The byte order mark that some editors put at the start of a file.
pub(crate) const BYTE_ORDER_MARK: char = '\u{feff}';

impl Index {
    fn new(text: &str) -> Self {
        let start = if text.starts_with(BYTE_ORDER_MARK) {
            BYTE_ORDER_MARK.len_utf8()
        } else {
            0
        };
        let newlines = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let lines = std::iter::once(start)
            .chain(newlines.map(|(at, _)| at + 1))
            .collect();
        let mut count = 0;
        let characters = text
            .as_bytes()
            .chunks(STRIDE)
            .map(|chunk| {
                let before = count;
                count += characters_in(chunk);
                before
            })
            .collect();
        Self { lines, characters }
    }
}

impl Source {
    pub(crate) fn new(name: &str, text: impl Into<String>) -> Self {
        Self {
            name: name.to_owned(),
            text: text.into(),
            index: OnceLock::new(),
        }
    }

    fn index(&self) -> &Index {
        self.index.get_or_init(|| Index::new(&self.text))
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Returns the place of a byte; one past the end is the place after the last character.
    pub(crate) fn place(&self, at: usize) -> Place {
        let at = at.min(self.text.len());
        let lines = &self.index().lines;
        let line = lines.partition_point(|start| *start <= at).max(1);
        let start = lines[line - 1].min(at);
        Place {
            line,
            column: self.characters_before(at) - self.characters_before(start) + 1,
        }
    }

    fn characters_before(&self, at: usize) -> usize {
        let characters = &self.index().characters;
        let stride = (at / STRIDE).min(characters.len().saturating_sub(1));
        let counted = characters.get(stride).copied().unwrap_or(0);
        counted + characters_in(&self.text.as_bytes()[stride * STRIDE..at])
    }
}

/// Counts the bytes that begin a character.
fn characters_in(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| (**byte as i8) >= -0x40).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(text: &str, at: usize) -> (usize, usize) {
        let place = Source::new("x", text).place(at);
        (place.line, place.column)
    }

    #[test]
    fn columns_are_characters_not_bytes() {
        let text = "a: 漢字😀x";
        assert_eq!(place(text, text.len() - 1), (1, 7));
    }

    #[test]
    fn a_byte_order_mark_takes_no_column() {
        assert_eq!(place("\u{feff}a", 3), (1, 1));
        assert_eq!(place("\u{feff}a", 0), (1, 1));
    }

    #[test]
    fn lines_end_with_either_newline() {
        assert_eq!(place("a\r\nb", 3), (2, 1));
        assert_eq!(place("a\nb", 2), (2, 1));
    }

    #[test]
    fn the_end_has_a_place() {
        assert_eq!(place("", 0), (1, 1));
        assert_eq!(place("a\n", 99), (2, 1));
    }

    #[test]
    fn a_column_far_into_a_long_line_is_right() {
        let text = "é".repeat(5000);
        assert_eq!(place(&text, 8000), (1, 4001));
    }
}
