//! What tests of the crate share: a pod's journal over a disk that does as it is told.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, TryLockError};

use podfleet_pod_store::session_log::{
    Disk, LogFile, LogOptions, LogStorage, LogWriter, SessionFiles,
};
use podfleet_pod_store::{Fence, MemoryStore, PodStore, SqliteStore};
use podfleet_protocol::{FleetName, Generation, Identity, PodId, PodName, SessionId, TenantId};
use tokio::sync::{Notify, mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::clock;
use crate::command::Command;
use crate::echoes::Echoes;
use crate::events::Events;
use crate::journal::{Journal, Writer};
use crate::paths::RuntimePaths;
use crate::server::{LongLines, Pages};
use crate::shared::{Receipts, Shared, first_status};

/// A disk that takes everything, and may refuse to promise that it keeps it or take its time.
#[derive(Debug, Clone, Default)]
pub(crate) struct Promises {
    pub(crate) refused: Arc<AtomicBool>,
    pub(crate) kept: Arc<AtomicBool>,
    /// While somebody holds this, a promise is waited for.
    pub(crate) held: Arc<Mutex<()>>,
    /// Notified when a promise begins to be waited for.
    pub(crate) waited_for: Arc<Notify>,
}

#[derive(Debug)]
struct Promised {
    promises: Promises,
    file: Box<dyn LogFile>,
}

impl LogStorage for Promises {
    fn open(&self, path: &Path) -> io::Result<Box<dyn LogFile>> {
        Ok(Box::new(Promised {
            promises: self.clone(),
            file: Disk.open(path)?,
        }))
    }
}

impl LogFile for Promised {
    fn append(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.promises.kept.store(false, Ordering::SeqCst);
        self.file.append(bytes)
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        self.file.truncate(length)
    }

    fn sync(&mut self) -> io::Result<()> {
        if matches!(self.promises.held.try_lock(), Err(TryLockError::WouldBlock)) {
            self.promises.waited_for.notify_one();
            let held = self.promises.held.lock();
            drop(held.unwrap_or_else(PoisonError::into_inner));
        }
        if self.promises.refused.load(Ordering::SeqCst) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.promises.kept.store(true, Ordering::SeqCst);
        Ok(())
    }
}

/// A journal over a disk of promises, and what the controller is told.
pub(crate) struct Bench {
    pub(crate) directory: tempfile::TempDir,
    pub(crate) promises: Promises,
    pub(crate) files: SessionFiles,
    pub(crate) shared: Arc<Shared>,
    pub(crate) commands: mpsc::UnboundedReceiver<Command>,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        Self::over(Arc::new(MemoryStore::default()), directory)
    }

    /// Has its messages in a database, and long bodies in files beside it.
    pub(crate) fn on_disk() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&directory.path().join("store.db")).unwrap();
        Self::over(Arc::new(store), directory)
    }

    fn over(store: Arc<dyn PodStore>, directory: tempfile::TempDir) -> Self {
        let identity = Identity {
            id: PodId::generate(),
            name: PodName::new("coder").unwrap(),
            fleet: FleetName::default(),
            tenant_id: TenantId::new("ada").unwrap(),
            host: "fern".into(),
        };
        let promises = Promises::default();
        let files = SessionFiles::new(directory.path(), identity.id, SessionId::generate());
        let options = LogOptions {
            storage: Arc::new(promises.clone()),
            ..LogOptions::new(identity.clone(), Generation(1))
        };
        let log = LogWriter::open(files.clone(), options, clock::wall()).unwrap();
        let (journal, jobs) = Journal::new();
        let (sender, commands) = mpsc::unbounded_channel();
        let shared = Arc::new(shared(
            identity,
            directory.path(),
            Arc::clone(&store),
            journal,
            sender,
        ));
        Writer::new(jobs, log, store, Arc::clone(&shared))
            .start()
            .unwrap();
        Self {
            directory,
            promises,
            files,
            shared,
            commands,
        }
    }
}

fn shared(
    identity: Identity,
    directory: &Path,
    store: Arc<dyn PodStore>,
    journal: Journal,
    commands: mpsc::UnboundedSender<Command>,
) -> Shared {
    let file = |name: &str| directory.join(name);
    let status = first_status(identity.clone(), Generation(1), "");
    Shared {
        credential: podfleet_protocol::method::Credential {
            pod: identity.id,
            secret: "0".repeat(64),
        },
        host: None,
        fence: Fence {
            pod: identity.id,
            generation: Generation(1),
        },
        identity,
        build: String::new(),
        paths: RuntimePaths {
            socket: file("sock"),
            heartbeat: file("hb"),
            credential: file("credential"),
        },
        store,
        journal,
        reader: crate::reader::Reader::OfMessages,
        commands,
        events: Events::new(Generation(1), status.clone(), SessionId::generate()),
        status: watch::Sender::new(status),
        beats: tokio::sync::Notify::new(),
        pages: Pages::default(),
        long_lines: LongLines::default(),
        receipts: Receipts::new(),
        echoes: Echoes::since(std::time::Instant::now()),
        conversation: directory.join("conversation"),
        state_dir: directory.to_owned(),
        session: SessionId::generate(),
        ending: CancellationToken::new(),
    }
}
