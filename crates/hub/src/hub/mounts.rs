//! Operations on mounts.

use std::path::Path;

use podfleet_protocol::Shown;

use super::{Doer, Hub, Order, now};
use crate::fault::{Code, Fault};
use crate::op::{
    FsRoot, MountAddParams, MountListParams, MountListResult, MountParams, MountRenameParams,
    MountReorderParams, MountView, RootParams, RootResult,
};
use crate::topology::{Mount, NewMount};

impl Hub {
    pub(super) fn list_mounts(&self, params: &MountListParams) -> Result<MountListResult, Fault> {
        let mounts = self.topology.mounts(params.space.as_ref())?;
        let mounts = mounts.into_iter().map(|mount| self.view_mount(mount));
        Ok(MountListResult {
            mounts: mounts.collect::<Result<_, _>>()?,
        })
    }

    pub(super) async fn add_mount(
        &self,
        params: MountAddParams,
        order: &Order,
    ) -> Result<MountView, Fault> {
        let new = self.new_mount(params, order).await?;
        self.view_mount(self.topology.add_mount(&new, now())?)
    }

    /// Finds out what a mount would be, by asking the machine that has its directory.
    pub(super) async fn new_mount(
        &self,
        params: MountAddParams,
        order: &Order,
    ) -> Result<NewMount, Fault> {
        if !Path::new(&params.root).is_absolute() {
            let message = format!("the root `{}` is not absolute", Shown(&params.root));
            return Err(Fault::new(Code::PathOutsideRoot, message));
        }
        let doer = self.doer(&params.endpoint)?;
        let confirmed = self.confirm(&doer, &params.root, order).await;
        let (root, checked) = match confirmed {
            Ok(root) => (root, true),
            // Only a machine that cannot be asked is believed in advance, not one that says no.
            Err(fault) if params.unchecked && unreachable(&fault) => (params.root, false),
            Err(fault) if unreachable(&fault) => {
                return Err(fault.hint("`--unchecked` takes it now, and it is checked later"));
            }
            Err(fault) => return Err(fault),
        };
        let endpoint = match doer {
            Doer::Here => None,
            Doer::There(remote) => Some(remote.endpoint()),
        };
        Ok(NewMount {
            mount: params.mount,
            endpoint,
            root,
            checked,
        })
    }

    pub(super) fn rename_mount(&self, params: &MountRenameParams) -> Result<MountView, Fault> {
        self.view_mount(
            self.topology
                .rename_mount(&params.mount, &params.new, now())?,
        )
    }

    pub(super) fn reorder_mount(&self, params: &MountReorderParams) -> Result<MountView, Fault> {
        let (mount, position) = (&params.mount, params.position);
        self.view_mount(self.topology.reorder_mount(mount, position, now())?)
    }

    pub(super) fn remove_mount(&self, params: &MountParams) -> Result<MountView, Fault> {
        self.view_mount(self.topology.remove_mount(&params.mount)?)
    }

    pub(super) fn resolve_mount(&self, params: &MountParams) -> Result<MountView, Fault> {
        self.view_mount(self.topology.mount(&params.mount)?)
    }

    pub(super) async fn check_root(&self, params: &RootParams) -> Result<RootResult, Fault> {
        let root = self.machine.check_root(&params.root).await?;
        Ok(RootResult { root })
    }

    /// Has the machine itself say which directory is meant.
    pub(super) async fn confirm(
        &self,
        doer: &Doer,
        root: &str,
        order: &Order,
    ) -> Result<String, Fault> {
        match doer {
            Doer::Here => self.machine.check_root(root).await,
            Doer::There(remote) => {
                let params = RootParams {
                    root: root.to_owned(),
                };
                Ok(remote.call::<FsRoot>(params, order.deadline).await?.root)
            }
        }
    }

    fn view_mount(&self, mount: Mount) -> Result<MountView, Fault> {
        let status = self.status_of(&mount.endpoint)?;
        Ok(MountView { mount, status })
    }

    /// Finds out what a mount is. One that was never checked is checked now; it is served by nobody
    /// before.
    pub(super) async fn resolved(
        &self,
        mount: Mount,
        order: &Order,
    ) -> Result<(Doer, Mount), Fault> {
        let doer = self.doer(&mount.endpoint)?;
        if mount.checked {
            return Ok((doer, mount));
        }
        let root = self.confirm(&doer, &mount.root, order).await?;
        let topology = match order.dry_run {
            true => &self.topology.rehearsal(),
            false => &*self.topology,
        };
        topology.confirm_mount(mount.mount_id, &root)?;
        let confirmed = Mount {
            root,
            checked: true,
            ..mount
        };
        Ok((doer, confirmed))
    }
}

fn unreachable(fault: &Fault) -> bool {
    matches!(
        fault.code,
        Code::EndpointOffline | Code::EndpointAuth | Code::EndpointIncompatible
    )
}
