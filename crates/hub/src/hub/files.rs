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
        let (doer, at) = self.below(params, order).await?;
        match doer {
            Doer::Here => self.machine.stat(root_of(&at.place), &at.path).await,
            Doer::There(remote) => remote.call::<FsStat>(at, order.deadline).await,
        }
    }

    pub(super) async fn list(&self, params: ListParams, order: &Order) -> Result<ListPage, Fault> {
        let (doer, at) = self.below(params, order).await?;
        match doer {
            Doer::Here => {
                let root = root_of(&at.place);
                self.machine.list(root, &at.path, at.after, at.limit).await
            }
            Doer::There(remote) => remote.call::<FsList>(at, order.deadline).await,
        }
    }

    pub(super) async fn mkdir(&self, params: MkdirParams, order: &Order) -> Result<Stat, Fault> {
        let (doer, at) = self.below(params, order).await?;
        match doer {
            Doer::Here => {
                let root = root_of(&at.place);
                self.machine.mkdir(root, &at.path, at.parents).await
            }
            Doer::There(remote) => remote.call::<FsMkdir>(at, order.deadline).await,
        }
    }

    pub(super) async fn rename(
        &self,
        params: TwoPathsParams,
        order: &Order,
    ) -> Result<Nothing, Fault> {
        let (doer, at) = self.below(params, order).await?;
        match doer {
            Doer::Here => {
                let (root, paths) = (root_of(&at.place), (&*at.from, &*at.to));
                self.machine.rename(root, paths, at.replace).await
            }
            Doer::There(remote) => remote.call::<FsRename>(at, order.deadline).await,
        }
    }

    pub(super) async fn copy(
        &self,
        params: TwoPathsParams,
        order: &Order,
    ) -> Result<CopyReport, Fault> {
        let (doer, at) = self.below(params, order).await?;
        match doer {
            Doer::Here => {
                let (root, paths) = (root_of(&at.place), (&*at.from, &*at.to));
                self.machine.copy(root, paths, at.replace).await
            }
            Doer::There(remote) => remote.call::<FsCopy>(at, order.deadline).await,
        }
    }

    pub(super) async fn remove(
        &self,
        params: RemoveParams,
        order: &Order,
    ) -> Result<Nothing, Fault> {
        let (doer, at) = self.below(params, order).await?;
        match doer {
            Doer::Here => {
                let root = root_of(&at.place);
                self.machine.remove(root, &at.path, at.removal).await
            }
            Doer::There(remote) => remote.call::<FsRemove>(at, order.deadline).await,
        }
    }

    /// Finds out which machine is to do something with files, and says it in that machine's words:
    /// below which of its directories, and with plain paths.
    pub(super) async fn below<P: OfPlace>(
        &self,
        mut params: P,
        order: &Order,
    ) -> Result<(Doer, P), Fault> {
        let place = self.file_place(params.place(), order).await?;
        for path in params.paths() {
            *path = place.path(path)?.as_str().to_owned();
        }
        *params.place() = Place::Root(place.root);
        Ok((place.doer, params))
    }
}

/// Returns the directory of a place that was found out.
pub(super) fn root_of(place: &Place) -> &str {
    match place {
        Place::Root(root) => root,
        Place::Mount(_) => "",
    }
}

/// Parameters of an operation on files.
pub(super) trait OfPlace {
    fn place(&mut self) -> &mut Place;
    fn paths(&mut self) -> Vec<&mut String>;
}

macro_rules! of_place {
    ($($params:ty: $($path:ident),+;)*) => {
        $(impl OfPlace for $params {
            fn place(&mut self) -> &mut Place {
                &mut self.place
            }

            fn paths(&mut self) -> Vec<&mut String> {
                vec![$(&mut self.$path),+]
            }
        })*
    };
}

of_place! {
    PathParams: path;
    ListParams: path;
    MkdirParams: path;
    TwoPathsParams: from, to;
    RemoveParams: path;
}
