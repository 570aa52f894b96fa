//! Programs without a composer of their own: what was typed stands before the cursor.

use serde::Deserialize;

use crate::holding::{Holding, SHORTEST_TAIL, is_compared};
use crate::pattern::Pattern;
use crate::screen::{Row, Screen};

/// How an echoed text is recognised.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EchoRule {
    /// What a program puts before a further line of the same input.
    #[serde(default)]
    continuation: Vec<Pattern>,
}

impl EchoRule {
    /// Decides whether a text stands directly before the cursor.
    ///
    /// A row above counts only if its line was wrapped or the text has a line break there; else
    /// the echo of a line that was submitted would do. A text longer than the screen counts by its
    /// end.
    pub(crate) fn holds(&self, screen: &Screen, text: &str) -> Holding {
        let Some((before, _)) = screen.at_cursor() else {
            return Holding::Unknown;
        };
        let expected = characters(text);
        let cursor = usize::from(screen.cursor.row);
        let mut rest = expected.as_slice();
        let mut shown = before;
        for above in screen.rows[..cursor].iter().rev().map(Some).chain([None]) {
            match self.take_row(shown, rest) {
                None => return Holding::No,
                Some([]) => return held(!expected.is_empty()),
                Some(left) => rest = left,
            }
            let Some(above) = above else { break };
            let may_break = rest.len() < expected.len() && breaks_at_end(rest);
            if !(may_break || is_wrapped(screen, above, rest.len() == expected.len())) {
                return Holding::No;
            }
            shown = &above.text;
        }
        held(expected.len() - rest.len() >= SHORTEST_TAIL)
    }

    /// Takes a row's characters off the end of the expected ones; `None` if they differ.
    fn take_row<'a>(&self, shown: &str, mut rest: &'a [Expected]) -> Option<&'a [Expected]> {
        let compared = shown
            .char_indices()
            .filter(|&(_, character)| is_compared(character));
        for (offset, character) in compared.rev() {
            let Some((last, others)) = rest.split_last() else {
                break;
            };
            if last.character == character {
                rest = others;
                continue;
            }
            let prefix = &shown[..offset + character.len_utf8()];
            let continues = last.breaks && self.is_continuation(prefix);
            return continues.then_some(rest);
        }
        Some(rest)
    }

    fn is_continuation(&self, prefix: &str) -> bool {
        self.continuation
            .iter()
            .any(|pattern| pattern.is_match(prefix))
    }
}

fn held(is_held: bool) -> Holding {
    if is_held { Holding::Text } else { Holding::No }
}

/// A character that the screen should show.
struct Expected {
    character: char,
    /// Whether a line break follows it in the text.
    breaks: bool,
}

fn characters(text: &str) -> Vec<Expected> {
    let mut expected: Vec<Expected> = Vec::new();
    for character in text.chars() {
        if is_compared(character) {
            expected.push(Expected {
                character,
                breaks: false,
            });
        } else if character == '\n'
            && let Some(last) = expected.last_mut()
        {
            last.breaks = true;
        }
    }
    expected
}

fn breaks_at_end(rest: &[Expected]) -> bool {
    rest.last().is_some_and(|last| last.breaks)
}

/// Whether a row's line goes on in the next one. Some programs wrap by themselves, so a full row
/// counts; a wide character may leave its last column empty, but only if something follows.
fn is_wrapped(screen: &Screen, row: &Row, nothing_follows: bool) -> bool {
    let needed = usize::from(screen.columns).saturating_sub(usize::from(!nothing_follows));
    row.wrapped || (needed > 0 && row.width() >= needed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::Harness;
    use crate::screen::Cursor;

    /// Whether a text is held with the cursor after the last row.
    fn holds(rows: &[&str], text: &str) -> Holding {
        let mut screen = Screen::from_text(20, &rows.join("\n"));
        let last = rows.len() - 1;
        screen.rows.resize(rows.len(), Row::default());
        screen.cursor = Cursor {
            row: u16::try_from(last).unwrap(),
            column: u16::try_from(Row::plain(rows[last]).width()).unwrap(),
            visible: true,
        };
        Harness::shipped("generic").unwrap().holds(&screen, text)
    }

    #[test]
    fn a_text_before_the_cursor_is_held() {
        assert_eq!(
            holds(&["$ ls", "a b", "$ echo 日本 語"], "echo 日本 語"),
            Holding::Text
        );
        assert_eq!(holds(&["$ echo on"], "echo one"), Holding::No);
        assert_eq!(holds(&["$ "], ""), Holding::No);
    }

    #[test]
    fn what_stands_behind_the_cursor_does_not_count() {
        let mut screen = Screen::from_text(20, "$ echo one  12:00");
        screen.cursor.column = 10;
        let generic = Harness::shipped("generic").unwrap();
        assert_eq!(generic.holds(&screen, "echo one"), Holding::Text);
        assert_eq!(generic.holds(&screen, "echo one 12:00"), Holding::No);
    }

    #[test]
    fn a_line_that_was_taken_is_not_held() {
        assert_eq!(holds(&["hello", ""], "hello"), Holding::No);
        assert_eq!(holds(&["$ hello", "hello", "$"], "hello"), Holding::No);
        assert_eq!(holds(&[">>> hello", "hello"], "hello hello"), Holding::No);
    }

    #[test]
    fn a_text_with_line_breaks_may_have_continuation_prompts() {
        let text = "if x:\n    one()\n    two()";
        let python = [">>> if x:", "...     one()", "...     two()"];
        assert_eq!(holds(&python, text), Holding::Text);
        assert_eq!(
            holds(&["$ if x:", "    one()", "    two()"], text),
            Holding::Text
        );
        assert_eq!(
            holds(&["$ if x:", "rm one()", "    two()"], text),
            Holding::No
        );
    }

    #[test]
    fn a_text_longer_than_the_screen_counts_by_its_end() {
        let text = "0123456789abcdefghij 0123456789abcdefghij 0123456789abcdefghij";
        let end = ["0123456789abcdefghij", "0123456789abcdefghij"];
        assert_eq!(holds(&end, text), Holding::Text);
        assert_eq!(holds(&end[..1], text), Holding::No);
    }

    #[test]
    fn a_cursor_outside_of_the_rows_shows_nothing() {
        let generic = Harness::shipped("generic").unwrap();
        assert_eq!(generic.holds(&Screen::default(), "x"), Holding::Unknown);
    }
}
