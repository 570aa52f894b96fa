//! Directories that nobody is let into, by whatever name.
//!
//! They are told by what they are, too, and not by their paths alone: what is mounted in a second
//! place has other paths there.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{
    AtFlags, CWD, FileType, Mode, OFlags, Stat, StatxFlags, fstat, openat, statat, statx,
};
use rustix::io::Errno;

use super::path_of;

/// What a directory is, whatever it is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Identity {
    device: u64,
    inode: u64,
}

impl From<Stat> for Identity {
    fn from(stat: Stat) -> Self {
        Self {
            device: stat.st_dev,
            inode: stat.st_ino,
        }
    }
}

impl Identity {
    /// Returns what is open.
    pub(super) fn of(opened: impl AsFd) -> io::Result<Self> {
        Ok(fstat(opened)?.into())
    }
}

/// Whether a closed directory itself is refused, or only what is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    Itself,
    WhatIsInIt,
}

/// The closed directories: absolute paths without links.
#[derive(Debug, Clone, Default)]
pub(super) struct Closed(Arc<[PathBuf]>);

impl From<Arc<[PathBuf]>> for Closed {
    fn from(paths: Arc<[PathBuf]>) -> Self {
        Self(paths)
    }
}

impl Closed {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns what the closed directories are at this moment, of those that are there.
    pub(super) fn identities(&self) -> Vec<Identity> {
        let found = self.0.iter().filter_map(|path| identity(path));
        found.collect()
    }

    /// Returns whether something that is open is in one of them.
    ///
    /// # Errors
    /// Fails when what it is in cannot be found out.
    pub(super) fn holds(&self, opened: impl AsFd, reach: Reach) -> io::Result<bool> {
        let real = path_of(&opened)?;
        let by_path = |closed: &PathBuf| {
            let itself = reach == Reach::Itself || real != *closed;
            real.starts_with(closed) && itself
        };
        if self.0.iter().any(by_path) {
            return Ok(true);
        }
        if self.is_in_the_mount_of_all(&opened)? {
            return Ok(false);
        }
        let closed = self.identities();
        let is_directory = FileType::from_raw_mode(fstat(&opened)?.st_mode) == FileType::Directory;
        let first = match (is_directory, reach) {
            (true, Reach::Itself) => directory(&opened, Path::new("."))?,
            (true, Reach::WhatIsInIt) => directory(&opened, Path::new(".."))?,
            (false, _) => directory(CWD, real.parent().unwrap_or(Path::new("/")))?,
        };
        is_below(first, &closed)
    }

    /// Returns whether the path of what is open tells all: within a mount nothing has a second one.
    fn is_in_the_mount_of_all(&self, opened: impl AsFd) -> io::Result<bool> {
        let Some(mount) = mount_of(opened, Path::new(""))? else {
            return Ok(false);
        };
        let other = |path: &PathBuf| match mount_of(CWD, path) {
            Ok(found) => found != Some(mount),
            // One that is not there holds nothing.
            Err(error) => error.kind() != io::ErrorKind::NotFound,
        };
        Ok(!self.0.iter().any(other))
    }

    /// Returns whether an entry of a directory is one of them, or one of them is below it.
    ///
    /// # Errors
    /// Fails when it cannot be found out.
    pub(super) fn depends_on(&self, parent: impl AsFd, name: &str) -> io::Result<bool> {
        let real = path_of(&parent)?.join(name);
        if self.0.iter().any(|closed| closed.starts_with(&real)) {
            return Ok(true);
        }
        let entry = match statat(&parent, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(entry) => Identity::from(entry),
            Err(Errno::NOENT) => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        let mut above = self.0.iter().flat_map(|closed| closed.ancestors());
        Ok(above.any(|path| identity(path) == Some(entry)))
    }
}

/// Returns which mount something is in, if the system tells (since Linux 5.8).
fn mount_of(from: impl AsFd, path: &Path) -> io::Result<Option<u64>> {
    let found = statx(from, path, AtFlags::EMPTY_PATH, StatxFlags::MNT_ID)?;
    let told = StatxFlags::from_bits_retain(found.stx_mask).contains(StatxFlags::MNT_ID);
    Ok(told.then_some(found.stx_mnt_id))
}

fn identity(path: &Path) -> Option<Identity> {
    rustix::fs::stat(path).ok().map(Identity::from)
}

fn directory(from: impl AsFd, path: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(openat(from, path, flags, Mode::empty())?)
}

/// Whether a directory is one of `closed`, or below one: by the directories that it is in, each of
/// which is asked of the one before.
fn is_below(mut at: OwnedFd, closed: &[Identity]) -> io::Result<bool> {
    loop {
        let identity = Identity::of(&at)?;
        if closed.contains(&identity) {
            return Ok(true);
        }
        let above = directory(&at, Path::new(".."))?;
        if Identity::of(&above)? == identity {
            return Ok(false);
        }
        at = above;
    }
}
