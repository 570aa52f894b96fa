//! Copying a store that is in use.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use rusqlite::Connection;

use super::super::bodies::Bodies;
use super::super::connection::{Database, directory_of, prepare_directory};
use super::draft::{Draft, flush_name};
use crate::error::{Fault, StoreErrorKind};
use crate::maintenance::Backup;

/// Returns the names of the files of long bodies.
pub(in super::super) fn body_files(connection: &Connection) -> Result<Vec<String>, Fault> {
    let mut statement = connection
        .prepare("SELECT body_file FROM message WHERE body_file IS NOT NULL ORDER BY sequence")?;
    let rows = statement.query_map([], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn backup(database: &mut Database, to: &Path) -> Result<Backup, Fault> {
    let directory = directory_of(to);
    prepare_directory(directory)?;
    let exists = || Fault::from(StoreErrorKind::Exists).at(to);
    if to.symlink_metadata().is_ok() {
        return Err(exists());
    }
    // Half a copy must not be taken for one, though we may be killed at any time.
    let draft = Draft::of(to)?;
    let copied = copy(database, draft.path(), directory)?;
    draft
        .publish(to, StoreErrorKind::Exists)
        .map_err(|fault| fault.at(to))?;
    flush_name(to).inspect_err(|_| {
        // What is told as failed does not stand there as if it were kept.
        let _ = fs::remove_file(to);
    })?;
    Ok(copied)
}

fn copy(database: &Database, to: &Path, directory: &Path) -> Result<Backup, Fault> {
    let mut copy = Connection::open(to)?;
    // All pages in one step, under one lock of a reader: with more steps every message that a pod
    // accepts meanwhile would begin the copy anew.
    let backup = rusqlite::backup::Backup::new(database.reader(), &mut copy)?;
    backup.step(-1).map_err(|error| Fault::from(error).at(to))?;
    drop(backup);
    let files = body_files(&copy)?;
    copy.close()
        .map_err(|(_, error)| Fault::from(error).at(to))?;
    let bodies = Bodies::beside(directory);
    let mut missing = 0;
    for name in &files {
        missing += u64::from(!bodies.copy_from(&database.bodies, name)?);
    }
    let sync = || -> io::Result<u64> {
        let file = File::open(to)?;
        file.sync_all()?;
        Ok(file.metadata()?.len())
    };
    Ok(Backup {
        bytes: sync().map_err(|error| Fault::io(to, "flush", error))?,
        bodies: files.len() as u64 - missing,
        missing,
    })
}
