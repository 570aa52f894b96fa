//! A database that gets its name when all of it is there: a copy, or what is imported where there is
//! no store yet.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use podfleet_protocol::MessageId;
use rustix::fs::{CWD, RenameFlags};
use rustix::io::Errno;

use super::super::connection::{Database, SqliteOptions, beside, directory_of, prepare_directory};
use super::transfer;
use crate::error::{Fault, StoreErrorKind};
use crate::maintenance::Transfer;

/// How the names of drafts begin; an id follows.
const PREFIX: &str = ".podfleet-draft.";
/// What else there may be of a draft, by what its name has at its end.
const COMPANIONS: [&str; 4] = ["-wal", "-shm", "-journal", ".setup"];

/// A database beside the place of the one that it may become; it goes with this, whatever it became.
///
/// It is locked as long as it is at work, so that the next one in that directory can tell what a
/// killed process left, and removes it.
pub(super) struct Draft {
    path: PathBuf,
    _lock: File,
}

impl Draft {
    /// Makes an empty draft of the database at `path`, for its owner alone.
    pub(super) fn of(path: &Path) -> Result<Self, Fault> {
        let directory = directory_of(path);
        sweep(directory);
        Self::create(directory).map_err(|error| Fault::io(path, "create", error))
    }

    fn create(directory: &Path) -> io::Result<Self> {
        loop {
            let path = directory.join(format!("{PREFIX}{}", MessageId::generate()));
            let mut options = OpenOptions::new();
            let lock = options.create_new(true).write(true).mode(0o600);
            let lock = lock.open(&path)?;
            // Where there are no locks nobody can take one, and what is left there stays.
            let _ = lock.lock();
            // Who sweeps may have had it in between.
            if fs::metadata(&path).is_ok_and(|there| is_same(&there, &lock)) {
                return Ok(Self { path, _lock: lock });
            }
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Gives it the name that it is for, unless somebody has that by now: `taken` is the fault then.
    pub(super) fn publish(&self, path: &Path, taken: StoreErrorKind) -> Result<(), Fault> {
        give_name(&self.path, path).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => taken.into(),
            _ => Fault::io(path, "create", error),
        })
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        remove(&self.path);
    }
}

fn is_same(there: &fs::Metadata, file: &File) -> bool {
    file.metadata()
        .is_ok_and(|file| (file.dev(), file.ino()) == (there.dev(), there.ino()))
}

/// Removes a draft, last what tells that there is something of it. A file that stays costs space,
/// nothing else.
fn remove(path: &Path) {
    for suffix in COMPANIONS {
        let _ = fs::remove_file(beside(path, suffix));
    }
    let _ = fs::remove_file(path);
}

/// Removes the drafts of a directory that nobody works at any more.
fn sweep(directory: &Path) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let id = name.to_str().and_then(|name| name.strip_prefix(PREFIX));
        if id.is_none_or(|id| id.parse::<MessageId>().is_err()) {
            continue;
        }
        let path = entry.path();
        if has_its_name(&entry) {
            remove(&path);
            continue;
        }
        // Held until it is gone, so that nobody has just begun with it.
        let lock = File::open(&path)
            .ok()
            .filter(|file| file.try_lock().is_ok());
        if lock.is_some() {
            remove(&path);
        }
    }
}

/// Returns whether a draft has the name that it was for. It is a store then, which is never opened
/// but by `SQLite`.
fn has_its_name(draft: &fs::DirEntry) -> bool {
    draft.metadata().is_ok_and(|draft| draft.nlink() > 1)
}

/// Waits until a crash of the machine does not take the name back.
pub(super) fn flush_name(path: &Path) -> Result<(), Fault> {
    let directory = directory_of(path);
    let flushed = File::open(directory).and_then(|opened| opened.sync_all());
    flushed.map_err(|error| Fault::io(directory, "flush", error))
}

/// Gives a file a name that nothing has yet, by a link where the file system knows links.
fn give_name(file: &Path, name: &Path) -> io::Result<()> {
    match rustix::fs::link(file, name) {
        Err(Errno::PERM | Errno::NOSYS | Errno::OPNOTSUPP | Errno::MLINK) => move_to(file, name),
        linked => Ok(linked?),
    }
}

/// Moves a file to a name that nothing has yet, as file systems of memory sticks can.
fn move_to(file: &Path, name: &Path) -> io::Result<()> {
    match rustix::fs::renameat_with(CWD, file, CWD, name, RenameFlags::NOREPLACE) {
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => claim_and_move(file, name),
        moved => Ok(moved?),
    }
}

/// Does the same in two steps. Who is killed in between leaves an empty file of that name.
fn claim_and_move(file: &Path, name: &Path) -> io::Result<()> {
    File::create_new(name)?;
    fs::rename(file, name).inspect_err(|_| {
        // An empty file that stays says itself that nothing is in it.
        let _ = fs::remove_file(name);
    })
}

/// Imports into a new store at `path`. If one appears there meanwhile, it is left as it is.
pub(super) fn import(
    path: &Path,
    lines: impl BufRead,
    runtime_dir: &Path,
) -> Result<Transfer, Fault> {
    prepare_directory(directory_of(path))?;
    let draft = Draft::of(path)?;
    let transfer = fill(draft.path(), lines, runtime_dir)?;
    draft.publish(path, StoreErrorKind::NotEmpty)?;
    flush_name(path)?;
    Ok(transfer)
}

fn fill(path: &Path, lines: impl BufRead, runtime_dir: &Path) -> Result<Transfer, Fault> {
    let mut database = Database::open(path, &SqliteOptions::default())?;
    let transfer = transfer::import(&mut database, lines, runtime_dir)?;
    // All of it comes into the one file that gets the name.
    database
        .connection
        .pragma_update(None, "journal_mode", "DELETE")?;
    let closed = database.connection.close();
    closed.map_err(|(_, error)| Fault::from(error).at(path))?;
    Ok(transfer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draft_that_nobody_works_at_goes_with_the_next_one() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        let left = format!("{PREFIX}{}", MessageId::generate());
        let others = [format!("{PREFIX}notes"), "store.db".to_owned()];
        for name in [&left, &format!("{left}-wal"), &others[0], &others[1]] {
            fs::write(at(name), "").unwrap();
        }
        let became_a_store = format!("{PREFIX}{}", MessageId::generate());
        fs::hard_link(at("store.db"), at(&became_a_store)).unwrap();
        let first = Draft::of(&at("monday.db")).unwrap();
        let second = Draft::of(&at("tuesday.db")).unwrap();
        assert!(first.path().exists(), "it is at work");
        let names = || {
            let entries = fs::read_dir(directory.path()).unwrap();
            let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
            names.collect::<std::collections::BTreeSet<_>>()
        };
        let gone = |name: &String| !name.starts_with(&left) && *name != became_a_store;
        assert!(names().iter().all(gone));
        drop((first, second));
        assert_eq!(names(), others.into());
    }

    #[test]
    fn every_way_to_give_a_name_leaves_what_has_it_already() {
        for way in [give_name, move_to, claim_and_move] {
            let directory = tempfile::tempdir().unwrap();
            let [draft, name] = ["draft", "name"].map(|name| directory.path().join(name));
            fs::write(&draft, "first").unwrap();
            way(&draft, &name).unwrap();
            // A link is the same file.
            let _ = fs::remove_file(&draft);
            fs::write(&draft, "second").unwrap();
            let taken = way(&draft, &name).unwrap_err();
            assert_eq!(taken.kind(), io::ErrorKind::AlreadyExists);
            assert_eq!(fs::read_to_string(&name).unwrap(), "first");
        }
    }
}
