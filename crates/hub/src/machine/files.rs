//! Files of this machine, below directories that it serves.

use std::path::PathBuf;
use std::sync::Arc;

use podfleet_protocol::Shown;
use podfleet_protocol::method::Nothing;
use tokio_util::sync::CancellationToken;

use super::Machine;
use crate::contained::{Contained, CopyReport, ListPage, Precondition, Removal, Stat, check_root};
use crate::fault::{Code, Fault};
use crate::path::MountPath;
use crate::preview::Preview;

/// A directory of this machine that paths are below.
#[derive(Debug, Clone)]
pub struct Root {
    path: PathBuf,
    contained: Arc<Contained>,
}

impl Root {
    /// Reads a path below it.
    ///
    /// # Errors
    /// Fails when the path is refused.
    pub fn path(&self, text: &str) -> Result<MountPath, Fault> {
        MountPath::parse(text, &self.path)
    }

    /// Does something with its files, on a thread that may block.
    ///
    /// # Errors
    /// Fails as the work does.
    pub async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Contained) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Fault> {
        let contained = Arc::clone(&self.contained);
        blocking(move || work(&contained)).await
    }
}

impl Machine {
    /// Confirms that a directory may be a mount, and returns its real path.
    ///
    /// # Errors
    /// Fails when it is none, or not below a directory that this hub serves.
    pub async fn check_root(&self, root: &str) -> Result<String, Fault> {
        let (root, allowed) = (PathBuf::from(root), self.allowed.clone());
        let closed = Arc::clone(&self.closed);
        let real = blocking(move || check_root(&root, &allowed, &closed)).await?;
        real.into_os_string()
            .into_string()
            .map_err(|_| Fault::new(Code::PathOutsideRoot, "the directory's path is no UTF-8"))
    }

    /// Opens a directory as the limit of what follows.
    ///
    /// # Errors
    /// Fails when it is none, or not below a directory that this hub serves.
    pub async fn root(&self, root: &str) -> Result<Root, Fault> {
        let (path, allowed) = (PathBuf::from(root), self.allowed.clone());
        if !path.is_absolute() {
            let message = format!("the root `{}` is not absolute", Shown(root));
            return Err(Fault::new(Code::PathOutsideRoot, message));
        }
        let opened = {
            let path = path.clone();
            blocking(move || Contained::open(&path, &allowed)).await?
        };
        let opened = opened.closing(Arc::clone(&self.closed));
        Ok(Root {
            path,
            contained: Arc::new(opened),
        })
    }

    /// Tells what something is.
    ///
    /// # Errors
    /// Fails as [`Contained::stat`] does.
    pub async fn stat(&self, root: &str, path: &str) -> Result<Stat, Fault> {
        let (root, allowed) = (PathBuf::from(root), self.allowed.clone());
        let closed = Arc::clone(&self.closed);
        let path = MountPath::parse(path, &root)?;
        // One step instead of two: this is what is asked most.
        let look = move || {
            let files = Contained::open(&root, &allowed)?.closing(closed);
            files.stat(&path)
        };
        blocking(look).await
    }

    /// Lists a directory.
    ///
    /// # Errors
    /// Fails as [`Contained::list`] does.
    pub async fn list(
        &self,
        root: &str,
        path: &str,
        after: Option<String>,
        limit: u32,
    ) -> Result<ListPage, Fault> {
        let root = self.root(root).await?;
        let path = root.path(path)?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        root.with(move |files| files.list(&path, after.as_deref(), limit))
            .await
    }

    /// Makes a directory.
    ///
    /// # Errors
    /// Fails as [`Contained::mkdir`] does.
    pub async fn mkdir(&self, root: &str, path: &str, parents: bool) -> Result<Stat, Fault> {
        let root = self.root(root).await?;
        let path = root.path(path)?;
        root.with(move |files| files.mkdir(&path, parents)).await
    }

    /// Renames something.
    ///
    /// # Errors
    /// Fails as [`Contained::rename`] does.
    pub async fn rename(
        &self,
        root: &str,
        (from, to): (&str, &str),
        replace: bool,
    ) -> Result<Nothing, Fault> {
        let root = self.root(root).await?;
        let (from, to) = (root.path(from)?, root.path(to)?);
        root.with(move |files| files.rename(&from, &to, replace))
            .await?;
        Ok(Nothing {})
    }

    /// Copies a file. Dropping the future ends it, with nothing copied.
    ///
    /// # Errors
    /// Fails as [`Contained::copy`] does.
    pub async fn copy(
        &self,
        root: &str,
        (from, to): (&str, &str),
        replace: bool,
    ) -> Result<CopyReport, Fault> {
        let root = self.root(root).await?;
        let (from, to) = (root.path(from)?, root.path(to)?);
        let waited_for = CancellationToken::new();
        let _ends_with_this = waited_for.clone().drop_guard();
        root.with(move |files| files.copy(&from, &to, replace, &waited_for))
            .await
    }

    /// Removes something. Dropping the future ends the removal of a tree where it is.
    ///
    /// # Errors
    /// Fails as [`Contained::remove`] does.
    pub async fn remove(&self, root: &str, path: &str, removal: Removal) -> Result<Nothing, Fault> {
        let root = self.root(root).await?;
        let path = root.path(path)?;
        let waited_for = CancellationToken::new();
        let _ends_with_this = waited_for.clone().drop_guard();
        root.with(move |files| files.remove(&path, removal, &waited_for))
            .await?;
        Ok(Nothing {})
    }

    /// Says what [`mkdir`](Self::mkdir) would do.
    ///
    /// # Errors
    /// As it.
    pub async fn preview_mkdir(
        &self,
        root: &str,
        path: &str,
        parents: bool,
    ) -> Result<Preview, Fault> {
        let root = self.root(root).await?;
        let path = root.path(path)?;
        root.with(move |files| files.preview_mkdir(&path, parents))
            .await
    }

    /// Says what [`rename`](Self::rename) would do.
    ///
    /// # Errors
    /// As it.
    pub async fn preview_rename(
        &self,
        root: &str,
        (from, to): (&str, &str),
        replace: bool,
    ) -> Result<Preview, Fault> {
        let root = self.root(root).await?;
        let (from, to) = (root.path(from)?, root.path(to)?);
        root.with(move |files| files.preview_rename(&from, &to, replace))
            .await
    }

    /// Says what [`copy`](Self::copy) would do.
    ///
    /// # Errors
    /// As it.
    pub async fn preview_copy(
        &self,
        root: &str,
        (from, to): (&str, &str),
        replace: bool,
    ) -> Result<Preview, Fault> {
        let root = self.root(root).await?;
        let (from, to) = (root.path(from)?, root.path(to)?);
        root.with(move |files| files.preview_copy(&from, &to, replace))
            .await
    }

    /// Says what the writing of a file would do.
    ///
    /// # Errors
    /// As [`Contained::write`].
    pub async fn preview_write(
        &self,
        root: &str,
        path: MountPath,
        precondition: Precondition,
    ) -> Result<Preview, Fault> {
        let root = self.root(root).await?;
        root.with(move |files| files.preview_write(&path, &precondition))
            .await
    }

    /// Says what [`remove`](Self::remove) would do.
    ///
    /// # Errors
    /// As it.
    pub async fn preview_remove(
        &self,
        root: &str,
        path: &str,
        removal: Removal,
    ) -> Result<Preview, Fault> {
        let root = self.root(root).await?;
        let path = root.path(path)?;
        let waited_for = CancellationToken::new();
        let _ends_with_this = waited_for.clone().drop_guard();
        root.with(move |files| files.preview_remove(&path, removal, &waited_for))
            .await
    }

    /// Returns the real path of a directory below a root, for a process that is to begin there.
    ///
    /// # Errors
    /// Fails as [`Contained::working_directory`] does.
    pub async fn working_directory(&self, root: &str, path: &str) -> Result<PathBuf, Fault> {
        let root = self.root(root).await?;
        let path = root.path(path)?;
        root.with(move |files| files.working_directory(&path)).await
    }
}

/// Does what blocks on a thread for that.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Fault> + Send + 'static,
) -> Result<T, Fault> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|_| Err(Fault::new(Code::Internal, "a thread ended by a defect")))
}
