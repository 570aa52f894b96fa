//! `prune`: what retention removes of agents' messages and session logs.

use std::io;

use podfleet_pod::remains::{Extent, Remains};
use podfleet_pod::{clock, pruning};
use podfleet_pod_store::session_log;
use podfleet_pod_store::{PodRecord, Pruned, Retention, StoreErrorKind};
use podfleet_protocol::{PodId, UnixMillis};
use serde::Serialize;

use super::Fleet;
use super::settle::account;
use crate::error::FleetError;

/// What retention removed of an agent, or would remove.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AgentPruned {
    /// The agent.
    pub agent: String,
    /// Its delivered messages; what waits is never removed, and is not counted.
    pub messages: Pruned,
    /// The files of its session logs, and texts that it was given as files; those of the present session among
    /// what is kept.
    pub log_files: Pruned,
    /// Why not all could be removed.
    pub failure: Option<String>,
}

/// What was removed, or would be, of pods that have no record any more.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct RemainsPruned {
    /// How many pods had anything.
    pub pods: u64,
    /// How many files of session logs and logs.
    pub files: u64,
    /// How many bytes those had.
    pub bytes: u64,
    /// Why not all could be removed.
    pub failure: Option<String>,
}

impl Fleet {
    /// Removes delivered messages and session logs that are older or larger than `retention` allows:
    /// of the named agents, or of all that the fleet has on record, in the order of their names.
    /// Pods go on meanwhile, and their present session stays.
    ///
    /// That one agent fails is no error of the verb. Needs no usable roster. What was removed when a
    /// crash comes stays removed; the next call does the rest.
    ///
    /// # Errors
    /// Fails in a pod that is not the fleet's lead, for unknown agents, and when the store cannot be
    /// read.
    pub async fn prune(
        &self,
        agents: &[String],
        retention: &Retention,
        dry_run: bool,
    ) -> Result<Vec<AgentPruned>, FleetError> {
        self.check_leads().await?;
        for agent in agents {
            self.record(agent).await?;
        }
        let mut done = Vec::new();
        for summary in self.summaries().await? {
            let name = summary.record.identity.name.as_str();
            if agents.is_empty() || agents.iter().any(|agent| agent == name) {
                done.push(self.prune_agent(&summary.record, retention, dry_run).await);
            }
        }
        Ok(done)
    }

    /// Removes files of long messages that no message names, which a crash has left more than an hour
    /// ago, whatever fleet they were for; or looks what would go.
    ///
    /// # Errors
    /// Fails in a pod that is not the fleet's lead, and when the store cannot be read.
    pub async fn prune_stray_bodies(&self, dry_run: bool) -> Result<Pruned, FleetError> {
        self.check_leads().await?;
        Ok(self.store.prune_stray_bodies(dry_run).await?)
    }

    /// Removes session logs, logs and locks of pods without a record, such as were forgotten, once all of it
    /// is older than `retention` allows; of whatever fleet they were. Or looks what would go.
    ///
    /// # Errors
    /// Fails in a pod that is not the fleet's lead, and when the store or the directory cannot be read.
    pub async fn prune_remains(
        &self,
        retention: &Retention,
        dry_run: bool,
    ) -> Result<RemainsPruned, FleetError> {
        self.check_leads().await?;
        let state = self.dirs.state_paths();
        let owners = Remains::owners(&state)
            .map_err(|error| FleetError::io("list", &state.sessions(), error))?;
        let oldest = clock::wall().0.saturating_sub(retention.max_age_ms);
        let mut pruned = RemainsPruned::default();
        for id in owners {
            // One whose record is damaged has one.
            match self.store.pod(id).await {
                Ok(None) => {}
                Ok(Some(_)) => continue,
                Err(error) if matches!(error.kind(), StoreErrorKind::DamagedPod { .. }) => continue,
                Err(error) => return Err(error.into()),
            }
            match remains_gone(&Remains::of(&state, id), UnixMillis(oldest), dry_run) {
                Ok(None) => {}
                Ok(Some(extent)) => {
                    pruned.pods += 1;
                    pruned.files += extent.files;
                    pruned.bytes += extent.bytes;
                }
                Err(error) => pruned.failure = Some(format!("{id}: {error}")),
            }
        }
        Ok(pruned)
    }

    async fn prune_agent(
        &self,
        record: &PodRecord,
        retention: &Retention,
        dry_run: bool,
    ) -> AgentPruned {
        let (id, now) = (record.identity.id, clock::wall());
        let (messages, log_files) = if dry_run {
            // A look may be as long as it is.
            let whole = Retention {
                batch: u32::MAX,
                ..*retention
            };
            (
                self.store.preview_prune(id, &whole, now).await,
                session_log::preview_prune(&self.dirs.state, id, record.session, &whole, now),
            )
        } else {
            (
                pruning::prune_messages(&*self.store, id, retention, now).await,
                pruning::prune_logs(&self.dirs.state, id, record.session, retention, now),
            )
        };
        let mut failures: Vec<String> = Vec::new();
        failures.extend(messages.as_ref().err().map(|error| account(error)));
        failures.extend(log_files.as_ref().err().map(|error| account(error)));
        if !dry_run && failures.is_empty() {
            failures.extend(self.prune_records(id).await.err());
        }
        AgentPruned {
            agent: record.identity.name.to_string(),
            messages: messages.unwrap_or_default(),
            log_files: log_files.unwrap_or_default(),
            failure: (!failures.is_empty()).then(|| failures.join("; ")),
        }
    }

    async fn prune_records(&self, id: PodId) -> Result<(), String> {
        let logged = session_log::logged_sessions(&self.dirs.state, id);
        let logged = logged.map_err(|error| account(&error))?;
        let pruned = self.store.prune_sessions(id, &logged).await;
        pruned.map(|_| ()).map_err(|error| account(&error))
    }
}

/// Removes what a pod left if it is old enough, and says how much it was.
fn remains_gone(
    remains: &Remains,
    oldest: UnixMillis,
    dry_run: bool,
) -> io::Result<Option<Extent>> {
    let extent = remains.extent()?;
    let goes = extent.written < oldest && !remains.is_in_use();
    let goes = goes && (dry_run || remains.remove()?);
    Ok(goes.then_some(extent))
}
