//! What a pod needs somebody else for: starting and ending other pods.
//!
//! A pod knows no supervisor. Whoever runs it may give it a [`Host`]; without one it has no
//! children and restores nobody.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use podfleet_pod_store::{Fence, PodRecord, PodStore};
use podfleet_protocol::Identity;
use podfleet_protocol::method::{Credential, RestoreResult, SpawnParams, SpawnResult, StopResult};
use podfleet_protocol::rpc::RpcError;

/// Starts and ends pods for a pod, whose right to it has been checked.
#[async_trait]
pub trait Host: Send + Sync + Debug {
    /// Starts a stopped pod as it is recorded; answers when its agent is ready.
    ///
    /// # Errors
    /// [`StartFailed`](podfleet_protocol::rpc::ErrorCode::StartFailed) with the cause and the end of
    /// its log.
    async fn restore(
        &self,
        asker: &Asker,
        pod: PodRecord,
        timeout: Duration,
    ) -> Result<RestoreResult, RpcError>;

    /// Makes a child of the asker; answers when its task is submitted.
    ///
    /// # Errors
    /// As [`restore`](Self::restore), and when what is asked for cannot be; then nothing of it is
    /// left.
    async fn spawn(&self, asker: &Asker, params: SpawnParams) -> Result<SpawnResult, RpcError>;

    /// Settles what former generations of the asker began to spawn and could not end: a child that
    /// has its task is kept, of any other nothing is left.
    ///
    /// # Errors
    /// Fails when the store or a child's process cannot be changed; the next start tries it again.
    async fn settle_spawns(&self, asker: &Asker) -> Result<(), RpcError>;

    /// Ends a pod; answers when it is gone.
    ///
    /// # Errors
    /// Fails when the pod refuses or cannot be ended.
    async fn stop(
        &self,
        asker: &Asker,
        pod: PodRecord,
        reason: &str,
    ) -> Result<StopResult, RpcError>;
}

/// The pod that asks its host for something.
#[derive(Debug, Clone)]
pub struct Asker {
    /// Who it is.
    pub identity: Identity,
    /// Its generation.
    pub fence: Fence,
    /// Its proof of who it is, for other pods.
    pub credential: Credential,
    /// Its store, which is open already.
    pub store: Arc<dyn PodStore>,
}
