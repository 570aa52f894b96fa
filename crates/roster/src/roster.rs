//! The roster as typed data.

use std::collections::{BTreeMap, HashMap};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::absent;
use crate::agent::Agent;
use crate::connector::{Chat, ConnectorBlock};
use crate::name::{FleetName, Name};

/// The definition of a fleet of agents.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Podfleet roster")]
#[non_exhaustive]
pub struct Roster {
    /// The version of the roster's format: `1`.
    #[schemars(extend("const" = 1), example = 1)]
    pub version: u32,
    /// Where the views of the agents live: `tmux`.
    pub transport: Transport,
    /// The fleet's name, part of every identity.
    #[serde(default = "Name::default_fleet")]
    #[schemars(example = &"website")]
    pub fleet: FleetName,
    /// The owner of every record of this fleet. Absent: the user of the operating system.
    #[serde(alias = "tenantId", default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"me")]
    pub tenant_id: Option<Name>,
    /// The tmux server in which the views live.
    #[serde(default)]
    #[schemars(example = serde_json::json!({"socket_name": "podfleet"}))]
    pub tmux: Tmux,
    /// What holds for every agent that does not say otherwise.
    #[serde(default)]
    #[schemars(example = serde_json::json!({"working_directory": "~/src/project"}))]
    pub defaults: Defaults,
    /// Runtimes of this roster's own, and changes to the shipped ones, by name. Absent: the shipped
    /// ones as they are.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(example = serde_json::json!({"claude": {"reset_command": "/clear"}}))]
    pub runtimes: BTreeMap<String, Runtime>,
    /// The agents; their order is kept everywhere.
    #[schemars(length(min = 1), example = serde_json::json!([{"name": "coder0", "runtime": "claude", "class": "code"}]))]
    pub agents: Vec<Agent>,
    /// The chat between the orchestrator and its human. Absent: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        with = "Option<ConnectorBlock>",
        example = serde_json::json!({"kind": "discord", "discord": {"channel_id": "123456789012345678"}})
    )]
    pub connector: Option<Chat>,
}

/// Where the views of the agents live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
#[non_exhaustive]
pub enum Transport {
    /// Every agent has a tmux session of its own name.
    Tmux,
}

/// The tmux server in which the views live.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Tmux {
    /// The name that tmux gets with `-L`. Absent: no `-L`, tmux's own default socket; empty counts
    /// as absent.
    #[serde(
        alias = "socketName",
        deserialize_with = "absent::if_empty",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(example = &"podfleet")]
    pub socket_name: Option<String>,
    /// The session that keeps the tmux server alive; never an agent.
    #[serde(alias = "holderSession")]
    #[schemars(length(min = 1), example = &"_holder")]
    pub holder_session: String,
}

/// What holds for every agent that does not say otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Defaults {
    /// Where agents work; a leading `~` is the home directory, expanded when it is used.
    #[serde(alias = "workingDirectory")]
    #[schemars(length(min = 1), example = &"~/src")]
    pub working_directory: String,
}

/// A runtime of this roster's own, or a change to a shipped one.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Runtime {
    /// What a reset types into the agent. Absent: the harness's.
    #[serde(
        alias = "resetCommand",
        deserialize_with = "absent::if_empty",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(example = &"/clear")]
    pub reset_command: Option<String>,
    /// The harness that drives this runtime. Absent: the one of the same name.
    #[serde(
        deserialize_with = "absent::if_empty",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(example = &"claude")]
    pub harness: Option<String>,
}

impl Default for Tmux {
    fn default() -> Self {
        Self {
            socket_name: None,
            holder_session: "_holder".to_owned(),
        }
    }
}

impl Default for Defaults {
    fn default() -> Self {
        Self {
            working_directory: "~/src".to_owned(),
        }
    }
}

impl Roster {
    /// Returns the agent of that name.
    #[must_use]
    pub fn agent(&self, name: &str) -> Option<&Agent> {
        self.agents.iter().find(|agent| agent.name.as_str() == name)
    }

    /// Returns the name of the harness that drives an agent's runtime: what `runtimes` says, else
    /// the runtime's own name.
    #[must_use]
    pub fn harness_of<'a>(&'a self, agent: &'a Agent) -> &'a str {
        self.harness_of_runtime(&agent.runtime)
    }

    /// Returns the name of the harness that drives a runtime.
    #[must_use]
    pub fn harness_of_runtime<'a>(&'a self, runtime: &'a str) -> &'a str {
        let found = self.runtimes.get(runtime);
        let harness = found.and_then(|found| found.harness.as_deref());
        harness.unwrap_or(runtime)
    }

    /// Returns where an agent works, `~` as it is written: its own directory, else the default.
    #[must_use]
    pub fn working_directory_of<'a>(&'a self, agent: &'a Agent) -> &'a str {
        agent
            .working_directory
            .as_deref()
            .unwrap_or(&self.defaults.working_directory)
    }

    /// Returns the agents in the order in which they are started: each after those that it depends
    /// on, otherwise in roster order.
    ///
    /// Every agent is in the result once. Unknown names and cycles are findings of their own and
    /// are passed over here.
    #[must_use]
    pub fn start_order(&self) -> Vec<&Agent> {
        let mut order = StartOrder {
            agents: &self.agents,
            index: self
                .agents
                .iter()
                .map(|agent| &agent.name)
                .zip(0..)
                .collect(),
            seen: vec![false; self.agents.len()],
            order: Vec::with_capacity(self.agents.len()),
        };
        for index in 0..self.agents.len() {
            order.visit(index);
        }
        order.order
    }
}

struct StartOrder<'a> {
    agents: &'a [Agent],
    index: HashMap<&'a Name, usize>,
    seen: Vec<bool>,
    order: Vec<&'a Agent>,
}

impl StartOrder<'_> {
    /// Depth first without recursion: a chain may be as long as the roster.
    fn visit(&mut self, start: usize) {
        if std::mem::replace(&mut self.seen[start], true) {
            return;
        }
        let mut path = vec![(start, 0)];
        while let Some((index, next)) = path.last_mut() {
            let agent = &self.agents[*index];
            match agent.depends_on.get(*next) {
                None => {
                    self.order.push(agent);
                    path.pop();
                }
                Some(name) => {
                    *next += 1;
                    let target = self.index.get(name).copied();
                    if let Some(target) = target.filter(|target| !self.seen[*target]) {
                        self.seen[target] = true;
                        path.push((target, 0));
                    }
                }
            }
        }
    }
}
