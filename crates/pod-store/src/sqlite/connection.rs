//! Opening the database file, and transactions on it.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use podfleet_protocol::PodId;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::acceptance::Waiting;
use super::bodies::Bodies;
use super::transaction::Transaction;
use super::{file_system, schema};
use crate::error::{Fault, StoreErrorKind};
use crate::inbox::AcceptLimits;
use crate::inode::Inode;
use crate::session_log::Loss;

/// How a database is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqliteOptions {
    /// How long a transaction waits for those of other processes; ten seconds by default.
    pub busy_timeout: Duration,
    /// How large the database may grow through this store, in bytes, long bodies not counted; the
    /// disk's size by default. It never shrinks what is there.
    pub max_bytes: Option<u64>,
    /// What inboxes take through this store.
    pub limits: AcceptLimits,
    /// Whether a database that is not there is made; by default it is.
    pub makes: bool,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self {
            busy_timeout: Duration::from_secs(10),
            max_bytes: None,
            limits: AcceptLimits::default(),
            makes: true,
        }
    }
}

/// One connection to the database, with the directory of long bodies.
#[derive(Debug)]
pub(crate) struct Database {
    pub(crate) connection: Connection,
    pub(crate) bodies: Bodies,
    pub(crate) limits: AcceptLimits,
    pub(super) waiting: Option<Waiting>,
    /// Where it was opened, and which file that was.
    place: (PathBuf, Inode),
    /// What happened to that file, when it was last looked for.
    lost: Option<Loss>,
    /// The pod whose outbox has what it sent, and the id of the last message that there was then.
    pub(super) gathered: Option<(PodId, Option<String>)>,
}

impl Database {
    /// Opens the database at `path`, and creates or migrates it where needed.
    pub(crate) fn open(path: &Path, options: &SqliteOptions) -> Result<Self, Fault> {
        let directory = directory_of(path);
        if options.makes {
            prepare_directory(directory)?;
            refuse_in_place_of_one_that_is_away(path)?;
            create_file(path)?;
        } else {
            refuse_missing(path)?;
            prepare_directory(directory)?;
        }
        keep_private(path)?;
        let mut connection = connect(path, options)?;
        schema::check(&connection).map_err(|fault| fault.during("read schema"))?;
        if !is_ready(&connection)? {
            // Two connections that create a database at once hinder each other in ways that the
            // busy timeout does not cover, so that one after the other does it.
            let _lock = lock_out_others(path)?;
            set_up(&mut connection).map_err(|fault| fault.during("migrate"))?;
        }
        let found = fs::metadata(path).map_err(|error| Fault::io(path, "look at", error))?;
        Ok(Self {
            connection,
            place: (path.to_owned(), Inode::of(&found)),
            lost: None,
            bodies: Bodies::beside(directory),
            limits: options.limits,
            waiting: None,
            gathered: None,
        })
    }

    /// Returns the connection for single statements that only read.
    pub(crate) fn reader(&self) -> &Connection {
        &self.connection
    }

    /// Looks whether the file is still where it was opened. While it is not, nothing is written: the
    /// kernel would keep it for a file that nobody can open any more.
    pub(crate) fn check_place(&mut self) -> Result<(), Fault> {
        let (path, inode) = &self.place;
        self.lost = match fs::metadata(path) {
            Ok(found) if Inode::of(&found) == *inode => None,
            Ok(_) => Some(Loss::Replaced),
            Err(error) if is_missing(&error) => Some(Loss::Removed),
            Err(error) => return Err(Fault::io(path, "look at", error)),
        };
        self.check_lost()
    }

    fn check_lost(&self) -> Result<(), Fault> {
        match self.lost {
            Some(loss) => Err(StoreErrorKind::Lost(loss).into()),
            None => Ok(()),
        }
    }

    /// Does `work` in a transaction that has the right to write from its first moment.
    ///
    /// A transaction that starts as a reader and becomes a writer can fail at once when another
    /// process writes, whatever the busy timeout.
    pub(crate) fn write<T>(
        &mut self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        self.check_lost()?;
        // Whoever knows what the work does to it puts it back.
        self.waiting = None;
        let transaction = Transaction::begin(&mut self.connection)
            .map_err(|error| Fault::from(error).during("begin"))?;
        let done = work(&transaction)?;
        transaction
            .commit()
            .map_err(|error| Fault::from(error).during(Fault::COMMIT))?;
        Ok(done)
    }

    /// Removes body files that the transaction before has dropped.
    pub(crate) fn drop_files<T>(&self, (done, files): (T, Vec<String>)) -> T {
        files.iter().for_each(|file| self.bodies.remove(file));
        done
    }
}

fn is_missing(error: &io::Error) -> bool {
    use io::ErrorKind::{NotADirectory, NotFound};
    matches!(error.kind(), NotFound | NotADirectory)
}

fn connect(path: &Path, options: &SqliteOptions) -> Result<Connection, Fault> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let open = |path: &Path, flags| -> Result<Connection, rusqlite::Error> {
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(options.busy_timeout)?;
        // A pod is one of many on its machine: little cache, and no mapped file.
        connection.pragma_update(None, "cache_size", -256)?;
        connection.pragma_update(None, "mmap_size", 0)?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        // Otherwise a plan may depend on what is bound, and a statement that may is parsed anew each
        // time that it comes out of the cache, where its bindings were cleared.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        if let Some(bytes) = options.max_bytes {
            let page: i64 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
            let pages = i64::try_from(bytes).unwrap_or(i64::MAX) / page.max(1);
            connection.pragma_update_and_check(None, "max_page_count", pages.max(1), |_| Ok(()))?;
        }
        connection.set_prepared_statement_cache_capacity(64);
        Ok(connection)
    };
    let opened = open(path, flags).or_else(|error| {
        // A reader keeps its place in shared memory, a file that cannot be made there.
        let sealed = file_system::is_read_only(path) && !journal(path).exists();
        match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::CannotOpen) if sealed => open(
                &unchanging(path),
                OpenFlags::SQLITE_OPEN_READ_ONLY
                    | OpenFlags::SQLITE_OPEN_URI
                    | OpenFlags::SQLITE_OPEN_NO_MUTEX,
            ),
            _ => Err(error),
        }
    });
    opened.map_err(|error| match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::CannotOpen) if file_system::is_read_only(path) => {
            Fault::io(path, "open", io::ErrorKind::ReadOnlyFilesystem.into())
        }
        _ => Fault::from(error).during("open"),
    })
}

/// Returns the address of a database that nobody can change (sqlite.org/uri.html).
fn unchanging(path: &Path) -> PathBuf {
    let path = path.to_string_lossy();
    let escaped = path
        .replace('%', "%25")
        .replace('?', "%3f")
        .replace('#', "%23");
    PathBuf::from(format!("file:{escaped}?immutable=1"))
}

fn is_ready(connection: &Connection) -> Result<bool, Fault> {
    // What nobody changes has no journal.
    let sealed = connection.is_readonly(rusqlite::MAIN_DB)?;
    let mode: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0))?;
    Ok((sealed || mode == "wal") && schema::is_current(connection)?)
}

fn set_up(connection: &mut Connection) -> Result<(), Fault> {
    let mode: String =
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    if mode != "wal" {
        return Err(Fault::corrupt(format!("the journal mode stays `{mode}`")));
    }
    schema::migrate(connection)
}

fn lock_out_others(path: &Path) -> Result<File, Fault> {
    let path = beside(path, ".setup");
    let lock = || -> io::Result<File> {
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(&path)?;
        file.lock()?;
        Ok(file)
    };
    lock().map_err(|error| Fault::io(&path, "lock", error))
}

/// Returns the write-ahead log of a database.
pub(super) fn journal(path: &Path) -> PathBuf {
    beside(path, "-wal")
}

/// Returns the path of a file that goes with the one at `path`.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Returns the directory that a file is in.
pub(super) fn directory_of(path: &Path) -> &Path {
    let parent = path.parent();
    let parent = parent.filter(|parent| !parent.as_os_str().is_empty());
    parent.unwrap_or(Path::new("."))
}

/// Makes the directory if it is not there, for its owner alone, and looks what it is.
pub(super) fn prepare_directory(directory: &Path) -> Result<(), Fault> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .map_err(|error| Fault::io(directory, "create directory", error))?;
    let metadata =
        fs::metadata(directory).map_err(|error| Fault::io(directory, "check directory", error))?;
    let refuse = |why: String| Fault::from(StoreErrorKind::Permissions(why)).at(directory);
    let us = rustix::process::geteuid().as_raw();
    if metadata.uid() != us {
        return Err(refuse(format!(
            "it belongs to user {}, we are user {us}",
            metadata.uid()
        )));
    }
    if metadata.mode() & 0o022 != 0 {
        return Err(refuse(format!(
            "its mode is {:04o}",
            metadata.mode() & 0o7777
        )));
    }
    file_system::refuse_network(directory)
}

/// Refuses to make a database beside the journal of one that was moved away or removed: `SQLite` would
/// empty it, with all that was committed to that one.
fn refuse_in_place_of_one_that_is_away(path: &Path) -> Result<(), Fault> {
    // In this order: whoever makes a database at this moment makes its journal after it.
    let journal = fs::metadata(journal(path));
    let is_left = journal.is_ok_and(|journal| journal.len() > 0);
    match fs::metadata(path) {
        Err(error) if is_left && is_missing(&error) => {
            Err(Fault::from(StoreErrorKind::Lost(Loss::Removed)).at(path))
        }
        _ => Ok(()),
    }
}

/// Refuses what is not there.
fn refuse_missing(path: &Path) -> Result<(), Fault> {
    match fs::metadata(path) {
        Ok(_) => Ok(()),
        Err(error) if is_missing(&error) => Err(StoreErrorKind::NotFound("store").into()),
        Err(error) => Err(Fault::io(path, "look at", error)),
    }
}

/// Creates the file for its owner alone if it is not there.
///
/// One that is there is never opened: closing it again would drop the locks that `SQLite` holds on it
/// for other connections of this process.
fn create_file(path: &Path) -> Result<(), Fault> {
    let created = OpenOptions::new()
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(path);
    match created {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            Err(Fault::io(path, "create", error))
        }
        _ => Ok(()),
    }
}

/// Takes the rights of others to the file away.
fn keep_private(path: &Path) -> Result<(), Fault> {
    let fault = |error| Fault::io(path, "create", error);
    let mode = fs::metadata(path).map_err(fault)?.mode();
    if mode & 0o077 != 0 {
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).map_err(fault)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use rusqlite::types::Value;
    use rusqlite::{StatementStatus, params_from_iter};

    use super::super::relations;
    use super::*;

    #[test]
    fn a_statement_out_of_the_cache_is_not_parsed_again() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("store.db");
        let database = Database::open(&path, &SqliteOptions::default()).unwrap();
        for sql in [
            relations::RELATED.as_str(),
            relations::EXCHANGED.as_str(),
            "SELECT sequence FROM message WHERE pod = ?1 AND sender = ?2 AND attempts = ?3",
        ] {
            for round in 0..3 {
                let mut statement = database.connection.prepare_cached(sql).unwrap();
                let id = || Value::from(PodId::generate().to_string());
                let values = [id(), id(), Value::from(round), Value::from(round)];
                let values = values.iter().take(statement.parameter_count());
                statement.exists(params_from_iter(values)).unwrap();
                assert_eq!(statement.get_status(StatementStatus::RePrepare), 0, "{sql}");
            }
        }
    }
}
