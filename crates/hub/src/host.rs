//! A hub as a process: its lock, its listeners, and how others find it.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use podfleet_pod::process::ProcessRef;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::fault::{Code, Fault};
use crate::hub::{Grace, Hub};
use crate::machine::Machine;
use crate::private_file;
use crate::server::{Limits, Listener, OwnerSocket, Settings, make_room, router, serve};
use crate::tls::{OwnKey, Pin};
use crate::topology::Topology;

/// What a hub that is to run is made of.
#[derive(Debug)]
pub struct Plan {
    /// Its own directory: the topology, its key, its lock. Private.
    pub directory: PathBuf,
    /// Where its socket and those of tunnels are. Private.
    pub runtime: PathBuf,
    /// What this machine does.
    pub machine: Machine,
    /// The short name of this machine.
    pub host: String,
    /// The build.
    pub build: String,
    /// Where it listens, besides its socket.
    pub listen: Vec<Listen>,
    /// What the server needs.
    pub settings: Settings,
    /// What keeps clients from taking all there is.
    pub limits: Limits,
    /// How long terminals are kept.
    pub grace: Grace,
    /// How all that was said, for who asks.
    pub options: Options,
}

/// The options that a hub was run with, by their names and as its command takes them; those that have
/// no value have none here.
pub type Options = BTreeMap<String, Vec<String>>;

/// An address to listen at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listen {
    /// The address; port 0 is any that is free.
    pub address: SocketAddr,
    /// How clients speak there.
    pub protection: Protection,
}

/// How clients speak at an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Protection {
    /// By TLS, with the hub's own key.
    Tls,
    /// In the clear.
    Plain,
}

/// A hub that runs.
#[derive(Debug)]
pub struct Running {
    hub: Arc<Hub>,
    standing: Standing,
    end: CancellationToken,
    listeners: TaskTracker,
    directory: PathBuf,
    _lock: File,
}

/// What others of this user know of a hub that runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// The owner's socket.
    pub socket: PathBuf,
    /// The process.
    pub pid: u32,
    /// When it started, in clock ticks since boot; unknown of hubs before this was recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<u64>,
    /// Where it listens.
    pub listen: Vec<(SocketAddr, Protection)>,
    /// The key that it shows.
    pub pin: Pin,
    /// How it was run; unknown of hubs before this was recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub options: Option<Options>,
}

impl Running {
    /// Starts a hub: when this returns, it listens everywhere.
    ///
    /// # Errors
    /// Fails when one runs already, the topology or the key cannot be used, or an address is taken.
    pub async fn begin(plan: Plan) -> Result<Self, Fault> {
        let topology = Topology::open(&plan.directory)?;
        let lock = take_lock(&plan.directory)?;
        // One that is there is of a hub that was killed.
        let _ = fs::remove_file(plan.directory.join(STANDING));
        let key = OwnKey::open(&plan.directory)?;
        let names = (plan.host, plan.build);
        let hub = Hub::begin(topology, plan.machine, &plan.runtime, names)?;
        let socket = plan.runtime.join("hub.sock");
        let mut listeners = vec![Listener::Owner(owner_socket(&socket)?, Arc::clone(&hub))];
        let mut listen = Vec::new();
        for Listen {
            address,
            protection,
        } in plan.listen
        {
            let bound = bind(address).await?;
            let at = bound
                .local_addr()
                .map_err(|error| fault("its address is not known", &error))?;
            let tls = match protection {
                Protection::Tls => Some(key.server()?),
                Protection::Plain => None,
            };
            listen.push((at, protection));
            listeners.push(Listener::Network(bound, tls));
        }
        let pid = std::process::id();
        let standing = Standing {
            socket,
            pid,
            start: ProcessRef::of(pid).map(|process| process.start),
            listen,
            pin: key.pin(),
            options: Some(plan.options),
        };
        let (end, tasks) = (CancellationToken::new(), TaskTracker::new());
        let router = router(Arc::clone(&hub), plan.settings);
        make_room(plan.limits, listeners.len());
        for listener in listeners {
            tasks.spawn(serve(listener, router.clone(), plan.limits, end.clone()));
        }
        tasks.spawn(Arc::clone(&hub).keep_grace(plan.grace, end.clone()));
        tasks.close();
        publish(&plan.directory, &standing)?;
        Ok(Self {
            hub,
            standing,
            end,
            listeners: tasks,
            directory: plan.directory,
            _lock: lock,
        })
    }

    /// Returns what others may know.
    #[must_use]
    pub const fn standing(&self) -> &Standing {
        &self.standing
    }

    /// Returns the hub.
    #[must_use]
    pub const fn hub(&self) -> &Arc<Hub> {
        &self.hub
    }

    /// Ends all connections and the hub. Terminals and agents go on.
    pub async fn stop(self) {
        // Who is told of it takes it for one that can be reached.
        let _ = fs::remove_file(self.directory.join(STANDING));
        // Before the terminals' connections end in order: what did not arrive yet is told lost by that.
        self.hub.endpoints().lose();
        self.end.cancel();
        self.listeners.wait().await;
        let _ = fs::remove_file(&self.standing.socket);
    }
}

/// How long a lock may be held by those who only look at it.
const LOOKING: Duration = Duration::from_millis(200);
const STANDING: &str = "running.json";
const LOCK: &str = "hub.lock";

impl Standing {
    /// Returns the process, which is no later one with the same pid; nothing if it has ended.
    #[must_use]
    pub fn process(&self) -> Option<ProcessRef> {
        let process = ProcessRef::of(self.pid)?;
        let is_it = self.start.is_none_or(|start| start == process.start);
        is_it.then_some(process)
    }

    /// Checks that its socket can be reached; asks nothing of it.
    ///
    /// # Errors
    /// Fails as the system does, such as while its socket was cleared away.
    pub fn check_reachable(&self) -> io::Result<()> {
        UnixStream::connect(&self.socket).map(drop)
    }
}

/// Finds the hub that runs with this directory; nothing while it is only beginning.
///
/// # Errors
/// Fails when what it left cannot be read.
pub fn find(directory: &Path) -> Result<Option<Standing>, Fault> {
    if !is_taken(directory) {
        return Ok(None);
    }
    // What stands there may be of a hub that was killed, and the lock another's that begins.
    let standing = recorded(directory)?;
    Ok(standing.filter(|standing| standing.process().is_some()))
}

fn recorded(directory: &Path) -> Result<Option<Standing>, Fault> {
    let text = match fs::read(directory.join(STANDING)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        text => {
            text.map_err(|error| fault("the record of the running hub cannot be read", &error))?
        }
    };
    serde_json::from_slice(&text).map(Some).map_err(|error| {
        Fault::new(
            Code::HubFailed,
            format!("the record of the running hub is damaged: {error}"),
        )
    })
}

/// Tells whether a hub has this directory, also one that is beginning or ending.
#[must_use]
pub fn is_taken(directory: &Path) -> bool {
    File::open(directory.join(LOCK)).is_ok_and(|lock| lock.try_lock_shared().is_err())
}

fn take_lock(directory: &Path) -> Result<File, Fault> {
    let path = directory.join(LOCK);
    let mut options = OpenOptions::new();
    let file = options.create(true).append(true).mode(0o600).open(&path);
    let file = file.map_err(|error| fault("its lock cannot be made", &error))?;
    let begun = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            // Who looks whether a hub runs holds it for a moment.
            Err(TryLockError::WouldBlock) if begun.elapsed() < LOOKING => {
                std::thread::sleep(Duration::from_millis(5));
            }
            Err(TryLockError::WouldBlock) => {
                return Err(Fault::new(Code::LimitExceeded, "a hub runs here already")
                    .hint("`fleet hub status` tells more of it"));
            }
            Err(TryLockError::Error(error)) => {
                return Err(fault("its lock cannot be taken", &error));
            }
        }
    }
}

fn owner_socket(path: &Path) -> Result<OwnerSocket, Fault> {
    OwnerSocket::bind(path).map_err(|error| {
        fault(
            &format!("the socket {} cannot be made", path.display()),
            &error,
        )
    })
}

async fn bind(address: SocketAddr) -> Result<TcpListener, Fault> {
    TcpListener::bind(address).await.map_err(|error| {
        let fault = fault(&format!("{address} cannot be listened at"), &error);
        fault.hint("`--listen` takes another address, `--listen none` only the socket")
    })
}

fn publish(directory: &Path, standing: &Standing) -> Result<(), Fault> {
    let written = serde_json::to_vec(standing)
        .map_err(io::Error::from)
        .and_then(|text| private_file::replace(&directory.join(STANDING), &text));
    written.map_err(|error| fault("the record of the running hub cannot be written", &error))
}

fn fault(what: &str, error: &io::Error) -> Fault {
    let words = error.to_string();
    let words = words
        .split(" (os error")
        .next()
        .unwrap_or_default()
        .to_lowercase();
    Fault::new(Code::HubFailed, format!("{what}: {words}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_beside_a_held_lock_is_its_holders_only_if_its_process_runs() {
        let directory = tempfile::tempdir().unwrap();
        let own = ProcessRef::of(std::process::id()).unwrap();
        let standing = |start| Standing {
            socket: directory.path().join("hub.sock"),
            pid: own.pid,
            start,
            listen: Vec::new(),
            pin: OwnKey::open(directory.path()).unwrap().pin(),
            options: None,
        };
        let found = |start| {
            publish(directory.path(), &standing(start)).unwrap();
            find(directory.path()).unwrap()
        };
        assert_eq!(found(Some(own.start)), None, "nobody has the lock");
        let _lock = take_lock(directory.path()).unwrap();
        assert_eq!(found(Some(own.start)), Some(standing(Some(own.start))));
        // Another process has been given the pid since.
        assert_eq!(found(Some(own.start - 1)), None);
        // As hubs wrote it that did not know when they started.
        assert_eq!(found(None), Some(standing(None)));
        fs::write(directory.path().join(STANDING), "{").unwrap();
        let damaged = find(directory.path()).unwrap_err();
        assert_eq!(damaged.code, Code::HubFailed, "no defect of ours");
        fs::remove_file(directory.path().join(STANDING)).unwrap();
        assert_eq!(find(directory.path()).unwrap(), None, "it begins");
    }
}
