//! Looking after the database.

mod backup;
mod check;
mod draft;
mod logs;
mod transfer;

pub(super) use backup::body_files;

use std::io::{BufRead, Write};
use std::path::Path;

use podfleet_protocol::PodId;
use rusqlite::{Connection, params};

use super::columns::{label, parsed, unsigned};
use super::connection::{Database, directory_of};
use super::{SqliteStore, schema};
use crate::error::{Fault, StoreError, StoreErrorKind};
use crate::maintenance::{Backup, Check, MinWriter, OlderWriter, Transfer};

impl SqliteStore {
    /// Looks for damage: in the database, in every record, against this crate's own rules, and in the
    /// session logs beside it, which are read whole. One damaged record does not hide the others. A
    /// store without any logs beside it was moved without them, and lacks none. Nothing is changed, and pods go on meanwhile.
    ///
    /// # Errors
    /// Fails when the database cannot be read at all.
    pub async fn check(&self) -> Result<Check, StoreError> {
        let state = directory_of(self.path()).to_owned();
        self.call("check", move |database| check::check(database, &state))
            .await
    }

    /// Copies the store to a new file (0600), with its long bodies in the directory `bodies` beside
    /// it. The copy is of one moment, and pods go on meanwhile; it is a store itself.
    ///
    /// # Errors
    /// [`Exists`](StoreErrorKind::Exists) when the file is there already; fails also when one of the
    /// two cannot be read or written. Then no copy is left.
    pub async fn backup(&self, to: &Path) -> Result<Backup, StoreError> {
        let to = to.to_owned();
        self.call("back up", move |database| backup::backup(database, &to))
            .await
    }

    /// Writes all records as lines of JSON, as they are at one moment: a head with the version of
    /// the format, a line for each record with its long body, an end with their number.
    ///
    /// Session logs are not part of the store. Credentials are in neither.
    ///
    /// # Errors
    /// Fails when the database cannot be read or `out` cannot be written.
    pub async fn export<W: Write + Send + 'static>(&self, out: W) -> Result<Transfer, StoreError> {
        self.call("export", move |database| transfer::export(database, out))
            .await
    }

    /// Reads what [`export`](Self::export) wrote into this store, which must be empty: all of it, or
    /// nothing.
    ///
    /// No pod runs afterwards as far as the store knows, and none is wanted up. All have their place in
    /// `runtime_dir`: in the one that was theirs, those of the exported store may live.
    ///
    /// # Errors
    /// [`NotEmpty`](StoreErrorKind::NotEmpty) when the store has records,
    /// [`FromTheFuture`](StoreErrorKind::FromTheFuture) or
    /// [`NewerExport`](StoreErrorKind::NewerExport) when a newer build wrote the lines,
    /// [`BadExport`](StoreErrorKind::BadExport) with the line's number when they make no sense or end
    /// early; fails also when the database cannot be written.
    pub async fn import<R: BufRead + Send + 'static>(
        &self,
        lines: R,
        runtime_dir: &Path,
    ) -> Result<Transfer, StoreError> {
        let place = runtime_dir.to_owned();
        self.call("import", move |database| {
            transfer::import(database, lines, &place)
        })
        .await
    }

    /// Does as [`import`](Self::import) with the store at `path`. One that is not there is there
    /// afterwards with all that was read, or not at all, whatever fails or crashes.
    ///
    /// # Errors
    /// As [`open`](Self::open) and [`import`](Self::import).
    pub async fn import_at<R: BufRead + Send + 'static>(
        path: &Path,
        lines: R,
        runtime_dir: &Path,
    ) -> Result<Transfer, StoreError> {
        match path.try_exists() {
            Ok(false) => draft::import(path, lines, runtime_dir)
                .map_err(|fault| fault.into_error("import", path)),
            _ => Self::open(path)?.import(lines, runtime_dir).await,
        }
    }

    /// Looks what [`import`](Self::import) into the store at `path` would do. Nothing is written;
    /// a store that is not there is not made.
    ///
    /// # Errors
    /// As [`import`](Self::import).
    pub async fn preview_import<R: BufRead + Send + 'static>(
        path: &Path,
        lines: R,
    ) -> Result<Transfer, StoreError> {
        const OPERATION: &str = "look what would be imported";
        match path.try_exists() {
            Ok(false) => {
                transfer::preview(lines).map_err(|fault| fault.into_error(OPERATION, path))
            }
            _ => {
                let look = move |database: &mut Database| {
                    transfer::refuse_filled(database.reader())?;
                    transfer::preview(lines)
                };
                Self::open(path)?.call(OPERATION, look).await
            }
        }
    }

    /// Locks builds of older schemas out of the store, for good.
    ///
    /// `is_live` is asked whether a pod runs, for those that a build of an older schema started
    /// last.
    ///
    /// # Errors
    /// [`OlderWriters`](StoreErrorKind::OlderWriters) while one of those lives; fails also when the
    /// database cannot be written.
    pub async fn raise_min_writer(
        &self,
        is_live: impl Fn(PodId) -> bool + Send + 'static,
    ) -> Result<MinWriter, StoreError> {
        self.call("migrate", move |database| {
            database.write(|transaction| {
                let raised = min_writer(transaction, is_live)?;
                transaction.execute(
                    "UPDATE schema_version SET min_writer = max(min_writer, ?1)",
                    params![schema::VERSION],
                )?;
                Ok(raised)
            })
        })
        .await
    }

    /// Looks what [`raise_min_writer`](Self::raise_min_writer) would do.
    ///
    /// # Errors
    /// As that; nothing is written.
    pub async fn preview_min_writer(
        &self,
        is_live: impl Fn(PodId) -> bool + Send + 'static,
    ) -> Result<MinWriter, StoreError> {
        self.call("look what migrating would do", move |database| {
            min_writer(database.reader(), is_live)
        })
        .await
    }
}

fn min_writer(
    connection: &Connection,
    is_live: impl Fn(PodId) -> bool,
) -> Result<MinWriter, Fault> {
    let older = older_writers(connection, is_live)?;
    if !older.is_empty() {
        return Err(StoreErrorKind::OlderWriters(older).into());
    }
    let before = schema::stored(connection)?.map_or(0, |stored| stored.min_writer);
    let now = before.max(schema::VERSION);
    Ok(MinWriter { before, now })
}

fn older_writers(
    connection: &Connection,
    is_live: impl Fn(PodId) -> bool,
) -> Result<Vec<OlderWriter>, Fault> {
    // A generation that said nothing of its schema is of a build of schema 1.
    let mut statement = connection.prepare(
        "SELECT id, fleet, name, iif(writer_generation = generation, writer_schema, 1) AS schema \
         FROM pod ORDER BY fleet, folded",
    )?;
    let mut rows = statement.query([])?;
    let mut older = Vec::new();
    while let Some(row) = rows.next()? {
        let schema = u32::try_from(unsigned(row, "schema")?).unwrap_or(u32::MAX);
        if schema < schema::VERSION && is_live(parsed(row, "id")?) {
            let pod = label(row, ["id", "fleet", "name"])?;
            older.push(OlderWriter { pod, schema });
        }
    }
    Ok(older)
}
