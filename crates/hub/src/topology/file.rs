//! The file: its place, its rights, its tables.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, TransactionBehavior};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;
use uuid::Uuid;

use crate::fault::{Code, Fault};

/// What may help where the file is damaged.
pub(super) const HINT: &str = "put a copy of hub.db back, or move it and hub.db-wal away to begin with an \
     empty topology";

/// The newest form of the tables that this build knows.
const VERSION: i64 = 3;

const TABLES: &str = "
CREATE TABLE hub (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    id TEXT NOT NULL,
    version INTEGER NOT NULL
) STRICT;
CREATE TABLE endpoint (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    folded TEXT NOT NULL UNIQUE,
    reach TEXT NOT NULL,
    place TEXT NOT NULL UNIQUE,
    hub TEXT,
    created INTEGER NOT NULL,
    updated INTEGER NOT NULL,
    revision INTEGER NOT NULL DEFAULT 1
) STRICT;
CREATE TABLE mount (
    id TEXT PRIMARY KEY,
    space TEXT NOT NULL,
    name TEXT NOT NULL,
    folded TEXT NOT NULL,
    position INTEGER NOT NULL,
    endpoint TEXT REFERENCES endpoint (id),
    root TEXT NOT NULL,
    checked INTEGER NOT NULL,
    created INTEGER NOT NULL,
    updated INTEGER NOT NULL,
    revision INTEGER NOT NULL DEFAULT 1
) STRICT;
CREATE UNIQUE INDEX mount_name ON mount (space, folded);
CREATE UNIQUE INDEX mount_root ON mount (space, coalesce(endpoint, ''), root);
CREATE TABLE route (
    session TEXT PRIMARY KEY,
    agent TEXT NOT NULL,
    endpoint TEXT REFERENCES endpoint (id),
    mount TEXT NOT NULL,
    created INTEGER NOT NULL
) STRICT;
CREATE TABLE token (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    digest BLOB NOT NULL,
    scopes TEXT NOT NULL,
    created INTEGER NOT NULL,
    expires INTEGER
) STRICT;
";

/// What each later form adds to the one before it.
const ADDED: [&str; 2] = [
    "ALTER TABLE route ADD COLUMN fleet TEXT;",
    "CREATE TABLE login (
        digest BLOB PRIMARY KEY,
        token TEXT NOT NULL REFERENCES token (id) ON DELETE CASCADE,
        until INTEGER NOT NULL
    ) STRICT;",
];

/// Opens the file in a directory, and returns the hub's identity with it.
pub(super) fn open(directory: &Path) -> Result<(Connection, Uuid), Fault> {
    private_directory(directory)?;
    let path = directory.join("hub.db");
    private_file(directory, &path)?;
    let mut connection = connect(&path)?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate);
    let transaction = transaction?;
    let id = recognized(&transaction)?;
    transaction.commit()?;
    let sound: String = connection.pragma_query_value(None, "quick_check", |row| row.get(0))?;
    if sound != "ok" {
        return Err(damaged(&sound));
    }
    Ok((connection, id))
}

/// Returns whether there is such a file. A directory for it that is open to others is refused all the
/// same.
pub(super) fn is_there(directory: &Path) -> Result<bool, Fault> {
    match fs::symlink_metadata(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(io_fault(directory, &error)),
        Ok(found) => refuse_open(directory, &found, 0o077, found.is_dir())?,
    }
    let path = directory.join("hub.db");
    fs::exists(&path).map_err(|error| io_fault(&path, &error))
}

/// Makes one in memory, as it is before anything was changed.
pub(super) fn empty() -> Result<(Connection, Uuid), Fault> {
    let connection = Connection::open_in_memory()?;
    connection.pragma_update(None, "foreign_keys", true)?;
    let id = set_up(&connection)?;
    Ok((connection, id))
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(Duration::from_secs(10))?;
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // Otherwise a statement is parsed anew for each value that is bound, in case another plan suits it.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(connection)
}

/// Makes the tables of a new file.
fn set_up(connection: &Connection) -> Result<Uuid, Fault> {
    let id = Uuid::now_v7();
    connection.execute_batch(TABLES)?;
    let insert = "INSERT INTO hub (only, id, version) VALUES (1, ?1, 1)";
    connection.execute(insert, [id.to_string()])?;
    bring_up(connection, 1)?;
    Ok(id)
}

/// Finds out what a file is, and brings it to the present form.
fn recognized(connection: &Connection) -> Result<Uuid, Fault> {
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if tables == 0 {
        return Err(damaged("nothing is left of it"));
    }
    let found: Option<(String, i64)> = connection
        .query_row("SELECT id, version FROM hub", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()?;
    let (id, version) = found.ok_or_else(|| damaged("it has lost its identity"))?;
    if version > VERSION {
        let message = format!("the topology is of a newer build (form {version}, not {VERSION})");
        return Err(Fault::new(Code::TopologyFailed, message));
    }
    bring_up(connection, version)?;
    id.parse().map_err(|_| damaged("its identity is none"))
}

/// Brings a file of an earlier form to the present one.
fn bring_up(connection: &Connection, version: i64) -> Result<(), Fault> {
    let known = usize::try_from(version).map_err(|_| damaged("its form is none"))?;
    for added in ADDED.iter().skip(known.saturating_sub(1)) {
        connection.execute_batch(added)?;
    }
    connection.execute("UPDATE hub SET version = ?1", [VERSION])?;
    Ok(())
}

fn damaged(why: &str) -> Fault {
    Fault::new(
        Code::TopologyFailed,
        format!("the topology is damaged: {why}"),
    )
    .hint(HINT)
}

/// Makes a directory for its owner alone, or refuses one that is open to others.
pub(super) fn private_directory(directory: &Path) -> Result<(), Fault> {
    let fault = |error: &io::Error| io_fault(directory, error);
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .map_err(|error| fault(&error))?;
    let found = fs::symlink_metadata(directory).map_err(|error| fault(&error))?;
    refuse_open(directory, &found, 0o077, found.is_dir())
}

/// Makes a file for its owner alone, or refuses one that is open to others.
fn private_file(directory: &Path, path: &Path) -> Result<(), Fault> {
    let fault = |error: &io::Error| io_fault(path, error);
    if let Err(error) = fs::symlink_metadata(path) {
        if error.kind() != io::ErrorKind::NotFound {
            return Err(fault(&error));
        }
        make(directory, path)?;
    }
    let found = fs::symlink_metadata(path).map_err(|error| fault(&error))?;
    refuse_open(path, &found, 0o077, found.is_file())?;
    // SQLite would take it for a new one, and remove its journal.
    if found.len() == 0 {
        return Err(damaged("nothing is left of it"));
    }
    Ok(())
}

/// A new file beside the journal of another one would get what stands in that.
fn refuse_journal_of_another(directory: &Path) -> Result<(), Fault> {
    let journal = directory.join("hub.db-wal");
    match fs::symlink_metadata(&journal) {
        Ok(found) if found.len() > 0 => Err(damaged(
            "hub.db is missing, and its journal hub.db-wal is there",
        )),
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(io_fault(&journal, &error)),
        _ => Ok(()),
    }
}

/// Makes the file whole, or not at all: one without anything in it is then known to be damaged. Of two
/// who make it at once one is late, and uses that of the other.
fn make(directory: &Path, path: &Path) -> Result<(), Fault> {
    let journal = refuse_journal_of_another(directory);
    if journal.is_err() {
        // That of another one who was faster is no damage.
        return if path.exists() { Ok(()) } else { journal };
    }
    let draft = directory.join(format!("hub.db.{}", Uuid::now_v7()));
    let made = write_draft(&draft).and_then(|()| match give_name(&draft, path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(io_fault(path, &error)),
        _ => Ok(()),
    });
    // It is gone where it has its name.
    let _ = fs::remove_file(&draft);
    made
}

/// Not every file system renames without replacing, nor has every one links.
fn give_name(draft: &Path, path: &Path) -> io::Result<()> {
    match renameat_with(CWD, draft, CWD, path, RenameFlags::NOREPLACE) {
        Err(Errno::INVAL | Errno::NOSYS) => fs::hard_link(draft, path),
        renamed => Ok(renamed?),
    }
}

fn write_draft(draft: &Path) -> Result<(), Fault> {
    OpenOptions::new()
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(draft)
        .map_err(|error| io_fault(draft, &error))?;
    let mut connection = Connection::open(draft)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    let transaction = connection.transaction()?;
    set_up(&transaction)?;
    Ok(transaction.commit()?)
}

/// Refuses what is not ours, or what others may look at.
pub(super) fn refuse_open(
    path: &Path,
    found: &fs::Metadata,
    forbidden: u32,
    right_kind: bool,
) -> Result<(), Fault> {
    let ours = found.uid() == rustix::process::geteuid().as_raw();
    if right_kind && ours && found.mode() & forbidden == 0 {
        return Ok(());
    }
    let why = match (right_kind, ours) {
        (false, _) => "it is not what it should be".to_owned(),
        (_, false) => "it belongs to another user".to_owned(),
        _ => format!("its mode is {:04o}", found.mode() & 0o7777),
    };
    let message = format!("{} is not used: {why}", path.display());
    Err(Fault::new(Code::TopologyFailed, message)
        .hint("nobody else may read it: `chmod go= ` on it, and look who did"))
}

pub(super) fn io_fault(path: &Path, error: &io::Error) -> Fault {
    let message = format!("{} cannot be used: {error}", path.display());
    Fault::new(Code::TopologyFailed, message)
}
