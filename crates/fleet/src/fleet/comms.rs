//! `comms`: what agents are told at their launch.

use podfleet_roster::Agent;
use serde::Serialize;

use super::Fleet;
use crate::comms::{CommandReaders, Tools, block};
use crate::desired::{is_told, load_harness};
use crate::error::FleetError;
use crate::told::Texts;

/// What an agent is told at its launch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CommsBlock {
    /// The agent.
    pub agent: String,
    /// The part about its fleet mates; absent for a lone agent, which has nobody to speak to.
    pub block: Option<String>,
    /// The whole, that part included: `SOUL.md`, its role, its persona, its fleet mates.
    pub told: String,
    /// Whether its program is handed the whole: not one that takes no such text, nor a command of
    /// the roster's own.
    pub handed: bool,
}

impl Fleet {
    /// Returns what agents are told at their next launch; without names, all of the roster.
    ///
    /// # Errors
    /// Fails without a usable roster, and for an agent that it does not have.
    pub async fn comms(&self, agents: &[String]) -> Result<Vec<CommsBlock>, FleetError> {
        let (roster, _) = self.wanted_roster()?;
        let texts = Texts::read(&self.dirs.config);
        // Of a harness that is faulty its agent's own row of `ps` tells.
        let harness_of = |agent: &Agent| {
            let harness = load_harness(&self.dirs, roster.harness_of(agent), &agent.runtime);
            harness.ok().map(|(_, harness)| harness)
        };
        let readers = CommandReaders::of(roster, harness_of);
        let mut blocks = Vec::new();
        let all = roster.agents.iter().map(|agent| agent.name.to_string());
        let names: Vec<_> = match agents {
            [] => all.collect(),
            names => names.to_vec(),
        };
        for name in names {
            let Some(agent) = roster.agent(&name) else {
                return Err(self.no_such(&name).await);
            };
            let harness = harness_of(agent);
            let tools = harness.as_ref().map_or(Tools::None, Tools::of);
            let host = agent.host.as_deref().unwrap_or(&self.host);
            blocks.push(CommsBlock {
                block: block(roster, &name, host, tools, &readers),
                told: texts.told(roster, agent, host, tools, &readers),
                handed: harness.is_none_or(|harness| is_told(agent, &harness)),
                agent: name,
            });
        }
        Ok(blocks)
    }
}
