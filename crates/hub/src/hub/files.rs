//! Operations on files. A mount is resolved to a machine first; a path of another machine is never
//! used here.

use podfleet_protocol::method::Nothing;

use super::{Doer, Hub, Order};
use crate::contained::{CopyReport, ListPage, Stat};
use crate::fault::Fault;
use crate::op::{
    FsCopy, FsList, FsMkdir, FsRemove, FsRename, FsStat, ListParams, MkdirParams, PathParams,
    Place, RemoveParams, TwoPathsParams,
};
use crate::path::MountPath;

/// Where a file is: the machine, and the directory there that its path is below.
#[derive(Debug, Clone)]
pub struct FilePlace {
    /// The machine.
    pub doer: Doer,
    /// The directory there, absolute.
    pub root: String,
}

impl FilePlace {
    /// Reads a path below it: plain, or a `file:` URI.
    ///
    /// # Errors
    /// Fails when the path is refused.
    pub fn path(&self, text: &str) -> Result<MountPath, Fault> {
        MountPath::parse(text, std::path::Path::new(&self.root))
    }
}

impl Hub {
    /// Finds out where a place is.
    ///
    /// # Errors
    /// Fails when there is no such mount, or its machine does not confirm it.
    pub async fn file_place(&self, place: &Place, order: &Order) -> Result<FilePlace, Fault> {
        match place {
            Place::Root(root) => Ok(FilePlace {
                doer: Doer::Here,
                root: root.clone(),
            }),
            Place::Mount(mount) => {
                let mount = self.topology.mount(mount)?;
                let (doer, mount) = self.resolved(mount, order).await?;
                Ok(FilePlace {
                    doer,
                    root: mount.root,
                })
            }
        }
    }

    pub(super) async fn stat(&self, params: PathParams, order: &Order) -> Result<Stat, Fault> {
        let place = self.file_place(&params.place, order).await?;
        let path = place.path(&params.path)?.as_str().to_owned();
        match place.doer {
            Doer::Here => self.machine.stat(&place.root, &path).await,
            Doer::There(remote) => {
                let place = Place::Root(place.root);
                remote
                    .call::<FsStat>(PathParams { place, path }, order.deadline)
                    .await
            }
        }
    }

    pub(super) async fn list(&self, params: ListParams, order: &Order) -> Result<ListPage, Fault> {
        let place = self.file_place(&params.place, order).await?;
        let path = place.path(&params.path)?.as_str().to_owned();
        match place.doer {
            Doer::Here => {
                let ListParams { after, limit, .. } = params;
                self.machine.list(&place.root, &path, after, limit).await
            }
            Doer::There(remote) => {
                let place = Place::Root(place.root);
                let params = ListParams {
                    place,
                    path,
                    ..params
                };
                remote.call::<FsList>(params, order.deadline).await
            }
        }
    }

    pub(super) async fn mkdir(&self, params: MkdirParams, order: &Order) -> Result<Stat, Fault> {
        let place = self.file_place(&params.place, order).await?;
        let path = place.path(&params.path)?.as_str().to_owned();
        match place.doer {
            Doer::Here => self.machine.mkdir(&place.root, &path, params.parents).await,
            Doer::There(remote) => {
                let place = Place::Root(place.root);
                let params = MkdirParams {
                    place,
                    path,
                    ..params
                };
                remote.call::<FsMkdir>(params, order.deadline).await
            }
        }
    }

    pub(super) async fn rename(
        &self,
        params: TwoPathsParams,
        order: &Order,
    ) -> Result<Nothing, Fault> {
        let (place, params) = self.two_paths(params, order).await?;
        match place {
            Doer::Here => {
                let (root, paths) = here(&params);
                self.machine.rename(root, paths, params.replace).await
            }
            Doer::There(remote) => remote.call::<FsRename>(params, order.deadline).await,
        }
    }

    pub(super) async fn copy(
        &self,
        params: TwoPathsParams,
        order: &Order,
    ) -> Result<CopyReport, Fault> {
        let (place, params) = self.two_paths(params, order).await?;
        match place {
            Doer::Here => {
                let (root, paths) = here(&params);
                self.machine.copy(root, paths, params.replace).await
            }
            Doer::There(remote) => remote.call::<FsCopy>(params, order.deadline).await,
        }
    }

    pub(super) async fn remove(
        &self,
        params: RemoveParams,
        order: &Order,
    ) -> Result<Nothing, Fault> {
        let place = self.file_place(&params.place, order).await?;
        let path = place.path(&params.path)?.as_str().to_owned();
        match place.doer {
            Doer::Here => {
                self.machine
                    .remove(&place.root, &path, params.removal)
                    .await
            }
            Doer::There(remote) => {
                let place = Place::Root(place.root);
                let params = RemoveParams {
                    place,
                    path,
                    ..params
                };
                remote.call::<FsRemove>(params, order.deadline).await
            }
        }
    }

    /// Resolves the place of two paths; what comes back names the directory on its machine.
    async fn two_paths(
        &self,
        params: TwoPathsParams,
        order: &Order,
    ) -> Result<(Doer, TwoPathsParams), Fault> {
        let place = self.file_place(&params.place, order).await?;
        let resolved = TwoPathsParams {
            from: place.path(&params.from)?.as_str().to_owned(),
            to: place.path(&params.to)?.as_str().to_owned(),
            place: Place::Root(place.root),
            replace: params.replace,
        };
        Ok((place.doer, resolved))
    }
}

fn here(params: &TwoPathsParams) -> (&str, (&str, &str)) {
    let root = match &params.place {
        Place::Root(root) => root.as_str(),
        Place::Mount(_) => "",
    };
    (root, (&params.from, &params.to))
}
