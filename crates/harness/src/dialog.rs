//! Dialogs: what they ask, and which choices they give.

use serde::Deserialize;

use crate::pattern::Pattern;
use crate::screen::Row;

/// How a dialog's choices are read, and picked.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DialogRule {
    /// Matches the row of a choice; its groups are `key` and `label`.
    choice: Pattern,
    /// What to type to pick one; `{key}` is its key.
    pick: String,
    /// A row above which nothing belongs to the dialog.
    above: Pattern,
}

/// A dialog as the screen shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dialog {
    /// Its lines without its choices, outer blanks left out.
    pub text: Vec<String>,
    /// The choices in their order: each the key that stands for it, and its words.
    pub choices: Vec<(String, String)>,
}

impl DialogRule {
    /// Reads the lowest dialog: its choices are numbered from 1, without a gap.
    pub(crate) fn read(&self, rows: &[Row]) -> Option<Dialog> {
        let numbered = |row: &Row| {
            let found = self.choice.captures(&row.text)?;
            let part = |name| Some(found.name(name)?.as_str().trim().to_owned());
            Some((part("key")?, part("label")?))
        };
        let first = rows
            .iter()
            .rposition(|row| numbered(row).is_some_and(|(key, _)| key == "1"))?;
        let mut choices = Vec::new();
        for choice in rows[first..].iter().filter_map(numbered) {
            if choice.0 != (choices.len() + 1).to_string() {
                break;
            }
            choices.push(choice);
        }
        let above = rows[..first].iter().rev();
        let text = above.take_while(|row| !self.above.is_match(&row.text));
        let mut text: Vec<String> = text
            .map(|row| row.text.trim().to_owned())
            .filter(|line| !line.is_empty())
            .collect();
        text.reverse();
        Some(Dialog { text, choices })
    }

    pub(crate) fn pick(&self, key: &str) -> Vec<u8> {
        self.pick.replace("{key}", key).into_bytes()
    }
}

#[cfg(test)]
mod tests {
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
        assert_eq!(dialog.choices[2].1, "No");
        assert_eq!(claude.pick("2"), Some(b"2".to_vec()));
    }

    #[test]
    fn where_nothing_is_numbered_no_choice_is_guessed() {
        let claude = Harness::shipped("claude").unwrap();
        let screen = Screen::from_text(40, " Do you want to proceed?\n ❯ Yes\n   No\n");
        assert_eq!(claude.dialog(&screen), None);
        let generic = Harness::shipped("generic").unwrap();
        assert_eq!(generic.dialog(&Screen::from_text(40, PERMISSION)), None);
    }
}
