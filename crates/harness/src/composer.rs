//! Where the composer is on the screen, and what it holds.

use std::ops::Range;

use serde::Deserialize;

use crate::holding::SHORTEST_TAIL;
use crate::pattern::Pattern;
use crate::screen::{Row, Screen};

/// What the composer holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Composer {
    /// There is no rule for a composer, or none is on the screen.
    Unknown,
    /// Nothing but ghost text.
    Empty,
    /// A text, as it is laid out: a line break may be one of the text or one of the layout.
    Holds(String),
}

/// How a composer is recognised.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ComposerRule {
    frame: Frame,
    /// Whether the cursor is shown in its text: a dialog that looks like it hides the cursor.
    #[serde(default)]
    cursor_inside: bool,
    /// What stands before the text on its first row, in a box on every row.
    marker: Option<Pattern>,
    /// What stands before the text on the rows after the first.
    indent: Option<Pattern>,
    /// What says, in a row of the text or of its frame, that there is text above that is not shown.
    scrolled: Option<Pattern>,
    /// What is shown at the right of a row when text has scrolled away above or below.
    scroll_mark: Option<Pattern>,
    /// Ghost texts that the terminal may not draw faint.
    #[serde(default)]
    ghost: Vec<Pattern>,
    /// What is shown for a long paste. Matched against the text without white space; a group
    /// `lines` is its number of lines.
    #[serde(default)]
    pub(crate) placeholder: Vec<Pattern>,
}

/// What bounds a composer.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Frame {
    /// It stands between two rows that match and reach the right margin.
    Between(Pattern),
    /// It begins at the last row with the marker and ends before the blank row above the last
    /// rows, of which there are at most so many.
    Above { status_rows: usize },
    /// All its rows have the marker, the row under it matches `edge`, and its last rows are none of
    /// its text.
    Box { edge: Pattern, status_rows: usize },
}

/// A composer found on a screen.
#[derive(Debug, Clone)]
pub(crate) struct Located {
    /// The rows that it takes with its frame.
    pub(crate) frame: Range<usize>,
    /// The rows of its text.
    text: Range<usize>,
    /// Where its box ends on the right.
    columns: Option<u16>,
}

impl Located {
    fn shows_cursor(&self, screen: &Screen) -> bool {
        screen.cursor.visible && self.text.contains(&usize::from(screen.cursor.row))
    }

    /// The rows of the frame below the text.
    pub(crate) fn foot(&self) -> Range<usize> {
        self.text.end..self.frame.end
    }
}

impl ComposerRule {
    pub(crate) fn locate(&self, screen: &Screen) -> Option<Located> {
        let located = match &self.frame {
            Frame::Between(edge) => self.between(screen, edge),
            Frame::Above { status_rows } => self.above(screen, *status_rows),
            Frame::Box { edge, status_rows } => self.boxed(screen, edge, *status_rows),
        };
        located.filter(|located| !self.cursor_inside || located.shows_cursor(screen))
    }

    fn between(&self, screen: &Screen, edge: &Pattern) -> Option<Located> {
        let margin = usize::from(screen.columns).saturating_sub(1);
        let is_edge = |row: &Row| edge.is_match(&row.text) && row.width() >= margin;
        let edges: Vec<usize> = (0..screen.rows.len())
            .filter(|&index| is_edge(&screen.rows[index]))
            .collect();
        let cursor = usize::from(screen.cursor.row);
        let pairs = || {
            edges
                .windows(2)
                .map(|pair| pair[0]..pair[1])
                .filter(|pair| pair.len() > 1)
        };
        let around_cursor = |pair: &Range<usize>| {
            let inside = &screen.rows[pair.start + 1..pair.end];
            pair.contains(&cursor) && (self.is_marked(&inside[0]) || self.is_scrolled(inside))
        };
        let pair = pairs()
            .find(around_cursor)
            .or_else(|| pairs().rfind(|pair| self.is_marked(&screen.rows[pair.start + 1])))?;
        Some(Located {
            frame: pair.start..pair.end + 1,
            text: pair.start + 1..pair.end,
            columns: None,
        })
    }

    fn above(&self, screen: &Screen, status_rows: usize) -> Option<Located> {
        let rows = &screen.rows;
        let cursor = usize::from(screen.cursor.row).min(rows.len().checked_sub(1)?);
        let start = rows[..=cursor]
            .iter()
            .rposition(|row| self.is_marked(row))?;
        let last = rows.iter().rposition(|row| !row.is_blank())?;
        let status = rows[..=last]
            .iter()
            .rposition(Row::is_blank)
            .map_or(0, |blank| blank + 1);
        let end = if status > cursor && last + 1 - status <= status_rows {
            status
        } else {
            // A list of suggestions stands there instead, or a longer status. Behind a text that ends at
            // the edge the cursor is in a blank row.
            (cursor + 1..rows.len())
                .find(|&row| rows[row].is_blank())
                .unwrap_or(rows.len())
        };
        let text = start..end.max(start + 1);
        Some(Located {
            frame: text.clone(),
            text,
            columns: None,
        })
    }

    fn boxed(&self, screen: &Screen, edge: &Pattern, status_rows: usize) -> Option<Located> {
        let rows = &screen.rows;
        let (bottom, matched) = rows.iter().enumerate().rev().find_map(|(index, row)| {
            edge.find(&row.text)
                .map(|found| (index, Row::plain(&row.text[..found.end()])))
        })?;
        let top = rows[..bottom]
            .iter()
            .rposition(|row| !self.is_marked(row))
            .map_or(0, |row| row + 1);
        let end = bottom.checked_sub(status_rows).filter(|&end| end > top)?;
        Some(Located {
            frame: top..bottom + 1,
            text: top..end,
            columns: u16::try_from(matched.width()).ok(),
        })
    }

    /// Returns how many characters of a longer text have to be shown for it to be taken for ours.
    pub(crate) fn shortest_tail(&self, screen: &Screen, located: &Located) -> usize {
        let is_scrolled = self.scrolled.as_ref().is_some_and(|scrolled| {
            let rows = &screen.rows[located.frame.clone()];
            rows.iter().any(|row| scrolled.is_match(&row.text))
        });
        // Where the agent says that there is more, what is left may be short.
        if is_scrolled { 1 } else { SHORTEST_TAIL }
    }

    /// Whether the rows can be the end of a text whose first row has scrolled away. Blank ones
    /// cannot: an empty composer shows its marker.
    fn is_scrolled(&self, rows: &[Row]) -> bool {
        let Some(indent) = &self.indent else {
            return false;
        };
        let mut written = rows.iter().filter(|row| !row.is_blank()).peekable();
        written.peek().is_some() && written.all(|row| indent.is_match(&row.text))
    }

    fn is_marked(&self, row: &Row) -> bool {
        self.marker
            .as_ref()
            .is_none_or(|marker| marker.is_match(&row.text))
    }

    /// Reads what a composer holds, without its ghost text.
    pub(crate) fn read(&self, screen: &Screen, located: &Located) -> Composer {
        let lines = self.lines(screen, located);
        let cursor = cursor_in(screen, &lines);
        // Ghost text goes away with the first letter, so it cannot stand before the cursor.
        if cursor.is_none_or(|cursor| is_start(&lines, cursor)) {
            let shown = joined(lines.iter().map(|line| (line.row, line.text())));
            let is_ghost = self.ghost.iter().any(|ghost| ghost.is_match(shown.trim()));
            if is_ghost || cursor.is_some_and(|cursor| is_ghost_under(&lines, cursor)) {
                return Composer::Empty;
            }
        }
        let text = joined(lines.iter().map(|line| (line.row, line.ink(cursor))));
        match text.trim() {
            "" => Composer::Empty,
            text => Composer::Holds(text.to_owned()),
        }
    }

    fn lines<'a>(&self, screen: &'a Screen, located: &Located) -> Vec<Line<'a>> {
        let line = |index: usize| {
            let row = &screen.rows[index];
            let end = located
                .columns
                .map_or(row.text.len(), |columns| row.offset_of(columns));
            let scroll_mark = self.scroll_mark.as_ref();
            let mark = scroll_mark.and_then(|mark| mark.find(&row.text[..end]));
            let end = mark.map_or(end, |mark| mark.start());
            let first = index == located.text.start || matches!(self.frame, Frame::Box { .. });
            let find = |prefix: &Option<Pattern>| {
                let found = prefix.as_ref()?.find(&row.text)?;
                (found.start() == 0).then_some(found.end())
            };
            let marker = if first { find(&self.marker) } else { None };
            let start = marker
                .or_else(|| find(&self.indent))
                .map_or(0, |start| start.min(end));
            Line {
                index,
                row,
                start,
                end,
            }
        };
        located.text.clone().map(line).collect()
    }
}

/// One line of a composer's text.
struct Line<'a> {
    index: usize,
    row: &'a Row,
    /// Byte offsets in the row.
    start: usize,
    end: usize,
}

/// A place on the screen: row and byte offset in its text.
type Place = (usize, usize);

impl<'a> Line<'a> {
    fn text(&self) -> &'a str {
        &self.row.text[self.start..self.end]
    }

    fn characters(&self) -> impl Iterator<Item = (Place, char)> {
        self.text()
            .char_indices()
            .map(|(offset, character)| ((self.index, self.start + offset), character))
    }

    /// The text without what is faint, save what stands before the cursor: that was typed.
    fn ink(&self, cursor: Option<Place>) -> String {
        let is_ink = |place: Place| {
            !self.row.is_faint(place.1) || cursor.is_some_and(|cursor| place < cursor)
        };
        self.characters()
            .filter(|&(place, _)| is_ink(place))
            .map(|(_, c)| c)
            .collect()
    }
}

/// Where the cursor is, if it is in one of the lines.
fn cursor_in(screen: &Screen, lines: &[Line<'_>]) -> Option<Place> {
    let row = usize::from(screen.cursor.row);
    let line = lines.iter().find(|line| line.index == row)?;
    Some((row, line.row.offset_of(screen.cursor.column)))
}

/// Whether only blanks stand before the cursor.
fn is_start(lines: &[Line<'_>], cursor: Place) -> bool {
    let mut before = lines
        .iter()
        .flat_map(Line::characters)
        .take_while(|&(place, _)| place < cursor);
    before.all(|(_, character)| character.is_whitespace())
}

/// Whether all is faint but the letter under the cursor: a program that draws its own cursor
/// inverts the first letter of its ghost text.
fn is_ghost_under(lines: &[Line<'_>], cursor: Place) -> bool {
    let mut faint = false;
    for line in lines {
        for (place, _) in line
            .characters()
            .filter(|(_, character)| !character.is_whitespace())
        {
            if line.row.is_faint(place.1) {
                faint = true;
            } else if place != cursor {
                return false;
            }
        }
    }
    faint
}

fn joined<'a, T: AsRef<str>>(lines: impl Iterator<Item = (&'a Row, T)>) -> String {
    let mut text = String::new();
    for (row, line) in lines {
        text.push_str(line.as_ref());
        if !row.wrapped {
            text.push('\n');
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::screen::Cursor;

    const RULE: &str = "────────────────────";

    fn sim() -> ComposerRule {
        let source =
            "frame = { between = '^─+$' }\nmarker = '^❯ ?'\nindent = '^  '\nghost = ['^Try']";
        toml::from_str(source).unwrap()
    }

    /// A composer of some rows with the cursor in the first, at a column.
    fn screen(rows: &[&str], column: u16) -> Screen {
        let mut screen = Screen::from_text(20, &format!("{RULE}\n{}\n{RULE}", rows.join("\n")));
        screen.cursor = Cursor {
            row: 1,
            column,
            visible: false,
        };
        screen
    }

    fn read(screen: &Screen) -> Composer {
        let located = sim().locate(screen);
        located.map_or(Composer::Unknown, |located| sim().read(screen, &located))
    }

    fn holds(text: &str) -> Composer {
        Composer::Holds(text.to_owned())
    }

    #[test]
    fn a_known_ghost_text_is_no_draft() {
        assert_eq!(read(&screen(&["❯ Try this"], 2)), Composer::Empty);
    }

    #[test]
    fn a_ghost_text_that_was_typed_is_a_draft() {
        assert_eq!(read(&screen(&["❯ Try this"], 10)), holds("Try this"));
    }

    #[test]
    fn faint_text_counts_only_before_the_cursor() {
        let mut screen = screen(&["❯ /compact [how]"], 10);
        let start = "❯ ".len();
        screen.rows[1].faint.push(start..start + 30);
        assert_eq!(read(&screen), holds("/compact"));
        screen.cursor.column = 2;
        assert_eq!(read(&screen), Composer::Empty);
        screen.cursor.row = 9;
        assert_eq!(read(&screen), Composer::Empty);
    }

    #[test]
    fn the_first_letter_of_a_ghost_may_be_inverted_under_the_cursor() {
        let mut screen = screen(&["❯ Do it"], 2);
        screen.rows[1].faint.push("❯ D".len().."❯ Do it".len());
        assert_eq!(read(&screen), Composer::Empty);
        screen.rows[1].faint.clear();
        assert_eq!(read(&screen), holds("Do it"));
    }

    #[test]
    fn a_scrolled_composer_is_found_by_the_cursor_in_it() {
        let mut screen = screen(&["  the end", "  of it"], 2);
        assert_eq!(read(&screen), holds("the end\nof it"));
        screen.cursor.row = 9;
        assert_eq!(read(&screen), Composer::Unknown);
    }

    #[test]
    fn a_blank_row_between_rules_is_no_empty_composer() {
        assert_eq!(read(&screen(&[""], 0)), Composer::Unknown);
    }

    #[test]
    fn rules_that_end_before_the_margin_are_no_frame() {
        let mut screen = screen(&["❯ hello"], 7);
        screen.columns = 40;
        assert_eq!(read(&screen), Composer::Unknown);
    }

    #[test]
    fn the_blank_row_behind_a_text_that_ends_at_the_edge_is_inside() {
        let codex = crate::Harness::shipped("codex").unwrap();
        let text = "\n› 123456789012345678\n\n\n  one\n  two\n  three\n";
        let mut screen = Screen::from_text(20, text);
        (screen.cursor.row, screen.cursor.visible) = (2, true);
        let holds = Composer::Holds("123456789012345678".into());
        assert_eq!(codex.composer(&screen), holds);
    }

    #[test]
    fn a_lit_row_without_the_cursor_is_no_composer_where_that_has_to_be_inside() {
        let codex = crate::Harness::shipped("codex").unwrap();
        let mut screen = Screen::from_text(40, "\n› 1. Something new\n  2. Else\n\n  keys\n");
        for (row, visible, found) in [(1, true, true), (1, false, false), (0, true, false)] {
            screen.cursor.row = row;
            screen.cursor.visible = visible;
            let composer = codex.composer(&screen);
            assert_eq!(composer != Composer::Unknown, found, "{row} {visible}");
        }
    }
}
