//! Texts cut and broken to the width of a column.

use std::mem;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Breaks a text between words into lines of at most `width` columns; a longer word is broken, behind
/// a colon or slash if it can be.
pub(super) fn lines(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split(' ') {
        if !line.is_empty() && line.width() + 1 + word.width() > width {
            lines.push(mem::take(&mut line));
        } else if !line.is_empty() {
            line.push(' ');
        }
        let mut rest = word;
        while line.width() + rest.width() > width.max(2) {
            let (piece, behind) = rest.split_at(piece(rest, width.max(2)));
            lines.push(mem::take(&mut line) + piece);
            rest = behind;
        }
        line.push_str(rest);
    }
    lines.push(line);
    lines
}

/// How many bytes of a word that is wider than a line go into it: if that is not short, up to its
/// last colon or slash.
fn piece(word: &str, width: usize) -> usize {
    let (mut used, mut end, mut joint, mut last) = (0, 0, 0, ':');
    for (at, character) in word.char_indices() {
        used += character.width().unwrap_or(0);
        if used > width {
            break;
        }
        end = at + character.len_utf8();
        // A slash that begins a path stays with it.
        if character == ':' || (character == '/' && last != ':') {
            joint = end;
        }
        last = character;
    }
    if joint * 2 > end { joint } else { end }
}

/// Cuts a text to `width` columns; a cut one ends with `…`.
pub(crate) fn truncate(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut cut = String::new();
    let mut used = 0;
    for character in text.chars() {
        let columns = character.width().unwrap_or(0);
        if used + columns + 1 > width {
            break;
        }
        used += columns;
        cut.push(character);
    }
    if width > 0 {
        cut.push('…');
    }
    cut
}
