//! The pods of a tenant, whether or not a roster names them: looking at them and forgetting them.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::join_all;
use podfleet_pod::clock;
use podfleet_pod::inspect::inspect;
use podfleet_pod::probe::{May, corrupt_row, probe, row};
use podfleet_pod_store::{
    FleetKey, Forgotten, Page, PodFilter, PodRecord, PodSummary, Reasons, StoreErrorKind,
    VisiblePod,
};
use podfleet_protocol::method::{
    Inspect, InspectResult, ListPods, ListPodsParams, NameParams, StopParams, StopPod, StopResult,
};
use podfleet_protocol::{FleetName, PodId, PodName, PodRow};
use serde::Serialize;

use super::Fleet;
use super::stop::StopTimeouts;
use crate::error::{FleetError, FleetErrorKind, bad_name};
use crate::lock;
use crate::origin::Origin;

/// What went, or would go, with a forgotten pod.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ForgetReport {
    /// The pod.
    pub name: String,
    /// Whether it is done; else it was only looked at.
    pub done: bool,
    /// Messages, delivered ones too.
    pub messages: u64,
    /// Of those, the ones that were never delivered.
    pub undelivered: u64,
    /// Sessions. Their logs are files and stay.
    pub sessions: u64,
    /// Where those logs are.
    pub logs: std::path::PathBuf,
    /// Relations to peers.
    pub peers: u64,
    /// Children; they stay, without a parent.
    pub children: u64,
    /// Whether it is a child, and no longer will be.
    pub parent: bool,
}

impl Fleet {
    /// Lists pods, each asked how it is: all of the tenant, or inside a pod what that pod sees. One
    /// that does not answer stays listed, with the reason.
    ///
    /// # Errors
    /// Fails when the store cannot be read, or our own pod does not answer.
    pub async fn pods(&self) -> Result<Vec<PodRow>, FleetError> {
        if let Some(own) = self.own_pod().await? {
            return self.pods_seen_by(&own).await;
        }
        let filter = PodFilter {
            tenant: self.key.tenant.clone(),
            fleet: None,
        };
        let listing = self.store.list_pods(&filter, Page::all()).await?;
        let rows = listing.items.into_iter().map(|summary| self.seen(summary));
        let mut rows = join_all(rows).await;
        let damaged = listing.corrupt.into_iter();
        rows.extend(damaged.map(|damaged| corrupt_row(damaged, Reasons::default())));
        Ok(rows)
    }

    /// Lists the fleets of this user: this one first, then those that were brought up or of which
    /// pods are recorded, by name.
    ///
    /// # Errors
    /// Fails when the store cannot be read.
    pub async fn fleets(&self) -> Result<Vec<FleetName>, FleetError> {
        let filter = PodFilter {
            tenant: self.key.tenant.clone(),
            fleet: None,
        };
        let recorded = self.store.list_pods(&filter, Page::all()).await?;
        let recorded = recorded.items.into_iter();
        let mut others: Vec<FleetName> = recorded
            .map(|summary| summary.record.identity.fleet)
            .chain(Origin::fleets_of(&self.dirs.state, &self.key.tenant))
            .filter(|fleet| *fleet != self.key.fleet)
            .collect();
        others.sort_by(|one, other| one.as_str().cmp(other.as_str()));
        others.dedup();
        others.insert(0, self.key.fleet.clone());
        Ok(others)
    }

    /// Returns the fleet's name, if a roster has it or it was ever brought up: where nothing says which
    /// one is meant, this is a guess.
    #[must_use]
    pub fn said(&self) -> Option<&FleetName> {
        let is_said = self.roster.is_some() || self.origin.is_some();
        is_said.then_some(&self.key.fleet)
    }

    /// Returns whether the fleet has an agent or terminal of this name.
    ///
    /// # Errors
    /// Fails when the store cannot be read.
    pub async fn has(&self, name: &PodName) -> Result<bool, FleetError> {
        let is_named = (self.roster()).is_some_and(|roster| roster.agent(name.as_str()).is_some());
        Ok(is_named || self.store.find_pod(&self.key, name).await?.is_some())
    }

    /// Lists the fleets of this user that have an agent or terminal of this name: this one first, then
    /// those that record one, by name.
    ///
    /// # Errors
    /// Fails when the store cannot be read.
    pub async fn fleets_with(&self, name: &PodName) -> Result<Vec<FleetName>, FleetError> {
        let mut having = Vec::new();
        for fleet in self.fleets().await? {
            let has = if fleet == self.key.fleet {
                self.has(name).await?
            } else {
                let key = FleetKey {
                    fleet: fleet.clone(),
                    ..self.key.clone()
                };
                self.store.find_pod(&key, name).await?.is_some()
            };
            if has {
                having.push(fleet);
            }
        }
        Ok(having)
    }

    /// Lists the pods that one of them sees, with every reason. It must run.
    ///
    /// # Errors
    /// Fails for an unknown pod, one that does not run, and one that we may not speak for.
    pub async fn pods_of(&self, name: &str) -> Result<Vec<PodRow>, FleetError> {
        let record = self.pod_record(name).await?;
        self.pods_seen_by(&record).await
    }

    async fn pods_seen_by(&self, viewer: &PodRecord) -> Result<Vec<PodRow>, FleetError> {
        let name = viewer.identity.name.as_str();
        let mut client = self.connect(viewer).await?;
        let mut params = ListPodsParams::default();
        let mut rows = Vec::new();
        loop {
            let page = client.call::<ListPods>(params).await;
            let page = page.map_err(|error| FleetError::pod(name, error))?;
            rows.extend(page.pods);
            match page.next {
                None => return Ok(rows),
                after => {
                    params = ListPodsParams {
                        after,
                        ..ListPodsParams::default()
                    };
                }
            }
        }
    }

    /// Returns the process of each pod of this fleet that runs. The store and kernel locks tell; no
    /// pod is asked.
    ///
    /// # Errors
    /// Fails when the store cannot be read.
    pub async fn pod_processes(&self) -> Result<BTreeMap<PodId, u32>, FleetError> {
        let paths = self.dirs.state_paths();
        let processes = self.records().await?.into_iter().filter_map(|record| {
            let id = record.identity.id;
            let endpoint = record.endpoint.filter(|_| lock::is_held(&paths.lock(id)))?;
            Some((id, endpoint.pid))
        });
        Ok(processes.collect())
    }

    /// The operator sees all and restores all.
    async fn seen(&self, summary: PodSummary) -> PodRow {
        let paths = self.dirs.state_paths();
        let probed = probe(&summary.record, &self.introduction(), &paths).await;
        let visible = VisiblePod {
            summary,
            reasons: Reasons::default(),
        };
        row(visible, probed, May::ALL)
    }

    /// Tells more of one pod.
    ///
    /// # Errors
    /// Fails for an unknown pod, and when the store cannot be read.
    pub async fn pod_show(&self, name: &str) -> Result<InspectResult, FleetError> {
        if let Some(mut own) = self.own_client().await? {
            let name_params = NameParams {
                name: pod_name(name)?,
            };
            let answer = own.call::<Inspect>(name_params).await;
            return answer.map_err(|error| FleetError::pod(name, error));
        }
        let record = self.pod_record(name).await?;
        let summaries = self.summaries().await?.into_iter();
        let id = record.identity.id;
        let found = { summaries }.find(|summary| summary.record.identity.id == id);
        let summary = found.ok_or_else(|| FleetError::new(FleetErrorKind::Internal))?;
        let pod = self.seen(summary).await;
        Ok(inspect(&*self.store, record, pod, true).await?)
    }

    /// Forgets a pod, named by its name or id: its records go, and its name is free. One whose record
    /// is damaged is forgotten as any other. With `dry_run` it is only told what would go.
    ///
    /// # Errors
    /// Fails for an unknown pod, one that runs, and inside a pod.
    pub async fn forget(&self, name: &str, dry_run: bool) -> Result<ForgetReport, FleetError> {
        self.check_operator().await?;
        let (id, name, pid) = self.forgettable(name).await?;
        if lock::is_held(&self.dirs.state_paths().lock(id)) {
            let error = FleetError::not_allowed(&name, "it runs");
            return Err(error.hint(match pid {
                // Nothing else is known of it that could be relied on.
                Some(pid) => format!("end it first: `kill {pid}`"),
                None => format!("end it first: `fleet down {name}`"),
            }));
        }
        let gone = if dry_run {
            self.store.preview_forget(id).await?
        } else {
            self.store.forget_pod(id, clock::wall()).await?
        };
        let Forgotten {
            messages,
            undelivered,
            sessions,
            peers,
            children,
            parent,
        } = gone;
        Ok(ForgetReport {
            name,
            done: !dry_run,
            messages,
            undelivered,
            sessions,
            logs: self.dirs.state_paths().sessions().join(id.to_string()),
            peers,
            children,
            parent,
        })
    }

    /// Finds a pod by its name, or by its id, which names one whose record cannot be read otherwise; of
    /// such a one with the process that it had last. Other commands know it by its name alone, which is
    /// returned as far as it can be read.
    async fn forgettable(&self, name: &str) -> Result<(PodId, String, Option<u32>), FleetError> {
        let by_id = match name.parse() {
            Ok(id) => self.store.pod(id).await,
            Err(_) => Ok(None),
        };
        let found = match (by_id, PodName::new(name)) {
            (Ok(None), Ok(name)) => self.store.find_pod(&self.key, &name).await,
            (found, _) => found,
        };
        match found {
            Ok(Some(record)) => Ok((record.identity.id, record.identity.name.to_string(), None)),
            Ok(None) => Err(self.no_such(name).await),
            Err(error) => match error.kind() {
                StoreErrorKind::DamagedPod { id, pid, .. } => {
                    let id = id
                        .parse()
                        .map_err(|_| FleetError::new(FleetErrorKind::Internal))?;
                    Ok((id, name.to_owned(), *pid))
                }
                _ => Err(error.into()),
            },
        }
    }

    /// Ends a pod, and returns when it is gone. Inside a pod this is done with that pod's rights.
    ///
    /// # Errors
    /// Fails for an unknown pod, one that we may not end, and one that cannot be ended.
    pub async fn stop_pod(&self, name: &str, reason: &str) -> Result<StopResult, FleetError> {
        if let Some(mut own) = self.own_client().await? {
            let params = StopParams {
                name: pod_name(name)?,
                reason: reason.to_owned(),
            };
            let answer = own.call::<StopPod>(params).await;
            return answer.map_err(|error| FleetError::pod(name, error));
        }
        let record = self.pod_record(name).await?;
        self.stop_record(record, reason).await
    }

    pub(crate) async fn stop_record(
        &self,
        record: PodRecord,
        reason: &str,
    ) -> Result<StopResult, FleetError> {
        let id = record.identity.id;
        let already_stopped = !lock::is_held(&self.dirs.state_paths().lock(id));
        let stopped = self.stop(&record, reason, StopTimeouts::default()).await;
        let name = record.identity.name.as_str();
        stopped.map_err(|failure| FleetError::not_allowed(name, failure.message))?;
        Ok(StopResult {
            already_stopped,
            end: None,
        })
    }

    /// Returns the record of a pod of this fleet, in the roster or not, that we may know of.
    pub(crate) async fn pod_record(&self, name: &str) -> Result<PodRecord, FleetError> {
        let record = self.possible_peer(name).await?;
        self.unless_hidden(record).await
    }

    /// Returns the record of a pod of this fleet, whether we see it or not: any may become a peer.
    pub(super) async fn possible_peer(&self, name: &str) -> Result<PodRecord, FleetError> {
        let found = match PodName::new(name) {
            Ok(name) => self.store.find_pod(&self.key, &name).await?,
            Err(_) => None,
        };
        match found {
            Some(record) => Ok(record),
            None => Err(self.no_such(name).await),
        }
    }
}

pub(super) fn pod_name(name: &str) -> Result<PodName, FleetError> {
    PodName::new(name).map_err(bad_name("the pod's name"))
}

pub(super) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
