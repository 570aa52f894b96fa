//! The fleets that a roster named before it was given another name: no roster speaks of them any more,
//! and their agents run on.

use podfleet_pod_store::{Page, PodFilter};
use podfleet_protocol::FleetName;

use super::Fleet;
use crate::error::FleetError;
use crate::listeners::Listeners;
use crate::origin::Origin;
use crate::sighting::Sighting;
use crate::supervisor::Instance;

/// A fleet that the roster named before, and of which something is left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FormerFleet {
    pub(super) fleet: FleetName,
    /// How many of its agents are up, or ought to be.
    up: usize,
    /// How many of its agents are started at boot.
    at_boot: usize,
}

impl FormerFleet {
    /// Says what is left of it.
    pub(super) fn account(&self) -> String {
        let (left, what) = match self.up {
            0 => (self.at_boot, "started at boot"),
            up => (up, "up"),
        };
        let agents = match left {
            1 => "1 agent".to_owned(),
            left => format!("{left} agents"),
        };
        let are = if left == 1 { "is" } else { "are" };
        format!(
            "{agents} of the fleet `{}`, as this roster was called before, {are} {what}",
            self.fleet
        )
    }

    /// Returns the command that ends it.
    pub(super) fn remedy(&self) -> String {
        format!("fleet down --all --fleet {}", self.fleet)
    }

    /// Says both.
    pub(super) fn note(&self) -> String {
        format!("{}; `{}` ends that", self.account(), self.remedy())
    }
}

impl Fleet {
    /// Returns the fleets that were brought up from this roster by other names, and of which agents are
    /// up or come back at boot.
    pub(super) async fn former_fleets(&self) -> Result<Vec<FormerFleet>, FleetError> {
        let Some((_, path)) = &self.roster else {
            return Ok(Vec::new());
        };
        let mut origins = Origin::of_roster(&self.dirs.state, path);
        origins.retain(|origin| {
            let key = origin.key();
            key.tenant == self.key.tenant && key != self.key
        });
        let mut former = Vec::new();
        for origin in origins {
            let key = origin.key();
            let filter = PodFilter::from(key.clone());
            let pods = self.store.list_pods(&filter, Page::all()).await?.items;
            let (listeners, state) = (Listeners::now(), self.dirs.state_paths());
            // Spawned pods are nobody's roster's, and run on until they are ended by name.
            let rostered = pods.into_iter().filter(|pod| pod.record.spawned.is_none());
            let up = rostered.filter(|pod| {
                pod.record.expected || Sighting::of(pod.clone(), &listeners, &state).is_up()
            });
            let is_its = |unit: &String| {
                Instance::of_unit(unit).is_some_and(|instance| *instance.fleet() == key.fleet)
            };
            let found = FormerFleet {
                up: up.count(),
                at_boot: self.systemd().at_boot().into_iter().filter(is_its).count(),
                fleet: key.fleet.clone(),
            };
            if found.up + found.at_boot > 0 {
                former.push(found);
            }
        }
        former.sort_by(|a, b| a.fleet.as_str().cmp(b.fleet.as_str()));
        Ok(former)
    }
}
