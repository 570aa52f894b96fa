//! Whether a shown text is ours.

use unicode_normalization::char::canonical_combining_class;
use unicode_normalization::{IsNormalized, UnicodeNormalization as _, is_nfc_quick};

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

/// Tells whether a text stands in another one; white space does not count.
pub(crate) fn contains_text(shown: &str, text: &str) -> bool {
    let wanted = Normalised::of(text).text;
    !wanted.is_empty() && Normalised::of(shown).text.contains(&wanted)
}

/// A text without white space and without characters that take no column by themselves, its accents
/// composed: some agents compose what they are given, so that `e` and U+0301 are shown as `é`.
pub(crate) struct Normalised {
    pub(crate) text: String,
    /// For each byte of `text` where its character begins in the original.
    offsets: Vec<usize>,
}

impl Normalised {
    pub(crate) fn of(original: &str) -> Normalised {
        let mut normalised = Normalised {
            text: String::with_capacity(original.len()),
            offsets: Vec::with_capacity(original.len()),
        };
        let mut sequence = String::new();
        let mut beginning = 0;
        for (offset, character) in original.char_indices().filter(|&(_, c)| is_compared(c)) {
            if !joins(character) {
                normalised.push(&sequence, beginning);
                sequence.clear();
                beginning = offset;
            }
            sequence.push(character);
        }
        normalised.push(&sequence, beginning);
        normalised
    }

    /// Adds a character with what joins it, which begins there in the original.
    fn push(&mut self, sequence: &str, offset: usize) {
        if sequence.is_ascii() {
            self.text.push_str(sequence);
        } else {
            self.text.extend(sequence.nfc());
        }
        self.offsets.resize(self.text.len(), offset);
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

/// Whether a character may become one with those before it, or change places with them: itself, or
/// what it is short for.
fn joins(character: char) -> bool {
    !character.is_ascii()
        && (combines(character)
            || is_nfc_quick(std::iter::once(character)) == IsNormalized::Maybe
            || std::iter::once(character)
                .nfd()
                .next()
                .is_some_and(combines))
}

fn combines(character: char) -> bool {
    canonical_combining_class(character) != 0
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
    use proptest::prelude::*;

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
    fn an_accent_is_the_same_composed_and_on_its_own() {
        assert_eq!(shown_for("Gr\u{fc}ße", "Gru\u{308}ße"), Holding::Text);
        assert_eq!(shown_for("e\u{301} x", "\u{e9}\u{a0}x"), Holding::Text);
        // Behind a joiner that the agent drops, and in an alphabet of syllables.
        assert_eq!(shown_for("é", "e\u{200b}\u{301}"), Holding::Text);
        assert_eq!(
            shown_for("\u{d55c}", "\u{1112}\u{1161}\u{11ab}"),
            Holding::Text
        );
        assert_eq!(shown_for("e", "e\u{301}"), Holding::No);
        assert_eq!(shown_for("ê", "e\u{301}"), Holding::No);
    }

    #[test]
    fn a_placeholder_is_found_behind_what_was_composed() {
        let text = "ge\u{301}ne\u{301}ral\none\ntwo\nthree";
        assert_eq!(
            shown_for("ge\u{301}ne\u{301}ral [Pasted text #1 +2 lines]", text),
            placeholder("[Pasted text #1 +2 lines]")
        );
    }

    #[test]
    fn vowel_signs_that_stand_for_several_marks_are_ordered_with_the_others() {
        for sign in ['\u{f73}', '\u{f75}', '\u{f81}'] {
            let text = format!("x\u{301}{sign}");
            let apart = text.nfd().collect::<String>();
            assert_eq!(Normalised::of(&apart).text, Normalised::of(&text).text);
        }
    }

    proptest! {
        #[test]
        fn a_text_is_the_same_however_its_accents_are_written(
            text in "([a-eA-E가-힣] ?|[\u{300}-\u{345}\u{1100}-\u{11ff}\u{200b}\u{fe0f}]|\\PC){0,40}"
        ) {
            let normalised = Normalised::of(&text);
            let (composed, apart) = (text.nfc().collect::<String>(), text.nfd().collect::<String>());
            prop_assert_eq!(&Normalised::of(&composed).text, &normalised.text);
            prop_assert_eq!(&Normalised::of(&apart).text, &normalised.text);
            prop_assert_eq!(&Normalised::of(&normalised.text).text, &normalised.text);
            prop_assert_eq!(normalised.offsets.len(), normalised.text.len());
            prop_assert!(normalised.offsets.iter().all(|&at| text.is_char_boundary(at)));
            let plain = text.chars().filter(|&c| is_compared(c)).collect::<String>();
            prop_assert_eq!(plain.nfc().collect::<String>(), normalised.text);
        }
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
