//! Terminals of this machine: pods that host a shell.

use std::collections::BTreeMap;

use podfleet::{TERMINAL_CLASS as CLASS, TerminalRequest};
use podfleet_protocol::method::Nothing;
use podfleet_protocol::{AgentPhase, Availability, FleetName, Identity, PodId, PodRow};
use tokio::sync::mpsc;

use super::{Machine, fleet_fault};
use crate::fault::{Code, Fault};
use crate::op::{PtyOpenParams, PtyOpened, PtyState, PtyStatesResult};
use crate::preview::{Change, Effect, Preview, Thing};

impl Machine {
    /// Opens a terminal in a directory below a root.
    ///
    /// # Errors
    /// Fails when the directory or the command is refused, and when the program does not start.
    pub async fn open_terminal(&self, params: PtyOpenParams) -> Result<PtyOpened, Fault> {
        let request = self.terminal_request(params).await?;
        let fleet = self.fleet(None).await?;
        // Nobody follows the start; its result is what counts.
        let events = mpsc::unbounded_channel().0;
        let opened = fleet.open_terminal(&request, &events).await;
        let opened = opened.map_err(|error| fleet_fault(&error))?;
        Ok(PtyOpened {
            session: opened.id,
            agent: opened.name,
            fleet: Some(opened.fleet),
            generation: opened.generation.0,
        })
    }

    /// Says what [`open_terminal`](Self::open_terminal) would do.
    ///
    /// # Errors
    /// As it, save for what only the start of the program can tell.
    pub async fn preview_open(&self, params: PtyOpenParams) -> Result<Preview, Fault> {
        let request = self.terminal_request(params).await?;
        let fleet = self.fleet(None).await?;
        let opened = fleet.check_terminal(&request).await;
        Ok(match opened.map_err(|error| fleet_fault(&error))? {
            Some(_) => Preview::default(),
            None => Effect::new(Thing::Terminal, &request.name, Change::Started)
                .detail(format!("in {}", request.working_directory.display()))
                .into(),
        })
    }

    async fn terminal_request(&self, params: PtyOpenParams) -> Result<TerminalRequest, Fault> {
        refuse_no_program(&params.command)?;
        let working_directory = self.working_directory(&params.root, &params.cwd).await?;
        let command = match params.command {
            command if command.is_empty() => vec![self.shell.clone()],
            command => command,
        };
        Ok(TerminalRequest {
            id: params.session,
            name: params.name,
            working_directory,
            command,
            size: params.size,
        })
    }

    /// Says what [`close_terminal`](Self::close_terminal) would do.
    ///
    /// # Errors
    /// As it, save for what only the ending can tell.
    pub async fn preview_close(
        &self,
        agent: &str,
        fleet: Option<FleetName>,
    ) -> Result<Preview, Fault> {
        let fleet = self.fleet(fleet).await?;
        let looked = fleet.check_is_terminal(agent).await;
        looked.map_err(|error| fleet_fault(&error))?;
        Ok(Effect::new(Thing::Terminal, agent, Change::Ended).into())
    }

    /// Ends a terminal.
    ///
    /// # Errors
    /// Fails for an unknown one, and one that cannot be ended.
    pub async fn close_terminal(
        &self,
        agent: &str,
        fleet: Option<FleetName>,
    ) -> Result<Nothing, Fault> {
        let fleet = self.fleet(fleet).await?;
        let closed = fleet.close_terminal(agent, "its terminal was closed").await;
        closed.map_err(|error| fleet_fault(&error))?;
        Ok(Nothing {})
    }

    /// Ends a terminal for a reason of our own.
    pub(crate) async fn close_terminal_because(
        &self,
        terminal: &Identity,
        why: &str,
    ) -> Result<(), Fault> {
        let fleet = self.fleet(Some(terminal.fleet.clone())).await?;
        let closed = fleet.close_terminal(terminal.name.as_str(), why).await;
        closed.map_err(|error| fleet_fault(&error))
    }

    /// Lists the terminals of this machine, of all its fleets and whoever opened them.
    pub(crate) async fn terminals(&self) -> Result<Vec<(Identity, PtyState)>, Fault> {
        let fleet = self.fleet(None).await?;
        let pods = fleet.pods().await.map_err(|error| fleet_fault(&error))?;
        let terminals = pods
            .iter()
            .filter(|pod| pod.class.as_deref() == Some(CLASS));
        let terminals = terminals.filter_map(|pod| {
            let identity = pod.identity.clone()?;
            Some((identity, state(pod)))
        });
        Ok(terminals.collect())
    }

    /// Returns the private memory of the pods of this machine in bytes, where it is known.
    pub(crate) async fn memory_of_pods(&self) -> Result<BTreeMap<PodId, u64>, Fault> {
        let fleet = self.fleet(None).await?;
        let processes = fleet.pod_processes().await;
        let processes = processes.map_err(|error| fleet_fault(&error))?;
        let memory = processes
            .into_iter()
            .filter_map(|(pod, process)| Some((pod, private_memory(process)?)));
        Ok(memory.collect())
    }

    /// Tells how the pods of this machine are.
    ///
    /// # Errors
    /// Fails when the store cannot be read.
    pub async fn terminal_states(&self) -> Result<PtyStatesResult, Fault> {
        let fleet = self.fleet(None).await?;
        let pods = fleet.pods().await.map_err(|error| fleet_fault(&error))?;
        let states = pods.iter().filter_map(|pod| {
            let identity = pod.identity.as_ref()?;
            Some((identity.id.to_string(), state(pod)))
        });
        Ok(PtyStatesResult {
            states: states.collect(),
        })
    }
}

/// Returns the private memory of a process in bytes (proc(5), `RssAnon`).
fn private_memory(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("RssAnon:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib << 10)
}

fn state(pod: &PodRow) -> PtyState {
    match (&pod.availability, &pod.status) {
        (Availability::Live, Some(glance)) if matches!(glance.agent, AgentPhase::Ended { .. }) => {
            PtyState::Ended
        }
        (Availability::Live, _) => PtyState::Live,
        (Availability::Stopped, _) => PtyState::Ended,
        _ => PtyState::Unknown,
    }
}

/// Refuses what the system could never start, before a pod is made for it.
fn refuse_no_program(command: &[String]) -> Result<(), Fault> {
    let why = if command.first().is_some_and(String::is_empty) {
        "it names no program"
    } else if command.iter().any(|word| word.contains('\0')) {
        "a NUL is in it"
    } else {
        return Ok(());
    };
    let message = format!("the command is refused: {why}");
    Err(Fault::new(Code::RequestInvalid, message))
}
