//! Which agents ought to be up and are not: what a supervisor without a service manager brings
//! back.

use super::Fleet;
use crate::error::FleetError;
use crate::listeners::Listeners;
use crate::sighting::Sighting;

impl Fleet {
    /// Returns the agents that ought to be up and whose pods are gone, in the order of their names.
    /// Starts no process, and is silent for the pods that are there.
    ///
    /// # Errors
    /// Fails when the store cannot be read.
    pub async fn fallen(&self) -> Result<Vec<String>, FleetError> {
        let summaries = self.summaries().await?;
        let listeners = Listeners::now();
        let state = self.dirs.state_paths();
        let mut fallen: Vec<_> = summaries
            .into_iter()
            .filter(|summary| summary.record.expected)
            .map(|summary| Sighting::of(summary, &listeners, &state))
            .filter(|sighting| !sighting.is_up() && self.hosts(sighting.name()))
            .map(|sighting| sighting.name().to_owned())
            .collect();
        fallen.sort();
        Ok(fallen)
    }
}
