//! Writing a file whole or not at all.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt, Permissions, PermissionsExt};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Contained, Kind, Stat, at, fault, last_name};
use crate::fault::{Code, Fault};
use crate::path::MountPath;

/// Who puts a file into its place on the condition that it has a tag. Other processes do not know it.
static ALONE: Mutex<()> = Mutex::new(());

/// In which state a file has to be for a write to be done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Precondition {
    /// In any.
    #[default]
    None,
    /// It is not there.
    Absent,
    /// It has this tag.
    Etag(String),
}

/// A file that is being written: beside its place, under a name of its own, until
/// [`finish`](Self::finish). Dropping it leaves the file as it was.
#[derive(Debug)]
pub struct Written {
    directory: Dir,
    part: PathBuf,
    name: PathBuf,
    path: MountPath,
    precondition: Precondition,
    file: File,
    renamed: bool,
}

impl Contained {
    /// Begins to write a file. A link that stays below is followed: its target is written.
    ///
    /// # Errors
    /// Fails when its directory is not there, it is no file, or a link leads out.
    pub fn write(&self, path: &MountPath, precondition: Precondition) -> Result<Written, Fault> {
        let error = |error: io::Error| fault(&error, path.as_str());
        let target = self.write_target(path)?;
        let (directory, name) = self.open_parent(&target)?;
        let mode = match directory.symlink_metadata(name) {
            Ok(found) => {
                let found = Stat::of(name, &found);
                match found.kind {
                    Kind::File => found.mode,
                    Kind::Directory => {
                        return Err(at(path, Code::FsIsADirectory, "it is a directory"));
                    }
                    _ => return Err(at(path, Code::FsPermission, "it is no file")),
                }
            }
            Err(missing) if missing.kind() == io::ErrorKind::NotFound => 0o644,
            Err(other) => return Err(error(other)),
        };
        let part = PathBuf::from(format!(".{}.fleet-part", uuid::Uuid::now_v7().simple()));
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        let file = directory.open_with(&part, &options).map_err(error)?;
        let written = Written {
            file: file.into_std(),
            name: PathBuf::from(name),
            path: path.clone(),
            directory,
            part,
            precondition,
            renamed: false,
        };
        written.check()?;
        let permissions = Permissions::from_mode(mode);
        written
            .directory
            .set_permissions(&written.part, permissions)
            .map_err(error)?;
        Ok(written)
    }

    /// Follows a link that stays below; its target is there.
    fn write_target(&self, path: &MountPath) -> Result<MountPath, Fault> {
        let error = |error: io::Error| fault(&error, path.as_str());
        match self.directory.symlink_metadata(path.relative()) {
            Ok(found) if found.is_symlink() => {
                let target = self
                    .directory
                    .canonicalize(path.relative())
                    .map_err(error)?;
                MountPath::plain(&target.to_string_lossy())
            }
            Ok(_) => Ok(path.clone()),
            Err(missing) if missing.kind() == io::ErrorKind::NotFound => Ok(path.clone()),
            Err(other) => Err(error(other)),
        }
    }
}

impl Written {
    /// Puts the file into its place. When this returns, its bytes and its name are on the disk.
    ///
    /// # Errors
    /// Fails when the file is not as the precondition says, or the disk fails; then it is as before.
    pub fn finish(mut self) -> Result<Stat, Fault> {
        let error = |error: io::Error| fault(&error, self.path.as_str());
        self.file.sync_all().map_err(error)?;
        // Between the look at the tag and the renaming no other one of this process looks.
        let _alone = match &self.precondition {
            Precondition::Etag(_) => Some(ALONE.lock().unwrap_or_else(PoisonError::into_inner)),
            Precondition::None | Precondition::Absent => None,
        };
        self.check()?;
        if self.precondition == Precondition::Absent {
            // A link, unlike a renaming, replaces nothing.
            let linked = self
                .directory
                .hard_link(&self.part, &self.directory, &self.name);
            linked.map_err(error)?;
        } else {
            let (part, name) = (&self.part, &self.name);
            self.directory
                .rename(part, &self.directory, name)
                .map_err(error)?;
            self.renamed = true;
        }
        sync_directory(&self.directory).map_err(error)?;
        let metadata = self.directory.symlink_metadata(&self.name).map_err(error)?;
        Ok(Stat::of(last_name(&self.path), &metadata))
    }

    fn check(&self) -> Result<(), Fault> {
        let found = self.directory.symlink_metadata(&self.name);
        let tag = found.ok().map(|found| Stat::of("", &found).etag);
        match (&self.precondition, tag) {
            (Precondition::None, _) | (Precondition::Absent, None) => Ok(()),
            (Precondition::Absent, Some(_)) => {
                Err(at(&self.path, Code::FsExists, "it is there already"))
            }
            (Precondition::Etag(wanted), Some(tag)) if *wanted == tag => Ok(()),
            (Precondition::Etag(_), _) => {
                let why = "it is not what it was when its tag was taken";
                Err(at(&self.path, Code::FsConflict, why))
            }
        }
    }
}

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for Written {
    fn drop(&mut self) {
        if !self.renamed {
            // What cannot be removed here has a name that says what it is.
            let _ = self.directory.remove_file(&self.part);
        }
    }
}

/// Brings a directory's names to the disk.
pub(super) fn sync_directory(directory: &Dir) -> io::Result<()> {
    directory.open(Path::new("."))?.sync_all()
}
