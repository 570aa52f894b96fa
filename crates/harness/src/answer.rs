//! The agent's last words, as far as the screen shows them.

use crate::pattern::Pattern;
use crate::screen::Row;

/// How an answer is told from what else stands in the transcript.
#[derive(Debug, Clone)]
pub(crate) enum AnswerRule {
    /// Its first row has a mark.
    Marked(Pattern),
    /// No row has a mark.
    Plain {
        /// What stands before each of its rows.
        rows: Pattern,
        /// Rows that look so and belong to no answer.
        never: Option<Pattern>,
    },
}

impl AnswerRule {
    /// Reads the last answer in the rows of a turn, without its mark and its indentation.
    pub(crate) fn read(&self, turn: &[Row]) -> Option<String> {
        let lines = match self {
            AnswerRule::Marked(mark) => marked(turn, mark)?,
            AnswerRule::Plain { rows, never } => plain(turn, rows, never.as_ref())?,
        };
        Some(lines.join("\n").trim().to_owned())
    }
}

/// From the last row with the mark to the first that does not belong to it.
fn marked<'a>(turn: &'a [Row], mark: &Pattern) -> Option<Vec<&'a str>> {
    let first = turn.iter().rposition(|row| mark.is_match(&row.text))?;
    let begin = mark.find(&turn[first].text)?.end();
    let belongs = |row: &&Row| row.is_blank() || row.text.starts_with(' ');
    let others = turn[first + 1..].iter().take_while(belongs);
    let others = others.map(|row| row.text.strip_prefix("  ").unwrap_or(&row.text));
    let first = std::iter::once(&turn[first].text[begin..]);
    Some(first.chain(others).collect())
}

/// The last stretch of rows that belong to an answer, with the blank rows within.
fn plain<'a>(turn: &'a [Row], rows: &Pattern, never: Option<&Pattern>) -> Option<Vec<&'a str>> {
    let line = |row: &'a Row| {
        if row.is_blank() {
            return Some("");
        }
        let begin = rows.find(&row.text)?.end();
        let other = never.is_some_and(|never| never.is_match(&row.text));
        (!other).then(|| &row.text[begin..])
    };
    let shows = |row: &Row| !row.is_blank();
    let last = turn
        .iter()
        .rposition(|row| shows(row) && line(row).is_some())?;
    let mut lines: Vec<_> = turn[..=last].iter().rev().map_while(line).collect();
    lines.reverse();
    Some(lines)
}

#[cfg(test)]
mod tests {
    use crate::{Harness, Screen};

    fn answer(harness: &str, screen: &str) -> Option<String> {
        let screen = Screen::from_text(60, screen);
        Harness::shipped(harness).unwrap().answer(&screen)
    }

    fn opencode(turn: &str) -> Option<String> {
        let composer = "  ┃\n  ┃\n  ┃\n  ┃  Build · Stub Stub\n  ╹▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀";
        answer(
            "opencode",
            &format!("  ┃\n  ┃  what of it?\n  ┃\n\n{turn}\n\n{composer}\n"),
        )
    }

    #[test]
    fn an_answer_of_several_paragraphs_is_read_whole() {
        let text = "It is **blue**.\n\n- deep\n  - wide\n\n│ said the sea\n\nThe end.";
        let indented = |by: &str, text: &str| text.replace('\n', &format!("\n{by}"));
        let shown = format!("     {}", indented("     ", text));
        let shown = format!("{shown}\n\n     ▣  Build · Stub · 3.2s");
        assert_eq!(opencode(&shown).as_deref(), Some(text));
        let shown = format!("❯ what of it?\n\n● {}\n", indented("  ", text));
        let rule = "─".repeat(60);
        let claude = answer("claude", &format!("{shown}\n{rule}\n❯ \n{rule}\n"));
        assert_eq!(claude.as_deref(), Some(text));
    }

    #[test]
    fn a_tool_stands_between_two_answers_and_is_none() {
        let turn = "     I look.\n\n     → Read a.txt\n\n     It says\n     b.\n\n     ▣  Build · Stub · 1s";
        assert_eq!(opencode(turn).as_deref(), Some("It says\nb."));
        let turn =
            "     I look.\n\n  ┃\n  ┃  $ cat a.txt\n  ┃\n\n     It says b.\n\n     ▣  Build · Stub";
        assert_eq!(opencode(turn).as_deref(), Some("It says b."));
    }

    #[test]
    fn the_recorded_screens_of_opencode_have_its_last_words() {
        let recorded = |text: &str| {
            let screen = Screen::from_text(120, text);
            Harness::shipped("opencode").unwrap().answer(&screen)
        };
        let several = include_str!("../tests/screens/opencode/120x40/answered-after-tools.txt");
        let answer = recorded(several).unwrap();
        assert!(
            answer.starts_with("First para.\n\n- item one\n- item two\n\n"),
            "{answer}"
        );
        assert!(answer.ends_with("┘\n\nLast words."), "{answer}");
        let short = include_str!("../tests/screens/opencode/120x40/answered-after-failure.txt");
        assert_eq!(recorded(short).as_deref(), Some("I got 7 characters."));
        let ran = include_str!("../tests/screens/opencode/100x32/7-permission.txt");
        let answer = "STUB-REPLY to: RUN:touch /srv/demo/x.opencode (len=30)";
        assert_eq!(recorded(ran).as_deref(), Some(answer));
        let busy = include_str!("../tests/screens/opencode/100x32/4-busy.txt");
        assert_eq!(recorded(busy), None);
        let failed = include_str!("../tests/screens/opencode/120x40/failed.txt");
        assert_eq!(recorded(failed), None);
    }

    #[test]
    fn a_turn_that_failed_or_goes_on_has_no_answer() {
        let failed = "  ┃\n  ┃  no such thing\n  ┃\n\n     ▣  Build · Stub";
        assert_eq!(opencode(failed), None);
        assert_eq!(opencode("     ▣  Build · Stub"), None);
    }
}
