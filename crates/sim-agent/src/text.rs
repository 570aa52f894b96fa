//! Widths and wrapping, counted by grapheme clusters as the real agents count them.

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// Returns the columns that `text` takes: a joined emoji takes two.
#[must_use]
pub fn width(text: &str) -> usize {
    if is_plain(text) {
        return text.len();
    }
    text.graphemes(true).map(UnicodeWidthStr::width).sum()
}

/// Cuts one line into rows of at most `columns`; an empty line is one empty row.
///
/// A cluster that is wider than a whole row stands alone on one.
#[must_use]
pub fn wrap(line: &str, columns: usize) -> Vec<&str> {
    if is_plain(line) {
        return wrap_plain(line, columns.max(1));
    }
    let mut rows = Vec::new();
    let (mut start, mut used) = (0, 0);
    for (at, cluster) in line.grapheme_indices(true) {
        let cluster_width = UnicodeWidthStr::width(cluster);
        if used + cluster_width > columns && at > start {
            rows.push(&line[start..at]);
            (start, used) = (at, 0);
        }
        used += cluster_width;
    }
    rows.push(&line[start..]);
    rows
}

/// Whether each byte is a cluster of one column. Megabytes of a flood are, and finding their clusters
/// would take most of the time that a flood lasts.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

fn wrap_plain(line: &str, columns: usize) -> Vec<&str> {
    let last = line.len().saturating_sub(1) / columns * columns;
    (0..=last)
        .step_by(columns)
        .map(|at| &line[at..line.len().min(at + columns)])
        .collect()
}

/// Returns the beginning of `text` that fits into `columns`.
#[must_use]
pub fn clip(text: &str, columns: usize) -> &str {
    let mut used = 0;
    for (at, cluster) in text.grapheme_indices(true) {
        used += UnicodeWidthStr::width(cluster);
        if used > columns {
            return &text[..at];
        }
    }
    text
}

/// Makes text safe to draw: a TAB becomes four blanks and any other control character but the
/// newline its visible picture.
#[must_use]
pub fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => out.push('\n'),
            '\t' => out.push_str("    "),
            '\0'..='\x1f' => out.push(char::from_u32(0x2400 + u32::from(c)).unwrap_or(' ')),
            '\x7f' => out.push('\u{2421}'),
            c if c.is_control() => out.push(char::REPLACEMENT_CHARACTER),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_joined_emoji_takes_two_columns() {
        assert_eq!(width("👩\u{200d}💻"), 2);
        assert_eq!(width("漢字 é"), 6);
    }

    #[test]
    fn a_wide_character_is_not_cut_at_the_edge() {
        assert_eq!(wrap("a漢字b", 4), ["a漢", "字b"]);
        assert_eq!(wrap("", 4), [""]);
        assert_eq!(wrap("漢字", 1), ["漢", "字"]);
        assert_eq!(clip("a漢字", 4), "a漢");
    }

    #[test]
    fn plain_text_is_cut_as_any_other() {
        for columns in 0..5 {
            for length in 0..12 {
                let plain = "a".repeat(length);
                let accented = "é".repeat(length);
                let rows = wrap(&plain, columns).join("|");
                assert_eq!(rows.replace('a', "é"), wrap(&accented, columns).join("|"));
                assert_eq!(width(&plain), width(&accented));
            }
        }
    }

    #[test]
    fn nothing_printable_can_steer_the_terminal() {
        assert_eq!(
            printable("a\tb\x1b[2J\u{9b}\x7f\n"),
            "a    b␛[2J\u{fffd}␡\n"
        );
    }
}
