//! Screens in files, to try rules on.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::screen::{Row, Screen};
use crate::state::Signals;

/// A screen at one moment, with the signals that the rules see besides it.
///
/// As a file it is JSON, one value with the fields below. A plain text is one too: what a terminal
/// shows, nothing faint, the cursor at the top left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recording {
    /// The screen.
    pub screen: Screen,
    /// Milliseconds since the last output.
    #[serde(default = "a_second")]
    pub quiet_ms: u32,
    /// Milliseconds since the program was started.
    #[serde(default = "ten_seconds")]
    pub running_ms: u32,
    /// Whether the program has written anything yet.
    #[serde(default = "yes")]
    pub output_seen: bool,
}

const fn a_second() -> u32 {
    1000
}

const fn ten_seconds() -> u32 {
    10_000
}

const fn yes() -> bool {
    true
}

impl Recording {
    /// Makes the recording of a program that has been quiet for a moment.
    #[must_use]
    pub const fn of(screen: Screen) -> Self {
        Self {
            screen,
            quiet_ms: a_second(),
            running_ms: ten_seconds(),
            output_seen: true,
        }
    }

    /// Reads what a terminal shows. It is as wide as its widest row, which in most programs is a
    /// line across the screen.
    #[must_use]
    pub fn from_text(text: &str) -> Self {
        let width = text.lines().map(|line| Row::plain(line).width()).max();
        let columns = u16::try_from(width.unwrap_or_default()).unwrap_or(u16::MAX);
        Self::of(Screen::from_text(columns, text))
    }

    /// Returns what the rules see besides the screen.
    #[must_use]
    pub fn signals(&self) -> Signals {
        Signals {
            quiet_for: Duration::from_millis(self.quiet_ms.into()),
            running_for: Duration::from_millis(self.running_ms.into()),
            output_seen: self.output_seen,
            was_ready: true,
            away: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Harness, ScreenState};

    #[test]
    fn a_recording_is_read_back_from_its_file() {
        let mut screen = Screen::from_text(20, "❯ Try this\nmore");
        screen.rows[0].faint.push(4..12);
        screen.title = "t".into();
        let recording = Recording::of(screen);
        let file = serde_json::to_string(&recording).unwrap();
        assert_eq!(serde_json::from_str::<Recording>(&file).unwrap(), recording);
    }

    #[test]
    fn a_plain_text_is_a_screen_as_wide_as_its_widest_row() {
        let rule = "─".repeat(40);
        let recording = Recording::from_text(&format!("hello\n{rule}\n❯ draft\n{rule}\n"));
        let sim = Harness::shipped("sim").unwrap();
        let found = sim.classify(&recording.screen, &recording.signals());
        assert_eq!(found.state, ScreenState::Draft);
    }
}
