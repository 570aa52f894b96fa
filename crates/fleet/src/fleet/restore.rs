//! Starting a pod again as it is recorded.

use std::time::{Duration, Instant};

use podfleet_pod::probe::{is_without_agent, lacks_directory};
use podfleet_pod_store::{CrashPoint, PodRecord};
use podfleet_protocol::PodId;
use podfleet_protocol::method::{
    RestoreParams, RestorePod, RestoreResult, Restored, Status, StatusParams,
};

use super::stop::StopTimeouts;
use super::{Events, Fleet};
use crate::error::FleetError;
use crate::lock::{self, Claim};
use crate::report::{AgentResult, Failure};
use crate::sighting::Sighting;

/// How long a pod that holds its lock may take until it listens.
const LISTENS_WITHIN: Duration = Duration::from_secs(10);
/// How often that is looked at.
const LOOK: Duration = Duration::from_millis(20);

impl Fleet {
    /// Starts a stopped pod in its recorded place, and returns when its agent is ready. A pod that
    /// runs is left as it is, unless its agent has ended for good: it is started anew. Needs no roster.
    ///
    /// Inside a pod this is done in that pod's name, with its rights.
    ///
    /// # Errors
    /// Fails for an unknown pod, one that may not be restored, and with the cause and the end of its
    /// log when its start fails.
    pub async fn restore(
        &self,
        name: &str,
        timeout: Duration,
        events: Events,
    ) -> Result<RestoreResult, FleetError> {
        if let Some(mut own) = self.own_client().await? {
            let params = RestoreParams {
                name: super::pods::pod_name(name)?,
                timeout_ms: super::pods::millis(timeout),
            };
            let answer = own.call::<RestorePod>(params).await;
            return answer.map_err(|error| FleetError::pod(name, error));
        }
        let record = self.pod_record(name).await?;
        self.restore_record(record, timeout, &events).await
    }

    pub(crate) async fn restore_record(
        &self,
        record: PodRecord,
        timeout: Duration,
        events: &Events,
    ) -> Result<RestoreResult, FleetError> {
        let (name, id) = (record.identity.name.to_string(), record.identity.id);
        let claim = self.claim_restore(id).await?;
        let Some(record) = self.store.pod(id).await? else {
            return Err(self.no_such(&name).await);
        };
        if Sighting::is_listening(&record) && !self.has_no_agent(&record).await {
            drop(claim);
            return self.already_live(record, timeout).await;
        }
        if let Some(why) = lacks_directory(&record) {
            let hint = "make it again, or `fleet pod forget` the pod; `fleet up` makes those of the \
                        roster's agents";
            return Err(FleetError::not_allowed(&name, why).hint(hint));
        }
        podfleet_pod::paths::RuntimeDir::open(&record.runtime_dir)?;
        let failed = |failure: Failure| FleetError::start_failed(&name, failure);
        let record = match Sighting::is_listening(&record) {
            true => self.put_to_rest(record).await?,
            false => record,
        };
        self.lift_quarantine(&record).await.map_err(failed)?;
        let mut answers = false;
        let started = self.start(record, timeout, events, |_| {
            answers = true;
            // Others wait for its agent as we do.
            drop(claim);
        });
        let result = started.await;
        // Somebody may have forgotten it meanwhile, which nothing that runs is.
        let Some(now) = self.store.pod(id).await? else {
            return Err(self.no_such(&name).await);
        };
        match result {
            AgentResult::Failed(failure) => {
                // Somebody else may have started it at the same time: one of the two is the pod.
                // What answered us was waited for.
                if !answers && let Some(other) = self.started_by_another(&now).await? {
                    return self.already_live(other, timeout).await;
                }
                let failure = self.with_log(&now, failure).await;
                Err(FleetError::start_failed(&name, failure))
            }
            AgentResult::Blocked { reason } => Err(waits_for_a_person(&name, &reason)),
            _ => {
                CrashPoint::RestoreReady.reach();
                Ok(RestoreResult {
                    outcome: Restored::Restored,
                    generation: now.generation,
                    resumed: self.is_resumed(&now).await,
                })
            }
        }
    }

    /// Waits until nobody else restores a pod: what one finds ended, another may have started since.
    async fn claim_restore(&self, id: PodId) -> Result<Claim, FleetError> {
        let path = lock::restore_lock_path(&self.dirs.state, id);
        loop {
            let claim = Claim::take(&path);
            if let Some(claim) = claim.map_err(|error| FleetError::io("lock", &path, error))? {
                return Ok(claim);
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Returns whether a pod says that its agent has ended and is not started again. One that was started
    /// since it was recorded so is another one.
    async fn has_no_agent(&self, pod: &PodRecord) -> bool {
        let is_own = self
            .own_pod()
            .await
            .is_ok_and(|own| own.is_some_and(|own| own.identity.id == pod.identity.id));
        if is_own {
            return false;
        }
        let Ok(mut client) = self.connect(pod).await else {
            return false;
        };
        if client.hello().generation != pod.generation {
            return false;
        }
        let status = client.call::<Status>(StatusParams::default()).await;
        status.is_ok_and(|status| is_without_agent(&status.agent))
    }

    /// Ends a pod that has no agent any more, so that it can be started. Returns its record after that.
    async fn put_to_rest(&self, pod: PodRecord) -> Result<PodRecord, FleetError> {
        let name = pod.identity.name.as_str();
        let stopped = self.stop_to_start(&pod, "to start its agent again", StopTimeouts::default());
        if let Err(failure) = stopped.await {
            let message = format!("its agent has ended: {}", failure.message);
            return Err(FleetError::not_allowed(name, message).hint(format!(
                "its parent and the operator may: `fleet restart {name}`"
            )));
        }
        match self.store.pod(pod.identity.id).await? {
            Some(now) => Ok(now),
            None => Err(self.no_such(name).await),
        }
    }

    /// Returns whether a pod's agent goes on with an earlier conversation, as the pod says.
    async fn is_resumed(&self, pod: &PodRecord) -> bool {
        let Ok(mut client) = self.connect(pod).await else {
            return false;
        };
        let status = client.call::<Status>(StatusParams::default()).await;
        status.is_ok_and(|status| status.resumed)
    }

    /// Returns the record of a pod that another process is starting, once it listens; nothing if
    /// nobody is.
    async fn started_by_another(&self, pod: &PodRecord) -> Result<Option<PodRecord>, FleetError> {
        let id = pod.identity.id;
        let path = self.dirs.state_paths().lock(id);
        let deadline = Instant::now() + LISTENS_WITHIN;
        loop {
            match self.store.pod(id).await? {
                Some(now) if Sighting::is_listening(&now) => return Ok(Some(now)),
                Some(_) if lock::is_held(&path) && Instant::now() < deadline => {}
                _ => return Ok(None),
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn already_live(
        &self,
        record: PodRecord,
        timeout: Duration,
    ) -> Result<RestoreResult, FleetError> {
        let name = record.identity.name.to_string();
        match self.settle(&record, timeout).await {
            AgentResult::Failed(failure) => {
                let failure = self.with_log(&record, failure).await;
                Err(FleetError::start_failed(&name, failure))
            }
            AgentResult::Blocked { reason } => Err(waits_for_a_person(&name, &reason)),
            _ => Ok(RestoreResult {
                outcome: Restored::AlreadyLive,
                generation: record.generation,
                resumed: self.is_resumed(&record).await,
            }),
        }
    }
}

fn waits_for_a_person(name: &str, reason: &str) -> FleetError {
    let failure = Failure::new(format!(
        "it runs, and its agent waits for a person: {reason}"
    ));
    FleetError::start_failed(name, failure).hint(format!("`fleet attach {name}` shows the dialog"))
}
