//! Supervisors: what starts and keeps pod processes.
//!
//! A supervisor keeps the pod; only the pod restarts its agent.

mod direct;

use std::time::Duration;

use async_trait::async_trait;
use podfleet_pod_store::PodRecord;

pub use direct::Direct;
pub(crate) use direct::wait_until;

/// Starts and ends pod processes.
#[async_trait]
pub trait Supervisor: Send + Sync + std::fmt::Debug {
    /// Returns its name, such as `direct`.
    fn name(&self) -> &'static str;

    /// Starts the pod of a record, and returns when it holds its lock and its socket.
    ///
    /// # Errors
    /// Fails when the process cannot be started, ends, or says why it cannot go on.
    async fn start(&self, pod: &PodRecord) -> Result<(), StartError>;

    /// Ends the process of a pod that does not end when asked: SIGTERM, then SIGKILL after
    /// `patience`. Returns when it is gone; at once if it is gone already.
    ///
    /// # Errors
    /// Fails when the process is still there after all of that.
    async fn force_stop(&self, pod: &PodRecord, patience: Duration) -> Result<(), StopError>;
}

/// A pod was not started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// Our own program cannot be run, or the log cannot be written.
    #[error("its pod cannot be started: {0}")]
    Spawn(#[source] std::io::Error),
    /// The pod said why it cannot go on.
    #[error("its pod cannot go on: {0}")]
    Told(String),
    /// The pod ended without a word.
    #[error("its pod ended while it started")]
    Ended,
    /// The pod neither said that it is ready nor ended.
    #[error("its pod was not ready within {} s", .0.as_secs())]
    Late(Duration),
}

/// A pod's process could not be ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StopError {
    /// It is there even after SIGKILL.
    #[error("process {pid} of its pod cannot be ended")]
    Immortal {
        /// The process.
        pid: u32,
    },
}
