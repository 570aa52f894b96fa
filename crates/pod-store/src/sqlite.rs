//! The store in an `SQLite` database.

mod acceptance;
mod bodies;
mod calls;
mod chat;
mod children;
mod columns;
mod connection;
mod cursors;
mod echo;
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
mod sent;
mod sessions;
mod transaction;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;

use tokio::sync::oneshot;

use crate::error::{Fault, StoreError, StoreErrorKind};
use connection::Database;
pub use connection::SqliteOptions;

type Job = Box<dyn FnOnce(&mut Database) + Send>;

/// The store in an `SQLite` database: several processes may use it at once.
///
/// There is one connection a process, and one call after the other is done on it. A thread of the
/// store does them, so that no task waits for a disk; it ends when the store is dropped. Only through
/// [`in_place`](Self::in_place) the calling thread does them itself. A commit is flushed to the disk
/// before a call returns.
pub struct SqliteStore {
    database: Arc<Mutex<Database>>,
    path: Arc<Path>,
    way: Way,
}

/// How a call comes to the database.
enum Way {
    /// By the store's thread.
    Thread(mpsc::Sender<Job>),
    /// By the calling thread.
    InPlace,
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

    /// Returns the file to which all that changes in the store at `path` is written first.
    #[must_use]
    pub fn journal(path: &Path) -> PathBuf {
        connection::journal(path)
    }

    /// Opens the store at `path` as [`open`](Self::open) does, but makes none.
    ///
    /// # Errors
    /// [`NotFound`](StoreErrorKind::NotFound) when it is not there; else as [`open`](Self::open).
    pub fn open_existing(path: &Path) -> Result<Self, StoreError> {
        let options = SqliteOptions {
            makes: false,
            ..SqliteOptions::default()
        };
        Self::open_with(path, &options)
    }

    /// Opens the store at `path` as [`open`](Self::open) does, with options.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_with(path: &Path, options: &SqliteOptions) -> Result<Self, StoreError> {
        const OPERATION: &str = "open the store";
        let database =
            Database::open(path, options).map_err(|fault| fault.into_error(OPERATION, path))?;
        let database = Arc::new(Mutex::new(database));
        let (jobs, queue) = mpsc::channel::<Job>();
        let shared = Arc::clone(&database);
        thread::Builder::new()
            .name("pod-store".to_owned())
            .spawn(move || {
                for job in queue {
                    // A call that panicked may have left anything behind.
                    let Ok(mut database) = shared.lock() else {
                        return;
                    };
                    job(&mut database);
                }
            })
            .map_err(|error| Fault::io(path, "start thread", error).into_error(OPERATION, path))?;
        Ok(Self {
            database,
            path: path.into(),
            way: Way::Thread(jobs),
        })
    }

    /// Returns the same store for a thread that has nothing else to do: its calls block the calling
    /// thread until the disk has what they wrote, and are spared the way to another thread and back.
    #[must_use]
    pub fn in_place(&self) -> Self {
        Self {
            database: Arc::clone(&self.database),
            path: Arc::clone(&self.path),
            way: Way::InPlace,
        }
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
        let result = match &self.way {
            Way::Thread(jobs) => by_thread(jobs, work).await,
            Way::InPlace => match self.database.lock() {
                Ok(mut database) => work(&mut database),
                Err(_) => Err(StoreErrorKind::Closed.into()),
            },
        };
        result.map_err(|fault| fault.into_error(operation, &self.path))
    }
}

async fn by_thread<T: Send + 'static>(
    jobs: &mpsc::Sender<Job>,
    work: impl FnOnce(&mut Database) -> Result<T, Fault> + Send + 'static,
) -> Result<T, Fault> {
    let (reply, answer) = oneshot::channel();
    let job: Job = Box::new(move |database| {
        // Nobody waits for the answer of a call that was given up.
        let _ = reply.send(work(database));
    });
    let closed = || Err(StoreErrorKind::Closed.into());
    match jobs.send(job) {
        Ok(()) => answer.await.unwrap_or_else(|_| closed()),
        Err(_) => closed(),
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}
