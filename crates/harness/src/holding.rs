//! Whether a shown text is ours.

use crate::pattern::Pattern;

/// Whether the composer holds a given text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holding {
    /// It is empty, or holds something else.
    No,
    /// It holds the text, or the end of it where it shows no more.
    Text,
    /// It holds this placeholder for the text.
    Placeholder(String),
    /// The composer is not on the screen.
    Unknown,
}

/// Characters that a composer must show of a longer text for the rest to be taken as scrolled away.
pub(crate) const SHORTEST_TAIL: usize = 24;

/// Compares what a composer shows with a text.
///
/// White space does not count, for agents change it: they wrap, indent, expand tabs and trim. The
/// end of the text is taken for all of it if it has at least `shortest_tail` characters.
pub(crate) fn compare(
    shown: &str,
    text: &str,
    shortest_tail: usize,
    placeholders: &[Pattern],
) -> Holding {
    let visible = Normalised::of(shown);
    let ours = Normalised::of(text);
    if visible.text.is_empty() || ours.text.is_empty() {
        return Holding::No;
    }
    let long_tail = || visible.text.chars().count() >= shortest_tail;
    if ours.text == visible.text || (ours.text.ends_with(&visible.text) && long_tail()) {
        return Holding::Text;
    }
    placeholders
        .iter()
        .find_map(|placeholder| stands_for(placeholder, &visible, &ours.text, text))
        .map_or(Holding::No, |range| {
            Holding::Placeholder(visible.original(shown, range))
        })
}

/// Finds the placeholder that stands for all of a text, or for what is missing between its
/// beginning and its end.
fn stands_for(
    placeholder: &Pattern,
    visible: &Normalised,
    ours: &str,
    text: &str,
) -> Option<std::ops::Range<usize>> {
    let found = placeholder.captures(&visible.text)?;
    let range = found.get(0)?.range();
    let (before, after) = (&visible.text[..range.start], &visible.text[range.end..]);
    let hidden = ours.strip_prefix(before)?.strip_suffix(after)?;
    if hidden.is_empty() {
        return None;
    }
    if let Some(lines) = found
        .name("lines")
        .and_then(|lines| lines.as_str().parse::<usize>().ok())
    {
        let breaks = text.trim().matches('\n').count();
        // Some agents count lines, some line breaks.
        let whole = before.is_empty() && after.is_empty();
        if lines > breaks + 1 || (whole && lines < breaks) {
            return None;
        }
    }
    Some(range)
}

/// A text without white space and without characters that take no column by themselves.
pub(crate) struct Normalised {
    pub(crate) text: String,
    /// For each byte of `text` where its character begins in the original.
    offsets: Vec<usize>,
}

impl Normalised {
    pub(crate) fn of(original: &str) -> Normalised {
        let mut text = String::with_capacity(original.len());
        let mut offsets = Vec::with_capacity(original.len());
        for (offset, character) in original.char_indices().filter(|&(_, c)| is_compared(c)) {
            text.push(character);
            offsets.resize(text.len(), offset);
        }
        Normalised { text, offsets }
    }

    /// The part of the original that a range of `text` came from, in one line.
    fn original(&self, original: &str, range: std::ops::Range<usize>) -> String {
        let start = self
            .offsets
            .get(range.start)
            .copied()
            .unwrap_or(original.len());
        let end = self
            .offsets
            .get(range.end)
            .copied()
            .unwrap_or(original.len());
        let part = original.get(start..end).unwrap_or_default();
        part.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

/// Terminals and agents drop joiners, variation selectors and direction marks, or keep them.
pub(crate) fn is_compared(character: char) -> bool {
    !character.is_whitespace()
        && !character.is_control()
        && !matches!(character,
            '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Harness, Screen};

    fn placeholders() -> Vec<Pattern> {
        #[derive(serde::Deserialize)]
        struct File {
            patterns: Vec<Pattern>,
        }
        let source = r"patterns = ['\[Pastedtext#[0-9]+(\+(?P<lines>[0-9]+)lines)?\]']";
        toml::from_str::<File>(source).unwrap().patterns
    }

    fn shown_for(shown: &str, text: &str) -> Holding {
        compare(shown, text, SHORTEST_TAIL, &placeholders())
    }

    fn placeholder(text: &str) -> Holding {
        Holding::Placeholder(text.to_owned())
    }

    #[test]
    fn white_space_and_joiners_do_not_count() {
        assert_eq!(shown_for("a\u{a0}b\n  c", "\ta b c\n"), Holding::Text);
        assert_eq!(shown_for("👩💻 x", "👩\u{200d}💻 x"), Holding::Text);
        assert_eq!(shown_for("ab", "abc"), Holding::No);
        assert_eq!(shown_for("", " "), Holding::No);
    }

    #[test]
    fn only_a_long_end_stands_for_a_text() {
        let text = "the beginning is gone but this much can be seen";
        assert_eq!(
            shown_for("but this much can be\nseen, not", text),
            Holding::No
        );
        assert_eq!(shown_for("but this much can be\nseen", text), Holding::No);
        assert_eq!(
            shown_for("is gone but this much can be\nseen", text),
            Holding::Text
        );
    }

    #[test]
    fn a_short_end_will_do_where_the_agent_says_that_there_is_more_above() {
        let holds = |above: &str| {
            let rule = "─".repeat(40);
            let edge = format!("─── {above}{}", "─".repeat(36 - above.chars().count()));
            let screen = Screen::from_text(40, &format!("{edge}\nthe end\n{rule}"));
            let pi = Harness::shipped("pi").unwrap();
            pi.holds(&screen, "a beginning\n\nthe end")
        };
        assert_eq!(holds("↑ 2 more "), Holding::Text);
        assert_eq!(holds(""), Holding::No);
    }

    #[test]
    fn a_placeholder_stands_for_a_text_of_its_number_of_lines() {
        let text = "one\ntwo\nthree\nfour";
        assert_eq!(
            shown_for("[Pasted text #1\n+3 lines]", text),
            placeholder("[Pasted text #1 +3 lines]")
        );
        assert_eq!(
            shown_for("[Pasted text #1 +4 lines]", text),
            placeholder("[Pasted text #1 +4 lines]")
        );
        assert_eq!(shown_for("[Pasted text #1 +9 lines]", text), Holding::No);
        assert_eq!(shown_for("[Pasted text #1 +2 lines]", text), Holding::No);
        assert_eq!(
            shown_for("[Pasted text #2]", text),
            placeholder("[Pasted text #2]")
        );
    }

    #[test]
    fn a_placeholder_may_stand_for_the_middle_only() {
        let text = "one\ntwo\nthree\nfour";
        assert_eq!(
            shown_for("one [Pasted text #1 +2 lines] four", text),
            placeholder("[Pasted text #1 +2 lines]")
        );
        assert_eq!(
            shown_for("a draft [Pasted text #1 +3 lines]", text),
            Holding::No
        );
        assert_eq!(
            shown_for("one two [Pasted text #1] three four", text),
            Holding::No
        );
    }

    #[test]
    fn a_text_that_looks_like_a_placeholder_is_a_text() {
        let text = "[Pasted text #1 +3 lines]";
        assert_eq!(shown_for(text, text), Holding::Text);
    }
}
