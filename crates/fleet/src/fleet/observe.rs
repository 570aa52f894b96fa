//! Looking at the fleet; nothing here changes anything.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use futures_util::future::join_all;
use podfleet_pod_store::SqliteStore;
use podfleet_protocol::method::{Status, StatusParams};
use podfleet_protocol::{PodName, PodStatus};
use podfleet_tmux::Pane;
use serde::Serialize;

use super::Fleet;
use super::settle::account;
use super::survey::Survey;
use crate::error::FleetError;
use crate::ps::{PsRow, Sources, join};
use crate::supervisor::{Instance, Units};

/// What is known of an agent, with its pod's own answer.
#[derive(Debug, Clone, Serialize)]
pub struct AgentStatus {
    /// Its row of `ps`.
    pub row: PsRow,
    /// What its pod answered; absent if no pod listens.
    pub pod: Option<PodStatus>,
    /// Why its pod gave no answer though it listens.
    pub silence: Option<String>,
    /// What its unit does, and whether it is started at boot; absent where systemd keeps no pods.
    pub unit: Option<String>,
}

impl Fleet {
    /// Returns one row an agent, or the rows of the named ones. Inside a pod these are the agents that
    /// it sees.
    ///
    /// Costs one tmux call, one `systemctl` call where systemd keeps the pods, one store query, and
    /// for each pod one small file read and one silent connection attempt. What cannot be had is
    /// left out of the rows; the rest is there.
    ///
    /// # Errors
    /// Fails for unknown agents, when it cannot be told who we are, and when the store cannot be read.
    pub async fn ps(&self, agents: &[String]) -> Result<Vec<PsRow>, FleetError> {
        let (rows, _) = self.rows_and_units(agents).await?;
        Ok(rows)
    }

    /// Returns the rows of `ps`, and what was known of units when they were made.
    pub(super) async fn rows_and_units(
        &self,
        agents: &[String],
    ) -> Result<(Vec<PsRow>, Option<Units>), FleetError> {
        // tmux and systemctl come first: their processes work while the rest is read here.
        let units = self.supervisor.units(&self.key.fleet);
        let (panes, units, survey, horizon) =
            tokio::join!(self.panes(), units, self.survey(), self.horizon());
        let horizon = horizon?;
        let mut rows = self.rows(survey?, agents, panes.as_deref(), units.as_ref());
        rows.retain(|row| horizon.has(row));
        Ok((self.select(rows, agents).await?, units))
    }

    /// Returns what [`ps`](Self::ps) does, with the answer of each pod that listens.
    ///
    /// # Errors
    /// Fails as `ps` does. A pod that does not answer is no error.
    pub async fn status(&self, agents: &[String]) -> Result<Vec<AgentStatus>, FleetError> {
        let (rows, units) = self.rows_and_units(agents).await?;
        let rows = rows.into_iter().filter(|row| row.managed);
        let unit = |row: &PsRow| {
            let name = PodName::new(&row.name).ok()?;
            let instance = Instance::new(self.key.fleet.clone(), name);
            Some(units.as_ref()?.account(&instance))
        };
        let asked = rows.map(|row| {
            let unit = unit(&row);
            self.ask(row, unit)
        });
        Ok(join_all(asked).await)
    }

    /// Returns the directories in which a change of any pod's state shows: heartbeats are renamed
    /// into them.
    ///
    /// # Errors
    /// Fails when the store cannot be read.
    pub async fn watch_paths(&self) -> Result<Vec<PathBuf>, FleetError> {
        let summaries = self.summaries().await?;
        let recorded = summaries.into_iter().map(|pod| pod.record.runtime_dir);
        let bridge = self.bridge_place();
        let said = bridge.status().parent().map(Path::to_owned);
        let own = [self.dirs.runtime.clone()].into_iter().chain(said);
        let all: BTreeSet<_> = recorded.chain(own).collect();
        Ok(all.into_iter().filter(|path| path.is_dir()).collect())
    }

    /// Returns the file that all that changes in the store is written to first.
    #[must_use]
    pub fn store_journal(&self) -> PathBuf {
        SqliteStore::journal(&self.dirs.state_paths().store())
    }

    /// Returns the panes of the fleet's tmux server; nothing if it cannot be asked.
    pub(super) async fn panes(&self) -> Option<Vec<Pane>> {
        let views = self.views()?.ok()?;
        views.panes().await.ok()
    }

    pub(super) fn rows(
        &self,
        survey: Survey<'_>,
        named: &[String],
        panes: Option<&[Pane]>,
        units: Option<&Units>,
    ) -> Vec<PsRow> {
        let mut sightings: Vec<_> = survey.sightings.into_values().collect();
        let damaged = survey.damaged;
        sightings.sort_by(|a, b| a.name().cmp(b.name()));
        let roster = self.roster();
        join(&Sources {
            now: survey.now,
            tenant: self.key.tenant.as_str(),
            host: &self.host,
            build: &self.build,
            idle_threshold: self.idle_threshold(),
            agents: roster.map(|roster| roster.agents.as_slice()),
            desired: &survey.hosted,
            sightings,
            named,
            damaged: &damaged,
            panes,
            holder: roster.map_or("", |roster| roster.tmux.holder_session.as_str()),
            units,
            bridge: self.bridge_glance(),
        })
    }

    async fn select(&self, rows: Vec<PsRow>, agents: &[String]) -> Result<Vec<PsRow>, FleetError> {
        for agent in agents {
            if !rows.iter().any(|row| row.name == *agent) {
                return Err(self.no_such(agent).await);
            }
        }
        let selected = |row: &PsRow| agents.is_empty() || agents.contains(&row.name);
        Ok(rows.into_iter().filter(selected).collect())
    }

    async fn ask(&self, row: PsRow, unit: Option<String>) -> AgentStatus {
        let (pod, silence) = match row.pod_pid {
            None => (None, None),
            Some(_) => match self.pod_status(&row.name).await {
                Ok(pod) => (Some(pod), None),
                Err(error) => (None, Some(account(&error))),
            },
        };
        AgentStatus {
            row,
            pod,
            silence,
            unit,
        }
    }

    /// Returns what a live agent's pod says of it.
    ///
    /// # Errors
    /// Fails when the agent is unknown, or its pod does not run or answer.
    pub async fn pod_status(&self, agent: &str) -> Result<PodStatus, FleetError> {
        let record = self.started(agent).await?;
        let mut client = self.connect(&record).await?;
        client
            .call::<Status>(StatusParams::default())
            .await
            .map_err(|error| FleetError::pod(agent, error))
    }
}
