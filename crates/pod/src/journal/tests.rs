use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use podfleet_pod_store::MemoryStore;
use podfleet_pod_store::session_log::{Disk, LogFile, LogOptions, LogStorage, SessionFiles};
use podfleet_protocol::{
    AgentPhase, FleetName, Generation, Identity, PodId, PodName, PodStatus, Run, ScreenStatus,
    SessionId, Size, TenantId,
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::events::Events;
use crate::paths::RuntimePaths;
use crate::shared::Receipts;

/// A disk that takes everything and may refuse to promise that it keeps it.
#[derive(Debug, Clone, Default)]
struct Promises {
    refused: Arc<AtomicBool>,
    kept: Arc<AtomicBool>,
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
        if self.promises.refused.load(Ordering::SeqCst) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.promises.kept.store(true, Ordering::SeqCst);
        Ok(())
    }
}

/// A journal over a disk of promises, and what the controller is told.
struct Bench {
    _state: tempfile::TempDir,
    promises: Promises,
    journal: Journal,
    commands: mpsc::UnboundedReceiver<Command>,
}

impl Bench {
    fn new() -> Self {
        let state = tempfile::tempdir().unwrap();
        let identity = Identity {
            id: PodId::generate(),
            name: PodName::new("coder").unwrap(),
            fleet: FleetName::default(),
            tenant_id: TenantId::new("ada").unwrap(),
            host: "fern".into(),
        };
        let promises = Promises::default();
        let files = SessionFiles::new(state.path(), identity.id, SessionId::generate());
        let options = LogOptions {
            storage: Arc::new(promises.clone()),
            ..LogOptions::new(identity.clone(), Generation(1))
        };
        let log = LogWriter::open(files, options, clock::wall()).unwrap();
        let (journal, jobs) = Journal::new();
        let (sender, commands) = mpsc::unbounded_channel();
        let shared = shared(identity, state.path(), journal.clone(), sender);
        Writer::new(jobs, log, Arc::new(shared)).start().unwrap();
        Self {
            _state: state,
            promises,
            journal,
            commands,
        }
    }

    async fn launch(&mut self) -> Result<(), String> {
        self.journal.launch(Entry::Launch {
            run: Run(1),
            argv: vec!["agent".into()],
            env_names: Vec::new(),
            told: "be kind".into(),
        });
        match self.commands.recv().await {
            Some(Command::LaunchCommitted(result)) => result,
            other => panic!("{other:?}"),
        }
    }
}

fn shared(
    identity: Identity,
    directory: &Path,
    journal: Journal,
    commands: mpsc::UnboundedSender<Command>,
) -> Shared {
    let file = |name: &str| directory.join(name);
    let status = PodStatus {
        identity: identity.clone(),
        generation: Generation(1),
        run: Run(0),
        pod_pid: 1,
        build: String::new(),
        agent: AgentPhase::Idle,
        screen: ScreenStatus {
            state: "starting".into(),
            rule: "not-started".into(),
            line: None,
            since: clock::wall(),
        },
        last_output: None,
        inbox: 0,
        hold: None,
        paused: None,
        size: Size::DEFAULT,
        controller: None,
        viewers: 0,
    };
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
        runtime_dir: directory.to_owned(),
        paths: RuntimePaths {
            socket: file("sock"),
            heartbeat: file("hb"),
            credential: file("credential"),
        },
        store: Arc::new(MemoryStore::default()),
        journal,
        commands,
        events: Events::new(Generation(1), status.clone(), SessionId::generate()),
        status: watch::Sender::new(status),
        receipts: Receipts::new(),
        state_dir: directory.to_owned(),
        session: SessionId::generate(),
        ending: CancellationToken::new(),
    }
}

#[tokio::test]
async fn a_launch_is_told_of_only_when_the_disk_has_it() {
    let mut bench = Bench::new();
    assert_eq!(bench.launch().await, Ok(()));
    assert!(bench.promises.kept.load(Ordering::SeqCst));
}

#[tokio::test]
async fn a_launch_that_the_disk_does_not_keep_is_told_of_as_failed_until_it_keeps_one() {
    let mut bench = Bench::new();
    bench.promises.refused.store(true, Ordering::SeqCst);
    for _ in 0..3 {
        let error = bench.launch().await.unwrap_err();
        assert!(error.contains("no storage space"), "{error}");
    }
    bench.promises.refused.store(false, Ordering::SeqCst);
    assert_eq!(bench.launch().await, Ok(()));
    assert!(bench.promises.kept.load(Ordering::SeqCst));
}
