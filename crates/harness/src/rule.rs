//! Rules that turn a screen into a state.

use std::time::Duration;

use serde::Deserialize;

use crate::composer::{Composer, Located};
use crate::pattern::Pattern;
use crate::screen::{Row, Screen};
use crate::state::{ScreenState, Signals};

/// One rule: when all its conditions hold, the screen shows its state.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rule {
    pub(crate) name: String,
    /// The highest that holds decides; among equals the first.
    pub(crate) priority: i32,
    pub(crate) state: ScreenState,
    /// Where the patterns have to match.
    #[serde(default)]
    region: Region,
    /// How many of the region's rows count: the last ones that are not blank.
    rows: Option<usize>,
    /// Each has to match a row of the region.
    #[serde(default, rename = "match")]
    patterns: Vec<Pattern>,
    /// None may match a row of the region.
    #[serde(default)]
    absent: Vec<Pattern>,
    /// The last row of the region that is not blank has to match.
    last: Option<Pattern>,
    /// The last row above the composer that matches is the line that is shown, not that of `match`.
    shows: Option<Pattern>,
    composer: Option<ComposerCondition>,
    /// Whether the cursor stands in the composer, which has to be there.
    cursor_inside: Option<bool>,
    cursor_visible: Option<bool>,
    output_seen: Option<bool>,
    was_ready: Option<bool>,
    away: Option<bool>,
    quiet_min_ms: Option<u32>,
    quiet_max_ms: Option<u32>,
    running_max_ms: Option<u32>,
}

/// A part of the screen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Region {
    /// The title.
    Title,
    /// All rows.
    #[default]
    Screen,
    /// The rows above the composer; all rows if there is none.
    Above,
    /// The rows above the composer since the last message of the user.
    Turn,
    /// The rows below the composer; all rows if there is none.
    Below,
    /// The rows of the composer's frame below its text; none if there is no composer.
    Foot,
    /// What stands before the cursor in its row.
    Prompt,
}

/// What a rule asks of the composer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ComposerCondition {
    Absent,
    Present,
    Empty,
    Holds,
}

impl ComposerCondition {
    fn is_met_by(self, composer: &Composer) -> bool {
        match self {
            ComposerCondition::Absent => *composer == Composer::Unknown,
            ComposerCondition::Present => *composer != Composer::Unknown,
            ComposerCondition::Empty => *composer == Composer::Empty,
            ComposerCondition::Holds => matches!(composer, Composer::Holds(_)),
        }
    }
}

/// A screen with what has been found on it.
pub(crate) struct View<'a> {
    pub(crate) screen: &'a Screen,
    pub(crate) located: Option<Located>,
    pub(crate) composer: Composer,
    /// The row above the composer that begins the last message of the user.
    pub(crate) last_message: Option<usize>,
}

impl View<'_> {
    /// The rows above the composer since the last message of the user.
    pub(crate) fn turn(&self) -> &[Row] {
        self.rows(Region::Turn)
    }

    fn rows(&self, region: Region) -> &[Row] {
        let rows = &self.screen.rows;
        let frame = self.located.as_ref().map(|located| &located.frame);
        match region {
            Region::Screen => rows,
            Region::Above => &rows[..frame.map_or(rows.len(), |frame| frame.start)],
            Region::Below => &rows[frame.map_or(0, |frame| frame.end)..],
            Region::Foot => self
                .located
                .as_ref()
                .map_or(&[], |found| &rows[found.foot()]),
            Region::Turn => {
                let end = frame.map_or(rows.len(), |frame| frame.start);
                &rows[self.last_message.map_or(0, |row| row + 1).min(end)..end]
            }
            Region::Title | Region::Prompt => &[],
        }
    }

    /// Whether the cursor stands in the composer, if there is one.
    fn is_cursor_inside(&self) -> Option<bool> {
        let row = usize::from(self.screen.cursor.row);
        Some(self.located.as_ref()?.frame.contains(&row))
    }

    /// The last lines of a region that are not blank, from the bottom to the top.
    fn lines(&self, region: Region, count: usize) -> Vec<&str> {
        match region {
            Region::Title => vec![self.screen.title.as_str()],
            Region::Prompt => self
                .screen
                .at_cursor()
                .map(|(before, _)| before)
                .into_iter()
                .collect(),
            _ => self
                .rows(region)
                .iter()
                .rev()
                .filter(|row| !row.is_blank())
                .map(|row| row.text.as_str())
                .take(count)
                .collect(),
        }
    }
}

/// A rule that holds, with the line that its first pattern matched.
pub(crate) struct Evidence {
    pub(crate) line: Option<String>,
}

impl Rule {
    /// Tells whether the rule holds.
    pub(crate) fn evidence(&self, view: &View<'_>, signals: &Signals) -> Option<Evidence> {
        if !(self.signals_hold(signals) && self.screen_holds(view)) {
            return None;
        }
        if self.patterns.is_empty() && self.absent.is_empty() && self.last.is_none() {
            return Some(Evidence { line: None });
        }
        let lines = view.lines(self.region, self.rows.unwrap_or(usize::MAX));
        if self
            .absent
            .iter()
            .any(|pattern| lines.iter().any(|line| pattern.is_match(line)))
        {
            return None;
        }
        let ends = |last: &Pattern| lines.first().is_some_and(|line| last.is_match(line));
        if !self.last.as_ref().is_none_or(ends) {
            return None;
        }
        let matched: Option<Vec<&str>> = self
            .patterns
            .iter()
            .map(|pattern| lines.iter().copied().find(|line| pattern.is_match(line)))
            .collect();
        let matched = matched?;
        let shown = self.shows.as_ref().and_then(|pattern| {
            let mut lines = view.lines(Region::Above, usize::MAX).into_iter();
            lines.find(|line| pattern.is_match(line))
        });
        let line = shown.or(matched.first().copied());
        Some(Evidence {
            line: line.map(without_decoration),
        })
    }

    fn signals_hold(&self, signals: &Signals) -> bool {
        let millis = |value: u32| Duration::from_millis(value.into());
        self.output_seen
            .is_none_or(|seen| seen == signals.output_seen)
            && self.was_ready.is_none_or(|was| was == signals.was_ready)
            && self.away.is_none_or(|away| away == signals.away)
            && self
                .quiet_min_ms
                .is_none_or(|least| signals.quiet_for >= millis(least))
            && self
                .quiet_max_ms
                .is_none_or(|most| signals.quiet_for < millis(most))
            && self
                .running_max_ms
                .is_none_or(|most| signals.running_for < millis(most))
    }

    fn screen_holds(&self, view: &View<'_>) -> bool {
        self.composer
            .is_none_or(|condition| condition.is_met_by(&view.composer))
            && self
                .cursor_inside
                .is_none_or(|inside| view.is_cursor_inside() == Some(inside))
            && self
                .cursor_visible
                .is_none_or(|visible| visible == view.screen.cursor.visible)
    }
}

/// A line without its bullet, spinner or blinking mark in brackets and with single blanks, so that it
/// reads well and stays the same meanwhile.
pub(crate) fn without_decoration(line: &str) -> String {
    let is_bullet = |c: char| !c.is_alphanumeric() && !c.is_ascii_punctuation();
    let words = line.trim_start_matches(is_bullet);
    let marked = words
        .strip_prefix('[')
        .and_then(|rest| rest.split_once(']'));
    let blinking = marked.filter(|(mark, _)| !mark.contains(char::is_alphanumeric));
    let words = blinking.map_or(words, |(_, rest)| rest);
    let words: Vec<&str> = words.split_whitespace().collect();
    if words.is_empty() {
        return line.trim().to_owned();
    }
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_stays_the_same_while_a_spinner_turns() {
        let footer = "   ■■⬝⬝⬝⬝⬝⬝  esc interrupt        2  ctrl+p commands";
        assert_eq!(
            without_decoration(footer),
            "esc interrupt 2 ctrl+p commands"
        );
        assert_eq!(without_decoration("⠹ demo"), without_decoration("⠏ demo"));
        assert_eq!(without_decoration("│ ❯ 1. Yes"), "1. Yes");
        assert_eq!(without_decoration("[ ! ] Asks"), "Asks");
        assert_eq!(without_decoration("[ . ] Asks"), "Asks");
        assert_eq!(without_decoration("[x] it"), "[x] it");
    }

    #[test]
    fn a_line_of_nothing_else_is_kept() {
        assert_eq!(without_decoration("  ⠹ "), "⠹");
    }
}
