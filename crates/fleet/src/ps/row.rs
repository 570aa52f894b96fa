//! A row of `ps`.

use std::path::PathBuf;

use podfleet_protocol::FleetName;
use schemars::JsonSchema;
use serde::ser::SerializeSeq;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::bridge::BridgeGlance;
use crate::readiness::Readiness;

/// One agent, or one tmux session that no pod hosts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PsRow {
    /// The agent's name; of an unmanaged session, the session's.
    pub name: String,
    /// Its friendly name.
    pub alias: Option<String>,
    /// Its role.
    pub class: Option<String>,
    /// The harness that drives it.
    pub runtime: Option<String>,
    /// Its model, as the roster or the agent names it.
    pub model: Option<String>,
    /// What it is good for at this moment.
    pub readiness: RowState,
    /// Since when (RFC 3339, UTC).
    pub since: Option<String>,
    /// Seconds since the agent last wrote something.
    pub idle_seconds: Option<u64>,
    /// Seconds since the pod last wrote its heartbeat.
    pub heartbeat_age_seconds: Option<u64>,
    /// The agent's process.
    pub agent_pid: Option<u32>,
    /// The pod's process.
    pub pod_pid: Option<u32>,
    /// How often the pod was started.
    pub generation: Option<u64>,
    /// The service that keeps the pod; null where nothing but the pod itself does.
    pub unit: Option<String>,
    /// Undelivered messages.
    pub inbox: Option<u32>,
    /// What deserves a look.
    #[serde(serialize_with = "flag_words", deserialize_with = "flags_of_words")]
    #[schemars(with = "Vec<FlagKind>")]
    pub flags: Vec<Flag>,
    /// Whether a pod hosts it.
    pub managed: bool,
    /// The owner of its records.
    pub tenant_id: String,
    /// Short name of the machine that it is on.
    pub host: String,
    /// How the bridge of the chat is, where people speak with this agent: with the orchestrator alone,
    /// and only if a bridge runs or ought to.
    #[serde(default)]
    pub bridge: Option<BridgeGlance>,
    /// The fleet that it is in; of agents that a hub lists alone, which may be of many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fleet: Option<FleetName>,
    /// Seconds since `since`; for tables.
    #[serde(skip)]
    pub since_seconds: Option<u64>,
    /// More about the state, such as the dialog of a blocked agent or the account of a quarantine;
    /// for tables.
    #[serde(skip)]
    pub detail: Option<String>,
    /// The pod's socket; for wide tables.
    #[serde(skip)]
    pub socket: Option<PathBuf>,
    /// The tmux session of its view, if it is there; for wide tables.
    #[serde(skip)]
    pub session: Option<String>,
    /// Where the agent works; for wide tables.
    #[serde(skip)]
    pub working_directory: Option<PathBuf>,
}

fn flag_words<S: Serializer>(flags: &[Flag], serializer: S) -> Result<S::Ok, S::Error> {
    let mut words = serializer.serialize_seq(Some(flags.len()))?;
    for flag in flags {
        words.serialize_element(&flag.kind)?;
    }
    words.end()
}

/// What a word leaves out is lost.
fn flags_of_words<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Flag>, D::Error> {
    let words = Vec::<FlagKind>::deserialize(deserializer)?;
    let flag = |kind| Flag {
        kind,
        detail: String::new(),
    };
    Ok(words.into_iter().map(flag).collect())
}

/// The state of a row: a readiness, or why there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum RowState {
    /// What was judged.
    Judged(Readiness),
    /// Nothing was judged.
    Elsewhere(Elsewhere),
}

/// Why a row has no readiness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Elsewhere {
    /// It is on another machine, which was not asked.
    Remote,
}

impl RowState {
    /// The state of an agent on another machine.
    pub const REMOTE: Self = Self::Elsewhere(Elsewhere::Remote);

    /// Returns the word that stands for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Judged(readiness) => readiness.as_str(),
            Self::Elsewhere(Elsewhere::Remote) => "remote",
        }
    }
}

impl std::fmt::Display for RowState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// Something about an agent that deserves a look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flag {
    /// Its kind.
    pub kind: FlagKind,
    /// More of it, such as the reason or the field; empty if the kind says it all.
    pub detail: String,
}

/// The kinds of flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
#[non_exhaustive]
pub enum FlagKind {
    /// A message has waited over two minutes, or its pod could deliver none.
    Held,
    /// Somebody paused the delivery of messages.
    Paused,
    /// What runs is not what the roster says.
    Drift,
    /// It would not come back after a boot.
    Boot,
    /// No pod hosts it.
    Unmanaged,
    /// Its tmux view is missing.
    View,
    /// Its pod runs another build.
    Old,
    /// Its agent ended too often.
    Quarantined,
    /// Its class has no role, so it is told no mandate.
    Role,
    /// The record of its pod cannot be read.
    Damaged,
}

impl FlagKind {
    /// Returns the word that stands for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Held => "HELD",
            Self::Paused => "PAUSED",
            Self::Drift => "DRIFT",
            Self::Boot => "BOOT",
            Self::Unmanaged => "UNMANAGED",
            Self::View => "VIEW",
            Self::Old => "OLD",
            Self::Quarantined => "QUARANTINED",
            Self::Role => "ROLE",
            Self::Damaged => "DAMAGED",
        }
    }
}

impl std::fmt::Display for Flag {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.kind.as_str())?;
        if self.detail.is_empty() {
            return Ok(());
        }
        write!(f, "({})", self.detail)
    }
}
