//! Which agents are down: what a supervisor without a service manager brings back, and what it
//! leaves.

use super::Fleet;
use crate::error::FleetError;
use crate::listeners::Listeners;
use crate::sighting::Sighting;

/// The agents of this host whose pods are gone, each list in the order of its names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fallen {
    /// Those that ought to be up.
    pub fallen: Vec<String>,
    /// Those that somebody brought down.
    pub down: Vec<String>,
}

impl Fleet {
    /// Returns the agents that were up and whose pods are gone. Starts no process, and is silent for the
    /// pods that are there.
    ///
    /// # Errors
    /// Fails when the store cannot be read.
    pub async fn fallen(&self) -> Result<Fallen, FleetError> {
        let summaries = self.summaries().await?;
        let listeners = Listeners::now();
        let state = self.dirs.state_paths();
        let mut found = Fallen::default();
        for summary in summaries {
            let expected = summary.record.expected;
            let sighting = Sighting::of(summary, &listeners, &state);
            let name = sighting.name().to_owned();
            if !sighting.is_up() && self.hosts(&name) {
                let list = match expected {
                    true => &mut found.fallen,
                    false => &mut found.down,
                };
                list.push(name);
            }
        }
        found.fallen.sort();
        found.down.sort();
        Ok(found)
    }
}
