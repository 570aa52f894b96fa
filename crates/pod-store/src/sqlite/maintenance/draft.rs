//! A database that gets its name when all of it is there: a copy, or what is imported where there is
//! no store yet.

use std::fs::{self, File};
use std::io::{self, BufRead};
use std::path::{Path, PathBuf};

use podfleet_protocol::MessageId;
use rustix::fs::{CWD, RenameFlags};
use rustix::io::Errno;

use super::super::connection::{Database, SqliteOptions, beside, directory_of};
use super::transfer;
use crate::error::{Fault, StoreErrorKind};
use crate::maintenance::Transfer;

/// A database beside the place of the one that it may become; it goes with this, whatever it became.
pub(super) struct Draft(PathBuf);

impl Draft {
    /// Names a draft of the database at `path`.
    pub(super) fn of(path: &Path) -> Self {
        Self(beside(path, &format!(".{}", MessageId::generate())))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// Gives it the name that it is for, unless somebody has that by now: `taken` is the fault then.
    pub(super) fn publish(&self, path: &Path, taken: StoreErrorKind) -> Result<(), Fault> {
        give_name(&self.0, path).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => taken.into(),
            _ => Fault::io(path, "create", error),
        })
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        for suffix in ["", "-wal", "-shm", "-journal", ".setup"] {
            // A file that stays costs space, nothing else.
            let _ = fs::remove_file(beside(&self.0, suffix));
        }
    }
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
pub(super) fn import(path: &Path, lines: impl BufRead) -> Result<Transfer, Fault> {
    let draft = Draft::of(path);
    let transfer = fill(draft.path(), lines)?;
    draft.publish(path, StoreErrorKind::NotEmpty)?;
    flush_name(path)?;
    Ok(transfer)
}

fn fill(path: &Path, lines: impl BufRead) -> Result<Transfer, Fault> {
    let mut database = Database::open(path, &SqliteOptions::default())?;
    let transfer = transfer::import(&mut database, lines)?;
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
