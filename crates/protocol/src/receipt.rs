//! What became of a message, and how that is known.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{MessageId, UnixMillis};

/// How far a message came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It is durably in the inbox.
    Accepted,
    /// It waits in the inbox; the receipt's hold says for what.
    Held,
    /// It was withdrawn before it was typed.
    Cancelled,
    /// It will not be typed; the receipt's reason names the rule.
    Refused,
    /// Our text sits in the composer after the last submit key.
    TypedNotSubmitted,
    /// None of the other outcomes could be shown.
    Unknown,
    /// The composer held our text and was then empty, twice.
    Submitted,
    /// A busy agent took it into its own queue.
    QueuedByAgent,
    /// The agent works on it.
    Started,
    /// The turn that it started has ended.
    Answered,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Self; 10] = [
        Self::Accepted,
        Self::Held,
        Self::Cancelled,
        Self::Refused,
        Self::TypedNotSubmitted,
        Self::Unknown,
        Self::Submitted,
        Self::QueuedByAgent,
        Self::Started,
        Self::Answered,
    ];

    /// Returns the word that stands for it everywhere.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Held => "held",
            Self::Cancelled => "cancelled",
            Self::Refused => "refused",
            Self::TypedNotSubmitted => "typed_not_submitted",
            Self::Unknown => "unknown",
            Self::Submitted => "submitted",
            Self::QueuedByAgent => "queued_by_agent",
            Self::Started => "started",
            Self::Answered => "answered",
        }
    }

    /// Returns its place on the way from accepted to answered.
    ///
    /// What is held, typed but not submitted, or unknown got no further than accepted.
    #[must_use]
    pub const fn progress(self) -> u8 {
        match self {
            Self::Refused | Self::Cancelled => 0,
            Self::Accepted | Self::Held | Self::TypedNotSubmitted | Self::Unknown => 1,
            Self::Submitted => 2,
            Self::QueuedByAgent => 3,
            Self::Started => 4,
            Self::Answered => 5,
        }
    }

    /// Returns whether it is at least as far as `wanted`.
    #[must_use]
    pub const fn reaches(self, wanted: Self) -> bool {
        self.progress() >= wanted.progress()
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Outcome {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL
            .into_iter()
            .find(|outcome| outcome.as_str() == text)
            .ok_or(())
    }
}

/// By what an outcome is known, strongest first.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The agent's own transcript.
    Transcript,
    /// The agent's own hook.
    Hook,
    /// The agent went from idle to busy, or back.
    StatusEdge,
    /// The agent's queue footer.
    QueueFooter,
    /// The composer on the screen.
    Composer,
    /// The program's echo of what was typed.
    Echo,
    /// Nothing moved for a while.
    Quiet,
}

impl Source {
    /// Returns the words that stand for it in receipts.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Transcript => "transcript",
            Self::Hook => "hook",
            Self::StatusEdge => "status edge",
            Self::QueueFooter => "queue footer",
            Self::Composer => "composer",
            Self::Echo => "echo",
            Self::Quiet => "quiet",
        }
    }
}

/// What showed an outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Evidence {
    /// The kind of the observation.
    pub source: Source,
    /// What was seen, with the harness rule's name where one decided.
    pub detail: String,
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.source.as_str(), self.detail)
    }
}

/// Why a message waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HoldReason {
    /// The agent works on something else.
    Busy,
    /// An earlier message is not yet through.
    Turn,
    /// A person's text stands in the composer, or was typed a moment ago.
    Draft,
    /// A dialog is open: a permission, trust or login prompt.
    Dialog,
    /// Delivery is paused.
    Paused,
    /// The agent is not ready for input yet.
    Starting,
    /// No agent runs.
    Stopped,
    /// The agent crashed too often.
    Quarantined,
    /// The pod's log or store cannot be written.
    Log,
}

impl HoldReason {
    /// Returns the word that stands for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Busy => "busy",
            Self::Turn => "turn",
            Self::Draft => "draft",
            Self::Dialog => "dialog",
            Self::Paused => "paused",
            Self::Starting => "starting",
            Self::Stopped => "stopped",
            Self::Quarantined => "quarantined",
            Self::Log => "log",
        }
    }

    /// Returns what would release the message.
    #[must_use]
    pub const fn release(self) -> &'static str {
        match self {
            Self::Busy => "it is typed when the agent is idle",
            Self::Turn => "it is typed after the messages before it",
            Self::Draft => "submit or clear the text in the composer",
            Self::Dialog => "answer the dialog in the agent's terminal",
            Self::Paused => "resume the agent",
            Self::Starting => "it is typed when the agent is ready",
            Self::Stopped => "bring the agent up",
            Self::Quarantined => "mend the cause, then restart the agent",
            Self::Log => "make the pod's state directory writable",
        }
    }
}

/// Why a message waits, with what was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Hold {
    /// The reason.
    pub reason: HoldReason,
    /// What was seen; empty if the reason says it all.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

impl fmt::Display for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason.as_str())?;
        if self.detail.is_empty() {
            return Ok(());
        }
        write!(f, " ({})", self.detail)
    }
}

/// What is known of a message's fate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Receipt {
    /// The message.
    pub id: MessageId,
    /// How far it came.
    pub outcome: Outcome,
    /// Whether nothing more will be learnt.
    pub settled: bool,
    /// What showed the outcome.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Evidence>,
    /// What it waits for; only with [`Outcome::Held`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<Hold>,
    /// The rule or the look that led to a refusal, an unknown or an unsubmitted outcome.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// How often the submit key was pressed.
    #[serde(default)]
    pub submit_keys: u8,
    /// When this was found, by the receiver's clock.
    pub at: UnixMillis,
}

impl Receipt {
    /// Makes the first receipt of a message: it is durably in the inbox.
    #[must_use]
    pub fn accepted(id: MessageId, at: UnixMillis) -> Self {
        Self {
            id,
            outcome: Outcome::Accepted,
            settled: false,
            evidence: None,
            hold: None,
            reason: None,
            submit_keys: 0,
            at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_never_success() {
        for outcome in [Outcome::Held, Outcome::TypedNotSubmitted, Outcome::Unknown] {
            assert!(outcome.reaches(Outcome::Accepted));
            assert!(!outcome.reaches(Outcome::Submitted));
        }
        assert!(!Outcome::Refused.reaches(Outcome::Accepted));
    }

    #[test]
    fn outcomes_are_ordered_from_accepted_to_answered() {
        let way = [
            Outcome::Accepted,
            Outcome::Submitted,
            Outcome::QueuedByAgent,
            Outcome::Started,
            Outcome::Answered,
        ];
        assert!(
            way.windows(2)
                .all(|pair| pair[1].reaches(pair[0]) && !pair[0].reaches(pair[1]))
        );
    }

    #[test]
    fn every_outcome_is_read_back_from_its_word() {
        for outcome in Outcome::ALL {
            assert_eq!(outcome.as_str().parse(), Ok(outcome));
            assert_eq!(serde_json::json!(outcome), outcome.as_str());
        }
    }
}
