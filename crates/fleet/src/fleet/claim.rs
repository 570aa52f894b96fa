//! The name of a fleet: which roster owns it.

use std::path::Path;

use podfleet_pod_store::{StoreError, StoreErrorKind};
use podfleet_protocol::PodName;

use super::{Events, Fleet};
use crate::error::{FleetError, FleetErrorKind};
use crate::origin::Origin;
use crate::report::Progress;

impl Fleet {
    /// Makes the fleet's name this roster's, records its members, and writes down what is needed if
    /// it gets lost. The holder of the fleet's lock alone does so.
    pub(super) async fn claim(&self, events: &Events) -> Result<(), FleetError> {
        let Some((roster, path)) = &self.roster else {
            return Ok(());
        };
        if let Err(error) = self.store.claim_fleet(&self.key, path).await {
            self.take_over(error, path, events).await?;
        }
        let names = roster.agents.iter().map(|agent| agent.name.as_str());
        let members: Vec<_> = names.filter_map(|name| PodName::new(name).ok()).collect();
        let now = podfleet_pod::clock::wall();
        self.store.set_members(&self.key, &members, now).await?;
        self.leave_former_server(events).await?;
        let origin = Origin::new(&self.key, roster, path, self.supervisor.kind());
        origin
            .save(&self.dirs.state)
            .map_err(|error| FleetError::io("write below", &self.dirs.state, error))
    }

    /// Checks that nothing keeps this roster from being the one of its fleet, and claims nothing.
    ///
    /// # Errors
    /// Fails with [`FleetErrorKind::Claimed`] if another roster owns the fleet's name, and when the
    /// store cannot be read.
    pub async fn check_claim(&self) -> Result<(), FleetError> {
        let Some((_, path)) = &self.roster else {
            return Ok(());
        };
        let owner = self.store.fleet_owner(&self.key).await?;
        match owner.filter(|owner| owner != path && !gives_way(owner, path)) {
            None => Ok(()),
            Some(owner) => Err(FleetError::new(FleetErrorKind::Claimed {
                fleet: self.key.fleet.to_string(),
                owner,
                claimant: path.clone(),
            })),
        }
    }

    /// Takes the fleet's name over from a roster that is gone, or that is this one under another
    /// path.
    async fn take_over(
        &self,
        refused: StoreError,
        path: &Path,
        events: &Events,
    ) -> Result<(), FleetError> {
        let StoreErrorKind::FleetClaimed { owner, .. } = refused.kind() else {
            return Err(refused.into());
        };
        if !gives_way(owner, path) {
            return Err(refused.into());
        }
        self.store.release_fleet(&self.key, owner).await?;
        self.store.claim_fleet(&self.key, path).await?;
        if is_gone(owner) {
            let text = format!(
                "fleet `{}` was brought up from {}, which is gone; from now on from {}",
                self.key.fleet,
                owner.display(),
                path.display()
            );
            // Nobody has to listen.
            let _ = events.send(Progress::Note { agent: None, text });
        }
        Ok(())
    }
}

/// Whether the roster that owns a fleet's name leaves it to another: it is gone, or it is the same
/// file under another path.
fn gives_way(owner: &Path, to: &Path) -> bool {
    is_gone(owner) || owner.canonicalize().is_ok_and(|owner| owner == to)
}

fn is_gone(roster: &Path) -> bool {
    matches!(roster.try_exists(), Ok(false))
}
