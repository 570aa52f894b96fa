//! `comms`: what agents are told about their fleet mates.

use serde::Serialize;

use super::Fleet;
use crate::comms::{Tools, block};
use crate::desired::load_harness;
use crate::error::FleetError;

/// What an agent is told about its fleet mates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CommsBlock {
    /// The agent.
    pub agent: String,
    /// The block; absent for a lone agent, which has nobody to speak to.
    pub block: Option<String>,
}

impl Fleet {
    /// Returns what agents are told about their fleet mates at their next launch; without names, all
    /// of the roster.
    ///
    /// # Errors
    /// Fails without a usable roster, and for an agent that it does not have.
    pub async fn comms(&self, agents: &[String]) -> Result<Vec<CommsBlock>, FleetError> {
        let (roster, _) = self.wanted_roster()?;
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
            // Of a harness that is faulty its agent's own row of `ps` tells.
            let harness = load_harness(&self.dirs, roster.harness_of(agent), &agent.runtime);
            let tools = harness.map_or(Tools::None, |(_, harness)| Tools::of(&harness));
            let host = agent.host.as_deref().unwrap_or(&self.host);
            let block = block(roster, &name, host, tools);
            blocks.push(CommsBlock { agent: name, block });
        }
        Ok(blocks)
    }
}
