//! What this machine does itself: its files, agents and terminals.

mod agents;
mod files;
mod terminals;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use podfleet::{Fleet, FleetError};
use podfleet_protocol::FleetName;

use crate::fault::{Code, Fault};

pub use files::Root;
pub(crate) use files::blocking;

/// Opens fleets of this machine, as its own command line would.
#[async_trait]
pub trait Fleets: fmt::Debug + Send + Sync {
    /// Opens a fleet; without a name, the one that is meant where none is named.
    ///
    /// # Errors
    /// Fails when the store cannot be used, or it is not known which fleet is meant.
    async fn open(&self, fleet: Option<FleetName>) -> Result<Fleet, Fault>;

    /// Checks that a process of this user, who calls, is the operator's and no agent's. One that the
    /// system does not tell is the operator's.
    ///
    /// # Errors
    /// Fails when it runs in a pod's agent, and when it cannot be told whose it is.
    async fn check_operator(&self, process: Option<u32>) -> Result<(), Fault>;
}

/// This machine.
#[derive(Debug)]
pub struct Machine {
    allowed: Vec<PathBuf>,
    closed: Arc<[PathBuf]>,
    fleets: Arc<dyn Fleets>,
    shell: String,
}

impl Machine {
    /// Makes the machine. `allowed` are the directories below which mounts may be, absolute and
    /// without links; `shell` is the program of terminals for which none is named.
    #[must_use]
    pub fn new(allowed: Vec<PathBuf>, fleets: Arc<dyn Fleets>, shell: String) -> Self {
        Self {
            allowed,
            closed: Arc::default(),
            fleets,
            shell,
        }
    }

    /// Lets nobody into these directories, whatever is allowed; they are absolute and without links.
    #[must_use]
    pub fn closing(self, closed: Vec<PathBuf>) -> Self {
        Self {
            closed: closed.into(),
            ..self
        }
    }

    /// Checks that a process of this user is the operator's.
    pub(crate) async fn check_operator(&self, process: Option<u32>) -> Result<(), Fault> {
        self.fleets.check_operator(process).await
    }
}

/// Puts into our words why who calls is not served as the operator.
#[must_use]
pub fn no_operator(error: &FleetError) -> Fault {
    use podfleet::FleetErrorKind as Kind;
    match error.kind() {
        Kind::NotAllowed { .. } => Fault::new(Code::AuthDenied, error.in_one_line())
            .hint("what an agent may do is done by the same commands without `--hub`"),
        _ => fleet_fault(error),
    }
}

/// Puts an error of the fleet into our words.
#[must_use]
pub fn fleet_fault(error: &FleetError) -> Fault {
    use podfleet::FleetErrorKind as Kind;
    let code = match error.kind() {
        Kind::NoSuchAgent { .. } | Kind::Remote { .. } => Code::AgentNotFound,
        Kind::NoSuchMessage { .. } => Code::MessageNotFound,
        Kind::NotRunning { .. } => Code::AgentNotRunning,
        Kind::OtherPod { .. } => Code::AgentGone,
        Kind::Refused { .. }
        | Kind::NotAllowed { .. }
        | Kind::NotYours { .. }
        | Kind::NameTaken { .. }
        | Kind::ControlTaken { .. }
        | Kind::OrderRefused { .. } => Code::AgentRefused,
        Kind::StartFailed { .. } => Code::PtyNotStarted,
        _ => Code::AgentFailed,
    };
    let fault = Fault::new(code, error.in_one_line());
    match hint(error) {
        Some(hint) => fault.hint(hint),
        None => fault,
    }
}

/// Returns what can be done, for somebody who may be at another machine.
fn hint(error: &FleetError) -> Option<String> {
    use podfleet::FleetErrorKind as Kind;
    match error.kind() {
        Kind::NoSuchAgent { near, .. } if near.is_empty() => {
            Some("`fleet ps` with the same `--hub` lists those of all machines".to_owned())
        }
        Kind::NotRunning { agent } => Some(format!("`fleet up {agent}` on its machine starts it")),
        _ => error.hints().first().map(ToString::to_string),
    }
}
