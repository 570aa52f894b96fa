//! The store in an `SQLite` database.

mod acceptance;
mod bodies;
mod calls;
mod chat;
mod children;
mod columns;
mod connection;
mod cursors;
mod file_system;
mod fleets;
mod forget;
mod inbox;
mod listing;
mod maintenance;
mod outbox;
mod peers;
mod pods;
mod prune;
mod relations;
mod schema;
mod sessions;

use std::fmt;
use std::path::Path;
use std::sync::{Arc, mpsc};
use std::thread;

use tokio::sync::oneshot;

use crate::error::{Fault, StoreError, StoreErrorKind};
use connection::Database;
pub use connection::SqliteOptions;

type Job = Box<dyn FnOnce(&mut Database) + Send>;

/// The store in an `SQLite` database: several processes may use it at once.
///
/// One thread a process owns the connection and does one call after the other; it ends when the
/// store is dropped. A commit is flushed to the disk before a call returns.
pub struct SqliteStore {
    jobs: mpsc::Sender<Job>,
    path: Arc<Path>,
}

impl SqliteStore {
    /// Opens the store at `path`, and creates it, its directory (0700) and its files (0600) if they
    /// are not there. Blocks for the time of some file operations; waits at most ten seconds for
    /// other processes.
    ///
    /// # Errors
    /// Fails when the directory is not the caller's alone or on a network file system, when the
    /// file is no store or needs a newer build, and when it cannot be read or written.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Self::open_with(path, &SqliteOptions::default())
    }

    /// Opens the store at `path` as [`open`](Self::open) does, with options.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_with(path: &Path, options: &SqliteOptions) -> Result<Self, StoreError> {
        const OPERATION: &str = "open the store";
        let mut database =
            Database::open(path, options).map_err(|fault| fault.into_error(OPERATION, path))?;
        let (jobs, queue) = mpsc::channel::<Job>();
        thread::Builder::new()
            .name("pod-store".to_owned())
            .spawn(move || {
                for job in queue {
                    job(&mut database);
                }
            })
            .map_err(|error| Fault::io(path, "start thread", error).into_error(OPERATION, path))?;
        Ok(Self {
            jobs,
            path: path.into(),
        })
    }

    /// Returns the path of the database.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    async fn call<T: Send + 'static>(
        &self,
        operation: &'static str,
        work: impl FnOnce(&mut Database) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        let job: Job = Box::new(move |database| {
            // Nobody waits for the answer of a call that was given up.
            let _ = reply.send(work(database));
        });
        let closed = || Err(StoreErrorKind::Closed.into());
        let result = match self.jobs.send(job) {
            Ok(()) => answer.await.unwrap_or_else(|_| closed()),
            Err(_) => closed(),
        };
        result.map_err(|fault| fault.into_error(operation, &self.path))
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}
