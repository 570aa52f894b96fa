//! Removing a tree, however deep it is.

use std::io;
use std::path::{Path, PathBuf};

use cap_std::fs::{Dir, ReadDir};
use rustix::fs::{Mode, OFlags, openat, renameat};
use rustix::io::Errno;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::closed::Identity;

/// How many directories a walk has open, one in the other.
///
/// Names bound no tree: each may be moved below another. What lies deeper is moved up to the top
/// first, so that neither the stack nor the descriptors of the process depend on it.
const DEPTH: usize = 32;

/// Up to how many entries are counted.
const MOST: u64 = 100_000;

/// A directory that is being emptied, or counted.
struct Level {
    name: PathBuf,
    directory: Dir,
    entries: ReadDir,
}

impl Level {
    /// Opens a directory by its name in another; a link is not followed, and a closed one is refused.
    fn open(parent: &Dir, name: PathBuf, closed: &[Identity]) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let directory = openat(parent, &name, flags, Mode::empty())?;
        if !closed.is_empty() && closed.contains(&Identity::of(&directory)?) {
            return Err(Errno::PERM.into());
        }
        let directory = Dir::from_std_file(directory.into());
        Ok(Self {
            name,
            entries: directory.entries()?,
            directory,
        })
    }
}

/// Removes a directory with all that is in it. No link is followed, whoever puts one there meanwhile.
///
/// # Errors
/// Fails at the first that cannot be removed, and with `TimedOut` when `waited_for` is cancelled.
pub(super) fn remove_tree(
    parent: &Dir,
    name: &Path,
    closed: &[Identity],
    waited_for: &CancellationToken,
) -> io::Result<()> {
    // What was moved up may be missed by a reading of the top that had begun before.
    while !empty(parent, name, closed, waited_for)? {}
    parent.remove_dir(name)
}

/// Removes what is in a directory; returns whether that was all, or something was moved up in it.
fn empty(
    parent: &Dir,
    name: &Path,
    closed: &[Identity],
    waited_for: &CancellationToken,
) -> io::Result<bool> {
    let mut top = Level::open(parent, name.to_owned(), closed)?;
    let mut below: Vec<Level> = Vec::new();
    let mut all = true;
    loop {
        if waited_for.is_cancelled() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        let level = below.last_mut().unwrap_or(&mut top);
        let Some(entry) = level.entries.next().transpose()? else {
            let Some(emptied) = below.pop() else {
                return Ok(all);
            };
            let above = below.last().unwrap_or(&top);
            above.directory.remove_dir(&emptied.name)?;
            continue;
        };
        let within = &below.last().unwrap_or(&top).directory;
        let inner = PathBuf::from(entry.file_name());
        if !entry.file_type()?.is_dir() {
            within.remove_file(&inner)?;
        } else if below.len() < DEPTH {
            let level = Level::open(within, inner, closed)?;
            below.push(level);
        } else {
            move_up(within, &inner, &top.directory)?;
            all = false;
        }
    }
}

/// Whether nothing is in a directory.
pub(super) fn is_empty(parent: &Dir, name: &Path) -> io::Result<bool> {
    let mut level = Level::open(parent, name.to_owned(), &[])?;
    Ok(level.entries.next().transpose()?.is_none())
}

/// How many entries a directory has in it, at any depth.
#[derive(Debug, Default)]
pub(super) struct Counted {
    pub(super) entries: u64,
    /// Whether these are all.
    pub(super) all: bool,
}

/// Counts what is in a directory, to a number and a depth from which on that says nothing more.
///
/// # Errors
/// Fails at the first directory that cannot be read, and with `TimedOut` when `waited_for` is
/// cancelled.
pub(super) fn count(
    parent: &Dir,
    name: &Path,
    closed: &[Identity],
    waited_for: &CancellationToken,
) -> io::Result<Counted> {
    let mut levels = vec![Level::open(parent, name.to_owned(), closed)?];
    let mut counted = Counted {
        entries: 0,
        all: true,
    };
    while let Some(level) = levels.last_mut() {
        if waited_for.is_cancelled() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        let Some(entry) = level.entries.next().transpose()? else {
            levels.pop();
            continue;
        };
        if counted.entries == MOST {
            counted.all = false;
            break;
        }
        counted.entries += 1;
        if !entry.file_type()?.is_dir() {
            continue;
        }
        let inner = entry.file_name().into();
        if levels.len() == DEPTH {
            counted.all = false;
        } else if let Some(level) = levels.last() {
            let inner = Level::open(&level.directory, inner, closed)?;
            levels.push(inner);
        }
    }
    Ok(counted)
}

fn move_up(from: &Dir, name: &Path, top: &Dir) -> io::Result<()> {
    let free = format!(".fleet-removed-{}", Uuid::now_v7());
    // Not `RENAME_NOREPLACE`, which not all file systems have: nothing else has this name.
    renameat(from, name, top, free)?;
    Ok(())
}
