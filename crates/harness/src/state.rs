//! What a screen is classified as.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What the rules see besides the screen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Signals {
    /// Time since the last output; before any output, since the agent was started.
    pub quiet_for: Duration,
    /// Time since the agent was started.
    pub running_for: Duration,
    /// Whether the agent has written anything yet.
    pub output_seen: bool,
    /// Whether the agent was ready before, since it was started.
    pub was_ready: bool,
    /// Whether something else has the terminal than what was at the prompt: a command in the
    /// foreground, or one that the program waits for with its line editor off.
    pub away: bool,
}

/// The state that a screen shows.
///
/// It serialises as one word, a blocked one as `{"blocked": "permission"}`; it displays as
/// `ready` or `blocked{permission}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ScreenState {
    /// The program has not drawn its prompt yet.
    Starting,
    /// It waits for a message, and its composer is empty or, where there is none, its prompt is
    /// quiet.
    Ready,
    /// It waits, and its composer holds a text that was not submitted.
    Draft,
    /// It works on a turn. The composer may be there all the same.
    Busy,
    /// It waits for something that is not a message.
    Blocked(BlockKind),
    /// Its last turn failed, or it ended with an error. Ask [`Harness::composer`] whether a message
    /// can be typed.
    ///
    /// [`Harness::composer`]: crate::Harness::composer
    Error,
    /// There is no evidence either way.
    Unknown,
}

impl fmt::Display for ScreenState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ScreenState::Starting => "starting",
            ScreenState::Ready => "ready",
            ScreenState::Draft => "draft",
            ScreenState::Busy => "busy",
            ScreenState::Blocked(kind) => return write!(f, "blocked{{{kind}}}"),
            ScreenState::Error => "error",
            ScreenState::Unknown => "unknown",
        })
    }
}

/// What a blocked agent waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum BlockKind {
    /// Leave to run a tool.
    Permission,
    /// Trust in the directory.
    Trust,
    /// An account, a key or a password.
    Login,
    /// The end of a usage limit.
    UsageLimit,
    /// A model that can be used.
    ModelUnavailable,
    /// An answer to some other dialog.
    Dialog,
}

impl fmt::Display for BlockKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            BlockKind::Permission => "permission",
            BlockKind::Trust => "trust",
            BlockKind::Login => "login",
            BlockKind::UsageLimit => "usage_limit",
            BlockKind::ModelUnavailable => "model_unavailable",
            BlockKind::Dialog => "dialog",
        })
    }
}

/// A state and the evidence for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Classification {
    /// The state.
    pub state: ScreenState,
    /// Name of the rule that decided, `none` if no rule did.
    pub rule: String,
    /// The line of the screen that the rule's first pattern matched, without outer blanks and
    /// bullets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_words_on_the_wire_and_for_people() {
        let word = |state: ScreenState| {
            let wire = serde_json::to_string(&state).unwrap();
            assert_eq!(serde_json::from_str::<ScreenState>(&wire).unwrap(), state);
            format!("{wire} {state}")
        };
        assert_eq!(word(ScreenState::Ready), r#""ready" ready"#);
        assert_eq!(
            word(ScreenState::Blocked(BlockKind::UsageLimit)),
            r#"{"blocked":"usage_limit"} blocked{usage_limit}"#
        );
    }
}
