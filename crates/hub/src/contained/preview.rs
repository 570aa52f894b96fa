//! What a change would be, with all that can be known before it is made.
//!
//! It is looked at, and never tried: nothing is made for a moment only.

use std::io;
use std::path::Path;

use cap_std::fs::{Dir, Metadata, MetadataExt as _};
use rustix::fs::{Access, AtFlags, accessat};
use rustix::io::Errno;
use tokio_util::sync::CancellationToken;

use super::change::{into_itself, not_empty};
use super::closed::Reach;
use super::tree::{Counted, count, is_empty};
use super::write::Target;
use super::{Contained, Kind, Precondition, Removal, Stat, fault, path_of};
use crate::fault::Fault;
use crate::path::MountPath;
use crate::preview::{Change, Effect, Preview, Thing};

impl Contained {
    /// Says what [`mkdir`](Self::mkdir) would make.
    ///
    /// # Errors
    /// As it.
    pub fn preview_mkdir(&self, path: &MountPath, parents: bool) -> Result<Preview, Fault> {
        if !parents {
            self.open_parent(path)?;
        }
        let mut missing = Vec::new();
        let mut at = path.clone();
        while !self.is_directory(&at, path, parents)? {
            missing.push(Effect::new(Thing::Directory, &at, Change::Made));
            at = at.parent().unwrap_or_else(MountPath::root);
        }
        if !missing.is_empty() {
            may_change(&self.open_directory(&at)?, path)?;
        }
        missing.reverse();
        Ok(Preview { effects: missing })
    }

    /// Returns whether something on the way to `path` is a directory, rather than to be made.
    fn is_directory(&self, at: &MountPath, path: &MountPath, parents: bool) -> Result<bool, Fault> {
        let found = match self.directory.symlink_metadata(at.relative()) {
            Ok(found) => found,
            Err(missing) if missing.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(self.failed(&error, path)),
        };
        if let Some(parent) = at.parent() {
            self.look(parent.relative(), Reach::Itself, path)?;
        }
        let itself = at == path;
        let is_directory = match self.directory.metadata(at.relative()) {
            _ if !found.is_symlink() => found.is_dir(),
            Ok(target) => target.is_dir(),
            // A link that leads nowhere is in the way, too.
            Err(error) if itself || error.kind() == io::ErrorKind::NotFound => false,
            Err(error) => return Err(fault(&error, path.as_str())),
        };
        match is_directory && (parents || !itself) {
            true => Ok(true),
            false => Err(fault(&io::ErrorKind::AlreadyExists.into(), at.as_str())),
        }
    }

    /// Says what [`rename`](Self::rename) would do.
    ///
    /// # Errors
    /// As it.
    pub fn preview_rename(
        &self,
        from: &MountPath,
        to: &MountPath,
        replace: bool,
    ) -> Result<Preview, Fault> {
        let error = |error: io::Error| fault(&error, from.as_str());
        let (old, old_name) = self.open_parent(from)?;
        let (new, new_name) = self.open_parent(to)?;
        let moved = old.symlink_metadata(old_name).map_err(error)?;
        let there = found(&new, new_name, to)?;
        if there.is_some() && !replace {
            return Err(fault(&Errno::EXIST.into(), to.as_str()));
        }
        let [old_path, new_path] = [&old, &new].map(path_of);
        let (old_path, new_path) = (old_path.map_err(error)?, new_path.map_err(error)?);
        if moved.is_dir() && new_path.starts_with(old_path.join(old_name)) {
            return Err(into_itself(from));
        }
        if old_path.starts_with(new_path.join(new_name)) {
            return Err(error(Errno::NOTEMPTY.into()));
        }
        may_change(&old, from)?;
        may_change(&new, to)?;
        let mut effects = Vec::new();
        if let Some(there) = there {
            if (there.dev(), there.ino()) == (moved.dev(), moved.ino()) {
                return Ok(Preview::default());
            }
            match (moved.is_dir(), there.is_dir()) {
                (true, false) => return Err(error(Errno::NOTDIR.into())),
                (false, true) => return Err(error(Errno::ISDIR.into())),
                (true, true) if !is_empty(&new, new_name.as_ref()).map_err(error)? => {
                    return Err(error(Errno::NOTEMPTY.into()));
                }
                _ => effects.push(replaced(to, &there)),
            }
        }
        effects.push(Effect::new(thing(&moved), from, Change::Renamed).to(to));
        Ok(Preview { effects })
    }

    /// Says what [`copy`](Self::copy) would do.
    ///
    /// # Errors
    /// As it.
    pub fn preview_copy(
        &self,
        from: &MountPath,
        to: &MountPath,
        replace: bool,
    ) -> Result<Preview, Fault> {
        let (_, source) = self.read(from)?;
        let precondition = match replace {
            true => Precondition::None,
            false => Precondition::Absent,
        };
        let target = self.target(to, &precondition)?;
        may_change(&target.directory, to)?;
        let mut effects: Vec<Effect> = overwritten(to, &target).into_iter().collect();
        let copied = Effect::new(Thing::File, from, Change::Copied).to(to);
        effects.push(copied.detail(bytes(source.size)));
        Ok(Preview { effects })
    }

    /// Says what [`write`](Self::write) would do.
    ///
    /// # Errors
    /// As it.
    pub fn preview_write(
        &self,
        path: &MountPath,
        precondition: &Precondition,
    ) -> Result<Preview, Fault> {
        let target = self.target(path, precondition)?;
        may_change(&target.directory, path)?;
        let written = || Effect::new(Thing::File, path, Change::Written);
        Ok(overwritten(path, &target).unwrap_or_else(written).into())
    }

    /// Says what [`remove`](Self::remove) would remove. A tree is counted as far as that is done soon.
    ///
    /// # Errors
    /// As it.
    pub fn preview_remove(
        &self,
        path: &MountPath,
        removal: Removal,
        waited_for: &CancellationToken,
    ) -> Result<Preview, Fault> {
        let error = |error: io::Error| fault(&error, path.as_str());
        let (directory, name) = self.open_parent(path)?;
        let metadata = directory.symlink_metadata(name).map_err(error)?;
        may_change(&directory, path)?;
        let removed = Effect::new(thing(&metadata), path, Change::Removed);
        if !metadata.is_dir() {
            return Ok(removed.into());
        }
        let within = match removal {
            Removal::One if !is_empty(&directory, name.as_ref()).map_err(error)? => {
                return Err(not_empty(path));
            }
            Removal::One => Counted::default(),
            Removal::Tree => {
                let closed = self.closed.identities();
                count(&directory, Path::new(name), &closed, waited_for).map_err(error)?
            }
        };
        Ok(match within {
            Counted { entries: 0, .. } => removed,
            Counted { entries, all } => {
                let least = if all { "" } else { "at least " };
                let entries = plural(entries, "entry", "entries");
                removed.detail(format!("with {least}{entries} in it"))
            }
        }
        .into())
    }
}

/// Refuses a directory whose names may not be changed.
fn may_change(directory: &Dir, path: &MountPath) -> Result<(), Fault> {
    let access = Access::WRITE_OK | Access::EXEC_OK;
    let allowed = accessat(directory, ".", access, AtFlags::EACCESS);
    allowed.map_err(|errno| fault(&errno.into(), path.as_str()))
}

fn found(directory: &Dir, name: &str, path: &MountPath) -> Result<Option<Metadata>, Fault> {
    match directory.symlink_metadata(name) {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(fault(&error, path.as_str())),
    }
}

fn thing(metadata: &Metadata) -> Thing {
    match Kind::of(metadata) {
        Kind::Directory => Thing::Directory,
        Kind::Symlink => Thing::Link,
        Kind::File | Kind::Other => Thing::File,
    }
}

fn replaced(path: &MountPath, there: &Metadata) -> Effect {
    let effect = Effect::new(thing(there), path, Change::Replaced);
    match there.is_file() {
        true => effect.detail(bytes(there.len())),
        false => effect,
    }
}

fn overwritten(path: &MountPath, target: &Target) -> Option<Effect> {
    let Stat { size, .. } = target.found.as_ref()?;
    Some(Effect::new(Thing::File, path, Change::Replaced).detail(bytes(*size)))
}

fn bytes(count: u64) -> String {
    plural(count, "byte", "bytes")
}

fn plural(count: u64, one: &str, many: &str) -> String {
    let noun = if count == 1 { one } else { many };
    format!("{count} {noun}")
}
