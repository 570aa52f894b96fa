//! Writing a file whole or not at all.

use std::fs::{File, Permissions};
use std::io::{self, Write};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt};
use rustix::fs::{AtFlags, CWD, Mode, OFlags};
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

/// A file that is being written: in the directory of its place, but without a name, until
/// [`finish`](Self::finish). Dropping it leaves the file as it was, and so does the end of the process.
/// (Over a file that is there it has a name from when it is whole until it is renamed.)
/// Where the file system has no files without a name it has one of its own, which stays when the
/// process is killed.
#[derive(Debug)]
pub struct Written {
    directory: Dir,
    /// The name that it has beside its place, if it has one.
    part: Option<PathBuf>,
    name: PathBuf,
    path: MountPath,
    precondition: Precondition,
    file: File,
}

/// The place of a file that is to be written.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) directory: Dir,
    /// Its name there.
    pub(super) name: PathBuf,
    /// What is there now.
    pub(super) found: Option<Stat>,
}

impl Contained {
    /// Begins to write a file. A link that stays below is followed: its target is written.
    ///
    /// # Errors
    /// Fails when its directory is not there, it is no file, or a link leads out.
    pub fn write(&self, path: &MountPath, precondition: Precondition) -> Result<Written, Fault> {
        let error = |error: io::Error| fault(&error, path.as_str());
        let target = self.target(path, &precondition)?;
        let Target {
            directory,
            name,
            found,
        } = target;
        let (file, part) = match unnamed(&directory) {
            Some(file) => (file, None),
            None => named(&directory)
                .map(|(file, part)| (file, Some(part)))
                .map_err(error)?,
        };
        let written = Written {
            file,
            name,
            path: path.clone(),
            directory,
            part,
            precondition,
        };
        let permissions = Permissions::from_mode(found.map_or(0o644, |found| found.mode));
        written.file.set_permissions(permissions).map_err(error)?;
        Ok(written)
    }

    /// Finds the place of a file that is to be written.
    pub(super) fn target(
        &self,
        path: &MountPath,
        precondition: &Precondition,
    ) -> Result<Target, Fault> {
        let target = self.write_target(path)?;
        let (directory, name) = self.open_parent(&target)?;
        let found = match directory.symlink_metadata(name) {
            Ok(found) => Some(Stat::of(name, &found)),
            Err(missing) if missing.kind() == io::ErrorKind::NotFound => None,
            Err(other) => return Err(fault(&other, path.as_str())),
        };
        match found.as_ref().map(|found| found.kind) {
            None | Some(Kind::File) => {}
            Some(Kind::Directory) => {
                return Err(at(path, Code::FsIsADirectory, "it is a directory"));
            }
            Some(_) => return Err(at(path, Code::FsPermission, "it is no file")),
        }
        precondition.check(found.as_ref(), path)?;
        Ok(Target {
            directory,
            name: PathBuf::from(name),
            found,
        })
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
            Err(other) => Err(self.failed(&other, path)),
        }
    }
}

impl Written {
    /// Puts the file into its place. When this returns, its bytes and its name are on the disk.
    ///
    /// # Errors
    /// Fails when the file is not as the precondition says, or the disk fails; then it is as before.
    pub fn finish(mut self) -> Result<Stat, Fault> {
        let path = self.path.clone();
        let error = |error: io::Error| fault(&error, path.as_str());
        self.file.sync_all().map_err(error)?;
        // Between the look at the tag and the renaming no other one of this process looks.
        let _alone = match &self.precondition {
            Precondition::Etag(_) => Some(ALONE.lock().unwrap_or_else(PoisonError::into_inner)),
            Precondition::None | Precondition::Absent => None,
        };
        self.check()?;
        if self.precondition == Precondition::Absent {
            // A link, unlike a renaming, replaces nothing.
            self.link(&self.name).map_err(error)?;
            // Its tag is another once it has one name less.
            if let Some(part) = self.part.take() {
                let _ = self.directory.remove_file(part);
            }
        } else {
            if self.part.is_none() {
                let part = part_name();
                self.link(&part).map_err(error)?;
                self.part = Some(part);
            }
            if let Some(part) = &self.part {
                let renamed = self.directory.rename(part, &self.directory, &self.name);
                renamed.map_err(error)?;
                self.part = None;
            }
        }
        sync_directory(&self.directory).map_err(error)?;
        let metadata = self.directory.symlink_metadata(&self.name).map_err(error)?;
        Ok(Stat::of(last_name(&self.path), &metadata))
    }

    /// Gives it a name in its directory, which nothing has yet.
    fn link(&self, name: &Path) -> io::Result<()> {
        if let Some(part) = &self.part {
            return self.directory.hard_link(part, &self.directory, name);
        }
        let (opened, flags) = (opened(&self.file), AtFlags::SYMLINK_FOLLOW);
        Ok(rustix::fs::linkat(
            CWD,
            opened,
            &self.directory,
            name,
            flags,
        )?)
    }

    fn check(&self) -> Result<(), Fault> {
        let found = self.directory.symlink_metadata(&self.name);
        let found = found.ok().map(|found| Stat::of("", &found));
        self.precondition.check(found.as_ref(), &self.path)
    }
}

impl Precondition {
    /// Refuses what is not as it says.
    fn check(&self, found: Option<&Stat>, path: &MountPath) -> Result<(), Fault> {
        match (self, found) {
            (Self::None, _) | (Self::Absent, None) => Ok(()),
            (Self::Absent, Some(_)) => Err(at(path, Code::FsExists, "it is there already")),
            (Self::Etag(wanted), Some(found)) if *wanted == found.etag => Ok(()),
            (Self::Etag(_), _) => {
                let why = "it is not what it was when its tag was taken";
                Err(at(path, Code::FsConflict, why))
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
        if let Some(part) = &self.part {
            // What cannot be removed here has a name that says what it is.
            let _ = self.directory.remove_file(part);
        }
    }
}

/// Makes a file without a name; nothing where that, or giving it one later, is not to be had.
fn unnamed(directory: &Dir) -> Option<File> {
    let flags = OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC;
    let mode = Mode::RUSR | Mode::WUSR;
    let file = File::from(rustix::fs::openat(directory, ".", flags, mode).ok()?);
    // It gets its name by way of this.
    let there = rustix::fs::stat(opened(&file)).ok()?;
    let itself = rustix::fs::fstat(&file).ok()?;
    let same = (there.st_dev, there.st_ino) == (itself.st_dev, itself.st_ino);
    same.then_some(file)
}

fn named(directory: &Dir) -> io::Result<(File, PathBuf)> {
    let part = part_name();
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    let file = directory.open_with(&part, &options)?;
    Ok((file.into_std(), part))
}

fn part_name() -> PathBuf {
    PathBuf::from(format!(".{}.fleet-part", uuid::Uuid::now_v7().simple()))
}

/// The path by which the system shows an open file of ours.
fn opened(file: &File) -> String {
    format!("/proc/self/fd/{}", file.as_raw_fd())
}

/// Brings a directory's names to the disk.
pub(super) fn sync_directory(directory: &Dir) -> io::Result<()> {
    directory.open(Path::new("."))?.sync_all()
}

#[cfg(test)]
mod tests {
    use cap_std::ambient_authority;

    use super::*;

    #[test]
    fn a_file_gets_its_place_with_and_without_a_name_before() {
        let place = tempfile::tempdir().unwrap();
        let written = |has_name: bool, precondition| {
            let directory = Dir::open_ambient_dir(place.path(), ambient_authority()).unwrap();
            let (file, part) = if has_name {
                let (file, part) = named(&directory).unwrap();
                (file, Some(part))
            } else {
                (unnamed(&directory).unwrap(), None)
            };
            let mut written = Written {
                directory,
                part,
                name: PathBuf::from("a"),
                path: MountPath::plain("a").unwrap(),
                precondition,
                file,
            };
            written.write_all(b"new").unwrap();
            written
        };
        let names = || std::fs::read_dir(place.path()).unwrap().count();
        for has_name in [true, false] {
            drop(written(has_name, Precondition::None));
            assert_eq!(names(), 0);
            let late = written(has_name, Precondition::Absent);
            let first = written(has_name, Precondition::Absent).finish().unwrap();
            assert_eq!(first.size, 3);
            assert_eq!(late.finish().unwrap_err().code, Code::FsExists);
            let tag = Precondition::Etag(first.etag);
            written(has_name, tag.clone()).finish().unwrap();
            let changed = written(has_name, tag).finish();
            assert_eq!(changed.unwrap_err().code, Code::FsConflict);
            written(has_name, Precondition::None).finish().unwrap();
            assert_eq!(names(), 1, "no part is left");
            std::fs::remove_file(place.path().join("a")).unwrap();
        }
    }
}
