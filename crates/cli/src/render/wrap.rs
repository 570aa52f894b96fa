//! Breaking lines between words.

use unicode_width::UnicodeWidthStr;

use crate::output::DEFAULT_WIDTH;

/// Breaks `text` so that no line is wider than 80 columns.
///
/// The first line already has `used` columns; the following ones begin with `indent`. A word wider
/// than a line, such as a path, is never broken: people copy it. Newlines in the text are kept.
pub(crate) fn wrap(text: &str, used: usize, indent: &str) -> String {
    let mut wrapped = String::with_capacity(text.len() + 16);
    let mut column = used;
    for (index, line) in text.lines().enumerate() {
        if index > 0 {
            wrapped.push('\n');
            wrapped.push_str(indent);
            column = indent.width();
        }
        let mut at_start = true;
        for word in line.split(' ') {
            let gap = usize::from(!at_start);
            if !at_start && column + gap + columns(word) > DEFAULT_WIDTH {
                wrapped.push('\n');
                wrapped.push_str(indent);
                column = indent.width();
            } else if !at_start {
                wrapped.push(' ');
                column += 1;
            }
            wrapped.push_str(word);
            column += columns(word);
            at_start = false;
        }
    }
    wrapped
}

/// Returns how wide a text is shown; colours take no columns.
fn columns(text: &str) -> usize {
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
        assert!(
            lines
                .iter()
                .skip(1)
                .all(|line| line.len() <= 80 && line.starts_with("  word"))
        );
        assert_eq!(wrapped.split_whitespace().count(), 40);
    }

    #[test]
    fn a_long_word_is_left_whole() {
        let path = format!("/{}", "a".repeat(100));
        assert_eq!(wrap(&format!("at {path}"), 0, ""), format!("at\n{path}"));
    }

    #[test]
    fn wide_characters_count_twice() {
        let wrapped = wrap(&"漢字 ".repeat(20), 0, "");
        assert!(wrapped.lines().all(|line| line.width() <= 80));
        assert_eq!(wrapped.lines().count(), 2);
    }
}
