//! The host of a pod's wishes: starting and ending other pods for it, as `up` and `down` do.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use podfleet_pod::host::{Asker, Host};
use podfleet_pod_store::{PodRecord, Sender, Writer};
use podfleet_protocol::Address;
use podfleet_protocol::method::{
    RestoreResult, SpawnParams, SpawnResult, StartFailure, StopResult,
};
use podfleet_protocol::rpc::{ErrorCode, RpcError};
use tokio::sync::mpsc;

use crate::error::{FleetError, FleetErrorKind};
use crate::fleet::{Events, Fleet, Setup, Spawner};

/// Does for a pod what needs a supervisor.
#[derive(Debug)]
pub struct PodHost {
    setup: Setup,
}

impl PodHost {
    /// Makes the host of a pod whose process has this setup; neither its roster nor its fleet
    /// counts, since a pod says which one it is of.
    #[must_use]
    pub fn new(setup: Setup) -> Self {
        Self { setup }
    }

    /// Opens the fleet in the name of a pod.
    async fn fleet(&self, asker: &Asker) -> Result<Fleet, FleetError> {
        let mut setup = self.setup.clone();
        setup.fleet = Some(asker.identity.fleet.clone());
        setup.client = format!("the pod {}", asker.identity.name);
        let fleet = Fleet::with_store(setup, Arc::clone(&asker.store)).await?;
        Ok(fleet.in_the_name_of(asker))
    }
}

#[async_trait]
impl Host for PodHost {
    async fn restore(
        &self,
        asker: &Asker,
        pod: PodRecord,
        timeout: Duration,
    ) -> Result<RestoreResult, RpcError> {
        let fleet = self.fleet(asker).await.map_err(|error| answer(&error))?;
        let events = nobody();
        let restored = fleet.restore_record(pod, timeout, &events);
        restored.await.map_err(|error| answer(&error))
    }

    async fn spawn(&self, asker: &Asker, params: SpawnParams) -> Result<SpawnResult, RpcError> {
        let fleet = self.fleet(asker).await.map_err(|error| answer(&error))?;
        let identity = &asker.identity;
        let parent = fleet.pod_record(identity.name.as_str()).await;
        let spawner = Spawner {
            writer: Writer::Pod(asker.fence),
            sender: Sender::Pod(identity.id),
            from: Address::new(&identity.host, identity.name.as_str()),
            parent: Some(parent.map_err(|error| answer(&error))?),
        };
        let events = nobody();
        let spawned = fleet.spawn_child(spawner, params, &events);
        spawned.await.map_err(|error| answer(&error))
    }

    async fn settle_spawns(&self, asker: &Asker) -> Result<(), RpcError> {
        let fleet = self.fleet(asker).await.map_err(|error| answer(&error))?;
        let settled = fleet.settle_children(asker.fence);
        settled.await.map_err(|error| answer(&error))
    }

    async fn stop(
        &self,
        asker: &Asker,
        pod: PodRecord,
        reason: &str,
    ) -> Result<StopResult, RpcError> {
        let fleet = self.fleet(asker).await.map_err(|error| answer(&error))?;
        fleet
            .stop_record(pod, reason)
            .await
            .map_err(|error| answer(&error))
    }
}

/// Nobody follows what is done for a pod; it gets the result.
fn nobody() -> Events {
    mpsc::unbounded_channel().0
}

/// Puts an error into the words of the protocol.
fn answer(error: &FleetError) -> RpcError {
    let text = match error.kind() {
        // The asker knows which pod it asked for.
        FleetErrorKind::NotAllowed { rule, .. }
        | FleetErrorKind::NotYours { rule, .. }
        | FleetErrorKind::NotWritable { rule, .. } => rule.clone(),
        _ => error.in_one_line(),
    };
    let code = match error.kind() {
        FleetErrorKind::StartFailed { failure, .. } => {
            let data = StartFailure {
                cause: failure.message.clone(),
                log_tail: failure.log.clone(),
            };
            let mut answer = RpcError::new(ErrorCode::StartFailed, text);
            answer.data = serde_json::to_value(data).ok();
            return answer;
        }
        FleetErrorKind::NotYours { .. } => ErrorCode::NotYours,
        FleetErrorKind::NotWritable { .. } => ErrorCode::NotWritable,
        FleetErrorKind::NoSuchAgent { .. } => ErrorCode::NoSuchPod,
        FleetErrorKind::NameTaken { .. } => ErrorCode::NameTaken,
        FleetErrorKind::NotAllowed { .. } | FleetErrorKind::Refused { .. } => ErrorCode::Refused,
        FleetErrorKind::BadRequest { .. } => ErrorCode::InvalidParams,
        FleetErrorKind::NotRunning { .. } | FleetErrorKind::Pod { .. } => ErrorCode::Unreachable,
        FleetErrorKind::Internal => ErrorCode::Internal,
        _ => ErrorCode::Storage,
    };
    RpcError::new(code, text)
}
