//! What each operation would do. None of it passes by what does it: a dry run can do nothing by
//! mistake.

use std::path::PathBuf;

use podfleet_protocol::PodName;

use super::agents::within_rights;
use super::files::root_of;
use super::terminals::Terminal;
use super::{Doer, Hub, Order, now};
use crate::client::{HubClient, Way};
use crate::endpoint::greet;
use crate::fault::{Code, Fault};
use crate::op::{
    AgentRef, Call, EndpointAddParams, EndpointRemoveParams, EndpointUpdateParams, FleetSend,
    FsCopy, FsMkdir, FsRemove, FsRename, MkdirParams, MountAddParams, MountReorderParams, PtyKill,
    PtyKillParams, PtyOpen, PtySpawnParams, RemoveParams, SendParams, TwoPathsParams,
};
use crate::preview::{Change, Effect, Preview, Thing};
use crate::secret::Entrusted;
use crate::topology::{Endpoint, MachineName};

impl Hub {
    pub(super) async fn preview(&self, call: Call, order: &Order) -> Result<Preview, Fault> {
        let topology = self.topology.rehearsal();
        match call {
            Call::EndpointAdd(params) => self.preview_add(*params).await,
            Call::EndpointUpdate(params) => self.preview_update(*params).await,
            Call::EndpointRename(params) => {
                let renamed = topology.rename_endpoint(&params.name, &params.new, now())?;
                let effect = Effect::new(Thing::Endpoint, &params.name, Change::Renamed);
                Ok(effect.to(&renamed.name).into())
            }
            Call::EndpointRemove(params) => self.preview_removal(&params),
            Call::MountAdd(params) => self.preview_mount(*params, order).await,
            Call::MountRename(params) => {
                let renamed = topology.rename_mount(&params.mount, &params.new, now())?;
                let effect = Effect::new(Thing::Mount, &params.mount, Change::Renamed);
                Ok(effect.to(&renamed.named()).into())
            }
            Call::MountReorder(params) => self.preview_reorder(&params),
            Call::MountRemove(params) => {
                let removed = topology.remove_mount(&params.mount)?;
                let effect = Effect::new(Thing::Mount, &params.mount, Change::Removed);
                Ok(effect.detail(format!("{} stays", removed.root)).into())
            }
            Call::FsMkdir(params) => self.preview_mkdir(*params, order).await,
            Call::FsRename(params) => self.preview_rename(*params, order).await,
            Call::FsCopy(params) => self.preview_copy(*params, order).await,
            Call::FsRemove(params) => self.preview_remove(*params, order).await,
            Call::FleetSend(params) => self.preview_send(*params, order).await,
            Call::PtySpawn(params) => self.preview_spawn(*params, order).await,
            Call::PtyOpen(params) => self.machine.preview_open(*params).await,
            Call::PtyKill(params) => self.preview_kill(*params, order).await,
            Call::HubInfo(_)
            | Call::EndpointList(_)
            | Call::EndpointProbe(_)
            | Call::EndpointRetry(_)
            | Call::MountList(_)
            | Call::MountResolve(_)
            | Call::FsRoot(_)
            | Call::FsStat(_)
            | Call::FsList(_)
            | Call::FleetPs(_)
            | Call::FleetTail(_)
            | Call::FleetLog(_)
            | Call::FleetInbox(_)
            | Call::FleetReceipt(_)
            | Call::PtyList(_)
            | Call::PtyStates(_) => {
                let message = format!("`{}` changes nothing that is kept", call.name());
                let fault = Fault::new(Code::RequestInvalid, message);
                Err(fault.hint("`dry_run` is for what changes something"))
            }
        }
    }

    async fn preview_add(&self, params: EndpointAddParams) -> Result<Preview, Fault> {
        let token = params.token.as_ref().map(Entrusted::copy);
        let added = self.added_in(&self.topology.rehearsal(), params).await?;
        let mut detail = added.reach.to_string();
        // A login proves who asks by ssh, and a tunnel is more than a look.
        if let Some(token) = token {
            let client = HubClient::new(Way::of(&added.reach, PathBuf::new()), Some(token));
            if let Err(status) = greet(&client, &added.reach).await {
                let why = status.detail().unwrap_or_default();
                detail = format!("{detail}; it would be {status}: {why}");
            }
        }
        let effect = Effect::new(Thing::Endpoint, &added.name, Change::Added);
        Ok(effect.detail(detail).into())
    }

    async fn preview_update(&self, params: EndpointUpdateParams) -> Result<Preview, Fault> {
        let topology = self.topology.rehearsal();
        let new = [
            params.pin.map(|pin| format!("the key {pin}")),
            params.token.as_ref().map(|_| "another token".to_owned()),
        ];
        let new: Vec<String> = new.into_iter().flatten().collect();
        let updated = self.updated_in(&topology, params).await?;
        let effect = Effect::new(Thing::Endpoint, &updated.name, Change::Changed);
        let detail = match new.as_slice() {
            [] => "whichever hub answers there now is taken for its own".to_owned(),
            new => new.join(" and "),
        };
        Ok(effect.detail(detail).into())
    }

    fn preview_removal(&self, params: &EndpointRemoveParams) -> Result<Preview, Fault> {
        let topology = self.topology.rehearsal();
        let (mounts, routes) = (topology.mounts(None)?, topology.routes()?);
        let (Endpoint { name, .. }, _) =
            topology.remove_endpoint(&params.name, params.expected())?;
        let machine = MachineName::Endpoint(name.clone());
        let mut effects = vec![Effect::new(Thing::Endpoint, &name, Change::Removed)];
        let mounts = mounts.iter().filter(|mount| mount.endpoint == machine);
        effects.extend(mounts.map(|mount| {
            let effect = Effect::new(Thing::Mount, &mount.named(), Change::Removed);
            effect.detail(format!("{} stays", mount.root))
        }));
        let routes = routes.into_iter().filter(|route| route.endpoint == machine);
        effects.extend(routes.map(|route| {
            let terminal = terminal(route.agent, &machine);
            let effect = Effect::new(Thing::Terminal, &terminal, Change::Forgotten);
            effect.detail("it goes on there")
        }));
        Ok(Preview { effects })
    }

    async fn preview_mount(&self, params: MountAddParams, order: &Order) -> Result<Preview, Fault> {
        let new = self.new_mount(params, order).await?;
        let added = self.topology.rehearsal().add_mount(&new, now())?;
        let effect = Effect::new(Thing::Mount, &added.named(), Change::Added);
        let unchecked = if added.checked { "" } else { ", unchecked" };
        let detail = format!("{} on {}{unchecked}", added.root, added.endpoint);
        Ok(effect.detail(detail).into())
    }

    fn preview_reorder(&self, params: &MountReorderParams) -> Result<Preview, Fault> {
        let topology = self.topology.rehearsal();
        let before = topology.mount(&params.mount)?.position;
        let moved = topology.reorder_mount(&params.mount, params.position, now())?;
        if moved.position == before {
            return Ok(Preview::default());
        }
        let effect = Effect::new(Thing::Mount, &moved.named(), Change::Moved);
        let detail = format!("from place {before} to {}", moved.position);
        Ok(effect.detail(detail).into())
    }

    async fn preview_mkdir(&self, params: MkdirParams, order: &Order) -> Result<Preview, Fault> {
        let (doer, at) = self.below(params, order).await?;
        match doer {
            Doer::Here => {
                let root = root_of(&at.place);
                self.machine.preview_mkdir(root, &at.path, at.parents).await
            }
            Doer::There(remote) => remote.preview::<FsMkdir>(at, order.deadline).await,
        }
    }

    async fn preview_rename(
        &self,
        params: TwoPathsParams,
        order: &Order,
    ) -> Result<Preview, Fault> {
        let (doer, at) = self.below(params, order).await?;
        match doer {
            Doer::Here => {
                let (root, paths) = (root_of(&at.place), (&*at.from, &*at.to));
                self.machine.preview_rename(root, paths, at.replace).await
            }
            Doer::There(remote) => remote.preview::<FsRename>(at, order.deadline).await,
        }
    }

    async fn preview_copy(&self, params: TwoPathsParams, order: &Order) -> Result<Preview, Fault> {
        let (doer, at) = self.below(params, order).await?;
        match doer {
            Doer::Here => {
                let (root, paths) = (root_of(&at.place), (&*at.from, &*at.to));
                self.machine.preview_copy(root, paths, at.replace).await
            }
            Doer::There(remote) => remote.preview::<FsCopy>(at, order.deadline).await,
        }
    }

    async fn preview_remove(&self, params: RemoveParams, order: &Order) -> Result<Preview, Fault> {
        let (doer, at) = self.below(params, order).await?;
        match doer {
            Doer::Here => {
                let root = root_of(&at.place);
                self.machine
                    .preview_remove(root, &at.path, at.removal)
                    .await
            }
            Doer::There(remote) => remote.preview::<FsRemove>(at, order.deadline).await,
        }
    }

    async fn preview_send(&self, params: SendParams, order: &Order) -> Result<Preview, Fault> {
        let mut params = within_rights(params, order);
        let named = params.to.clone();
        let (agent, fleet) = self.whereabouts(named.clone(), params.fleet).await?;
        params.fleet = fleet;
        let looked = match self.doer(&agent.endpoint)? {
            Doer::Here => self.machine.preview_send(params).await,
            Doer::There(remote) => {
                params.to = AgentRef::local(agent.agent);
                remote.preview::<FleetSend>(params, order.deadline).await
            }
        };
        Ok(looked?.named(|_| named.to_string()))
    }

    async fn preview_spawn(&self, params: PtySpawnParams, order: &Order) -> Result<Preview, Fault> {
        let Terminal { doer, open, route } = self.new_terminal(params, order).await?;
        let endpoint = doer.endpoint();
        if !self.topology.rehearsal().keep_route(&route, endpoint)? {
            self.refuse_other_order(&route)?;
        }
        let looked = match doer {
            Doer::Here => self.machine.preview_open(open).await,
            Doer::There(remote) => remote.preview::<PtyOpen>(open, order.deadline).await,
        };
        Ok(looked?.named(|_| terminal(route.agent.clone(), &route.endpoint).to_string()))
    }

    async fn preview_kill(&self, params: PtyKillParams, order: &Order) -> Result<Preview, Fault> {
        let PtyKillParams { agent, fleet } = params;
        let route = self.route_of(&agent)?;
        let fleet = fleet.or_else(|| route.as_ref()?.fleet.clone());
        let looked = match self.doer(&agent.endpoint)? {
            Doer::Here => {
                let name = agent.agent.as_str();
                self.machine.preview_close(name, fleet).await
            }
            Doer::There(remote) => {
                let agent = AgentRef::local(agent.agent.clone());
                let params = PtyKillParams { agent, fleet };
                remote.preview::<PtyKill>(params, order.deadline).await
            }
        };
        match (looked, route) {
            (Ok(preview), _) => Ok(preview.named(|_| agent.to_string())),
            (Err(fault), Some(route)) if fault.code == Code::AgentNotFound => {
                if self.is_known(&route, order).await? {
                    return Err(fault);
                }
                let effect = Effect::new(Thing::Terminal, &agent, Change::Forgotten);
                Ok(effect.detail("its machine does not know it").into())
            }
            (Err(fault), _) => Err(fault),
        }
    }
}

/// Names a terminal as commands take it.
fn terminal(agent: PodName, machine: &MachineName) -> AgentRef {
    AgentRef {
        agent,
        endpoint: machine.clone(),
    }
}
