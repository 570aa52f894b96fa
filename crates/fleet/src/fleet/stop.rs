//! Ending one agent's pod.

use std::time::Duration;

use podfleet_pod::clock;
use podfleet_pod_store::PodRecord;
use podfleet_protocol::client::ClientError;
use podfleet_protocol::method::{Shutdown, ShutdownParams};
use podfleet_protocol::rpc::ErrorCode;

use super::Fleet;
use super::settle::account;
use crate::lock;
use crate::report::Failure;
use crate::supervisor::wait_until;

/// How long each way of ending a pod may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StopTimeouts {
    /// For the pod to end its agent and itself when asked. The pod itself asks the agent, then
    /// sends SIGTERM, then SIGKILL.
    pub ask: Duration,
    /// For its process to end after SIGTERM, and again after SIGKILL.
    pub signal: Duration,
}

impl Default for StopTimeouts {
    fn default() -> Self {
        Self {
            ask: Duration::from_secs(20),
            signal: Duration::from_secs(5),
        }
    }
}

impl Fleet {
    /// Ends a pod, if we may: asks it, then signals it. Returns when nobody holds its lock any more.
    ///
    /// What the rights refuse is not done with a signal either, whatever the pod answers.
    pub(super) async fn stop(
        &self,
        pod: &PodRecord,
        reason: &str,
        timeouts: StopTimeouts,
    ) -> Result<(), Failure> {
        self.check_may_stop(pod).await?;
        self.end(pod, reason, timeouts).await
    }

    /// Ends a pod, as [`stop`](Self::stop) does, that is started again then.
    pub(super) async fn stop_to_start(
        &self,
        pod: &PodRecord,
        reason: &str,
        timeouts: StopTimeouts,
    ) -> Result<(), Failure> {
        self.check_may_stop(pod).await?;
        self.end_and(true, pod, reason, timeouts).await
    }

    /// Checks whether [`stop`](Self::stop) would be refused by the rights.
    pub(super) async fn check_may_stop(&self, pod: &PodRecord) -> Result<(), Failure> {
        let right = self.check_may_end(pod).await;
        right.map_err(|error| Failure::new(account(&error)))
    }

    /// Ends a pod, as [`stop`](Self::stop) does, by a right that has been checked: of the lead to
    /// end what left its fleet, or of whoever undoes a spawning.
    ///
    /// The record says first that nobody wants it up, so that whatever comes it is `stopped`, not
    /// `dead`. Where that cannot be written the pod is ended all the same, and the failure is told
    /// then.
    pub(super) async fn end(
        &self,
        pod: &PodRecord,
        reason: &str,
        timeouts: StopTimeouts,
    ) -> Result<(), Failure> {
        self.end_and(false, pod, reason, timeouts).await
    }

    /// Ends a pod, which `restarts` then or does not.
    async fn end_and(
        &self,
        restarts: bool,
        pod: &PodRecord,
        reason: &str,
        timeouts: StopTimeouts,
    ) -> Result<(), Failure> {
        let id = pod.identity.id;
        let unwanted = self.expect(pod, false).await;
        let lock = self.dirs.state_paths().lock(id);
        let asking = async {
            let mut client = self.connect(pod).await.ok()?;
            let reason = reason.to_owned();
            let params = ShutdownParams { reason, restarts };
            Some(client.call::<Shutdown>(params).await)
        };
        // A pod that does not listen, answers with an error or not at all is not asked again.
        let asked = tokio::time::timeout(timeouts.ask, asking).await;
        let patience = match asked {
            Ok(Some(Ok(_))) => timeouts.signal,
            // What the pod's rights refuse is not done with a signal either.
            Ok(Some(Err(error))) if is_forbidden(&error) => {
                self.expect(pod, pod.expected).await?;
                return Err(Failure::new(account(&error)));
            }
            _ => Duration::ZERO,
        };
        wait_until(patience, || !lock::is_held(&lock)).await;
        // Also when it is gone already: a service manager may be about to start it again.
        self.supervisor
            .stop(pod, timeouts.signal)
            .await
            .map_err(|error| Failure::new(error.to_string()))?;
        if unwanted.is_err() {
            // Its end may have made room.
            self.expect(pod, false).await.map_err(|failure| {
                let why = failure.message;
                Failure::new(format!("it is ended, but still recorded as wanted: {why}"))
            })?;
        }
        Ok(())
    }

    async fn expect(&self, pod: &PodRecord, expected: bool) -> Result<(), Failure> {
        let id = pod.identity.id;
        let recorded = self.store.set_expected(id, expected, clock::wall()).await;
        recorded.map_err(|error| Failure::new(account(&error)))
    }
}

pub(super) fn is_forbidden(error: &ClientError) -> bool {
    error
        .answer()
        .is_some_and(|answer| answer.code == ErrorCode::Forbidden)
}
