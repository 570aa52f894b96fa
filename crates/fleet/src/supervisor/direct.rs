//! The supervisor of hosts without a service manager: pods are detached processes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use async_trait::async_trait;
use podfleet_pod::paths::StatePaths;
use podfleet_pod::process::ProcessRef;
use podfleet_pod_store::PodRecord;
use podfleet_protocol::FleetName;
use rustix::process::Signal;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::ChildStdout;

use super::{
    BootError, BridgeProcess, Instance, SetUpError, StartError, StopError, Supervisor,
    SupervisorKind, Unavailable, Units,
};
use crate::lock;

/// How long a pod may take to hold its lock and its socket.
const READY_DEADLINE: Duration = Duration::from_secs(10);
/// How often a process that was told to end is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// Starts pods as detached processes; nothing watches over them but `up`.
#[derive(Debug, Clone)]
pub struct Direct {
    exe: PathBuf,
    env: BTreeMap<String, String>,
    state: StatePaths,
}

impl Direct {
    /// Makes the supervisor: our own binary, the whole environment of its pods, and where their
    /// logs and locks are.
    #[must_use]
    pub fn new(exe: PathBuf, env: BTreeMap<String, String>, state: StatePaths) -> Self {
        Self { exe, env, state }
    }

    pub(super) fn exe(&self) -> &Path {
        &self.exe
    }

    pub(super) fn state(&self) -> &StatePaths {
        &self.state
    }

    /// Returns the environment of all pods.
    pub(super) fn base_environment(&self) -> &BTreeMap<String, String> {
        &self.env
    }

    /// Returns the whole environment of a pod's process, whoever starts it.
    pub(super) fn environment(&self, pod: &PodRecord) -> BTreeMap<String, String> {
        let mut env = self.env.clone();
        // A pod that is up keeps its place though the caller's may have moved.
        let runtime = pod.runtime_dir.to_string_lossy().into_owned();
        env.insert("FLEET_RUNTIME_DIR".to_owned(), runtime);
        env
    }

    /// Starts our own binary as a detached process, and returns when it says that it is ready.
    async fn launch(
        &self,
        arguments: &[&str],
        env: BTreeMap<String, String>,
        log: &Path,
    ) -> Result<(), StartError> {
        let log = open_log(log).map_err(StartError::Spawn)?;
        let mut child = tokio::process::Command::new(&self.exe)
            .args(arguments)
            .env_clear()
            .envs(env)
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .map_err(StartError::Spawn)?;
        let stdout = child.stdout.take().ok_or(StartError::Ended)?;
        match tokio::time::timeout(READY_DEADLINE, first_word(stdout)).await {
            Ok(answer) => answer,
            Err(_) => {
                // One that is too late must not come up behind our back.
                let _ = child.kill().await;
                Err(StartError::Late(READY_DEADLINE))
            }
        }
    }
}

/// Ends the process that holds a lock. Its pid was recorded under that lock, so one that was given
/// to another process is never signalled.
async fn end(pid: Option<u32>, lock: &Path, patience: Duration) -> Result<(), StopError> {
    let held = || lock::is_held(lock);
    let Some(process) = pid.and_then(ProcessRef::of).filter(|_| held()) else {
        return Ok(());
    };
    for signal in [Signal::TERM, Signal::KILL] {
        process.signal(signal);
        let gone = wait_until(patience, || !process.is_running() || !held()).await;
        if gone {
            return Ok(());
        }
    }
    Err(StopError::Immortal { pid: process.pid })
}

pub(super) fn open_log(path: &Path) -> std::io::Result<std::fs::File> {
    use std::os::unix::fs::OpenOptionsExt;
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory)?;
    }
    std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(path)
}

#[async_trait]
impl Supervisor for Direct {
    fn kind(&self) -> SupervisorKind {
        SupervisorKind::Direct
    }

    async fn check(&self) -> Result<(), Unavailable> {
        Ok(())
    }

    async fn start(&self, pod: &PodRecord) -> Result<(), StartError> {
        let identity = &pod.identity;
        let (name, fleet) = (identity.name.as_str(), identity.fleet.as_str());
        let arguments = ["pod", "run", name, "--fleet", fleet, "--notify"];
        let log = self.state.log(identity.id);
        self.launch(&arguments, self.environment(pod), &log).await
    }

    async fn stop(&self, pod: &PodRecord, patience: Duration) -> Result<(), StopError> {
        let pid = pod.endpoint.as_ref().map(|endpoint| endpoint.pid);
        end(pid, &self.state.lock(pod.identity.id), patience).await
    }

    async fn mend(&self, _pod: &PodRecord) -> Result<bool, SetUpError> {
        Ok(false)
    }

    async fn start_bridge(&self, bridge: &BridgeProcess) -> Result<(), StartError> {
        let arguments = [
            "bridge",
            "run",
            "--fleet",
            bridge.fleet.as_str(),
            "--notify",
        ];
        let mut env = self.env.clone();
        env.extend(bridge.env.clone());
        env.extend(bridge.secrets.clone());
        self.launch(&arguments, env, &bridge.log).await
    }

    async fn stop_bridge(&self, bridge: &BridgeProcess) -> Result<(), StopError> {
        end(bridge.pid, &bridge.lock, BridgeProcess::PATIENCE).await
    }

    /// There is nothing that could hold a process to its limits.
    async fn limit(&self, _pod: &PodRecord) -> Result<(), SetUpError> {
        Ok(())
    }

    async fn enable(&self, _pods: &[PodRecord]) -> Result<(), BootError> {
        Err(BootError::Cannot)
    }

    async fn disable(&self, _pods: &[Instance]) -> Result<(), BootError> {
        Err(BootError::Cannot)
    }

    async fn forget(&self, _pod: &Instance) -> Result<(), SetUpError> {
        Ok(())
    }

    async fn units(&self, _fleet: &FleetName) -> Option<Units> {
        None
    }

    async fn hold_tmux(&self, _socket: &str) -> Result<bool, SetUpError> {
        Ok(false)
    }
}

/// Reads what a starting pod says: `ready`, or `error: …`.
async fn first_word(stdout: ChildStdout) -> Result<(), StartError> {
    /// No answer is longer; what follows is not read.
    const LONGEST: u64 = 16 << 10;
    let mut line = String::new();
    BufReader::new(stdout.take(LONGEST))
        .read_line(&mut line)
        .await
        .map_err(StartError::Spawn)?;
    match line.trim_end() {
        "ready" => Ok(()),
        "" => Err(StartError::Ended),
        text => Err(StartError::Told(
            text.strip_prefix("error: ").unwrap_or(text).to_owned(),
        )),
    }
}

/// Looks again and again until something holds or the time is over; returns whether it holds.
pub(crate) async fn wait_until(patience: Duration, holds: impl Fn() -> bool) -> bool {
    let waiting = async {
        while !holds() {
            tokio::time::sleep(LOOK).await;
        }
    };
    tokio::time::timeout(patience, waiting).await.is_ok() || holds()
}
