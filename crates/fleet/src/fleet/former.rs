//! The fleets that a roster named before it was given another name: no roster speaks of them any more,
//! and their agents run on.

use podfleet_pod_store::{Page, PodFilter};
use podfleet_protocol::{FleetName, PodName};

use super::Fleet;
use crate::bridge::BridgePlace;
use crate::error::FleetError;
use crate::listeners::Listeners;
use crate::origin::Origin;
use crate::report::AgentReport;
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
    /// Whether its bridge runs.
    bridge_up: bool,
    /// Whether its bridge is started at boot.
    bridge_at_boot: bool,
}

impl FormerFleet {
    /// Says what is left of it.
    pub(super) fn account(&self) -> String {
        let (agents, bridge, what) = match self.is_up() {
            true => (self.up, self.bridge_up, "up"),
            false => (self.at_boot, self.bridge_at_boot, "started at boot"),
        };
        let count = match agents {
            1 => "1 agent".to_owned(),
            agents => format!("{agents} agents"),
        };
        let (left, are) = match (agents, bridge) {
            (0, _) => ("the bridge".to_owned(), "is"),
            (_, true) => (format!("{count} and the bridge"), "are"),
            (1, false) => (count, "is"),
            (_, false) => (count, "are"),
        };
        format!(
            "{left} of the fleet `{}`, as this roster was called before, {are} {what}",
            self.fleet
        )
    }

    fn is_up(&self) -> bool {
        self.up > 0 || self.bridge_up
    }

    fn is_there(&self) -> bool {
        self.is_up() || self.is_installed()
    }

    /// Returns whether something of it is started at boot.
    fn is_installed(&self) -> bool {
        self.at_boot > 0 || self.bridge_at_boot
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
    /// Says that agents of the roster are not started at boot, where they were by a former name.
    pub(super) async fn boot_note(
        &self,
        former: &[FormerFleet],
        agents: &[AgentReport],
    ) -> Option<String> {
        let was = former.iter().find(|former| former.is_installed())?;
        let units = self.supervisor.units(&self.key.fleet).await?;
        let hosted = agents.iter().filter(|it| self.hosts(&it.agent));
        let names = hosted.filter_map(|it| PodName::new(it.agent.as_str()).ok());
        let instances = names.map(|name| Instance::new(self.key.fleet.clone(), name));
        let left = instances.filter(|it| !units.enabled.contains(&it.unit()));
        (left.count() > 0).then(|| {
            format!(
                "the fleet `{}` is not started at boot, as `{}` was: `fleet install`",
                self.key.fleet, was.fleet
            )
        })
    }

    /// Returns the fleets that were brought up from this roster by other names, and of which agents or
    /// the bridge are up or come back at boot.
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
            let systemd = self.systemd();
            let found = FormerFleet {
                up: up.count(),
                at_boot: systemd.at_boot().into_iter().filter(is_its).count(),
                bridge_up: BridgePlace::new(&self.dirs, &key).runs(),
                bridge_at_boot: systemd.starts_bridge(&key.fleet),
                fleet: key.fleet.clone(),
            };
            if found.is_there() {
                former.push(found);
            }
        }
        former.sort_by(|a, b| a.fleet.as_str().cmp(b.fleet.as_str()));
        Ok(former)
    }
}
