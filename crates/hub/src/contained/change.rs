//! Making, renaming, copying and removing.

use std::io::{self, Read as _};
use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use super::tree::remove_tree;
use super::write::sync_directory;
use super::{Contained, Precondition, Stat, at, fault};
use crate::fault::{Code, Fault};
use crate::path::MountPath;

/// How much is copied between two looks whether anybody waits for it, in bytes.
const PART: u64 = 8 << 20;

/// What a removal takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Removal {
    /// A file, a link, or an empty directory.
    #[default]
    One,
    /// A directory with all that is in it, too.
    Tree,
}

/// What was copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CopyReport {
    /// How many bytes.
    pub bytes: u64,
}

impl Contained {
    /// Makes a directory; `parents` makes those above it too, and takes one that is there.
    ///
    /// # Errors
    /// Fails when it is there, or a link leads out.
    pub fn mkdir(&self, path: &MountPath, parents: bool) -> Result<Stat, Fault> {
        let error = |error: io::Error| fault(&error, path.as_str());
        if parents {
            self.preview_mkdir(path, true)?;
            self.directory
                .create_dir_all(path.relative())
                .map_err(error)?;
            return self.stat(path);
        }
        let (directory, name) = self.open_parent(path)?;
        directory.create_dir(name).map_err(error)?;
        sync_directory(&directory).map_err(error)?;
        self.stat(path)
    }

    /// Renames something below; a file in the new place is replaced only with `replace`. A link
    /// itself is renamed, not its target.
    ///
    /// # Errors
    /// Fails when it is not there, something is in the new place, or a link leads out.
    pub fn rename(&self, from: &MountPath, to: &MountPath, replace: bool) -> Result<(), Fault> {
        let error = |error: io::Error| fault(&error, from.as_str());
        let (old, old_name) = self.open_parent(from)?;
        let (new, new_name) = self.open_parent(to)?;
        if replace {
            let renamed = old.rename(old_name, &new, new_name);
            renamed.map_err(|failed| match failed.kind() {
                io::ErrorKind::InvalidInput => into_itself(from),
                _ => error(failed),
            })?;
        } else {
            use rustix::fs::{RenameFlags, renameat_with};
            // Both names are single components, so nothing is followed.
            let renamed = renameat_with(&old, old_name, &new, new_name, RenameFlags::NOREPLACE);
            renamed.map_err(|errno| match errno {
                rustix::io::Errno::EXIST => fault(&errno.into(), to.as_str()),
                rustix::io::Errno::INVAL => into_itself(from),
                errno => error(errno.into()),
            })?;
        }
        sync_directory(&new).map_err(error)?;
        sync_directory(&old).map_err(error)
    }

    /// Copies a file to another place below, whole or not at all. It ends when nobody waits for it any
    /// more, and then has copied nothing.
    ///
    /// # Errors
    /// Fails when it is no file, something is in the other place and `replace` is not given, a link
    /// leads out, or `waited_for` is cancelled.
    pub fn copy(
        &self,
        from: &MountPath,
        to: &MountPath,
        replace: bool,
        waited_for: &CancellationToken,
    ) -> Result<CopyReport, Fault> {
        let (mut source, _) = self.read(from)?;
        let precondition = if replace {
            Precondition::None
        } else {
            Precondition::Absent
        };
        let mut target = self.write(to, precondition)?;
        let mut bytes = 0;
        loop {
            let mut part = source.by_ref().take(PART);
            let copied = io::copy(&mut part, &mut target);
            let copied = copied.map_err(|error| fault(&error, to.as_str()))?;
            if waited_for.is_cancelled() {
                let message = "nobody waits for the copy any more";
                return Err(at(to, Code::DeadlineExceeded, message));
            }
            if copied == 0 {
                break;
            }
            bytes += copied;
        }
        target.finish()?;
        Ok(CopyReport { bytes })
    }

    /// Removes something. A link itself is removed, not its target. The removal of a tree ends when
    /// nobody waits for it any more, or something in it cannot be removed; what was removed until then
    /// stays so, and what lies deeper than 32 directories may have been moved up to its top.
    ///
    /// # Errors
    /// Fails when it is not there, is a directory that is not empty, is the mount itself, a link leads
    /// out, or `waited_for` is cancelled.
    pub fn remove(
        &self,
        path: &MountPath,
        removal: Removal,
        waited_for: &CancellationToken,
    ) -> Result<(), Fault> {
        let error = |error: io::Error| fault(&error, path.as_str());
        let (directory, name) = self.open_parent(path)?;
        let found = directory.symlink_metadata(name).map_err(error)?;
        let removed = match (found.is_dir(), removal) {
            (false, _) => directory.remove_file(name),
            (true, Removal::One) => directory.remove_dir(name),
            (true, Removal::Tree) => {
                let closed = self.closed.identities();
                remove_tree(&directory, Path::new(name), &closed, waited_for)
            }
        };
        removed.map_err(|error| match error.kind() {
            io::ErrorKind::TimedOut if waited_for.is_cancelled() => {
                let message = "nobody waits for its removal any more; a part of it may be gone";
                at(path, Code::DeadlineExceeded, message)
            }
            io::ErrorKind::DirectoryNotEmpty => not_empty(path),
            _ => fault(&error, path.as_str()),
        })?;
        sync_directory(&directory).map_err(error)
    }
}

pub(super) fn not_empty(path: &MountPath) -> Fault {
    at(path, Code::FsConflict, "it is not empty").hint("`-r` removes all that is in it")
}

pub(super) fn into_itself(path: &MountPath) -> Fault {
    at(
        path,
        Code::FsConflict,
        "a directory cannot be moved into itself",
    )
}
