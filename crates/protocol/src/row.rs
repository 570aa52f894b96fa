//! What one pod is shown of another.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::UnixMillis;
use crate::receipt::Hold;
use crate::status::{AgentPhase, Identity, PodStatus};

/// Why a pod sees another. Each reason brings powers of its own; several may hold.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    /// It is the caller.
    #[serde(rename = "self")]
    Itself,
    /// The caller spawned it.
    Child,
    /// They are peers.
    Peer,
    /// Both are members of one fleet.
    Fleet,
}

impl Visibility {
    /// Returns the word that stands for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Itself => "self",
            Self::Child => "child",
            Self::Peer => "peer",
            Self::Fleet => "fleet",
        }
    }
}

/// Whether a pod can be had now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum Availability {
    /// It answers.
    Live,
    /// Nobody hosts it, and its records are whole.
    Stopped,
    /// It should be live and does not answer.
    Unreachable {
        /// What was tried, and what came of it.
        error: String,
    },
    /// A relation names it, and there is no record of it.
    Missing,
    /// Its records are damaged.
    Corrupt {
        /// What is wrong with them.
        error: String,
    },
}

impl Availability {
    /// Returns the word that stands for it.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Stopped => "stopped",
            Self::Unreachable { .. } => "unreachable",
            Self::Missing => "missing",
            Self::Corrupt { .. } => "corrupt",
        }
    }

    /// Returns what is wrong, if something is.
    #[must_use]
    pub fn error(&self) -> Option<&str> {
        match self {
            Self::Unreachable { error } | Self::Corrupt { error } => Some(error),
            Self::Live | Self::Stopped | Self::Missing => None,
        }
    }
}

/// Whether `restore_pod` can bring a pod back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Restorable {
    /// Whether it can.
    pub possible: bool,
    /// Why not, or what a restore brings back.
    pub why: String,
}

impl Restorable {
    /// Says that a pod can be restored, and what comes back.
    pub fn yes(why: impl Into<String>) -> Self {
        Self {
            possible: true,
            why: why.into(),
        }
    }

    /// Says why a pod cannot be restored.
    pub fn no(why: impl Into<String>) -> Self {
        Self {
            possible: false,
            why: why.into(),
        }
    }
}

/// What a live pod does, in few words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Glance {
    /// What its agent does.
    pub agent: AgentPhase,
    /// The state of its screen, such as `ready`, `busy` or `blocked(permission)`.
    pub screen: String,
    /// Since when the screen is so.
    pub since: UnixMillis,
    /// Why its first message waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<Hold>,
    /// Whether delivery is paused.
    #[serde(default)]
    pub paused: bool,
}

impl From<PodStatus> for Glance {
    fn from(status: PodStatus) -> Self {
        Self {
            agent: status.agent,
            screen: status.screen.state,
            since: status.screen.since,
            hold: status.hold,
            paused: status.paused.is_some(),
        }
    }
}

/// A pod in a listing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PodRow {
    /// What people call it; of a damaged record, what can be read of that.
    pub name: String,
    /// Who it is; absent when its record is missing or damaged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<Identity>,
    /// Its role in its fleet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// The name of the harness that runs its agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runtime: Option<String>,
    /// Every reason for which the caller sees it; empty for the operator, who sees all.
    pub visibility: Vec<Visibility>,
    /// Whether it can be had now.
    pub availability: Availability,
    /// What it does, if it answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Glance>,
    /// Whether it can be restored.
    pub restorable: Restorable,
    /// Its undelivered messages.
    pub inbox: u32,
}
