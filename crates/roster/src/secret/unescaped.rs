//! A text with the escapes of its quoted strings resolved.
//!
//! What cannot be parsed has no strings that could be looked at one by one, so escapes are resolved
//! wherever they stand.

use std::ops::Range;

/// A text with its escapes resolved, and where its characters come from.
pub(super) struct Unescaped {
    text: String,
    /// For every byte of the text the place in the original of the character that it belongs to,
    /// and one more for the end.
    origins: Vec<usize>,
}

impl Unescaped {
    /// Resolves the escapes of a text; nothing if it has none.
    pub(super) fn of(text: &str) -> Option<Self> {
        if !text.contains('\\') {
            return None;
        }
        let mut unescaped = Self {
            text: String::with_capacity(text.len()),
            origins: Vec::with_capacity(text.len() + 1),
        };
        let mut at = 0;
        while let Some(next) = text[at..].chars().next() {
            let (meant, length) = match next {
                '\\' => escape(&text[at + 1..]),
                _ => (Some(next), next.len_utf8()),
            };
            if let Some(meant) = meant {
                unescaped.push(meant, at);
            }
            at += length;
        }
        unescaped.origins.push(text.len());
        Some(unescaped)
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Returns where in the original a part of the text stands.
    pub(super) fn origin(&self, part: &Range<usize>) -> Range<usize> {
        self.origins[part.start]..self.origins[part.end]
    }

    fn push(&mut self, meant: char, origin: usize) {
        self.text.push(meant);
        self.origins.resize(self.text.len(), origin);
    }
}

/// Reads what follows a backslash: the character that is meant, if any, and the bytes of the whole
/// escape.
fn escape(rest: &str) -> (Option<char>, usize) {
    let Some(kind) = rest.chars().next() else {
        return (Some('\\'), 1);
    };
    let digits = match kind {
        'x' => 2,
        'u' => 4,
        'U' => 8,
        // A line that goes on in the next one, without its indentation.
        '\r' | '\n' => {
            let line = rest.trim_start_matches('\r');
            let line = line.strip_prefix('\n').unwrap_or(line);
            let line = line.trim_start_matches([' ', '\t']);
            return (None, 1 + rest.len() - line.len());
        }
        // Of all others none is part of a credential but those that stand for themselves.
        '\\' | '"' | '/' => return (Some(kind), 2),
        _ => return (Some(' '), 1 + kind.len_utf8()),
    };
    let number = rest
        .get(1..1 + digits)
        .and_then(|digits| u32::from_str_radix(digits, 16).ok());
    match number.and_then(char::from_u32) {
        Some(meant) => (Some(meant), 2 + digits),
        None => (Some('\\'), 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(text: &str) -> String {
        Unescaped::of(text).unwrap().text
    }

    #[test]
    fn escapes_are_resolved_wherever_they_stand() {
        assert_eq!(resolved(r#""\x67hp_\u0030\U00000031\/""#), "\"ghp_01/\"");
        assert_eq!(resolved("a\\\n   b\\\r\n\tc"), "abc");
        assert_eq!(resolved(r"\\x67"), r"\x67");
        assert_eq!(resolved(r"\n\xé \ud83d \u12"), r" \xé \ud83d \u12");
        assert_eq!(resolved("end\\"), "end\\");
        assert!(Unescaped::of("no escape").is_none());
    }

    #[test]
    fn a_part_is_where_its_escapes_are() {
        let text = r#"é: "\x67hp_" # x"#;
        let unescaped = Unescaped::of(text).unwrap();
        let part = unescaped.text().find("ghp_").unwrap();
        let place = unescaped.origin(&(part..part + 4));
        assert_eq!(&text[place], r"\x67hp_");
        let all = unescaped.origin(&(0..unescaped.text().len()));
        assert_eq!(all, 0..text.len());
    }
}
