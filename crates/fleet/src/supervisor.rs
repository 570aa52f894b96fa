//! Supervisors: what starts and keeps pod processes.
//!
//! A supervisor keeps the pod; only the pod restarts its agent.

mod bridge_process;
mod choice;
mod direct;
mod instance;
mod systemd;

use std::time::Duration;

use async_trait::async_trait;
use podfleet_pod_store::PodRecord;
use podfleet_protocol::FleetName;
use serde::{Deserialize, Serialize};

pub use bridge_process::BridgeProcess;
pub(crate) use choice::choose;
pub use direct::Direct;
pub(crate) use direct::wait_until;
pub use instance::{Instance, NoInstance};
pub use systemd::{ManagerError, Refresh, Systemd, UnitState, UserManager};

/// The kinds of supervisors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SupervisorKind {
    /// The user's service manager: each pod is a unit.
    Systemd,
    /// No service manager: each pod is a detached process.
    Direct,
}

impl SupervisorKind {
    /// Returns the word that stands for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Systemd => "systemd",
            Self::Direct => "direct",
        }
    }
}

impl std::fmt::Display for SupervisorKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// Starts, keeps and ends pod processes.
#[async_trait]
pub trait Supervisor: Send + Sync + std::fmt::Debug {
    /// Returns which kind it is.
    fn kind(&self) -> SupervisorKind;

    /// Looks whether it can be used at this moment.
    ///
    /// # Errors
    /// Fails when what it needs does not run.
    async fn check(&self) -> Result<(), Unavailable>;

    /// Starts the pod of a record, and returns when it holds its lock and its socket.
    ///
    /// # Errors
    /// Fails when the process cannot be started, ends, or says why it cannot go on.
    async fn start(&self, pod: &PodRecord) -> Result<(), StartError>;

    /// Sees to it that the pod's process is gone and is not started again by itself. A process that
    /// is still there gets SIGTERM, then SIGKILL after `patience`.
    ///
    /// # Errors
    /// Fails when the process is still there after all of that.
    async fn stop(&self, pod: &PodRecord, patience: Duration) -> Result<(), StopError>;

    /// Lets the recorded limits of a pod hold, also while it runs.
    ///
    /// # Errors
    /// Fails when they cannot be written down or taken up.
    async fn limit(&self, pod: &PodRecord) -> Result<(), SetUpError>;

    /// Writes down again what keeps a pod that is up, where that is gone; returns whether it was.
    ///
    /// # Errors
    /// Fails when it cannot be written down or taken up.
    async fn mend(&self, pod: &PodRecord) -> Result<bool, SetUpError>;

    /// Lets pods be started at boot; what runs is not touched.
    ///
    /// # Errors
    /// [`BootError::Cannot`] from a supervisor that does not outlive the machine.
    async fn enable(&self, pods: &[PodRecord]) -> Result<(), BootError>;

    /// Lets pods be started at boot no more; what runs is not touched. Pods that were never enabled
    /// are no error.
    ///
    /// # Errors
    /// [`BootError::Cannot`] from a supervisor that does not outlive the machine.
    async fn disable(&self, pods: &[Instance]) -> Result<(), BootError>;

    /// Removes what was written down for a pod that leaves the fleet, after it was disabled. What
    /// people wrote stays.
    ///
    /// # Errors
    /// Fails when it cannot be removed.
    async fn forget(&self, pod: &Instance) -> Result<(), SetUpError>;

    /// Starts a fleet's bridge, and returns when it holds its place.
    ///
    /// # Errors
    /// Fails when the process cannot be started, ends, or says why it cannot go on.
    async fn start_bridge(&self, bridge: &BridgeProcess) -> Result<(), StartError>;

    /// Sees to it that a fleet's bridge is gone and is not started again by itself.
    ///
    /// # Errors
    /// Fails when the process is still there after SIGKILL.
    async fn stop_bridge(&self, bridge: &BridgeProcess) -> Result<(), StopError>;

    /// Returns the units of a fleet's pods, in one call whatever their number; nothing where there
    /// are no units, or they cannot be asked about.
    async fn units(&self, fleet: &FleetName) -> Option<Units>;

    /// Starts the tmux server of a socket apart from all pods, if this supervisor can and the
    /// socket has a plain name; returns whether it did.
    ///
    /// # Errors
    /// Fails when the server cannot be started.
    async fn hold_tmux(&self, socket: &str) -> Result<bool, SetUpError>;
}

/// The units of a fleet's pods.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Units {
    /// Those that the manager has loaded.
    pub loaded: Vec<UnitState>,
    /// The names of those that run and whose files are gone: nothing starts them again.
    pub bare: Vec<String>,
    /// The names of those that are started with [`target`](Self::target).
    pub enabled: Vec<String>,
    /// Whether the target of all units is started with the user's manager.
    pub target: bool,
    /// Whether the user's manager is started at boot, without a login.
    pub lingers: bool,
}

impl Units {
    /// Returns what is known of a pod's unit.
    #[must_use]
    pub fn of(&self, instance: &Instance) -> Option<&UnitState> {
        let unit = instance.unit();
        self.loaded.iter().find(|loaded| loaded.id == unit)
    }

    /// Says of a pod's unit what it does and whether it is started at boot.
    #[must_use]
    pub fn account(&self, instance: &Instance) -> String {
        let state = match self.of(instance) {
            Some(unit) => format!("{}/{}", unit.active, unit.sub),
            None => "not loaded".to_owned(),
        };
        let boot = self.boot_fault(instance).unwrap_or("started at boot");
        format!("{} {state}, {boot}", instance.unit())
    }

    /// Returns why a pod would not be started at boot; nothing if it would.
    #[must_use]
    pub fn boot_fault(&self, instance: &Instance) -> Option<&'static str> {
        if !self.enabled.contains(&instance.unit()) {
            return Some("not enabled");
        }
        if !self.target {
            return Some("fleet.target is not enabled");
        }
        (!self.lingers).then_some("no linger")
    }
}

/// A supervisor cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Unavailable {
    /// The user's service manager does not run, or cannot be reached.
    #[error("no service manager of this user can be reached")]
    NoManager,
    /// It reads units from elsewhere: its `HOME` is another one.
    #[error("the service manager of this user does not read units from {0}")]
    OtherUnits(String),
}

/// What a pod needs before it is started could not be written down.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SetUpError {
    /// A file cannot be written.
    #[error("{path} cannot be written")]
    Write {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A secret would have to be written down.
    #[error("{0}")]
    Secret(String),
    /// The service manager failed.
    #[error(transparent)]
    Manager(#[from] ManagerError),
}

/// A pod was not started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// Our own program cannot be run, or the log cannot be written.
    #[error("its process cannot be started: {0}")]
    Spawn(#[source] std::io::Error),
    /// What its unit needs cannot be written down.
    #[error("its unit cannot be set up")]
    SetUp(#[from] SetUpError),
    /// A secret is in the environment alone, and a unit gets nothing of that.
    #[error(
        "a unit gets no secret from the environment: put `{0}` into a file and name it by `{0}_FILE`"
    )]
    Secret(String),
    /// Its unit failed before the pod could say why.
    #[error("its unit failed ({result}): {why}")]
    Unit {
        /// systemd's word for it, such as `exit-code`.
        result: String,
        /// What `systemctl` said.
        why: String,
    },
    /// The pod said why it cannot go on.
    #[error("it cannot go on: {0}")]
    Told(String),
    /// The pod ended without a word.
    #[error("it ended while it started")]
    Ended,
    /// The pod neither said that it is ready nor ended.
    #[error("it was not ready within {} s", .0.as_secs())]
    Late(Duration),
}

/// A pod's process could not be ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StopError {
    /// It is there even after SIGKILL.
    #[error("process {pid} cannot be ended")]
    Immortal {
        /// The process.
        pid: u32,
    },
}

/// What is started at boot could not be changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BootError {
    /// This supervisor starts nothing at boot.
    #[error("nothing is started at boot without a service manager")]
    Cannot,
    /// It failed; everything else of what was asked for is done all the same.
    #[error("it cannot be changed what is started at boot")]
    Failed {
        /// What a person can run to try again.
        command: String,
        /// Why.
        #[source]
        source: SetUpError,
    },
}

impl BootError {
    /// Returns the command that tries it again, where there is one.
    #[must_use]
    pub fn command(&self) -> Option<&str> {
        match self {
            Self::Cannot => None,
            Self::Failed { command, .. } => Some(command),
        }
    }
}
