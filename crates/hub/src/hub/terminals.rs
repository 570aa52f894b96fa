//! Operations on terminals.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::join_all;
use podfleet_protocol::method::Nothing;
use podfleet_protocol::{PodId, PodName};
use uuid::Uuid;

use super::{Doer, Hub, Order, now};
use crate::fault::{Code, Fault};
use crate::op::{
    AgentRef, PtyKill, PtyKillParams, PtyListResult, PtyOpen, PtyOpenParams, PtySpawnParams,
    PtyState, PtyStates, PtyStatesResult, PtyView,
};
use crate::topology::{MachineName, Route};

impl Hub {
    /// Opens a terminal.
    pub(super) async fn spawn_terminal(
        &self,
        params: PtySpawnParams,
        order: &Order,
    ) -> Result<Route, Fault> {
        let Terminal { doer, open, route } = self.new_terminal(params, order).await?;
        let session = route.session;
        // The route first: whatever happens then, the terminal is known here.
        let is_new = self.topology.keep_route(&route, doer.endpoint())?;
        if !is_new {
            self.refuse_other_order(&route)?;
        }
        let opened = match doer {
            Doer::Here => self.machine.open_terminal(open).await,
            Doer::There(remote) => remote.call::<PtyOpen>(open, order.deadline).await,
        };
        match opened {
            Ok(opened) => {
                self.drop_routes_of_gone(&route)?;
                if let Some(fleet) = &opened.fleet {
                    self.topology.set_route_fleet(session, fleet)?;
                }
                Ok(Route {
                    fleet: opened.fleet,
                    ..route
                })
            }
            Err(fault) => {
                if is_new && is_refusal(&fault) {
                    self.topology.drop_route(session)?;
                }
                Err(fault)
            }
        }
    }

    /// Drops what is left of terminals of the same name: as their machine has opened this one, it does
    /// not know them any more.
    fn drop_routes_of_gone(&self, new: &Route) -> Result<(), Fault> {
        let is_left = |route: &Route| {
            route.session != new.session
                && (&route.agent, &route.endpoint) == (&new.agent, &new.endpoint)
        };
        for route in self.topology.routes()?.into_iter().filter(is_left) {
            self.topology.drop_route(route.session)?;
        }
        Ok(())
    }

    /// Finds out what a terminal would be. The order's key makes the identity of its pod, so that the
    /// same order again opens no second one.
    pub(super) async fn new_terminal(
        &self,
        params: PtySpawnParams,
        order: &Order,
    ) -> Result<Terminal, Fault> {
        let mount = self.topology.mount(&params.mount)?;
        let machine = mount.endpoint.clone();
        let (doer, mount) = self.resolved(mount, order).await?;
        let session = match &order.key {
            Some(key) => PodId::from_uuid(Uuid::new_v5(&self.info.hub_id, key.as_bytes())),
            None => PodId::generate(),
        };
        let name = match params.name {
            Some(name) => name,
            None => PodName::new(format!("pty-{}", session.short()))
                .map_err(|error| Fault::new(Code::Internal, error.to_string()))?,
        };
        self.refuse_same_name(&name, &machine, session, order)
            .await?;
        let open = PtyOpenParams {
            session,
            name: name.clone(),
            root: mount.root,
            cwd: params.cwd,
            command: params.command,
            size: params.size,
        };
        let route = Route {
            session,
            agent: name,
            endpoint: machine,
            fleet: None,
            mount: params.mount,
            created: now(),
        };
        Ok(Terminal { doer, open, route })
    }

    /// Refuses the name of another terminal that its machine knows: each is meant by its name.
    async fn refuse_same_name(
        &self,
        name: &PodName,
        machine: &MachineName,
        session: PodId,
        order: &Order,
    ) -> Result<(), Fault> {
        let named = AgentRef {
            agent: name.clone(),
            endpoint: machine.clone(),
        };
        let Some(other) = self.route_of(&named)? else {
            return Ok(());
        };
        if other.session == session || !self.is_known(&other, order).await? {
            return Ok(());
        }
        let message = format!("there is a terminal `{named}` already");
        Err(Fault::new(Code::AgentRefused, message)
            .hint(format!("`fleet pty kill {named}` ends it")))
    }

    /// Returns whether the machine of a terminal knows it, in whichever of its fleets.
    pub(super) async fn is_known(&self, route: &Route, order: &Order) -> Result<bool, Fault> {
        let known = self.states_of(&route.endpoint, order).await?;
        Ok(known.states.contains_key(&route.session.to_string()))
    }

    /// Refuses an order whose key was that of another terminal. One that is the same is no new order.
    pub(super) fn refuse_other_order(&self, route: &Route) -> Result<(), Fault> {
        let Some(known) = self.topology.route(route.session)? else {
            return Ok(());
        };
        let same = (&known.agent, &known.endpoint, &known.mount)
            == (&route.agent, &route.endpoint, &route.mount);
        if same {
            return Ok(());
        }
        let message = format!(
            "the key is that of the terminal `{}@{}` on `{}`",
            known.agent,
            known.endpoint.as_str(),
            known.mount
        );
        Err(Fault::new(Code::RequestInvalid, message).hint("another terminal needs another key"))
    }

    pub(super) async fn list_terminals(&self, order: &Order) -> Result<PtyListResult, Fault> {
        let routes = self.topology.routes()?;
        let machines: BTreeSet<&MachineName> = routes.iter().map(|route| &route.endpoint).collect();
        let asked = machines
            .into_iter()
            .map(|machine| async { (machine.clone(), self.states_of(machine, order).await.ok()) });
        let known: BTreeMap<MachineName, Option<PtyStatesResult>> =
            join_all(asked).await.into_iter().collect();
        let state = |route: &Route| match known.get(&route.endpoint) {
            Some(Some(known)) => {
                let state = known.states.get(&route.session.to_string());
                state.copied().unwrap_or(PtyState::Gone)
            }
            _ => PtyState::Unknown,
        };
        let view = |route: Route| PtyView {
            state: state(&route),
            route,
        };
        Ok(PtyListResult {
            terminals: routes.into_iter().map(view).collect(),
        })
    }

    async fn states_of(
        &self,
        machine: &MachineName,
        order: &Order,
    ) -> Result<PtyStatesResult, Fault> {
        match self.doer(machine)? {
            Doer::Here => self.machine.terminal_states().await,
            Doer::There(remote) => {
                remote
                    .call_soon::<PtyStates>(Nothing {}, order.deadline)
                    .await
            }
        }
    }

    pub(super) async fn kill_terminal(
        &self,
        params: PtyKillParams,
        order: &Order,
    ) -> Result<Nothing, Fault> {
        let PtyKillParams { agent, fleet } = params;
        let route = self.route_of(&agent)?;
        let fleet = fleet.or_else(|| route.as_ref()?.fleet.clone());
        let killed = match self.doer(&agent.endpoint)? {
            Doer::Here => {
                self.machine
                    .close_terminal(agent.agent.as_str(), fleet)
                    .await
            }
            Doer::There(remote) => {
                let agent = AgentRef::local(agent.agent.clone());
                let params = PtyKillParams { agent, fleet };
                remote.call::<PtyKill>(params, order.deadline).await
            }
        };
        match (killed, route) {
            (Ok(done), route) => {
                if let Some(route) = route {
                    self.topology.drop_route(route.session)?;
                }
                Ok(done)
            }
            (Err(fault), Some(route)) if fault.code == Code::AgentNotFound => {
                if self.is_known(&route, order).await? {
                    return Err(fault.hint("`fleet pods` there tells in which fleet it is"));
                }
                // Its machine does not know it: what is left of it is the route.
                self.topology.drop_route(route.session)?;
                Ok(Nothing {})
            }
            (Err(fault), _) => Err(fault),
        }
    }

    /// Returns the route of a terminal that is named.
    pub(crate) fn route_of(&self, agent: &AgentRef) -> Result<Option<Route>, Fault> {
        let mut routes = self.topology.routes()?.into_iter();
        Ok(routes.find(|route| route.agent == agent.agent && route.endpoint == agent.endpoint))
    }
}

/// A terminal that is to be opened.
pub(super) struct Terminal {
    pub(super) doer: Doer,
    /// What its machine is asked for.
    pub(super) open: PtyOpenParams,
    /// By what it is known here.
    pub(super) route: Route,
}

/// Whether the machine itself said that there is no terminal, rather than not answering.
fn is_refusal(fault: &Fault) -> bool {
    !matches!(
        fault.code,
        Code::EndpointOffline | Code::DeadlineExceeded | Code::Internal
    )
}
