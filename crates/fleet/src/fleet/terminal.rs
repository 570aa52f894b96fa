//! A terminal: a pod that hosts a shell or another program instead of an agent.

use std::path::PathBuf;

use podfleet_pod::clock;
use podfleet_pod::spec::PodSpec;
use podfleet_pod_store::{NewChild, PodRecord, Writer};
use podfleet_protocol::{FleetName, Generation, PodId, PodName, Scope, Size};

use super::spawn::{SPAWN_PATIENCE, Unrostered};
use super::{Events, Fleet};
use crate::desired::child::Wish;
use crate::error::{FleetError, FleetErrorKind};
use crate::report::AgentResult;

/// The harness of programs of which nothing is known but that they have a prompt.
const RUNTIME: &str = "generic";
/// The class of a terminal's pod.
pub const TERMINAL_CLASS: &str = "terminal";

/// A terminal that is to be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TerminalRequest {
    /// The identity of its pod; the same again is answered and not done twice.
    pub id: PodId,
    /// The name of its pod; it must be free.
    pub name: PodName,
    /// Where its program runs; absolute.
    pub working_directory: PathBuf,
    /// The program and its arguments, at least the program.
    pub command: Vec<String>,
    /// Its size until a controller sets it.
    pub size: Size,
}

/// A terminal that is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terminal {
    /// Its pod.
    pub id: PodId,
    /// The pod's name.
    pub name: PodName,
    /// Its fleet.
    pub fleet: FleetName,
    /// The pod's start.
    pub generation: Generation,
}

impl Fleet {
    /// Opens a terminal, and returns when its pod hosts the program. If that fails, nothing of it is
    /// left. A program that ends is not started again.
    ///
    /// # Errors
    /// Fails when the name is another pod's, the identity is that of a terminal that was asked for in
    /// other words, and when the program does not start.
    pub async fn open_terminal(
        &self,
        request: &TerminalRequest,
        events: &Events,
    ) -> Result<Terminal, FleetError> {
        if let Some(pod) = self.store.pod(request.id).await? {
            return opened_before(request, &pod);
        }
        let new = self.new_terminal(request)?;
        self.dirs.open_runtime()?;
        let pod = match self.store.reserve_child(Writer::Operator, new).await {
            Ok(pod) => pod,
            // The same request may have come twice at once.
            Err(error) => match self.store.pod(request.id).await? {
                Some(pod) => return opened_before(request, &pod),
                None => return Err(error.into()),
            },
        };
        let started = self
            .start(pod.clone(), SPAWN_PATIENCE, events, |_| ())
            .await;
        let pod = match self.store.pod(request.id).await {
            Ok(Some(pod)) => pod,
            _ => pod,
        };
        // Whether a shell is ready is for whoever looks at it; that it waits for a person is usual.
        if let AgentResult::Failed(failure) = started {
            let failure = self.with_log(&pod, failure).await;
            let left = self.undo(Writer::Operator, &pod).await;
            let error = FleetError::start_failed(request.name.as_str(), failure);
            return Err(match left {
                Ok(()) => error,
                Err(why) => error.hint(format!("what was made of it is left: {why}")),
            });
        }
        let confirmed = self
            .store
            .confirm_child(Writer::Operator, request.id, clock::wall());
        confirmed.await?;
        Ok(terminal(&pod))
    }

    /// Says whether [`open_terminal`](Self::open_terminal) would begin; starts and changes nothing.
    /// Returns the terminal that was opened by the same request before, if there is one.
    ///
    /// # Errors
    /// As it, save for what only the start of the program can tell.
    pub async fn check_terminal(
        &self,
        request: &TerminalRequest,
    ) -> Result<Option<Terminal>, FleetError> {
        if let Some(pod) = self.store.pod(request.id).await? {
            return opened_before(request, &pod).map(Some);
        }
        self.new_terminal(request)?;
        match self.store.find_pod(&self.key, &request.name).await? {
            Some(taken) => Err(FleetError::new(FleetErrorKind::NameTaken {
                existing: taken.identity.name.to_string(),
            })),
            None => Ok(None),
        }
    }

    /// Ends a terminal and forgets its pod; its session log stays.
    ///
    /// # Errors
    /// Fails for an unknown pod, one that hosts an agent, and one that cannot be ended.
    pub async fn close_terminal(&self, name: &str, reason: &str) -> Result<(), FleetError> {
        self.check_is_terminal(name).await?;
        self.stop_pod(name, reason).await?;
        self.forget(name, false).await?;
        Ok(())
    }

    /// Whether what is sent to somebody may be run as a command: a terminal, or another program of
    /// which nothing is known.
    ///
    /// # Errors
    /// Fails when nobody is called so, or the store cannot be read.
    pub async fn is_shell(&self, name: &str) -> Result<bool, FleetError> {
        // In the order in which a message finds its receiver: who is here comes first.
        match self.record(name).await {
            Ok(Some(pod)) => return Ok(pod.class == TERMINAL_CLASS || pod.runtime == RUNTIME),
            Ok(None) => {}
            Err(error) if matches!(error.kind(), FleetErrorKind::Remote { .. }) => {}
            Err(error) => return Err(error),
        }
        if let Some(target) = self.session_elsewhere(name) {
            return Ok(target.runtime.is_none_or(|runtime| runtime == RUNTIME));
        }
        // One of the roster that was never started.
        let roster = self.roster();
        let harness = roster.and_then(|roster| Some(roster.harness_of(roster.agent(name)?)));
        Ok(harness.is_none_or(|harness| harness == RUNTIME))
    }

    /// Refuses a name that is none of a terminal; changes nothing.
    ///
    /// # Errors
    /// Fails for an unknown pod, and for one that hosts an agent.
    pub async fn check_is_terminal(&self, name: &str) -> Result<(), FleetError> {
        if self.pod_record(name).await?.class == TERMINAL_CLASS {
            return Ok(());
        }
        let error = FleetError::not_allowed(name, "it is an agent, and no terminal");
        Err(error.hint(format!("`fleet down {name}` ends it")))
    }

    fn new_terminal(&self, request: &TerminalRequest) -> Result<NewChild, FleetError> {
        let refused = |rule: String| FleetError::not_allowed(request.name.as_str(), rule);
        let spec = self
            .child_recipe()
            .spec(Wish {
                scope: &Scope::UNLIMITED,
                runtime: RUNTIME,
                command: &request.command,
                size: request.size.clamped(),
                model: None,
                working_directory: request.working_directory.clone(),
                told: String::new(),
            })
            .map_err(|fault| refused(fault.to_string()))?;
        let pod = Unrostered {
            id: request.id,
            name: &request.name,
            class: TERMINAL_CLASS,
            runtime: RUNTIME,
            spec,
        };
        self.reservation(&pod, None, &Scope::UNLIMITED)
    }
}

/// Answers a request that was carried out before; another one by the same identity is refused.
fn opened_before(request: &TerminalRequest, pod: &PodRecord) -> Result<Terminal, FleetError> {
    let internal = |error| FleetError::new(FleetErrorKind::Internal).caused_by(error);
    let spec: PodSpec = pod.spec.read().map_err(internal)?;
    let differs = if pod.identity.name != request.name {
        "name"
    } else if spec.argv != request.command {
        "command"
    } else if spec.working_directory != request.working_directory {
        "directory"
    } else {
        return Ok(terminal(pod));
    };
    let rule = format!(
        "this key opened the terminal `{}`, with another {differs}",
        pod.identity.name
    );
    let error = FleetError::not_allowed(request.name.as_str(), rule);
    Err(error.hint("another terminal needs another key"))
}

fn terminal(pod: &PodRecord) -> Terminal {
    Terminal {
        id: pod.identity.id,
        name: pod.identity.name.clone(),
        fleet: pod.identity.fleet.clone(),
        generation: pod.generation,
    }
}
