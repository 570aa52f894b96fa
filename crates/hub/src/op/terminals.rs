//! Parameters and results about terminals.

use std::collections::BTreeMap;

use podfleet_protocol::{FleetName, PodId, PodName, Size};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::topology::{MountRef, Route};

/// Parameters of `pty.spawn`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PtySpawnParams {
    /// The mount on which it runs.
    pub mount: MountRef,
    /// The directory below the mount.
    #[serde(default)]
    pub cwd: String,
    /// The program and its arguments; empty: the user's shell there.
    #[serde(default)]
    pub command: Vec<String>,
    /// Its size until a controller sets it.
    #[serde(default)]
    pub size: Size,
    /// The name of its pod; absent: one is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<PodName>,
}

/// Parameters of `pty.open`, which home asks a spoke for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PtyOpenParams {
    /// The identity of its pod, chosen by the caller: the same again is answered, not done twice.
    pub session: PodId,
    /// The name of its pod.
    pub name: PodName,
    /// The directory of the mount, absolute.
    pub root: String,
    /// The directory below it.
    #[serde(default)]
    pub cwd: String,
    /// The program and its arguments; empty: the user's shell.
    #[serde(default)]
    pub command: Vec<String>,
    /// Its size until a controller sets it.
    #[serde(default)]
    pub size: Size,
}

/// Result of `pty.open`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PtyOpened {
    /// Its pod.
    pub session: PodId,
    /// The pod's name.
    pub agent: PodName,
    /// Its fleet; absent from hubs of earlier builds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fleet: Option<FleetName>,
    /// The pod's start.
    pub generation: u64,
}

/// Parameters of `pty.kill`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PtyKillParams {
    /// The name of its pod.
    pub agent: crate::op::AgentRef,
    /// Its fleet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fleet: Option<FleetName>,
}

/// Result of `pty.list`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PtyListResult {
    /// The terminals, oldest first.
    pub terminals: Vec<PtyView>,
}

/// Result of `pty.states`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PtyStatesResult {
    /// Each pod of the machine by its identity; one that is not there is gone.
    pub states: BTreeMap<String, PtyState>,
}

/// A terminal as a listing shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PtyView {
    /// Where it is.
    pub route: Route,
    /// How it is: `live`, `ended`, `gone`, or `unknown` while its machine cannot be asked.
    pub state: PtyState,
}

/// How a terminal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PtyState {
    /// Its pod runs.
    Live,
    /// Its pod has stopped; its log is there.
    Ended,
    /// Its machine does not know it.
    Gone,
    /// Its machine cannot be asked.
    Unknown,
}

impl PtyState {
    /// Returns the word that stands for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Ended => "ended",
            Self::Gone => "gone",
            Self::Unknown => "unknown",
        }
    }
}
