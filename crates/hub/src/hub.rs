//! A hub: it takes an operation and has it done by the one who can: the topology, this machine, or
//! an endpoint.

mod agents;
mod endpoints;
mod files;
mod grace;
mod mounts;
mod preview;
mod terminals;
mod whereabouts;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use podfleet_protocol::UnixMillis;
use serde::Serialize;
use serde_json::Value;
use tokio::sync::broadcast;
use uuid::Uuid;

use crate::endpoint::{Endpoints, Event, Remote};
use crate::fault::{Code, Fault};
use crate::machine::Machine;
use crate::op::{Call, Info};
use crate::topology::{MachineName, Topology};
use crate::wire::{DEADLINE, VERSION};

pub use files::FilePlace;
pub use grace::Grace;

use grace::Heard;

/// How many events wait for a client that reads slowly, before it is told that it missed some.
const EVENTS: usize = 256;

/// A hub, without its server.
#[derive(Debug)]
pub struct Hub {
    topology: Arc<Topology>,
    machine: Machine,
    endpoints: Endpoints,
    events: broadcast::Sender<Event>,
    heard: Heard,
    info: Info,
}

/// What an operation is carried out for.
#[derive(Debug, Clone)]
pub struct Order {
    /// How long it may take.
    pub deadline: Duration,
    /// What makes it safe to give it again.
    pub key: Option<String>,
    /// Whether it is only asked what it would do.
    pub dry_run: bool,
    /// Whether who gives it may type in terminals.
    pub may_type: bool,
}

impl Default for Order {
    fn default() -> Self {
        Self {
            deadline: DEADLINE,
            key: None,
            dry_run: false,
            may_type: true,
        }
    }
}

/// Who does something: this machine, or an endpoint.
#[derive(Debug, Clone)]
pub enum Doer {
    /// This machine.
    Here,
    /// That endpoint.
    There(Arc<Remote>),
}

impl Doer {
    /// Returns which endpoint it is; nothing for this machine.
    fn endpoint(&self) -> Option<Uuid> {
        match self {
            Self::Here => None,
            Self::There(remote) => Some(remote.endpoint().endpoint_id),
        }
    }
}

impl Hub {
    /// Makes a hub of its parts, and begins to look after its endpoints. `tunnels` is a private
    /// directory for sockets.
    ///
    /// # Errors
    /// Fails when the topology cannot be read: before the first operation, everything that is
    /// recorded is known.
    pub fn begin(
        topology: Topology,
        machine: Machine,
        tunnels: &Path,
        (host, build): (String, String),
    ) -> Result<Arc<Self>, Fault> {
        let heard = Heard::at(topology.heard());
        let topology = Arc::new(topology);
        let events = broadcast::Sender::new(EVENTS);
        let endpoints = Endpoints::new(Arc::clone(&topology), tunnels, events.clone());
        endpoints.begin()?;
        let info = Info {
            hub_id: topology.hub_id(),
            host,
            build,
            version: VERSION,
            min_version: VERSION,
        };
        Ok(Arc::new(Self {
            topology,
            machine,
            endpoints,
            events,
            heard,
            info,
        }))
    }

    /// Returns which hub this is.
    #[must_use]
    pub const fn info(&self) -> &Info {
        &self.info
    }

    /// Returns what is recorded.
    #[must_use]
    pub fn topology(&self) -> &Arc<Topology> {
        &self.topology
    }

    /// Returns this machine.
    #[must_use]
    pub const fn machine(&self) -> &Machine {
        &self.machine
    }

    /// Takes note that somebody asks who may open terminals here.
    pub(crate) fn hear(&self) {
        self.heard.now();
    }

    /// Returns the endpoints.
    #[must_use]
    pub const fn endpoints(&self) -> &Endpoints {
        &self.endpoints
    }

    /// Follows what changes.
    #[must_use]
    pub fn events(&self) -> broadcast::Receiver<Event> {
        self.events.subscribe()
    }

    /// Carries an operation out, or says what it would do. Dropping the future cancels it.
    ///
    /// # Errors
    /// Fails as the operation does, and when it takes longer than its deadline. A dry run fails as the
    /// operation would, save for what only its doing can tell, such as a disk that is full; and for an
    /// operation that changes nothing.
    pub async fn carry_out(&self, call: Call, order: &Order) -> Result<Value, Fault> {
        let op = call.name();
        let done = async {
            match order.dry_run {
                true => json(self.preview(call, order).await?),
                false => self.dispatch(call, order).await,
            }
        };
        let done = tokio::time::timeout(order.deadline, done).await;
        let value = done.unwrap_or_else(|_| {
            let message = format!("`{op}` took longer than {} ms", order.deadline.as_millis());
            Err(Fault::new(Code::DeadlineExceeded, message))
        })?;
        if is_change(op) && !order.dry_run {
            // Nobody has to listen.
            let _ = self.events.send(Event::Topology { op: op.to_owned() });
        }
        Ok(value)
    }

    async fn dispatch(&self, call: Call, order: &Order) -> Result<Value, Fault> {
        match call {
            Call::HubInfo(_) => json(&self.info),
            Call::EndpointList(_) => json(self.list_endpoints()?),
            Call::EndpointProbe(params) => json(self.probe(&params).await?),
            Call::EndpointAdd(params) => json(self.add_endpoint(*params).await?),
            Call::EndpointUpdate(params) => json(self.update_endpoint(*params).await?),
            Call::EndpointRename(params) => json(self.rename_endpoint(&params)?),
            Call::EndpointRemove(params) => json(self.remove_endpoint(&params)?),
            Call::EndpointRetry(params) => json(self.retry_endpoint(&params)?),
            Call::MountList(params) => json(self.list_mounts(&params)?),
            Call::MountAdd(params) => json(self.add_mount(*params, order).await?),
            Call::MountRename(params) => json(self.rename_mount(&params)?),
            Call::MountReorder(params) => json(self.reorder_mount(&params)?),
            Call::MountRemove(params) => json(self.remove_mount(&params)?),
            Call::MountResolve(params) => json(self.resolve_mount(&params)?),
            Call::FsRoot(params) => json(self.check_root(&params).await?),
            Call::FsStat(params) => json(self.stat(*params, order).await?),
            Call::FsList(params) => json(self.list(*params, order).await?),
            Call::FsMkdir(params) => json(self.mkdir(*params, order).await?),
            Call::FsRename(params) => json(self.rename(*params, order).await?),
            Call::FsCopy(params) => json(self.copy(*params, order).await?),
            Call::FsRemove(params) => json(self.remove(*params, order).await?),
            Call::FleetPs(params) => json(self.agents(*params, order).await?),
            Call::FleetSend(params) => json(self.send(*params, order).await?),
            Call::FleetTail(params) => json(self.tail(*params, order).await?),
            Call::FleetLog(params) => json(self.log(*params, order).await?),
            Call::FleetInbox(params) => json(self.inbox(*params, order).await?),
            Call::FleetReceipt(params) => json(self.receipt(*params, order).await?),
            Call::PtySpawn(params) => json(self.spawn_terminal(*params, order).await?),
            Call::PtyOpen(params) => json(self.machine.open_terminal(*params).await?),
            Call::PtyList(_) => json(self.list_terminals(order).await?),
            Call::PtyStates(_) => json(self.machine.terminal_states().await?),
            Call::PtyKill(params) => json(self.kill_terminal(*params, order).await?),
        }
    }

    /// Returns who is meant by a machine's name.
    ///
    /// # Errors
    /// Fails when there is no such endpoint.
    pub fn doer(&self, machine: &MachineName) -> Result<Doer, Fault> {
        let name = match machine {
            MachineName::Local => return Ok(Doer::Here),
            MachineName::Endpoint(name) => name,
        };
        let endpoint = self.topology.endpoint(name)?;
        let remote = self.endpoints.get(endpoint.endpoint_id);
        remote.map(Doer::There).ok_or_else(|| {
            let message = format!("endpoint `{name}` is being removed");
            Fault::new(Code::EndpointNotFound, message).about(name.as_str())
        })
    }
}

fn is_change(op: &str) -> bool {
    matches!(
        op,
        "endpoint.add"
            | "endpoint.update"
            | "endpoint.rename"
            | "endpoint.remove"
            | "mount.add"
            | "mount.rename"
            | "mount.reorder"
            | "mount.remove"
            | "pty.spawn"
            | "pty.kill"
    )
}

pub(crate) fn json(value: impl Serialize) -> Result<Value, Fault> {
    serde_json::to_value(value).map_err(|error| Fault::new(Code::Internal, error.to_string()))
}

fn now() -> UnixMillis {
    podfleet_pod::clock::wall()
}
