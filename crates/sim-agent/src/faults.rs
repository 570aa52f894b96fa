//! The fault script: every way in which the simulated agent can be told to misbehave.
//!
//! A script is one JSON object. Every field is optional, the default is a well-behaved agent, and
//! an unknown field is an error. The fields of [`Faults`] are the table of all faults.
//!
//! Some things are asked for by a message instead, so that one agent can serve many cases: see
//! [`Script`](crate::turn::Script).

use std::path::PathBuf;

use serde::{Deserialize, Deserializer, Serialize};

use crate::SimError;

/// What the simulated agent does wrong.
///
/// ```
/// use podfleet_sim_agent::{DialogPoint, Faults};
///
/// let faults = Faults::parse(r#"{"swallow_submits": 2, "dialog_on": ["paste"]}"#)?;
/// assert_eq!(faults.swallow_submits, 2);
/// assert_eq!(faults.dialog_on, [DialogPoint::Paste]);
///
/// let error = Faults::parse(r#"{"swalow_submits": 2}"#).unwrap_err();
/// assert!(error.to_string().contains("unknown field `swalow_submits`"));
/// # Ok::<(), podfleet_sim_agent::SimError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Faults {
    /// Milliseconds that a turn lasts (default 300). No fault, but every test wants to set it.
    pub turn_ms: u64,
    /// Where the journal is appended; `null` (the default) keeps none.
    pub journal: Option<PathBuf>,

    // Start.
    /// Milliseconds of `sim-agent starting…` before the composer is drawn. Input is lost meanwhile.
    pub start_delay_ms: u64,
    /// Says `sim-agent starting…` for ever.
    pub never_ready: bool,
    /// Exits at once with this code, before anything is drawn.
    pub exit_at_once: Option<ExitAtOnce>,
    /// Asks the terminal for DA1, the cursor position and the OSC 10 and 11 colours, and is not
    /// ready before all four are answered.
    pub query_terminal: bool,
    /// Asks at start whether the folder is trusted. `No` exits with code 1.
    pub trust_dialog: bool,

    // Screen.
    /// Draws on the alternate screen, so that nothing reaches the scrollback.
    pub alternate_screen: bool,
    /// Ghost text of the empty composer; `null` for none.
    pub ghost_text: Option<String>,
    /// Whether `/` opens the slash-command picker and commands run (default `true`).
    pub slash_picker: bool,
    /// Whether messages queued while busy are listed and named in the footer (default `true`).
    pub queue_footer: bool,
    /// Shows no sign of being busy: no spinner, no footer, no queue, the idle title.
    pub silent_busy: bool,
    /// Draws every change this many milliseconds late.
    pub late_redraw_ms: u64,

    // Input.
    /// Ignores the first so many submit keys; the text stays in the composer.
    pub swallow_submits: u32,
    /// Never enables bracketed paste: every line end that is typed submits.
    pub no_bracketed_paste: bool,
    /// Shows a paste of at least this many lines as `[Pasted text #1 +12 lines]`; `true` means
    /// every paste.
    #[serde(deserialize_with = "lines_or_true")]
    pub paste_placeholder: Option<usize>,
    /// Loses pasted text wholly.
    pub eat_paste: bool,
    /// Keeps only the first so many characters of a paste.
    pub truncate_paste: Option<usize>,
    /// Reads lines behind a `> ` prompt, the kernel's line discipline in canonical mode with echo,
    /// and draws no TUI. Screen, paste and dialog faults have no meaning then.
    pub canonical: bool,
    /// Switches the echo of `canonical` off.
    pub no_echo: bool,

    // Dialogs.
    /// Opens a permission dialog at each of these points, once. Enter approves the preselected row.
    pub dialog_on: Vec<DialogPoint>,
    /// Closes a permission dialog after so many milliseconds, undecided.
    pub dialog_ms: Option<u64>,

    // Turns.
    /// Ends turns without an answer.
    pub no_answer: bool,
    /// Never ends the first turn.
    pub stuck_busy: bool,
    /// Ends itself after a number of turns.
    pub crash_after_turns: Option<Crash>,
    /// Floods the terminal with output.
    pub flood: Option<Flood>,

    // Process.
    /// Lives through SIGTERM and SIGHUP, and through the end of its terminal.
    pub ignore_sigterm: bool,
    /// Starts a child in a session of its own that ignores SIGHUP and SIGTERM. It keeps the
    /// terminal open and ends by itself after ten minutes.
    pub stubborn_child: bool,
}

/// Where a permission dialog opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DialogPoint {
    /// As soon as the agent is ready.
    Start,
    /// Right after a paste, so before its submit key.
    Paste,
    /// On the first submit key, which is swallowed: between two submit keys.
    FirstSubmit,
    /// In the middle of the first turn.
    Turn,
}

/// The exit of an agent that does not start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExitAtOnce {
    /// Exit code.
    pub code: u8,
}

/// How an agent ends itself: with exactly one of `code` and `signal`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Crash {
    /// The number of turns before the end, at least 1.
    pub turns: u64,
    /// Exit code.
    #[serde(default)]
    pub code: Option<u8>,
    /// Number of the signal that it dies by.
    #[serde(default)]
    pub signal: Option<i32>,
}

/// A flood of output: `bytes` in all, `bytes_per_second`, or both. Without `bytes` it does not end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Flood {
    /// When it begins (default `start`).
    #[serde(default)]
    pub at: FloodPoint,
    /// How many bytes in all.
    #[serde(default)]
    pub bytes: Option<u64>,
    /// How fast; as fast as the terminal takes them where it is absent.
    #[serde(default)]
    pub bytes_per_second: Option<u64>,
}

/// When a flood begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FloodPoint {
    /// With the process.
    #[default]
    Start,
    /// With every turn; one with an end keeps the turn busy until then, one without ends with it.
    Turn,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            turn_ms: 300,
            journal: None,
            start_delay_ms: 0,
            never_ready: false,
            exit_at_once: None,
            query_terminal: false,
            trust_dialog: false,
            alternate_screen: false,
            ghost_text: Some("Try \"fix the build\"".to_owned()),
            slash_picker: true,
            queue_footer: true,
            silent_busy: false,
            late_redraw_ms: 0,
            swallow_submits: 0,
            no_bracketed_paste: false,
            paste_placeholder: None,
            eat_paste: false,
            truncate_paste: None,
            canonical: false,
            no_echo: false,
            dialog_on: Vec::new(),
            dialog_ms: None,
            no_answer: false,
            stuck_busy: false,
            crash_after_turns: None,
            flood: None,
            ignore_sigterm: false,
            stubborn_child: false,
        }
    }
}

impl Faults {
    /// Reads a fault script.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Faults`](crate::ErrorKind::Faults) for what is not JSON, an unknown field, a
    /// wrong type, and fields that contradict each other; the message names the line and column
    /// or the field.
    pub fn parse(json: &str) -> Result<Self, SimError> {
        let faults: Self =
            serde_json::from_str(json).map_err(|error| SimError::faults(error.to_string()))?;
        match faults.contradiction() {
            Some(message) => Err(SimError::faults(message)),
            None => Ok(faults),
        }
    }

    fn contradiction(&self) -> Option<&'static str> {
        if self.no_echo && !self.canonical {
            return Some("`no_echo` needs `canonical`");
        }
        if let Some(crash) = self.crash_after_turns {
            if crash.turns == 0 {
                return Some("`crash_after_turns.turns` is 0; `exit_at_once` does that");
            }
            if crash.code.is_some() == crash.signal.is_some() {
                return Some("`crash_after_turns` needs either `code` or `signal`");
            }
            if crash
                .signal
                .is_some_and(|signal| !(1..=31).contains(&signal))
            {
                return Some("`crash_after_turns.signal` is not between 1 and 31");
            }
        }
        if let Some(flood) = self.flood {
            if flood.bytes.is_none() && flood.bytes_per_second.is_none() {
                return Some("`flood` needs `bytes` or `bytes_per_second`");
            }
            if flood.bytes_per_second == Some(0) {
                return Some("`flood.bytes_per_second` is 0");
            }
        }
        None
    }
}

/// Reads `true` (every paste), a number of lines, or `false` and `null` (none).
fn lines_or_true<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<usize>, D::Error> {
    struct LinesOrTrue;
    impl serde::de::Visitor<'_> for LinesOrTrue {
        type Value = Option<usize>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("`true` or a number of lines")
        }

        fn visit_bool<E>(self, every: bool) -> Result<Self::Value, E> {
            Ok(every.then_some(1))
        }

        fn visit_u64<E: serde::de::Error>(self, lines: u64) -> Result<Self::Value, E> {
            usize::try_from(lines).map(Some).map_err(E::custom)
        }

        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(None)
        }
    }
    deserializer.deserialize_any(LinesOrTrue)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_script_is_the_default() {
        assert_eq!(Faults::parse("{}").unwrap(), Faults::default());
    }

    #[test]
    fn a_script_survives_printing() {
        let faults = Faults {
            paste_placeholder: Some(3),
            ghost_text: None,
            flood: Some(Flood {
                at: FloodPoint::Turn,
                bytes: Some(9),
                bytes_per_second: None,
            }),
            ..Faults::default()
        };
        let json = serde_json::to_string(&faults).unwrap();
        assert_eq!(Faults::parse(&json).unwrap(), faults);
    }

    #[test]
    fn a_placeholder_is_true_or_a_number_of_lines() {
        let lines = |json| Faults::parse(json).unwrap().paste_placeholder;
        assert_eq!(lines(r#"{"paste_placeholder": true}"#), Some(1));
        assert_eq!(lines(r#"{"paste_placeholder": 10}"#), Some(10));
        assert_eq!(lines(r#"{"paste_placeholder": false}"#), None);
    }

    #[test]
    fn errors_say_what_and_where() {
        let errors: Vec<String> = [
            r#"{"#,
            r#"{"start_delay": 3}"#,
            "{\n  \"turn_ms\": \"3\"\n}",
            r#"{"dialog_on": ["pasted"]}"#,
            r#"{"paste_placeholder": "yes"}"#,
            r#"{"no_echo": true}"#,
            r#"{"crash_after_turns": {"turns": 1}}"#,
            r#"{"crash_after_turns": {"turns": 1, "signal": 99}}"#,
            r#"{"flood": {"at": "turn"}}"#,
        ]
        .iter()
        .map(|json| {
            let error = Faults::parse(json).unwrap_err().to_string();
            // The list of all fields follows; it would change with every new fault.
            error
                .split(", expected one of `turn_ms`")
                .next()
                .unwrap()
                .to_owned()
        })
        .collect();
        insta::assert_snapshot!(errors.join("\n"), @r#"
        invalid fault script: EOF while parsing an object at line 1 column 1
        invalid fault script: unknown field `start_delay`
        invalid fault script: invalid type: string "3", expected u64 at line 2 column 16
        invalid fault script: unknown variant `pasted`, expected one of `start`, `paste`, `first_submit`, `turn` at line 1 column 23
        invalid fault script: invalid type: string "yes", expected `true` or a number of lines at line 1 column 27
        invalid fault script: `no_echo` needs `canonical`
        invalid fault script: `crash_after_turns` needs either `code` or `signal`
        invalid fault script: `crash_after_turns.signal` is not between 1 and 31
        invalid fault script: `flood` needs `bytes` or `bytes_per_second`
        "#);
    }
}
