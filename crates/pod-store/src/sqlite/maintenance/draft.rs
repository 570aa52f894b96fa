//! A database that gets its name when all of it is there: a copy, or what is imported where there is
//! no store yet.

use std::fs::{self, File};
use std::io::{self, BufRead};
use std::path::{Path, PathBuf};

use podfleet_protocol::MessageId;

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
        fs::hard_link(&self.0, path).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => taken.into(),
            _ => Fault::io(path, "create", error),
        })?;
        let directory = directory_of(path);
        let flushed = File::open(directory).and_then(|opened| opened.sync_all());
        flushed.map_err(|error| Fault::io(directory, "flush", error))
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

/// Imports into a new store at `path`. If one appears there meanwhile, it is left as it is.
pub(super) fn import(path: &Path, lines: impl BufRead) -> Result<Transfer, Fault> {
    let draft = Draft::of(path);
    let transfer = fill(draft.path(), lines)?;
    draft.publish(path, StoreErrorKind::NotEmpty)?;
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
