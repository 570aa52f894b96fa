//! A pod's life as a process: from its store row to its last write.

pub(crate) mod claim;
mod recovery;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use podfleet_harness::Harness;
use podfleet_pod_store::session_log::{
    LaterSessions, LogError, LogOptions, LogWriter, SessionFiles,
};
use podfleet_pod_store::{
    CrashPoint, Endpoint, FleetKey, GenerationStart, NewSession, PodRecord, PodState, PodStore,
    SqliteStore, StoreError,
};
use podfleet_protocol::method::Credential;
use podfleet_protocol::{PodName, PodStatus, SessionId};
use tokio::net::UnixListener;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::clock;
use crate::controller::{Controller, Setup};
use crate::conversation;
use crate::echoes::Echoes;
use crate::events::Events;
use crate::host::Host;
use crate::journal::{Journal, Writer};
use crate::keeper::Keeper;
use crate::lifecycle::{self, Lifecycle, Reporter};
use crate::lock;
use crate::opening::{StoreAway, has_store};
use crate::paths::{PathError, RuntimeDir, RuntimePaths, StatePaths, is_full};
use crate::pruning;
use crate::reader::Reader;
use crate::server;
use crate::shared::{Receipts, Shared, first_status};
use crate::socket::Listening;
use crate::spec::{HarnessRefError, PodSpec};
use crate::transcripts::PastTranscripts;

/// How a pod is started.
#[derive(Debug, Clone)]
pub struct PodConfig {
    /// Its fleet.
    pub fleet: FleetKey,
    /// Its name.
    pub name: PodName,
    /// The directory of store, logs and locks.
    pub state_dir: PathBuf,
    /// Our own binary, which must understand the guard's arguments (see [`crate::guard`]).
    pub exe: PathBuf,
    /// The build, for people and for `ps`.
    pub build: String,
    /// How long a segment of the session log may grow before another follows it, in bytes.
    pub segment_bytes: u64,
    /// How often the heartbeat is written when nothing changes.
    pub heartbeat_interval: Duration,
    /// How long after its start it prunes itself for the first time; then daily.
    pub prune_after: Duration,
    /// Whoever starts and ends other pods for it; without one it has no children.
    pub host: Option<Arc<dyn Host>>,
}

/// A pod could not be run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PodError {
    /// The store has no pod of this name.
    #[error("fleet `{fleet}` has no pod `{name}`; `fleet up` makes it")]
    NoSuchPod {
        /// The fleet.
        fleet: String,
        /// The name.
        name: PodName,
    },
    /// Another process hosts this pod.
    #[error("the pod `{0}` runs already")]
    AlreadyRunning(PodName),
    /// A process of a store that is no more in its place runs the pod of this name.
    #[error(
        "the process {pid} runs `{name}` already, and this store does not know it: put the right store in \
         its place, or end it: `kill {pid}`"
    )]
    UnknownToStore {
        /// The name.
        name: PodName,
        /// The process.
        pid: u32,
    },
    /// Somebody listens at the pod's socket, although nobody of this state directory runs it.
    #[error(
        "{by} listens at {} already, and may be this pod on another state directory: end it ({}), or \
         give one of the two another FLEET_RUNTIME_DIR", socket.display(), by.remedy()
    )]
    SocketTaken {
        /// The socket.
        socket: PathBuf,
        /// Who listens.
        by: Listening,
    },
    /// The store is away while its pods live.
    #[error(transparent)]
    StoreAway(#[from] StoreAway),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The session log failed.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A directory cannot be used.
    #[error(transparent)]
    Path(#[from] PathError),
    /// The harness cannot be used.
    #[error(transparent)]
    Harness(#[from] HarnessRefError),
    /// What the store holds is no specification of a pod.
    #[error("the recorded specification of the pod cannot be read")]
    Spec(#[source] serde_json::Error),
    /// The system failed.
    #[error("cannot {what}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
}

/// How long clients may take to read their last answers.
const LAST_ANSWERS: Duration = Duration::from_millis(500);
/// How long the parent of a pod that ends may take to be told so.
const LAST_REPORT: Duration = Duration::from_secs(2);

fn failed(what: &'static str) -> impl FnOnce(io::Error) -> PodError {
    move |source| PodError::Io { what, source }
}

/// Says why a file could not be made in a directory; one that is full is named, with what to do.
fn made_in(directory: &Path, what: &'static str, source: io::Error) -> PodError {
    if is_full(&source) {
        PathError::io(directory, source).into()
    } else {
        failed(what)(source)
    }
}

/// Hosts the pod until it is told to end, by its socket or by SIGTERM.
///
/// `keeper` is told once the pod holds its lock and its socket, whatever its agent does, and then
/// gets its signs of life.
///
/// # Errors
/// Fails when there is no such pod, another process hosts it, or its files cannot be used; then
/// nothing was started. After a crash the next start finds out what became of the message that was
/// on its way, and ends what the crashed pod's guard left.
pub async fn run(config: PodConfig, mut keeper: Box<dyn Keeper>) -> Result<(), PodError> {
    let paths = StatePaths::new(&config.state_dir);
    if !has_store(&paths)? {
        return Err(no_such_pod(&config));
    }
    let sqlite = SqliteStore::open_existing(&paths.store())?;
    // The journal waits for the disk anyway.
    let journal_store = Arc::new(sqlite.in_place());
    let store: Arc<dyn PodStore> = Arc::new(sqlite);
    let claim = Claim::take(&*store, &config, &paths).await?;
    let generation = match Generation::begin(&*store, &config, &paths, &claim).await {
        Ok(generation) => generation,
        Err(error) => {
            claim.give_up().await;
            return Err(error);
        }
    };

    let (commands, receiver) = mpsc::unbounded_channel();
    let (journal, jobs) = Journal::new();
    let record = &generation.record;
    let status = PodStatus {
        paused: record.paused.clone(),
        ..first_status(record.identity.clone(), record.generation, &config.build)
    };
    let shared = Arc::new(Shared {
        identity: record.identity.clone(),
        fence: record.fence(),
        build: config.build.clone(),
        paths: claim.files.clone(),
        store: Arc::clone(&store),
        journal,
        reader: Reader::new(&claim.harness, &claim.spec.argv),
        credential: Credential {
            pod: record.identity.id,
            secret: generation.credential.clone(),
        },
        host: config.host.clone(),
        commands,
        events: Events::new(record.generation, status.clone(), generation.session),
        status: watch::Sender::new(status),
        beats: tokio::sync::Notify::new(),
        pages: server::Pages::default(),
        long_lines: server::LongLines::default(),
        receipts: Receipts::new(),
        echoes: Echoes::since(std::time::Instant::now()),
        conversation: conversation::file(&paths, record.identity.id),
        state_dir: config.state_dir.clone(),
        session: generation.session,
        ending: CancellationToken::new(),
    });
    let waiting = recovery::waiting(&*store, record.identity.id).await?;
    let (lifecycle, reporting) = lifecycle(&shared, &claim.record).await;
    let controller = Controller::new(Setup {
        lifecycle,
        shared: Arc::clone(&shared),
        harness: claim.harness,
        exe: config.exe.clone(),
        pod_env: claim::pod_env(record, &config, &generation.credential, &claim.files),
        heartbeat_interval: config.heartbeat_interval,
        bodies: SessionFiles::texts_of(&config.state_dir, record.identity.id),
        quarantined: claim.quarantined,
        boot_id: clock::boot_id(),
        spec: claim.spec,
        paused: record.paused.clone(),
    });
    Writer::new(jobs, generation.log, journal_store, Arc::clone(&shared))
        .start()
        .map_err(failed("start the journal"))?;
    // What happened to its relations while it was down.
    shared.journal.copy_outbox();
    tokio::spawn(server::settle_spawns(Arc::clone(&shared)));
    tokio::spawn(pruning::at_quiet_times(
        Arc::clone(&shared),
        config.prune_after,
    ));
    let ending = shared.ending.clone();
    let serving = tokio::spawn(server::serve(claim.listener, shared));
    CrashPoint::GenerationReady.reach();
    keeper.ready();
    let ran = controller.run(receiver, waiting, keeper).await;
    ending.cancel();
    let _ = tokio::time::timeout(LAST_ANSWERS, serving).await;
    if let Some(reporting) = reporting {
        let _ = tokio::time::timeout(LAST_REPORT, reporting).await;
    }
    claim::remove(&claim.files).await;
    ran.map_err(failed("wait for signals"))
}

/// Begins to tell the pod's parent what happens, if it has one; the former generation's sudden end
/// first.
async fn lifecycle(
    shared: &Arc<Shared>,
    former: &PodRecord,
) -> (Option<UnboundedSender<Lifecycle>>, Option<JoinHandle<()>>) {
    if !lifecycle::has_parent(&*shared.store, shared.identity.id).await {
        return (None, None);
    }
    let (sender, events) = mpsc::unbounded_channel();
    if former.state == PodState::Live {
        // The receiver is in our hands.
        let _ = sender.send(Lifecycle::Killed(former.generation));
    }
    let reporter = Reporter::new(Arc::clone(shared), events);
    (Some(sender), Some(tokio::spawn(reporter.run())))
}

/// What a pod holds before it begins a generation: nobody else can host it meanwhile.
struct Claim {
    _lock: File,
    record: PodRecord,
    spec: PodSpec,
    harness: Harness,
    files: RuntimePaths,
    listener: UnixListener,
    /// The account of a quarantine that outlived the former generation.
    quarantined: Option<String>,
}

impl Claim {
    async fn take(
        store: &dyn PodStore,
        config: &PodConfig,
        paths: &StatePaths,
    ) -> Result<Self, PodError> {
        let id = find(store, config).await?.identity.id;
        let lock = lock::lock(&paths.lock(id))
            .map_err(failed("lock the pod"))?
            .ok_or_else(|| PodError::AlreadyRunning(config.name.clone()))?;
        // Whoever held the lock before may have written its last words meanwhile.
        let record = find(store, config).await?;
        claim::sign(&lock, &record.identity, paths)?;
        CrashPoint::GenerationLocked.reach();
        let files = RuntimeDir::open(&record.runtime_dir)?.pod(id);
        let prepared = prepare(&record);
        claim::adopt_orphans().map_err(failed("adopt what a killed guard leaves"))?;
        // Before anything is ended: the former generation on record may be a copied store's, which lives.
        let vacant = claim::vacated(&files.socket).await?;
        claim::end_former_generation(&record).await;
        CrashPoint::GenerationCleared.reach();
        // One that cannot be started leaves nothing of its former generation either.
        let (spec, harness) = prepared?;
        let listener = vacant.listen();
        let listener = listener.map_err(|error| claim::cannot_listen(&files.socket, error))?;
        CrashPoint::GenerationListening.reach();
        let quarantined = match &record.state {
            PodState::Quarantined { account } => Some(account.clone()),
            _ => None,
        };
        Ok(Self {
            _lock: lock,
            record,
            spec,
            harness,
            files,
            listener,
            quarantined,
        })
    }
}

/// Reads what is to be started.
fn prepare(record: &PodRecord) -> Result<(PodSpec, Harness), PodError> {
    let spec: PodSpec = record.spec.read().map_err(PodError::Spec)?;
    let harness = spec.harness.load()?;
    Ok((spec, harness))
}

impl Claim {
    /// Leaves nothing at which anybody would look for a pod, before somebody else may take the lock.
    async fn give_up(self) {
        drop(self.listener);
        claim::remove(&self.files).await;
    }

    /// Returns what the agent of the former generation has written down.
    fn transcripts(&self) -> Option<PastTranscripts> {
        let rules = self.harness.transcript()?;
        let directory = rules.directory(&self.spec.environment())?;
        PastTranscripts::new(rules, directory.into())
    }
}

async fn find(store: &dyn PodStore, config: &PodConfig) -> Result<PodRecord, PodError> {
    let record = store.find_pod(&config.fleet, &config.name).await?;
    record.ok_or_else(|| no_such_pod(config))
}

fn no_such_pod(config: &PodConfig) -> PodError {
    PodError::NoSuchPod {
        fleet: config.fleet.fleet.to_string(),
        name: config.name.clone(),
    }
}

/// What is new with each start of a pod.
struct Generation {
    record: PodRecord,
    credential: String,
    session: SessionId,
    log: LogWriter,
}

impl Generation {
    async fn begin(
        store: &dyn PodStore,
        config: &PodConfig,
        paths: &StatePaths,
        claim: &Claim,
    ) -> Result<Self, PodError> {
        let former = &claim.record;
        let later = LaterSessions::find(paths.root(), former.identity.id, former.session)?;
        let start = GenerationStart {
            endpoint: Endpoint {
                socket: claim.files.socket.clone(),
                heartbeat: claim.files.heartbeat.clone(),
                pid: std::process::id(),
                build: config.build.clone(),
            },
            at: clock::wall(),
            above: later.last,
        };
        let record = store.begin_generation(former.identity.id, &start).await?;
        CrashPoint::GenerationCounted.reach();
        let credential = claim::write_credential(&claim.files.credential)
            .map_err(|error| made_in(&record.runtime_dir, "write the credential", error))?;
        CrashPoint::GenerationCredential.reach();
        let options = LogOptions {
            segment_bytes: config.segment_bytes,
            ..LogOptions::new(record.identity.clone(), record.generation)
        };
        let past = recovery::Past {
            state_dir: paths.root(),
            session: former.session,
            later,
            transcripts: claim.transcripts(),
        };
        let log = open_session(store, &record, paths, &past, options).await?;
        Ok(Self {
            session: log.session(),
            record,
            credential,
            log,
        })
    }
}

/// Opens a new session, after finding out what became of the last one's messages.
async fn open_session(
    store: &dyn PodStore,
    record: &PodRecord,
    paths: &StatePaths,
    past: &recovery::Past<'_>,
    options: LogOptions,
) -> Result<LogWriter, PodError> {
    let session = NewSession {
        id: SessionId::generate(),
        started: clock::wall(),
    };
    let files = SessionFiles::new(paths.root(), record.identity.id, session.id);
    let mut log = LogWriter::open(files, options, session.started)?;
    CrashPoint::RecoveryBegun.reach();
    recovery::recover(store, record, past, &mut log).await?;
    CrashPoint::RecoveryDone.reach();
    store.open_session(record.fence(), session).await?;
    CrashPoint::GenerationOpened.reach();
    Ok(log)
}
