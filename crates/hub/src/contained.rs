//! Files below a directory, whatever links there are and whoever moves them meanwhile.
//!
//! Every path is resolved by the kernel from the directory's descriptor and may not leave it
//! (`openat2` with `RESOLVE_BENEATH` and `RESOLVE_NO_MAGICLINKS`; where that is missing, `cap-std`
//! walks the path itself, one descriptor after the other). Nothing is ever checked by name and then
//! used by name. Links that stay below are followed, others are refused.
//!
//! All of it blocks; callers give it a thread.

mod change;
mod closed;
mod list;
mod preview;
mod tree;
mod watch;
mod write;

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cap_std::ambient_authority;
use cap_std::fs::{Dir, Metadata, MetadataExt, OpenOptions, OpenOptionsExt};
use podfleet_protocol::Shown;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::fault::{Code, Fault};
use crate::path::MountPath;

use closed::{Closed, Reach};

pub use change::{CopyReport, Removal};
pub use list::{ListPage, MAX_ENTRIES};
pub use watch::{Change, Watch};
pub use write::{Precondition, Written};

/// A directory that nothing is done outside of.
#[derive(Debug)]
pub struct Contained {
    directory: Dir,
    closed: Closed,
}

/// What something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A file with bytes.
    File,
    /// A directory.
    Directory,
    /// A link that was not followed.
    Symlink,
    /// A socket, pipe or device; it is never opened.
    Other,
}

/// What is known of a file or directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Stat {
    /// Its last name; empty for the mount itself.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// What a listed link leads to; absent for what is no link, and for one that leads nowhere or out
    /// of the mount.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Kind>,
    /// Its size in bytes.
    pub size: u64,
    /// When it was last changed, in milliseconds since 1970.
    pub modified_ms: i64,
    /// Its permissions, such as 0o644.
    pub mode: u32,
    /// Differs when it was changed; for conditional writes.
    pub etag: String,
}

impl Contained {
    /// Opens a directory as the limit. `root` is absolute and has no links in it; it is below one of
    /// `allowed`, which are so too.
    ///
    /// # Errors
    /// Fails when it is not below an allowed directory, is none, or cannot be opened.
    pub fn open(root: &Path, allowed: &[PathBuf]) -> Result<Self, Fault> {
        let base = allowed.iter().find(|base| root.starts_with(base));
        let base = base.ok_or_else(|| not_allowed(root))?;
        let open = || {
            let base_dir = Dir::open_ambient_dir(base, ambient_authority())?;
            match root.strip_prefix(base) {
                Ok(below) if !below.as_os_str().is_empty() => base_dir.open_dir(below),
                _ => Ok(base_dir),
            }
        };
        let directory = open().map_err(|error| fault(&error, &root.display().to_string()))?;
        let closed = Closed::default();
        Ok(Self { directory, closed })
    }

    /// Lets nobody into these directories, which are absolute and have no links in them: nothing in
    /// them is read, changed or seen, and they themselves stay where they are. What they are called,
    /// and that they are there, is seen.
    #[must_use]
    pub fn closing(self, closed: Arc<[PathBuf]>) -> Self {
        let closed = closed.into();
        Self { closed, ..self }
    }

    /// Refuses a closed directory, or what is in one.
    fn refuse_closed(
        &self,
        opened: impl AsFd,
        reach: Reach,
        path: &MountPath,
    ) -> Result<(), Fault> {
        if self.closed.is_empty() {
            return Ok(());
        }
        let held = self.closed.holds(opened, reach);
        match held.map_err(|error| fault(&error, path.as_str()))? {
            true => Err(is_closed(path)),
            false => Ok(()),
        }
    }

    /// Puts an error of the system into our words. Of what may be in a closed directory it says no more
    /// than that.
    fn failed(&self, error: &io::Error, path: &MountPath) -> Fault {
        let mut above = path.clone();
        while !self.closed.is_empty()
            && let Some(parent) = above.parent()
        {
            if let Ok(directory) = self.open_unchecked(&parent) {
                let refused = self.refuse_closed(&directory, Reach::Itself, path);
                return refused.err().unwrap_or_else(|| fault(error, path.as_str()));
            }
            above = parent;
        }
        fault(error, path.as_str())
    }

    /// Tells what something is. A link is followed if it stays below.
    ///
    /// # Errors
    /// Fails when it is not there, or a link leads out.
    pub fn stat(&self, path: &MountPath) -> Result<Stat, Fault> {
        let metadata = self.look(path.relative(), Reach::WhatIsInIt, path)?;
        Ok(Stat::of(last_name(path), &metadata))
    }

    /// Looks at what something is, without opening it; `path` is what the client named.
    fn look(&self, relative: &Path, closed: Reach, path: &MountPath) -> Result<Metadata, Fault> {
        let mut options = OpenOptions::new();
        // The system ignores the access then, which the library wants to be told.
        options.read(true).custom_flags(only_named());
        let found = self.directory.open_with(relative, &options);
        let found = found.map_err(|error| self.failed(&error, path))?;
        self.refuse_closed(&found, closed, path)?;
        found
            .metadata()
            .map_err(|error| fault(&error, path.as_str()))
    }

    /// Opens a file for reading, with what it is.
    ///
    /// # Errors
    /// Fails when it is not there, is no file, or a link leads out.
    pub fn read(&self, path: &MountPath) -> Result<(File, Stat), Fault> {
        let error = |error: io::Error| fault(&error, path.as_str());
        let mut options = OpenOptions::new();
        // A pipe without a writer would keep us waiting.
        options.read(true).custom_flags(nonblocking());
        let file = self.directory.open_with(path.relative(), &options);
        let file = file.map_err(|error| self.failed(&error, path))?;
        self.refuse_closed(&file, Reach::Itself, path)?;
        let metadata = file.metadata().map_err(error)?;
        let stat = Stat::of(last_name(path), &metadata);
        match stat.kind {
            Kind::File => Ok((file.into_std(), stat)),
            Kind::Directory => Err(at(path, Code::FsIsADirectory, "it is a directory")),
            _ => Err(at(
                path,
                Code::FsPermission,
                "it is neither a file nor a directory",
            )),
        }
    }

    /// Returns the real path of a directory below, for a process that is to begin there.
    ///
    /// It is the path of the descriptor that was opened, so it has no link in it. A process goes
    /// there by name; whoever may replace directories of the mount meanwhile may mislead it.
    ///
    /// # Errors
    /// Fails when it is no directory, or a link leads out.
    pub fn working_directory(&self, path: &MountPath) -> Result<PathBuf, Fault> {
        let error = |error: io::Error| fault(&error, path.as_str());
        let directory = self.open_directory(path)?;
        path_of(&directory).map_err(error)
    }

    fn open_directory(&self, path: &MountPath) -> Result<Dir, Fault> {
        let opened = self.open_unchecked(path);
        let opened = opened.map_err(|error| self.failed(&error, path))?;
        self.refuse_closed(&opened, Reach::Itself, path)?;
        Ok(opened)
    }

    fn open_unchecked(&self, path: &MountPath) -> io::Result<Dir> {
        match path.is_root() {
            true => self.directory.try_clone(),
            false => self.directory.open_dir(path.relative()),
        }
    }

    /// Opens the directory that something is in, and returns its name there.
    fn open_parent<'a>(&self, path: &'a MountPath) -> Result<(Dir, &'a str), Fault> {
        if path.is_root() {
            let why = "the mount itself cannot be changed";
            return Err(at(path, Code::PathOutsideRoot, why));
        }
        let (parent, name) = (path.parent(), last_name(path));
        let directory = self.open_directory(&parent.unwrap_or_else(MountPath::root))?;
        if !self.closed.is_empty() {
            let depends = self.closed.depends_on(&directory, name);
            if depends.map_err(|error| fault(&error, path.as_str()))? {
                return Err(is_closed(path));
            }
        }
        Ok((directory, name))
    }
}

impl Kind {
    /// Returns the word that people read.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Directory => "directory",
            Self::Symlink => "link",
            Self::Other => "other",
        }
    }

    fn of(metadata: &Metadata) -> Self {
        match metadata.file_type() {
            kind if kind.is_file() => Self::File,
            kind if kind.is_dir() => Self::Directory,
            kind if kind.is_symlink() => Self::Symlink,
            _ => Self::Other,
        }
    }
}

impl Stat {
    fn of(name: &str, metadata: &Metadata) -> Self {
        let (seconds, nanos) = (metadata.mtime(), metadata.mtime_nsec());
        Self {
            name: name.to_owned(),
            kind: Kind::of(metadata),
            target: None,
            size: metadata.len(),
            modified_ms: seconds
                .saturating_mul(1000)
                .saturating_add(nanos / 1_000_000),
            mode: metadata.mode() & 0o7777,
            etag: format!(
                "{:x}-{:x}-{seconds:x}.{nanos:x}-{:x}.{:x}",
                metadata.ino(),
                metadata.len(),
                metadata.ctime(),
                metadata.ctime_nsec()
            ),
        }
    }
}

/// Finds the real path of a directory, and checks that it may be a mount.
///
/// # Errors
/// Fails when it is not absolute, is no directory, is not below an allowed one, or is in a closed one.
pub fn check_root(root: &Path, allowed: &[PathBuf], closed: &[PathBuf]) -> Result<PathBuf, Fault> {
    if !root.is_absolute() {
        let message = format!("the root {} is not absolute", root.display());
        return Err(Fault::new(Code::PathOutsideRoot, message));
    }
    let real = root.canonicalize();
    let real = real.map_err(|error| fault(&error, &root.display().to_string()))?;
    Contained::open(&real, allowed)?
        .closing(closed.into())
        .open_directory(&MountPath::root())?;
    Ok(real)
}

fn not_allowed(root: &Path) -> Fault {
    let message = format!(
        "{} is not below a directory that this hub serves",
        root.display()
    );
    Fault::new(Code::PathOutsideRoot, message)
        .hint("`fleet hub run --allow DIRECTORY` on that machine serves another one")
}

fn path_of(opened: impl AsFd) -> io::Result<PathBuf> {
    let descriptor = opened.as_fd().as_raw_fd();
    std::fs::read_link(format!("/proc/self/fd/{descriptor}"))
}

fn is_closed(path: &MountPath) -> Fault {
    let why = "what the hub and the fleets keep for themselves is in it";
    at(path, Code::FsPermission, why)
}

fn nonblocking() -> i32 {
    rustix::fs::OFlags::NONBLOCK.bits().cast_signed()
}

fn only_named() -> i32 {
    rustix::fs::OFlags::PATH.bits().cast_signed()
}

fn last_name(path: &MountPath) -> &str {
    path.as_str().rsplit('/').next().unwrap_or_default()
}

fn at(path: &MountPath, code: Code, why: &str) -> Fault {
    Fault::new(code, format!("`{path}`: {why}"))
}

/// Puts an error of the system into our words. `path` is what the client named.
pub(crate) fn fault(error: &io::Error, path: &str) -> Fault {
    use io::ErrorKind as Kind;
    let errno = error
        .raw_os_error()
        .map(rustix::io::Errno::from_raw_os_error);
    let (code, why) = match (error.kind(), errno) {
        // `cap-std` says it so when a path would leave; the system itself gives a number.
        (Kind::PermissionDenied, None) | (_, Some(rustix::io::Errno::XDEV)) => (
            Code::PathOutsideRoot,
            "it leads out of the mount".to_owned(),
        ),
        (Kind::PermissionDenied | Kind::ReadOnlyFilesystem, _) => {
            (Code::FsPermission, words(error))
        }
        (Kind::NotFound, _) => (
            Code::FsNotFound,
            "there is no such file or directory".to_owned(),
        ),
        (Kind::AlreadyExists, _) => (Code::FsExists, "it is there already".to_owned()),
        (Kind::NotADirectory, _) => (Code::FsNotADirectory, "it is not a directory".to_owned()),
        (Kind::IsADirectory, _) => (Code::FsIsADirectory, "it is a directory".to_owned()),
        (Kind::DirectoryNotEmpty, _) => (Code::FsConflict, "it is not empty".to_owned()),
        (Kind::FileTooLarge, _) => (Code::FsTooLarge, "it is too large".to_owned()),
        (_, Some(rustix::io::Errno::LOOP)) => (
            Code::PathOutsideRoot,
            "a link in it goes round or is not followed".to_owned(),
        ),
        (_, Some(rustix::io::Errno::NAMETOOLONG)) => {
            (Code::RequestInvalid, "a name in it is too long".to_owned())
        }
        (_, Some(rustix::io::Errno::NXIO)) => (
            Code::FsPermission,
            "it is neither a file nor a directory".to_owned(),
        ),
        _ => (Code::FsIo, words(error)),
    };
    let path = if path.is_empty() { "." } else { path };
    Fault::new(code, format!("`{}`: {why}", Shown(path)))
}

/// The system's words, without the number that the standard library adds.
fn words(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error")
        .next()
        .unwrap_or_default()
        .to_lowercase()
}
