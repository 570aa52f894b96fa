//! `update`: after our program was replaced.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde::Serialize;

use super::install::{InstalledUnit, installed_units, units_fault};
use super::{Events, Fleet, UpOptions};
use crate::error::FleetError;
use crate::ps::FlagKind;
use crate::report::{AgentReport, Progress, Report};

/// How often an agent that is to be restarted is asked whether it is idle.
const LOOK: Duration = Duration::from_millis(500);

/// How [`Fleet::update`] works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UpdateOptions {
    /// Restarts the agents that still run another build, each once it is idle.
    pub relaunch: bool,
    /// How long is waited for that; then it is restarted all the same.
    pub drain: Duration,
    /// How the restarts work; `dry_run` is about all of the update.
    pub restart: UpOptions,
}

/// What [`Fleet::update`] did, or would do.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Update {
    /// The unit files, and what became of each; empty where systemd keeps nothing.
    pub units: Vec<InstalledUnit>,
    /// The agents whose pods run another build, before any of them was restarted.
    pub old: Vec<OldAgent>,
    /// What came of restarting them, if that was asked for.
    pub relaunched: Option<Report>,
}

/// An agent whose pod runs another build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OldAgent {
    /// The agent.
    pub agent: String,
    /// The build that its pod runs.
    pub build: String,
}

impl Fleet {
    /// Brings what we wrote for another build to this one, and tells which agents still run the
    /// other. What people own is not touched: roster, roles, personas, harness files, environment
    /// files and drop-ins stay byte for byte, and edited units are kept.
    ///
    /// # Errors
    /// Fails in a pod that is not the fleet's lead, when units cannot be written, and when the store
    /// cannot be read. That an agent cannot be restarted is a failure of the report, and the rest goes on.
    pub async fn update(
        &self,
        options: &UpdateOptions,
        events: Events,
    ) -> Result<Update, FleetError> {
        self.check_leads().await?;
        let dry_run = options.restart.dry_run;
        let systemd = self.systemd();
        let units = if systemd.is_installed() {
            let refreshed = systemd.refresh_units(dry_run).await;
            installed_units(refreshed.map_err(units_fault)?)
        } else {
            Vec::new()
        };
        let old = self.old_agents().await?;
        let relaunched = match options.relaunch {
            true => Some(self.relaunch(&old, options, &events).await?),
            false => None,
        };
        Ok(Update {
            units,
            old,
            relaunched,
        })
    }

    async fn old_agents(&self) -> Result<Vec<OldAgent>, FleetError> {
        let rows = self.ps(&[]).await?;
        let old = rows.into_iter().filter_map(|row| {
            let flag = row.flags.iter().find(|flag| flag.kind == FlagKind::Old)?;
            Some(OldAgent {
                build: flag.detail.clone(),
                agent: row.name,
            })
        });
        Ok(old.collect())
    }

    async fn relaunch(
        &self,
        old: &[OldAgent],
        options: &UpdateOptions,
        events: &Events,
    ) -> Result<Report, FleetError> {
        // Each is idle at a moment of its own; a restart takes the fleet's lock.
        let turn = tokio::sync::Mutex::new(());
        let drains = !options.restart.dry_run;
        let deadline = Instant::now() + options.drain;
        let restarts = old.iter().map(|old| async {
            let mut drain = Drain::of(self, &old.agent, options.drain, events);
            let agents = std::slice::from_ref(&old.agent);
            loop {
                if drains {
                    drain.wait(deadline).await;
                }
                let _turn = turn.lock().await;
                // While another one was restarted, this one may have begun something.
                let busy = drains && self.is_busy_after(&old.agent, Duration::ZERO).await;
                if !busy || Instant::now() >= deadline {
                    return self.restart(agents, &options.restart, events.clone()).await;
                }
            }
        });
        let mut all = Report {
            agents: Vec::<AgentReport>::new(),
            notes: Vec::new(),
        };
        for restarted in join_all(restarts).await {
            let Report { agents, notes } = restarted?;
            all.agents.extend(agents);
            all.notes.extend(notes);
        }
        Ok(all)
    }
}

/// The waiting for an agent to be idle.
struct Drain<'a> {
    fleet: &'a Fleet,
    agent: &'a str,
    patience: Duration,
    events: &'a Events,
    said: bool,
}

impl<'a> Drain<'a> {
    fn of(fleet: &'a Fleet, agent: &'a str, patience: Duration, events: &'a Events) -> Self {
        Self {
            fleet,
            agent,
            patience,
            events,
            said: false,
        }
    }

    /// Waits until the agent is idle, but no longer than to the deadline.
    async fn wait(&mut self, deadline: Instant) {
        let left = || deadline.saturating_duration_since(Instant::now());
        if left().is_zero() || !self.fleet.is_busy_after(self.agent, Duration::ZERO).await {
            return;
        }
        if !self.said {
            self.said = true;
            let seconds = self.patience.as_secs();
            // Nobody has to listen.
            let _ = self.events.send(Progress::Note {
                agent: Some(self.agent.to_owned()),
                text: format!("waits until it is idle, at most {seconds} s"),
            });
        }
        while !left().is_zero() && self.fleet.is_busy_after(self.agent, left()).await {
            // A pod of an older build answers at once.
            tokio::time::sleep(LOOK.min(left())).await;
        }
    }
}
