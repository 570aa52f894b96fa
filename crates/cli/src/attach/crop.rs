//! Cutting a part out of a line with colours.

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// Returns `width` columns of `line` from column `from` on, its colours kept.
///
/// Half of a wide character at an edge becomes a blank.
pub(crate) fn crop(line: &str, from: usize, width: usize) -> String {
    let end = from.saturating_add(width);
    let mut cropped = String::with_capacity(line.len());
    let mut column = 0;
    let mut rest = line;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '\u{1b}' => sequence_length(rest),
            _ => rest.graphemes(true).next().map_or(1, str::len),
        };
        let (piece, tail) = rest.split_at(length);
        rest = tail;
        if first == '\u{1b}' {
            cropped.push_str(piece);
            continue;
        }
        let next = column + piece.width();
        if column >= from && next <= end {
            cropped.push_str(piece);
        } else {
            let visible = next.min(end).saturating_sub(column.max(from));
            cropped.extend(std::iter::repeat_n(' ', visible));
        }
        column = next;
    }
    cropped
}

/// Returns the length of the control sequence that `text` begins with.
fn sequence_length(text: &str) -> usize {
    let body = &text[1..];
    let end = match body.bytes().next() {
        Some(b'[') => body[1..]
            .find(|c: char| ('\u{40}'..='\u{7e}').contains(&c))
            .map(|at| at + 2),
        Some(b']') => match (body.find("\u{1b}\\"), body.find('\u{7}')) {
            (Some(at), _) => Some(at + 2),
            (None, bell) => bell.map(|at| at + 1),
        },
        _ => body.chars().next().map(char::len_utf8),
    };
    end.map_or(text.len(), |end| end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_kept_and_take_no_columns() {
        assert_eq!(crop("\x1b[31mabcdef\x1b[m", 1, 3), "\x1b[31mbcd\x1b[m");
    }

    #[test]
    fn half_a_wide_character_becomes_a_blank() {
        assert_eq!(crop("漢字x", 1, 3), " 字");
        assert_eq!(crop("漢字x", 0, 3), "漢 ");
        assert_eq!(crop("漢字x", 1, 1), " ");
    }

    #[test]
    fn joined_characters_stay_together() {
        assert_eq!(crop("👩‍👩‍👧ab", 0, 3), "👩‍👩‍👧a");
    }

    #[test]
    fn links_take_no_columns() {
        let link = "\x1b]8;;http://x\x1b\\ab\x1b]8;;\x1b\\";
        assert_eq!(crop(link, 1, 1), "\x1b]8;;http://x\x1b\\b\x1b]8;;\x1b\\");
    }

    #[test]
    fn an_unfinished_sequence_does_no_harm() {
        assert_eq!(crop("a\x1b", 0, 5), "a\x1b");
        assert_eq!(crop("a\x1b[3", 0, 5), "a\x1b[3");
    }
}
