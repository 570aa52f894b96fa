//! Parameters and results about agents.

use std::fmt;
use std::str::FromStr;

use podfleet::PsRow;
use podfleet_protocol::{Class, FleetName, MessageId, NameError, Outcome, PodName, Typing};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::fault::Fault;
use crate::topology::MachineName;

/// An agent of some machine: `name@endpoint`, or `name` on the hub's own.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AgentRef {
    /// Its name.
    pub agent: PodName,
    /// The machine.
    pub endpoint: MachineName,
}

impl AgentRef {
    /// Names an agent of the machine that is asked.
    #[must_use]
    pub const fn local(agent: PodName) -> Self {
        Self {
            agent,
            endpoint: MachineName::Local,
        }
    }
}

impl FromStr for AgentRef {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let (agent, endpoint) = match text.split_once('@') {
            Some((agent, endpoint)) => (agent, endpoint.parse()?),
            None => (text, MachineName::Local),
        };
        let agent = PodName::new(agent)?;
        Ok(Self { agent, endpoint })
    }
}

impl fmt::Display for AgentRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.endpoint {
            MachineName::Local => f.pad(self.agent.as_str()),
            endpoint => f.pad(&format!("{}@{endpoint}", self.agent)),
        }
    }
}

impl TryFrom<String> for AgentRef {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        text.parse()
    }
}

impl From<AgentRef> for String {
    fn from(agent: AgentRef) -> Self {
        agent.to_string()
    }
}

impl JsonSchema for AgentRef {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "AgentRef".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "pattern": "^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}(@[A-Za-z0-9_][A-Za-z0-9_.-]{0,63})?$"
        })
    }
}

/// Parameters of `fleet.ps`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PsParams {
    /// Only of this machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<MachineName>,
    /// Of this fleet there; absent: the one that the machine's own commands mean.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fleet: Option<FleetName>,
    /// Of every fleet there, if none is named.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub all_fleets: bool,
}

/// Result of `fleet.ps`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PsResult {
    /// The agents, by machine and name.
    pub rows: Vec<AgentRow>,
    /// Machines that could not be asked; their agents are not in the list.
    pub missing: Vec<Fault>,
}

/// An agent of some machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AgentRow {
    /// The machine, as this hub names it.
    pub endpoint: MachineName,
    /// The fleet that it is in there; absent from hubs of earlier builds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fleet: Option<FleetName>,
    /// Whether the roster of the hub's own machine names it, so that its name alone is enough.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub mate: bool,
    /// Seconds since the agent is as it is, by its machine's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since_seconds: Option<u64>,
    /// More about how it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// What `fleet ps` tells there.
    pub row: PsRow,
}

impl AgentRow {
    /// Makes the row of an agent of this machine.
    #[must_use]
    pub fn local(row: PsRow, fleet: &FleetName) -> Self {
        Self {
            endpoint: MachineName::Local,
            fleet: Some(fleet.clone()),
            mate: false,
            since_seconds: row.since_seconds,
            detail: row.detail.clone(),
            row,
        }
    }

    /// Returns the row as a table wants it, with what is no part of its JSON.
    #[must_use]
    pub fn whole_row(&self) -> PsRow {
        PsRow {
            since_seconds: self.since_seconds,
            detail: self.detail.clone(),
            ..self.row.clone()
        }
    }
}

/// Parameters of `fleet.send`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SendParams {
    /// The receiver.
    pub to: AgentRef,
    /// The receiver's fleet; absent: the only one there that has such an agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fleet: Option<FleetName>,
    /// What it is to read.
    pub body: String,
    /// Its identity; the same again is delivered once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<MessageId>,
    /// What it asks for.
    #[serde(default)]
    pub class: Class,
    /// How it is to be typed.
    #[serde(default)]
    pub typing: Typing,
    /// Refuses what types in a shell: a receiver that is a terminal, or a program of which nothing is
    /// known, and a command of an agent's own. It is so for whoever has not the right `pty`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub words_only: bool,
    /// Waits for this outcome; absent: looks for a moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait: Option<Outcome>,
    /// How long to wait at most, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
}

/// Parameters of `fleet.tail`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TailParams {
    /// The agent.
    pub agent: AgentRef,
    /// Its fleet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fleet: Option<FleetName>,
    /// How many lines.
    pub lines: u32,
    /// Whether colours are given, as SGR sequences.
    #[serde(default)]
    pub ansi: bool,
}

/// Parameters of `fleet.log`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LogParams {
    /// The agent.
    pub agent: AgentRef,
    /// Its fleet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fleet: Option<FleetName>,
    /// How many of the last records; over 1,000 means 1,000.
    pub last: u32,
}

/// Parameters of `fleet.inbox`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InboxParams {
    /// The agent.
    pub agent: AgentRef,
    /// Its fleet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fleet: Option<FleetName>,
}

/// Parameters of `fleet.receipt`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReceiptParams {
    /// The agent that the message is to.
    pub agent: AgentRef,
    /// Its fleet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fleet: Option<FleetName>,
    /// The message.
    pub id: MessageId,
}

/// Result of `fleet.log`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LogResult {
    /// The records in order, each as it stands in the log.
    pub records: Vec<Map<String, Value>>,
}
