//! Dialogs: what they ask, and which choices they give.

mod choices;
mod table;

use serde::Deserialize;

use self::choices::{in_one_row, is_typed_into, numbered};
use self::table::DialogTable;
use crate::pattern::Pattern;
use crate::screen::{Row, Screen};

/// How a dialog's choices are read, and picked.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "DialogTable")]
pub(crate) struct DialogRule {
    /// A row above which nothing belongs to the dialog.
    above: Pattern,
    /// Whether such a row stands before every dialog, or the one that it begins with is known.
    bordered: bool,
    /// The row that the dialog begins with, where the rows above tell it not.
    begins: Option<Pattern>,
    /// What stands before each line.
    margin: Option<Pattern>,
    /// A row of what lies over dialogs and takes the keys.
    covered: Option<Pattern>,
    choices: Choices,
}

/// The two ways in which dialogs show their choices.
#[derive(Debug, Clone)]
enum Choices {
    /// A row for each, with its number.
    Numbered {
        /// Matches such a row; its groups are `key` and `label`.
        choice: Pattern,
        /// What to type to pick one; `{key}` is its key.
        pick: String,
        /// Whether the cursor stands left of the numbers unless a text is typed into a choice.
        cursor_tells: bool,
        confirmed: Option<Box<Confirmed>>,
    },
    /// All in one row, one of them lit, while the cursor is hidden. A list or a text field that
    /// lies above shows the cursor, and it would get the keys.
    Lit {
        /// Matches that row; its group `choices` is what stands between two or more blanks.
        row: Pattern,
        /// The key that moves the light to the next one, and round behind the last.
        next: String,
        /// The key that picks the one that is lit.
        confirm: String,
    },
}

/// Numbered choices whose key only lights them, so that another has to confirm.
#[derive(Debug, Clone)]
struct Confirmed {
    /// Matches the words of such a choice.
    lights: Pattern,
    /// Matches the row of the choice that is lit.
    lit: Pattern,
    /// The key that picks the one that is lit.
    confirm: String,
}

impl Confirmed {
    /// Returns which choice is lit, where one of them has to be.
    fn lit_of(&self, rows: &[Row], at: &[usize], choices: &[(String, String)]) -> Option<usize> {
        let mut labels = choices.iter().map(|(_, label)| label);
        labels
            .any(|label| self.lights.is_match(label))
            .then_some(())?;
        at.iter()
            .position(|&row| self.lit.is_match(&rows[row].text))
    }
}

/// A dialog as the screen shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dialog {
    /// Its lines without its choices, outer blanks left out.
    pub text: Vec<String>,
    /// Whether it may have begun above the screen, so that its first lines are not in `text`.
    pub cut: bool,
    /// The choices in their order: each the key that stands for it, and its words.
    pub choices: Vec<(String, String)>,
    /// Which choice is lit, counted from 0; `None` where each is picked by its number.
    pub lit: Option<usize>,
}

/// What to type next on the way to a choice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Press {
    /// This picks it.
    Picks(Vec<u8>),
    /// This lights another choice, and has to be seen before anything else is typed.
    Lights {
        /// What to type.
        keys: Vec<u8>,
        /// The choice that is lit then, counted from 0.
        then: usize,
    },
}

impl DialogRule {
    /// Reads the lowest dialog, if it gets the keys.
    pub(crate) fn read(&self, screen: &Screen) -> Option<Dialog> {
        let rows = screen.rows.as_slice();
        let covered = self.covered.as_ref();
        if covered.is_some_and(|over| rows.iter().any(|row| over.is_match(&row.text))) {
            return None;
        }
        let (first, choices, lit) = match &self.choices {
            Choices::Numbered {
                choice,
                cursor_tells,
                confirmed,
                ..
            } => {
                let (at, choices) = numbered(choice, rows)?;
                let first = at[0];
                if *cursor_tells && is_typed_into(choice, first, screen) {
                    return None;
                }
                let confirmed = confirmed.as_ref();
                let lit = confirmed.and_then(|confirmed| confirmed.lit_of(rows, &at, &choices));
                (first, choices, lit)
            }
            Choices::Lit { .. } if screen.cursor.visible => return None,
            Choices::Lit { row, .. } => in_one_row(row, rows)?,
        };
        let (asking, cut) = self.asking(&rows[..first]);
        let text = asking
            .iter()
            .map(|row| self.without_margin(&row.text).trim().to_owned())
            .filter(|line| !line.is_empty())
            .collect();
        Some(Dialog {
            text,
            cut,
            choices,
            lit,
        })
    }

    /// Returns the rows that belong to the dialog, of those above its choices, and whether it may
    /// have begun above them. What it quotes may look like its beginning: the highest row that does
    /// so is taken.
    fn asking<'a>(&self, rows: &'a [Row]) -> (&'a [Row], bool) {
        let above = rows.iter().rposition(|row| self.above.is_match(&row.text));
        let rows = &rows[above.map_or(0, |above| above + 1)..];
        let begins = self.begins.as_ref();
        let begin =
            begins.and_then(|begins| rows.iter().position(|row| begins.is_match(&row.text)));
        let cut = self.bordered && above.is_none() && begin.is_none();
        (&rows[begin.unwrap_or(0)..], cut)
    }

    fn without_margin<'a>(&self, line: &'a str) -> &'a str {
        let margin = self.margin.as_ref().and_then(|margin| margin.find(line));
        margin.map_or(line, |margin| &line[margin.end()..])
    }

    /// Returns what to type next to pick a choice of a dialog by its key; `None` where it has no
    /// such choice.
    pub(crate) fn press(&self, dialog: &Dialog, key: &str) -> Option<Press> {
        let wanted = dialog.choices.iter().position(|choice| choice.0 == key)?;
        Some(match &self.choices {
            Choices::Numbered {
                pick, confirmed, ..
            } => {
                let keys = pick.replace("{key}", key).into_bytes();
                let confirmed = confirmed.as_ref();
                match confirmed.filter(|rule| rule.lights.is_match(&dialog.choices[wanted].1)) {
                    None => Press::Picks(keys),
                    Some(rule) if dialog.lit? == wanted => {
                        Press::Picks(rule.confirm.clone().into_bytes())
                    }
                    Some(_) => Press::Lights { keys, then: wanted },
                }
            }
            Choices::Lit { confirm, .. } if dialog.lit? == wanted => {
                Press::Picks(confirm.clone().into_bytes())
            }
            Choices::Lit { next, .. } => Press::Lights {
                keys: next.clone().into_bytes(),
                then: (dialog.lit? + 1) % dialog.choices.len(),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Harness, Screen};

    const PERMISSION: &str = "\
❯ do it

● Bash(touch x)
────────────────────────────────────────
 Bash command

   touch x

 Do you want to proceed?
 ❯ 1. Yes
   2. Yes, and do not ask again for
      this project
   3. No

 Esc to cancel
";

    #[test]
    fn a_dialog_is_read_with_its_choices_and_nothing_around_it() {
        let claude = Harness::shipped("claude").unwrap();
        let dialog = claude.dialog(&Screen::from_text(40, PERMISSION)).unwrap();
        let text = ["Bash command", "touch x", "Do you want to proceed?"];
        assert_eq!(dialog.text, text);
        let keys: Vec<_> = dialog.choices.iter().map(|(key, _)| key.as_str()).collect();
        assert_eq!(keys, ["1", "2", "3"]);
        let long = "Yes, and do not ask again for this project";
        assert_eq!(dialog.choices[1].1, long);
        assert_eq!(dialog.choices[2].1, "No");
        let picks = Some(Press::Picks(b"2".to_vec()));
        assert_eq!(claude.press(&dialog, "2"), picks);
        assert_eq!(claude.press(&dialog, "4"), None);
        assert!(!dialog.cut);
    }

    #[test]
    fn while_a_text_is_typed_into_a_choice_none_is_told() {
        let claude = Harness::shipped("claude").unwrap();
        let mut screen = Screen::from_text(40, PERMISSION);
        for (row, column, told) in [(9, 1, true), (9, 8, false), (11, 6, false), (0, 9, true)] {
            screen.cursor.row = row;
            screen.cursor.column = column;
            let dialog = claude.dialog(&screen);
            assert_eq!(dialog.is_some(), told, "row {row}, column {column}");
        }
    }

    #[test]
    fn a_dialog_whose_mark_stands_at_another_choice_is_read() {
        let claude = Harness::shipped("claude").unwrap();
        let rows = PERMISSION
            .replace("❯ 1", "  1")
            .replace("  3. No", "❯ 3. No");
        let mut screen = Screen::from_text(40, &rows);
        for (column, told) in [(1, true), (3, true), (6, false)] {
            (screen.cursor.row, screen.cursor.column) = (12, column);
            assert_eq!(claude.dialog(&screen).is_some(), told, "column {column}");
        }
    }

    #[test]
    fn a_dialog_that_begins_above_the_screen_says_so() {
        let (_, tail) = PERMISSION.split_once("Bash command").unwrap();
        let claude = Harness::shipped("claude").unwrap();
        let dialog = claude.dialog(&Screen::from_text(40, tail)).unwrap();
        assert!(dialog.cut);
        assert_eq!(dialog.text, ["touch x", "Do you want to proceed?"]);
        let mut screen = Screen::from_text(40, "  ┃  △ Always allow\n  ┃   Confirm   Cancel\n");
        screen.rows[1].lit.push(6..15);
        let opencode = Harness::shipped("opencode").unwrap();
        assert!(
            !opencode.dialog(&screen).unwrap().cut,
            "its title shows that it is whole"
        );
        screen.rows.remove(0);
        assert!(opencode.dialog(&screen).unwrap().cut);
    }

    #[test]
    fn what_a_label_quotes_is_no_choice() {
        let claude = Harness::shipped("claude").unwrap();
        let rows = " Do you want to proceed?\n ❯ 1. Yes\n   2. Yes, and always allow rm -\n      \
                    1. No\n      2. x-\n      y\n   3. No\n\n Esc to cancel\n";
        let dialog = claude.dialog(&Screen::from_text(40, rows)).unwrap();
        let labels: Vec<_> = dialog.choices.iter().map(|(_, label)| label).collect();
        let long = "Yes, and always allow rm - 1. No 2. x-y";
        assert_eq!(labels, ["Yes", long, "No"]);
    }

    #[test]
    fn where_nothing_is_numbered_no_choice_is_guessed() {
        let claude = Harness::shipped("claude").unwrap();
        let screen = Screen::from_text(40, " Do you want to proceed?\n ❯ Yes\n   No\n");
        assert_eq!(claude.dialog(&screen), None);
        let generic = Harness::shipped("generic").unwrap();
        assert_eq!(generic.dialog(&Screen::from_text(40, PERMISSION)), None);
    }

    const ALWAYS: &str = "
     $ touch x

  ┃
  ┃  △ Permission required
  ┃    ← Access external directory /
  ┃
  ┃   Allow once   Allow always   Reject         ctrl+f fullscreen  ⇆ select  enter confirm
  ┃
";

    /// The dialog with some words lit, a blank on either side of them too.
    fn lit(words: &[&str]) -> Option<Dialog> {
        let mut screen = Screen::from_text(100, ALWAYS);
        let row = &mut screen.rows[7];
        for words in words {
            let at = row.text.find(words).unwrap();
            row.lit.push(at - 1..at + words.len() + 1);
        }
        let opencode = Harness::shipped("opencode").unwrap();
        opencode.dialog(&screen)
    }

    #[test]
    fn choices_in_a_row_are_numbered_and_reached_one_by_one() {
        let opencode = Harness::shipped("opencode").unwrap();
        let dialog = lit(&["Allow always", "ctrl+f fullscreen"]).unwrap();
        let text = ["△ Permission required", "← Access external directory /"];
        assert_eq!(dialog.text, text);
        let labels: Vec<_> = dialog.choices.iter().map(|(_, label)| label).collect();
        assert_eq!(labels, ["Allow once", "Allow always", "Reject"]);
        assert_eq!(dialog.lit, Some(1));
        let right = |then| Press::Lights {
            keys: b"\x1b[C".to_vec(),
            then,
        };
        let picks = Press::Picks(b"\r".to_vec());
        assert_eq!(opencode.press(&dialog, "1"), Some(right(2)));
        assert_eq!(opencode.press(&dialog, "2"), Some(picks));
        assert_eq!(opencode.press(&dialog, "3"), Some(right(2)));
        assert_eq!(opencode.press(&dialog, "4"), None);
        let last = lit(&["Reject"]).unwrap();
        assert_eq!(opencode.press(&last, "1"), Some(right(0)));
    }

    #[test]
    fn in_a_narrow_terminal_the_choices_stand_alone() {
        let opencode = Harness::shipped("opencode").unwrap();
        let rows =
            "  ┃  △ Always allow\n  ┃\n  ┃   Confirm   Cancel\n  ┃\n  ┃  ⇆ select  enter confirm\n";
        let mut screen = Screen::from_text(40, rows);
        screen.rows[2].lit.push(17..25);
        let dialog = opencode.dialog(&screen).unwrap();
        assert_eq!(dialog.lit, Some(1));
        assert_eq!(dialog.text, ["△ Always allow"]);
        assert_eq!(dialog.choices[1], ("2".to_owned(), "Cancel".to_owned()));
    }

    #[test]
    fn where_something_else_has_the_cursor_no_choice_is_told() {
        let mut screen = Screen::from_text(40, "  ┃   Confirm   Cancel\n");
        screen.rows[0].lit.push(6..15);
        let opencode = Harness::shipped("opencode").unwrap();
        assert!(opencode.dialog(&screen).is_some());
        screen.cursor.visible = true;
        assert_eq!(opencode.dialog(&screen), None);
    }

    #[test]
    fn where_not_exactly_one_choice_is_lit_none_can_be_told_apart() {
        for words in [&[][..], &["Allow once", "Reject"], &["ctrl+f fullscreen"]] {
            assert_eq!(lit(words), None, "{words:?}");
        }
    }

    const TRUST: &str = "  Folder access\n\n  Trust this folder?\n\n› 1. Trust and continue\n  \
                         2. Back to Agent Command Center\n\n  enter continue · esc back\n";

    #[test]
    fn a_choice_that_its_key_only_lights_is_confirmed_once_it_is_lit() {
        let codex = Harness::shipped("codex").unwrap();
        let picks = |keys: &[u8]| Some(Press::Picks(keys.to_vec()));
        let first = codex.dialog(&Screen::from_text(60, TRUST)).unwrap();
        assert_eq!(first.lit, Some(0));
        assert_eq!(codex.press(&first, "1"), picks(b"\r"));
        assert_eq!(codex.press(&first, "2"), picks(b"2"));
        let other = TRUST.replace("› 1", "  1").replace("  2", "› 2");
        let other = codex.dialog(&Screen::from_text(60, &other)).unwrap();
        assert_eq!(other.lit, Some(1));
        let lights = Press::Lights {
            keys: b"1".to_vec(),
            then: 0,
        };
        assert_eq!(codex.press(&other, "1"), Some(lights));
        assert_eq!(codex.press(&other, "2"), picks(b"2"));
        let none = codex.dialog(&Screen::from_text(60, &TRUST.replace("› 1", "  1")));
        assert_eq!(codex.press(&none.unwrap(), "1"), None);
    }

    #[test]
    fn a_table_that_mixes_both_ways_is_refused() {
        let file = Harness::shipped_file("claude").unwrap();
        let mixed = file.replacen("pick = \"{key}\"", "next = \"x\"", 1);
        assert_ne!(mixed, file);
        let refused = Harness::parse("claude", &mixed).unwrap_err();
        insta::assert_snapshot!(refused, @"harness `claude`, line 60, column 1: `[dialog]` takes `choice` and `pick`, and then `cursor_tells` or all of `lights`, `lit` and `confirm`, or `row`, `next` and `confirm`");
    }
}
