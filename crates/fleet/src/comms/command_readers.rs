//! Which agents are sent commands, not messages.

use std::borrow::Borrow;
use std::collections::BTreeSet;

use podfleet_harness::{Harness, Input};
use podfleet_roster::{Agent, Roster};

/// The agents whose programs run what they read, by name: they are sent commands, not messages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CommandReaders(BTreeSet<String>);

impl CommandReaders {
    /// Finds them in a roster; `harness_of` gives an agent's harness, if that can be had.
    #[must_use]
    pub fn of<H: Borrow<Harness>>(
        roster: &Roster,
        harness_of: impl Fn(&Agent) -> Option<H>,
    ) -> Self {
        let runs_input = |agent: &&Agent| {
            harness_of(agent).is_some_and(|harness| {
                let harness = harness.borrow();
                let argv = agent.command.as_ref().unwrap_or(&harness.launch().argv);
                harness.input(argv) == Input::Commands
            })
        };
        let found = roster.agents.iter().filter(runs_input);
        Self(found.map(|agent| agent.name.to_string()).collect())
    }

    pub(super) fn has(&self, agent: &Agent) -> bool {
        self.0.contains(agent.name.as_str())
    }
}
