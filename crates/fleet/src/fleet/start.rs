//! Starting one agent's pod.

use std::time::Duration;

use podfleet_pod::clock;
use podfleet_pod::inspect::spec_of;
use podfleet_pod_store::{CrashPoint, NewPod, PodRecord, SpecText};
use podfleet_protocol::{Identity, PodId};

use super::settle::account;
use super::{Events, Fleet};
use crate::desired::Desired;
use crate::error::FleetError;
use crate::report::{AgentResult, Failure, Progress};

impl Fleet {
    /// Records what the roster wants of an agent. A pod that is up keeps its runtime directory.
    pub(super) async fn put(
        &self,
        desired: &Desired,
        recorded: Option<&PodRecord>,
        up: bool,
    ) -> Result<PodRecord, FleetError> {
        let kept = recorded.filter(|_| up);
        let runtime_dir = kept.map_or(&self.dirs.runtime, |record| &record.runtime_dir);
        let pod = NewPod {
            identity: Identity {
                id: recorded.map_or_else(PodId::generate, |record| record.identity.id),
                name: desired.name.clone(),
                fleet: self.key.fleet.clone(),
                tenant_id: self.key.tenant.clone(),
                host: self.host.clone(),
            },
            class: desired.class.clone(),
            alias: desired.alias.clone(),
            runtime: desired.runtime.clone(),
            spec: SpecText::of(&desired.spec).map_err(|error| {
                FleetError::new(crate::error::FleetErrorKind::Internal).caused_by(error)
            })?,
            runtime_dir: runtime_dir.clone(),
            at: clock::wall(),
        };
        Ok(self.store.put_pod(pod).await?)
    }

    /// Starts a recorded pod and waits for its agent; `answering` is told as soon as the pod
    /// answers.
    pub(super) async fn start(
        &self,
        pod: PodRecord,
        timeout: Duration,
        events: &Events,
        answering: impl FnOnce(&PodRecord),
    ) -> AgentResult {
        match self.bring_up(&pod, events).await {
            Ok(pod) => {
                let agent = pod.identity.name.to_string();
                // Nobody has to listen.
                let _ = events.send(Progress::Answering { agent });
                answering(&pod);
                self.settle(&pod, timeout).await
            }
            Err(failure) => AgentResult::Failed(failure),
        }
    }

    /// Returns the record with the new generation's endpoint.
    async fn bring_up(&self, pod: &PodRecord, events: &Events) -> Result<PodRecord, Failure> {
        let store = |error: FleetError| Failure::new(account(&error));
        self.make_working_directory(pod, events)?;
        let id = pod.identity.id;
        self.store
            .set_expected(id, true, clock::wall())
            .await
            .map_err(|error| store(error.into()))?;
        CrashPoint::StartWanted.reach();
        // What it said at earlier starts explains nothing.
        let since = self.log_length(pod).await;
        if let Err(error) = self.supervisor.start(pod).await {
            let failure = Failure::new(account(&error));
            return Err(self.with_log_since(pod, failure, since).await);
        }
        CrashPoint::StartAnswering.reach();
        let started = self.store.pod(id).await;
        started
            .map_err(|error| store(error.into()))?
            .ok_or_else(|| Failure::new("its record is gone"))
    }

    fn make_working_directory(&self, pod: &PodRecord, events: &Events) -> Result<(), Failure> {
        let Some(spec) = spec_of(pod) else {
            return Ok(());
        };
        let path = spec.working_directory.as_path();
        if path.is_dir() {
            return Ok(());
        }
        if path.exists() {
            let message = format!(
                "its working directory {} is a file, not a directory",
                path.display()
            );
            return Err(Failure::new(message));
        }
        std::fs::create_dir_all(path).map_err(|error| {
            let path = path.display();
            Failure::new(format!(
                "its working directory {path} cannot be created: {error}"
            ))
        })?;
        // Nobody has to listen.
        let _ = events.send(Progress::Note {
            agent: Some(pod.identity.name.to_string()),
            text: format!("created the working directory {}", path.display()),
        });
        Ok(())
    }
}
