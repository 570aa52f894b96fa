//! What a pod says of itself.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::address::Address;
use crate::geometry::Size;
use crate::id::{Generation, PodId, Run, UnixMillis};
use crate::name::{FleetName, PodName, TenantId};
use crate::receipt::{Hold, Source};

/// Who a pod is. Every record carries these.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Identity {
    /// The pod.
    pub id: PodId,
    /// Its name.
    pub name: PodName,
    /// The fleet that it belongs to.
    pub fleet: FleetName,
    /// The owner of its records.
    pub tenant_id: TenantId,
    /// Short name of the machine that it runs on.
    pub host: String,
}

/// How a run of an agent ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunEnd {
    /// It exited with this status.
    Exited(i32),
    /// This signal ended it.
    Signalled(i32),
    /// It could not be started.
    NotStarted(String),
    /// Its guard was gone, and with it the exit status.
    Lost,
}

impl std::fmt::Display for RunEnd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Exited(status) => write!(f, "exit {status}"),
            Self::Signalled(signal) => write!(f, "signal {signal}"),
            Self::NotStarted(why) => f.write_str(why),
            Self::Lost => f.write_str("lost: its guard was ended"),
        }
    }
}

/// What a pod's agent does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "phase")]
pub enum AgentPhase {
    /// It runs.
    Running {
        /// Its process.
        pid: u32,
        /// Since when.
        since: UnixMillis,
    },
    /// It ended and will be started again.
    BackingOff {
        /// How it ended.
        last: RunEnd,
        /// When it will be started.
        until: UnixMillis,
        /// Ends within the policy's window.
        ends: u32,
        /// How many of them the policy allows.
        allowed: u32,
    },
    /// It ended, and the restart policy leaves it so.
    Ended {
        /// How it ended.
        last: RunEnd,
    },
    /// It ended too often; only an explicit restart starts it again.
    Quarantined {
        /// The account of it, such as `5 exits in 10m, last: exit 1`.
        account: String,
    },
    /// It has not been started yet, or is being ended.
    Idle,
}

/// What the harness's rules say of the screen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ScreenStatus {
    /// The state's word, such as `ready`, `busy` or `blocked(permission)`.
    pub state: String,
    /// The rule that decided.
    pub rule: String,
    /// The line of the screen that it matched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<String>,
    /// Since when the state holds.
    pub since: UnixMillis,
}

/// What the agent last said of itself, by its transcript or its hooks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SelfReport {
    /// What it does: `working`, `asking` or `idle`.
    pub state: String,
    /// Where it said so.
    pub source: Source,
    /// When that was found.
    pub at: UnixMillis,
}

/// Delivery is paused: messages wait in the inbox, a person may still type. It holds until
/// `resume`, over every restart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Paused {
    /// Who paused it.
    pub by: Address,
    /// Since when, by the clock of the machine that recorded it.
    pub since: UnixMillis,
    /// Why; empty if nothing was said.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

impl Paused {
    /// How much of a reason is kept, in characters.
    const REASON: usize = 200;

    /// Returns a reason as it is kept: in one line, without what a terminal would obey, and not long.
    #[must_use]
    pub fn reason(given: &str) -> String {
        let words = given.split_whitespace().collect::<Vec<_>>().join(" ");
        let printable = words.chars().filter(|character| !character.is_control());
        printable.take(Self::REASON).collect()
    }
}

impl std::fmt::Display for Paused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "by {}", self.by.session)?;
        if self.reason.is_empty() {
            return Ok(());
        }
        write!(f, ": {}", self.reason)
    }
}

/// A pod's answer to `status`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PodStatus {
    /// Who it is.
    pub identity: Identity,
    /// The number of this start of the pod.
    pub generation: Generation,
    /// The number of this start of its agent.
    pub run: Run,
    /// The pod's process.
    pub pod_pid: u32,
    /// The build that it runs, see `fleet version`.
    pub build: String,
    /// What its agent does.
    pub agent: AgentPhase,
    /// What is on its screen.
    pub screen: ScreenStatus,
    /// What the agent last said of itself in this run; absent while it has said nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub says: Option<SelfReport>,
    /// When the agent last wrote something.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_output: Option<UnixMillis>,
    /// Undelivered messages.
    pub inbox: u32,
    /// Why the first of them waits, or why none could be delivered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<Hold>,
    /// The brake, if delivery is paused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<Paused>,
    /// Whether this start of its agent goes on with an earlier conversation.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub resumed: bool,
    /// Size of its terminal.
    pub size: Size,
    /// The client that may type, as it named itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub controller: Option<String>,
    /// How many clients are attached.
    pub viewers: u32,
}
