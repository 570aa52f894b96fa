//! What a pod's process needs to begin.

use std::path::PathBuf;
use std::sync::Arc;

use podfleet_pod::paths::StatePaths;
use podfleet_pod_store::{PodRecord, PodStore};

use super::Fleet;
use crate::error::FleetError;

/// What `fleet pod run NAME` needs: the record says all the rest.
#[derive(Debug, Clone)]
pub struct PodSetup {
    /// The pod, as it is recorded.
    pub record: PodRecord,
    /// The store.
    pub store: Arc<dyn PodStore>,
    /// Paths below the state directory.
    pub state: StatePaths,
    /// The configuration directory, for the agent's environment.
    pub config: PathBuf,
    /// The roster's path, for the agent's environment.
    pub roster: Option<PathBuf>,
    /// Our own binary, which is also the guard and the agent's `fleet`.
    pub exe: PathBuf,
    /// Our own build.
    pub build: String,
}

impl Fleet {
    /// Returns what the pod of an agent needs to begin. Needs no roster.
    ///
    /// # Errors
    /// Fails for an agent that is not recorded, and when the store cannot be read.
    pub async fn pod_setup(&self, agent: &str) -> Result<PodSetup, FleetError> {
        let of_env = || self.env.get("FLEET_ROSTER").map(PathBuf::from);
        let roster = self.roster.as_ref().map(|(_, path)| path.clone());
        Ok(PodSetup {
            record: self.started(agent).await?,
            store: Arc::clone(&self.store),
            state: self.dirs.state_paths(),
            config: self.dirs.config.clone(),
            roster: roster.or_else(of_env),
            exe: self.exe.clone(),
            build: self.build.clone(),
        })
    }
}
