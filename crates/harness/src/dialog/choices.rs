//! Finding the choices of a dialog on the screen.

use unicode_width::UnicodeWidthStr as _;

use crate::pattern::Pattern;
use crate::screen::{Row, Screen};

/// The row that choices begin in, the choices, and which of them is lit.
pub(super) type Found = (usize, Keyed, Option<usize>);

/// Choices in their order: each the key that stands for it, and its words.
type Keyed = Vec<(String, String)>;

/// A row that looks like a numbered choice.
struct Numbered {
    key: String,
    label: String,
    /// Where its key stands, and where its label does, in characters.
    columns: [usize; 2],
}

impl Numbered {
    fn read(choice: &Pattern, row: &Row) -> Option<Self> {
        let found = choice.captures(&row.text)?;
        let (key, label) = (found.name("key")?, found.name("label")?);
        let column = |at: usize| row.text[..at].chars().count();
        Some(Self {
            key: key.as_str().to_owned(),
            label: label.as_str().trim().to_owned(),
            columns: [column(key.start()), column(label.start())],
        })
    }

    /// Whether a row below carries on its label.
    fn goes_on_in(&self, row: &Row) -> bool {
        let words = row.text.trim_start_matches([' ', '│']);
        let indent = row.text[..row.text.len() - words.len()].chars().count();
        !words.is_empty() && indent >= self.columns[1]
    }

    /// Takes in a row that carries on its label. Some programs break a long word behind its hyphen.
    fn go_on(&mut self, row: &Row) {
        let words = row.text.trim_matches([' ', '│']);
        let hyphen = self.label.ends_with('-') && !self.label.ends_with(" -");
        if !hyphen {
            self.label.push(' ');
        }
        self.label.push_str(words);
    }
}

/// Finds the lowest choices that are numbered from 1, without a gap, each with the row that it begins
/// in. A label may go on below, and what it quotes there may look like a choice.
pub(super) fn numbered(choice: &Pattern, rows: &[Row]) -> Option<(Vec<usize>, Keyed)> {
    let is_first = |at: &usize| {
        let found = Numbered::read(choice, &rows[*at]);
        found.is_some_and(|found| found.key == "1" && !is_quoted(choice, &rows[..*at], &found))
    };
    let first = (0..rows.len()).rev().find(is_first)?;
    let mut choices = vec![Numbered::read(choice, &rows[first])?];
    let mut at = vec![first];
    let columns = choices[0].columns;
    let mut goes_on = true;
    for (index, row) in rows.iter().enumerate().skip(first + 1) {
        let found = Numbered::read(choice, row).filter(|found| found.columns == columns);
        let wanted = (choices.len() + 1).to_string();
        match (found, choices.last_mut()) {
            (Some(found), _) if found.key == wanted => {
                choices.push(found);
                at.push(index);
                goes_on = true;
            }
            (Some(_), _) => break,
            (None, Some(last)) if goes_on && last.goes_on_in(row) => last.go_on(row),
            (None, _) => goes_on = false,
        }
    }
    let choices = choices.into_iter().map(|found| (found.key, found.label));
    Some((at, choices.collect()))
}

/// Whether a row that looks like a choice carries on the label of one further above.
fn is_quoted(choice: &Pattern, above: &[Row], found: &Numbered) -> bool {
    let block = above.iter().rev().take_while(|row| !row.is_blank());
    let mut choices = block.filter_map(|row| Numbered::read(choice, row));
    choices.any(|other| other.columns[0] < found.columns[0])
}

/// Returns whether the cursor stands in a text that belongs to a choice: what is typed is a part of
/// it then, and picks nothing.
pub(super) fn is_typed_into(choice: &Pattern, first: usize, screen: &Screen) -> bool {
    let row = &screen.rows[first].text;
    let found = choice.captures(row);
    let key = found.and_then(|found| Some(found.name("key")?.start()));
    let number = key.map_or(0, |start| row[..start].width());
    let cursor = screen.cursor;
    usize::from(cursor.row) >= first && usize::from(cursor.column) > number
}

/// Finds the lowest row of choices of which one is lit; they get numbers from 1.
pub(super) fn in_one_row(pattern: &Pattern, rows: &[Row]) -> Option<Found> {
    let at = rows.iter().rposition(|row| pattern.is_match(&row.text))?;
    let row = &rows[at];
    let found = pattern.captures(&row.text)?.name("choices")?;
    let mut choices = Vec::new();
    let mut lit = Vec::new();
    let mut start = found.start();
    for words in found.as_str().split("  ") {
        let end = start + words.len();
        let label = words.trim();
        if !label.is_empty() {
            let begin = start + words.find(label).unwrap_or_default();
            if row.is_lit(begin) {
                lit.push(choices.len());
            }
            choices.push(((choices.len() + 1).to_string(), label.to_owned()));
        }
        start = end + 2;
    }
    match lit.as_slice() {
        [one] => Some((at, choices, Some(*one))),
        _ => None,
    }
}
