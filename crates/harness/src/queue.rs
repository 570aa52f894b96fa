//! Messages that a busy agent keeps for later.

use serde::Deserialize;

use crate::holding::{Holding, Normalised, SHORTEST_TAIL, compare};
use crate::pattern::Pattern;
use crate::rule::without_decoration;
use crate::screen::Row;

/// How an agent's own queue is recognised: a list of messages, and a hint that they are queued.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct QueueRule {
    /// What stands before the first line of a queued message.
    item: Pattern,
    /// What stands before its other lines.
    next: Pattern,
    /// A row, inside the item or after the list's start, that says what the list is.
    hint: Pattern,
    /// Whether every item is a box, in which each row has its mark and the last one is a hint.
    #[serde(default)]
    hint_in_item: bool,
    /// Whether the list shows no more of a message than its first line.
    #[serde(default)]
    first_line_only: bool,
}

/// What was found on the screen for a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match {
    /// Name of the rule.
    pub rule: String,
    /// The line that shows it, without outer blanks and bullets.
    pub line: String,
}

impl QueueRule {
    /// Looks for a queued text in the rows above the composer, of which `rows` is the whole screen.
    pub(crate) fn find(
        &self,
        rows: &[Row],
        above: usize,
        text: &str,
        placeholders: &[Pattern],
    ) -> Option<Match> {
        let items = self.items(rows.get(..above)?);
        let text = if self.first_line_only {
            text.trim().lines().next()?
        } else {
            text
        };
        let item = items
            .into_iter()
            .find(|item| is_queued(&item.text, text, placeholders))?;
        let hint = if self.hint_in_item {
            item.hint?
        } else {
            // The hint is the row above the list or anywhere below its first row.
            let first = item.list.saturating_sub(1);
            rows[first..]
                .iter()
                .find(|row| self.hint.is_match(&row.text))?
                .text
                .clone()
        };
        Some(Match {
            rule: "queue".to_owned(),
            line: without_decoration(&hint),
        })
    }

    fn items(&self, rows: &[Row]) -> Vec<Item> {
        let mut items: Vec<Item> = Vec::new();
        // A long message may fill the screen, so that its first line has scrolled away.
        if let Some(row) = rows.first()
            && self.next.is_match(&row.text)
        {
            items.push(Item::default());
        }
        let mut open = !items.is_empty();
        for (index, row) in rows.iter().enumerate() {
            let continued = if open {
                self.next.find(&row.text)
            } else {
                None
            };
            if let (Some(found), Some(item)) = (continued, items.last_mut()) {
                if self.hint.is_match(&row.text) {
                    item.hint = Some(row.text.clone());
                    open &= !self.hint_in_item;
                } else {
                    item.text.push('\n');
                    item.text.push_str(&row.text[found.end()..]);
                }
            } else if let Some(found) = self.item.find(&row.text) {
                let list = items
                    .last()
                    .filter(|_| open)
                    .map_or(index, |item| item.list);
                items.push(Item {
                    list,
                    text: row.text[found.end()..].to_owned(),
                    hint: None,
                });
                open = true;
            } else {
                // A blank row may be one of a message, but none of a box.
                open &= row.is_blank() && !self.hint_in_item;
            }
        }
        items
    }
}

/// A message of the list.
#[derive(Default)]
struct Item {
    /// The row in which the list begins.
    list: usize,
    text: String,
    hint: Option<String>,
}

/// Whether an item shows a text, which an agent may have cut short with an ellipsis.
fn is_queued(item: &str, text: &str, placeholders: &[Pattern]) -> bool {
    match compare(item, text, SHORTEST_TAIL, placeholders) {
        Holding::Text | Holding::Placeholder(_) => true,
        Holding::No | Holding::Unknown => item
            .trim_end()
            .strip_suffix('…')
            .or_else(|| item.trim_end().strip_suffix("..."))
            .is_some_and(|beginning| begins_with(text, beginning)),
    }
}

fn begins_with(text: &str, beginning: &str) -> bool {
    let beginning = Normalised::of(beginning).text;
    beginning.chars().count() >= SHORTEST_TAIL && Normalised::of(text).text.starts_with(&beginning)
}

#[cfg(test)]
mod tests {
    use crate::{Harness, Screen};

    const TEXT: &str = "[host:planner -> host:coder] build the thing\nand test it";

    /// Looks for a text in the queue of the simulated agent.
    fn queued(rows: &[&str], hint: &str) -> Option<String> {
        let rule = "─".repeat(60);
        let queue = rows.join("\n");
        let text = format!("● echo\n{queue}\n{rule}\n❯ \n{rule}\n  {hint}\n");
        let sim = Harness::shipped("sim").unwrap();
        sim.queued(&Screen::from_text(60, &text), TEXT)
            .map(|found| found.line)
    }

    const HINT: &str = "Press up to edit queued messages";

    #[test]
    fn a_listed_text_is_queued_while_the_hint_says_so() {
        let rows = [
            "  ↳ another",
            "  ↳ [host:planner -> host:coder] build the thing",
            "    and test it",
        ];
        assert_eq!(queued(&rows, HINT).as_deref(), Some(HINT));
        assert_eq!(queued(&rows, "esc to interrupt"), None);
    }

    #[test]
    fn another_text_of_the_same_sender_is_not_ours() {
        assert_eq!(
            queued(&["  ↳ [host:planner -> host:coder] build it"], HINT),
            None
        );
        assert_eq!(
            queued(&["  ↳ [host:planner -> host:coder] build it …"], HINT),
            None
        );
    }

    #[test]
    fn a_hint_above_a_list_counts_for_all_of_it() {
        let rule = "─".repeat(60);
        let rows = "• Messages to be submitted\n  ↳ one\n    more\n\n    of it\n  ↳ ";
        let text = format!("{rows}{}\n\n› \n\n  status", TEXT.replace('\n', "\n    "));
        let mut screen = Screen::from_text(60, &format!("{rule}\n{text}"));
        screen.cursor.row = 9;
        let codex = Harness::shipped("codex").unwrap();
        assert!(codex.queued(&screen, "one more of it").is_some());
        assert!(codex.queued(&screen, TEXT).is_some());
    }

    #[test]
    fn the_end_of_a_text_whose_beginning_has_scrolled_away_is_queued() {
        let rule = "─".repeat(60);
        let show = |rows: &str| {
            let screen = format!("{rows}\n{rule}\n❯ \n{rule}\n  {HINT}");
            let sim = Harness::shipped("sim").unwrap();
            let text = format!("{TEXT}\n\nand tell how it went at the end");
            sim.queued(&Screen::from_text(60, &screen), &text).is_some()
        };
        assert!(show(
            "    and test it\n\n    and tell how it went at the end"
        ));
        assert!(!show("    and tell how it went at the beginning"));
        assert!(!show("    at the end"));
    }

    #[test]
    fn each_of_several_boxes_is_a_message_of_its_own() {
        let boxed = |text: &str, hint: &str| format!("  ┃\n  ┃  {text}\n  ┃\n  ┃  {hint}\n");
        let boxes = [
            ("at work", ""),
            ("the first", "QUEUED"),
            ("and the second", "QUEUED"),
        ];
        let boxes = boxes.map(|(text, hint)| boxed(text, hint)).join("\n");
        let composer = "  ┃\n  ┃\n  ┃  Build · Stub";
        let screen = Screen::from_text(60, &format!("{boxes}\n\n{composer}"));
        let opencode = Harness::shipped("opencode").unwrap();
        let queued = |text| opencode.queued(&screen, text).map(|found| found.line);
        assert_eq!(queued("the first").as_deref(), Some("QUEUED"));
        assert_eq!(queued("and the second").as_deref(), Some("QUEUED"));
        assert_eq!(queued("at work"), None);
    }

    #[test]
    fn a_text_may_be_cut_short() {
        assert!(queued(&["  ↳ [host:planner -> host:coder] build the th…"], HINT).is_some());
        assert_eq!(queued(&["  ↳ [host:plan…"], HINT), None);
    }

    #[test]
    fn a_message_of_the_transcript_is_not_queued() {
        assert_eq!(
            queued(
                &[
                    "> [host:planner -> host:coder] build the thing",
                    "  and test it"
                ],
                HINT
            ),
            None
        );
    }

    #[test]
    fn a_list_of_first_lines_shows_no_more_of_a_text() {
        let queued = |item: &str| {
            let rule = "─".repeat(60);
            let screen =
                format!(" {item}\n ↳ Alt+Up to edit all queued messages\n{rule}\n\n{rule}");
            let pi = Harness::shipped("pi").unwrap();
            pi.queued(&Screen::from_text(60, &screen), TEXT).is_some()
        };
        assert!(queued(
            "Steering: [host:planner -> host:coder] build the thing"
        ));
        assert!(!queued("Steering: [host:planner -> host:coder] build"));
    }
}
