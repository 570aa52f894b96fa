//! Breaking lines between words.

use std::sync::OnceLock;

use unicode_width::UnicodeWidthStr;

use crate::output::DEFAULT_WIDTH;

/// The columns of a line, once it is known who looks.
static WIDTH: OnceLock<usize> = OnceLock::new();

/// Below this, lines of words are no easier to read than lines that the terminal breaks.
const LEAST_WIDTH: usize = 24;

/// Lets lines be no wider than a terminal that is narrower than most. The first call counts.
pub(crate) fn limit_width(columns: usize) {
    let _ = WIDTH.set(columns.clamp(LEAST_WIDTH, DEFAULT_WIDTH));
}

/// Returns the columns that a line of words may have.
pub(crate) fn width() -> usize {
    WIDTH.get().copied().unwrap_or(DEFAULT_WIDTH)
}

/// Breaks `text` so that no line is wider than 80 columns, or than the terminal.
///
/// The first line already has `used` columns; the following ones begin with `indent`. A word wider
/// than a line, such as a path, is never broken, since people copy it; only lists of paths are,
/// after their colons. Newlines in the text are kept.
pub(crate) fn wrap(text: &str, used: usize, indent: &str) -> String {
    wrap_to(width(), text, used, indent)
}

/// Breaks lines that are laid out already: each by itself, and what is broken off stands two columns
/// deeper than the line began.
pub(crate) fn wrap_lines(text: &str) -> String {
    let broken = |line: &str| {
        let bare = line.trim_start_matches(' ');
        wrap(line, 0, &" ".repeat(line.len() - bare.len() + 2))
    };
    text.lines().map(broken).collect::<Vec<_>>().join("\n")
}

/// Breaks `text` as [`wrap`] does, at another width.
pub(crate) fn wrap_to(width: usize, text: &str, used: usize, indent: &str) -> String {
    let mut lines = Lines {
        width,
        text: String::with_capacity(text.len() + 16),
        column: used,
        indent,
    };
    for (index, line) in text.lines().enumerate() {
        if index > 0 {
            lines.end();
        }
        for (index, word) in line.split(' ').enumerate() {
            lines.word(word, index > 0);
        }
    }
    lines.text
}

/// Lines under construction.
struct Lines<'a> {
    width: usize,
    text: String,
    column: usize,
    indent: &'a str,
}

impl Lines<'_> {
    fn end(&mut self) {
        self.text.push('\n');
        self.text.push_str(self.indent);
        self.column = self.indent.width();
    }

    /// Adds a word, after a blank or in a new line if it is not the first of its line.
    fn word(&mut self, word: &str, follows: bool) {
        if follows && self.column + 1 + columns(word) > self.width {
            self.end();
        } else if follows {
            self.text.push(' ');
            self.column += 1;
        }
        let lists_paths = word.contains(":/") && !word.contains("://");
        if lists_paths && self.column + columns(word) > self.width {
            self.path_list(word);
        } else {
            self.push(word);
        }
    }

    fn path_list(&mut self, list: &str) {
        for path in list.split_inclusive(':') {
            if self.column > self.indent.width() && self.column + columns(path) > self.width {
                self.end();
            }
            self.push(path);
        }
    }

    fn push(&mut self, piece: &str) {
        self.text.push_str(piece);
        self.column += columns(piece);
    }
}

/// Returns how wide a text is shown; colours take no columns.
pub(crate) fn columns(text: &str) -> usize {
    anstream::adapter::strip_str(text).to_string().width()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_between_words_at_eighty_columns() {
        let text = "word ".repeat(40);
        let wrapped = wrap(text.trim(), 7, "  ");
        let lines: Vec<_> = wrapped.lines().collect();
        assert!(lines[0].len() <= 73);
        let fits = |line: &&str| line.len() <= 80 && line.starts_with("  word");
        assert!(lines.iter().skip(1).all(fits));
        assert_eq!(wrapped.split_whitespace().count(), 40);
    }

    #[test]
    fn lines_of_a_narrow_terminal_are_as_narrow() {
        let text = "word ".repeat(40);
        let wrapped = wrap_to(40, text.trim(), 7, "  ");
        let lines = wrapped.lines().skip(1);
        assert!(lines.clone().all(|line| line.len() <= 40));
        assert_eq!(lines.count(), 5);
    }

    #[test]
    fn lines_that_fit_are_left_as_they_are_and_others_break_where_they_began() {
        let fits = format!("  {}\n\n{}", "x".repeat(78), "y".repeat(80));
        assert_eq!(wrap_lines(&fits), fits);
        let wide = format!("a\n    {} end", "word ".repeat(20).trim_end());
        let wrapped = wrap_lines(&wide);
        let lines: Vec<_> = wrapped.lines().collect();
        assert!(lines.iter().all(|line| line.len() <= 80), "{wrapped}");
        assert!(lines[1].starts_with("    word") && lines[2].starts_with("      word"));
    }

    #[test]
    fn a_long_word_is_left_whole() {
        let path = format!("/{}", "a".repeat(100));
        assert_eq!(wrap(&format!("at {path}"), 0, ""), format!("at\n{path}"));
    }

    #[test]
    fn an_address_is_left_whole() {
        let address = format!("https://example.org/{}", "a".repeat(100));
        let wrapped = wrap(&format!("see {address} there"), 0, "  ");
        assert_eq!(wrapped, format!("see\n  {address}\n  there"));
    }

    #[test]
    fn a_list_of_paths_breaks_after_its_colons() {
        let list = ["/usr/local/sbin"; 10].join(":");
        let wrapped = wrap(&format!("looked in {list}"), 0, "  ");
        assert!(wrapped.lines().all(|line| line.width() <= 80), "{wrapped}");
        assert_eq!(wrapped.replace("\n  ", ""), format!("looked in{list}"));
    }

    #[test]
    fn wide_characters_count_twice() {
        let wrapped = wrap(&"漢字 ".repeat(20), 0, "");
        assert!(wrapped.lines().all(|line| line.width() <= 80));
        assert_eq!(wrapped.lines().count(), 2);
    }
}
