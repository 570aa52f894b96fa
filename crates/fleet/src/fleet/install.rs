//! `install` and `uninstall`: starting the fleet at boot.

use podfleet_pod_store::PodRecord;
use podfleet_protocol::PodName;
use serde::Serialize;

use super::settle::account;
use super::{Events, Fleet};
use crate::error::{FleetError, FleetErrorKind};
use crate::origin::TmuxNames;
use crate::supervisor::{
    BootError, Instance, Refresh, SetUpError, Supervisor, SupervisorKind, Systemd,
};

/// What [`Fleet::install`] did, or would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Installation {
    /// Where the units are.
    pub directory: String,
    /// The unit files, and what became of each.
    pub units: Vec<InstalledUnit>,
    /// The agents that are started at boot from now on.
    pub enabled: Vec<String>,
    /// Whether this user's units are started at boot without a login.
    pub lingers: bool,
    /// What did not work, each with the command that tries it again.
    pub warnings: Vec<String>,
}

/// What became of a unit file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InstalledUnit {
    /// The unit.
    pub unit: String,
    /// What became of its file.
    pub file: Refresh,
}

/// What [`Fleet::uninstall`] did, or would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Removal {
    /// The units that are not started at boot any more.
    pub disabled: Vec<String>,
    /// The unit files that stay because somebody edited them.
    pub left: Vec<String>,
    /// The agents that run on in their units until they are brought down.
    pub running: Vec<String>,
    /// The units of this user's fleets whose files stay, because they run.
    pub kept: Vec<String>,
}

impl Fleet {
    /// Lets the agents of the roster be started at boot by the user's service manager. Doing it
    /// again changes nothing; unit files that somebody edited are kept.
    ///
    /// Agents that were never up are recorded, so that their pods know what to run. What runs is not
    /// touched.
    ///
    /// # Errors
    /// Fails in a pod that is not the fleet's lead, without a usable roster, without a service
    /// manager, when another roster owns the fleet's name, and when units cannot be written. That an agent cannot be enabled is a warning
    /// of the report.
    pub async fn install(&self, dry_run: bool, events: Events) -> Result<Installation, FleetError> {
        self.check_leads().await?;
        let (roster, _) = self.wanted_roster()?;
        let systemd = self.systemd();
        let reachable = systemd.check().await;
        reachable.map_err(|error| FleetError::new(FleetErrorKind::NoSystemd).caused_by(error))?;
        let names = TmuxNames::of(roster);
        if dry_run {
            let survey = self.survey().await?;
            let hosted = survey.hosted.iter().filter(|(_, desired)| desired.is_ok());
            let enabled = hosted.map(|(agent, _)| agent.name.to_string()).collect();
            let units = systemd.refresh_units(true).await.map_err(units_fault)?;
            return Ok(installation(&systemd, units, enabled, Vec::new()));
        }
        let _lock = self.lock(&events).await?;
        self.claim(&events).await?;
        let (pods, mut warnings) = self.recorded().await?;
        let units = systemd.refresh_units(false).await.map_err(units_fault)?;
        for enabling in [
            systemd.enable(&pods).await,
            systemd.enable_tmux(&names.socket).await,
            self.enable_bridge(&systemd).await,
        ] {
            warnings.extend(enabling.err().map(|error| warning(&error)));
        }
        let enabled = pods.iter().map(|pod| pod.identity.name.to_string());
        Ok(installation(&systemd, units, enabled.collect(), warnings))
    }

    async fn enable_bridge(&self, systemd: &Systemd) -> Result<(), BootError> {
        if !self.wants_bridge() {
            return Ok(());
        }
        systemd.enable_bridge(&self.bridge_process()).await
    }

    /// Returns the records of the agents that the roster hosts, made where there was none, and why
    /// some can have none.
    async fn recorded(&self) -> Result<(Vec<PodRecord>, Vec<String>), FleetError> {
        let survey = self.survey().await?;
        let (mut pods, mut faults) = (Vec::new(), Vec::new());
        for (agent, desired) in &survey.hosted {
            match (survey.sightings.get(agent.name.as_str()), desired) {
                (Some(sighting), _) => pods.push(sighting.record().clone()),
                (None, Ok(desired)) => pods.push(self.put(desired, None, false).await?),
                (None, Err(fault)) => faults.push(format!("{}: {fault}", agent.name)),
            }
        }
        Ok((pods, faults))
    }

    /// Lets nothing of this user's fleets be started at boot any more, and removes the unit files.
    /// What runs goes on and is kept; its unit files are removed by the next call when it is down.
    ///
    /// # Errors
    /// Fails in a pod, without a service manager, and when a file cannot be removed.
    pub async fn uninstall(&self, dry_run: bool) -> Result<Removal, FleetError> {
        self.check_operator().await?;
        let systemd = self.systemd();
        systemd.check().await?;
        let disabled = systemd.installed();
        let units = systemd.units(&self.key.fleet).await.unwrap_or_default();
        let running = units.loaded.iter().filter(|unit| unit.is_active());
        let running = running
            .filter_map(|unit| Instance::of_unit(&unit.id))
            .map(|instance| instance.name().to_string())
            .collect();
        let kept = systemd.running().await.map_err(units_fault)?;
        let left = match dry_run {
            true => systemd.edited(),
            false => systemd.uninstall().await.map_err(units_fault)?,
        };
        Ok(Removal {
            disabled,
            left,
            running,
            kept,
        })
    }

    /// Lets an agent be started at boot, whether or not it was ever up, once the fleet is
    /// [installed](Self::install); returns a warning with the command that tries it again, if it did
    /// not work. Nothing happens without systemd, or for an agent of another host.
    ///
    /// The caller holds no lock of the fleet.
    ///
    /// # Errors
    /// Fails for agents that the roster does not have, and when the store fails.
    pub async fn enable_at_boot(&self, agent: &str) -> Result<Option<String>, FleetError> {
        let units = self.supervisor.units(&self.key.fleet).await;
        if !units.is_some_and(|units| units.target) || !self.hosts(agent) {
            return Ok(None);
        }
        let survey = self.survey().await?;
        let pod = match (survey.sightings.get(agent), survey.desired(agent)) {
            (Some(sighting), _) => sighting.record().clone(),
            (None, Some(desired)) => self.put(desired, None, false).await?,
            (None, None) => return Err(self.no_such(agent).await),
        };
        let enabled = self.supervisor.enable(&[pod]).await;
        Ok(enabled.err().map(|error| warning(&error)))
    }

    /// Lets an agent that leaves the fleet be started at boot no more, and removes what was written
    /// for its unit; returns a warning with the command that tries it again, if it did not work.
    /// Nothing happens without systemd, or for a name that no pod can have.
    pub async fn disable_at_boot(&self, agent: &str) -> Option<String> {
        if self.supervisor.kind() == SupervisorKind::Direct {
            return None;
        }
        let name = PodName::new(agent).ok()?;
        let instance = Instance::new(self.key.fleet.clone(), name);
        if let Err(error) = self
            .supervisor
            .disable(std::slice::from_ref(&instance))
            .await
        {
            return Some(warning(&error));
        }
        let forgotten = self.supervisor.forget(&instance).await;
        forgotten.err().map(|error| account(&error))
    }

    /// Lets the fleet's bridge be started at boot no more, if it is; returns a warning as
    /// [`disable_at_boot`](Self::disable_at_boot).
    pub(super) async fn disable_bridge_at_boot(&self) -> Option<String> {
        let systemd = self.systemd();
        if !systemd.starts_bridge(&self.key.fleet) {
            return None;
        }
        let disabled = systemd.disable_bridge(&self.key.fleet).await;
        disabled.err().map(|error| warning(&error))
    }

    /// Describes systemd as the keeper of pods, whatever keeps them now.
    pub(super) fn systemd(&self) -> Systemd {
        Systemd::new(self.manager.clone(), self.direct.clone(), &self.user)
    }
}

fn installation(
    systemd: &Systemd,
    units: Vec<(&'static str, Refresh)>,
    enabled: Vec<String>,
    warnings: Vec<String>,
) -> Installation {
    Installation {
        directory: systemd.units_dir().display().to_string(),
        units: installed_units(units),
        enabled,
        lingers: systemd.lingers(),
        warnings,
    }
}

pub(super) fn installed_units(units: Vec<(&'static str, Refresh)>) -> Vec<InstalledUnit> {
    let installed = |(unit, file): (&str, Refresh)| InstalledUnit {
        unit: unit.to_owned(),
        file,
    };
    units.into_iter().map(installed).collect()
}

/// Says in one line what did not work, and how to try it again.
fn warning(error: &BootError) -> String {
    match error.command() {
        Some(command) => format!("{}; try again with `{command}`", account(error)),
        None => account(error),
    }
}

pub(super) fn units_fault(error: SetUpError) -> FleetError {
    FleetError::new(FleetErrorKind::Units).caused_by(error)
}
