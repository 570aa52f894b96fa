//! Who acts: a pod, by its credential or by the ancestry of the process, or else the operator.
//!
//! Pods and hubs ask this of their callers, and the command line asks it of itself before it writes in
//! the place of a pod that does not run. So all give the same answer.

use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use podfleet_pod_store::{PodRecord, PodStore, StoreError};
use podfleet_protocol::method::Credential;
use subtle::ConstantTimeEq;
use tokio::net::UnixStream;

use crate::guard;
use crate::lock::is_held;
use crate::paths::{RuntimeDir, StatePaths};
use crate::process::{ProcessRef, ancestors};

/// Longer than every credential, in bytes.
const MAX_CREDENTIAL: u64 = 256;

/// It cannot be told who acts. Then nothing may be done for it: to take it for the operator would
/// give more rights, not fewer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Unidentified {
    /// What is shown is not the present credential of a pod of this store.
    #[error("the credential is not that of a running pod")]
    Credential,
    /// The process has ended, and with it what tells where it came from.
    #[error("the process {0} is gone, so nobody can tell whose it was")]
    Gone(u32),
    /// The process runs below a guard whose pod is gone.
    #[error("the pod that the process runs in is gone")]
    Orphan,
    /// Two pods that live are recorded with one process: one of them is just starting.
    #[error("two pods are recorded with the process {0}")]
    Ambiguous(u32),
    /// The records cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Returns the process at the other end of a socket, if the system tells.
#[must_use]
pub fn peer_process(stream: &UnixStream) -> Option<u32> {
    let process = u32::try_from(stream.peer_cred().ok()?.pid()?).ok();
    // One that this process cannot see, in a namespace around our own, has the id 0.
    process.filter(|process| *process > 0)
}

/// Returns the pod that acts: the one whose credential is shown, else the one in whose agent the
/// process runs. `None` is the operator.
///
/// A pod counts by its process only while that holds the pod's lock, so an id that was given anew
/// makes nobody a pod; and no process is a pod, or another one, by its name or its arguments.
///
/// # Errors
/// Fails when it cannot be told.
pub async fn identify(
    store: &dyn PodStore,
    state: &StatePaths,
    process: Option<u32>,
    credential: Option<&Credential>,
) -> Result<Option<PodRecord>, Unidentified> {
    match (credential, process) {
        (Some(credential), _) => credentialed(store, credential).await.map(Some),
        (None, Some(process)) => hosting(store, state, process).await,
        (None, None) => Ok(None),
    }
}

async fn credentialed(
    store: &dyn PodStore,
    credential: &Credential,
) -> Result<PodRecord, Unidentified> {
    let record = store.pod(credential.pod).await?;
    let valid = |record: &PodRecord| is_valid(&record.runtime_dir, credential);
    record.filter(valid).ok_or(Unidentified::Credential)
}

fn is_valid(runtime_dir: &Path, credential: &Credential) -> bool {
    let Ok(directory) = RuntimeDir::open(runtime_dir) else {
        return false;
    };
    let Ok(file) = std::fs::File::open(directory.pod(credential.pod).credential) else {
        return false;
    };
    let ours = file.metadata().is_ok_and(|found| {
        found.mode() & 0o077 == 0 && found.uid() == rustix::process::getuid().as_raw()
    });
    let mut known = String::new();
    let read = file.take(MAX_CREDENTIAL).read_to_string(&mut known);
    let secret = credential.secret.as_bytes();
    ours && read.is_ok() && bool::from(known.trim().as_bytes().ct_eq(secret))
}

/// Returns the pod in whose agent a process runs: the nearest among its ancestors. A guard adopts
/// what its agent's processes leave behind, so leaving the session does not help.
async fn hosting(
    store: &dyn PodStore,
    state: &StatePaths,
    process: u32,
) -> Result<Option<PodRecord>, Unidentified> {
    if ProcessRef::of(process).is_none() {
        return Err(Unidentified::Gone(process));
    }
    let line: Vec<u32> = ancestors(process).collect();
    let mut pods = store.pods_of_processes(&line).await?;
    pods.retain(|pod| is_held(&state.lock(pod.identity.id)));
    let has = |pod: &PodRecord, process| {
        let endpoint = pod.endpoint.as_ref();
        endpoint.is_some_and(|endpoint| endpoint.pid == process)
    };
    for (place, &ancestor) in line.iter().enumerate() {
        let mut here = pods.iter().filter(|pod| has(pod, ancestor));
        match (here.next(), here.next()) {
            (Some(_), Some(_)) => return Err(Unidentified::Ambiguous(ancestor)),
            (Some(pod), None) => return Ok(Some(pod.clone())),
            (None, _) => {}
        }
        // What calls itself a guard gains nothing by it. One with a pod above it is of another
        // store: then whoever is above that pod acts.
        let parent = line.get(place + 1).copied();
        let is_pod = |parent| guard::is_pod(parent) || pods.iter().any(|pod| has(pod, parent));
        if guard::is_guard(ancestor) && !parent.is_some_and(is_pod) {
            return Err(Unidentified::Orphan);
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use std::process::{Child, Command, Stdio};

    use podfleet_pod_store::{
        Endpoint, GenerationStart, MemoryStore, NewPod, RecordStore as _, SpecText,
    };
    use podfleet_protocol::{
        FleetName, Generation, Identity, PodId, PodName, TenantId, UnixMillis,
    };

    use super::*;
    use crate::lock::lock;

    /// A store with pods whose process is that of the test, so that its children are in them.
    struct World {
        directory: tempfile::TempDir,
        state: StatePaths,
        store: MemoryStore,
    }

    impl World {
        fn new() -> Self {
            let directory = tempfile::tempdir().unwrap();
            Self {
                state: StatePaths::new(directory.path().join("state")),
                store: MemoryStore::default(),
                directory,
            }
        }

        async fn pod(&self, name: &str, tenant: &str, process: u32) -> PodId {
            let file = |name: &str| self.directory.path().join(name);
            let new = NewPod {
                identity: Identity {
                    id: PodId::generate(),
                    name: PodName::new(name).unwrap(),
                    fleet: FleetName::default(),
                    tenant_id: TenantId::new(tenant).unwrap(),
                    host: "fern".into(),
                },
                class: "worker".into(),
                alias: None,
                runtime: "sim".into(),
                spec: SpecText::of(&serde_json::json!({})).unwrap(),
                runtime_dir: file("run"),
                at: UnixMillis(0),
            };
            let start = GenerationStart {
                endpoint: Endpoint {
                    socket: file("sock"),
                    heartbeat: file("hb"),
                    pid: process,
                    build: String::new(),
                },
                at: UnixMillis(0),
                above: Generation(0),
            };
            let id = self.store.put_pod(new).await.unwrap().identity.id;
            self.store.begin_generation(id, &start).await.unwrap();
            id
        }

        fn lives(&self, pod: PodId) -> std::fs::File {
            lock(&self.state.lock(pod)).unwrap().unwrap()
        }

        async fn who(&self, process: u32) -> Result<Option<PodId>, Unidentified> {
            let found = identify(&self.store, &self.state, Some(process), None).await?;
            Ok(found.map(|pod| pod.identity.id))
        }
    }

    /// A process that runs until its input ends.
    struct Running(Child);

    impl Running {
        fn start(command: &mut Command) -> Self {
            Self(command.stdin(Stdio::piped()).spawn().unwrap())
        }

        fn cat() -> Self {
            Self::start(&mut Command::new("cat"))
        }

        /// A shell, in it one whose arguments are those of a guard, and what that runs.
        fn false_guard(directory: &Path) -> Self {
            std::fs::write(directory.join("pod"), "cat; :\n").unwrap();
            let script = format!("sh {}; :", guard::GUARD_ARGS.join(" "));
            let mut shell = Command::new("sh");
            Self::start(shell.args(["-c", &script]).current_dir(directory))
        }
    }

    impl Drop for Running {
        fn drop(&mut self) {
            drop(self.0.stdin.take());
            let _ = self.0.wait();
        }
    }

    #[tokio::test]
    async fn a_process_below_a_pod_that_lives_is_that_pod_of_whatever_tenant() {
        let world = World::new();
        let pod = world.pod("a", "somebody", std::process::id()).await;
        let _lock = world.lives(pod);
        let agent = Running::cat();
        assert_eq!(world.who(agent.0.id()).await.unwrap(), Some(pod));
    }

    #[tokio::test]
    async fn the_pid_of_a_pod_that_ended_makes_nobody_that_pod() {
        let world = World::new();
        let ended = world.pod("lead", "ada", std::process::id()).await;
        let agent = Running::cat();
        assert_eq!(world.who(agent.0.id()).await.unwrap(), None);
        // The pod that has the pid now is the one that counts.
        let now = world.pod("shell", "ada", std::process::id()).await;
        let _lock = world.lives(now);
        assert_eq!(world.who(agent.0.id()).await.unwrap(), Some(now));
        let _both = world.lives(ended);
        let unclear = world.who(agent.0.id()).await.unwrap_err();
        assert!(matches!(unclear, Unidentified::Ambiguous(_)), "{unclear}");
    }

    #[tokio::test]
    async fn what_calls_itself_a_guard_makes_nobody_the_operator() {
        let world = World::new();
        let shell = Running::false_guard(world.directory.path());
        let below = loop {
            let below = crate::process::descendants(shell.0.id());
            match below.as_slice() {
                [_, process, ..] => break process.pid,
                _ => std::thread::yield_now(),
            }
        };
        // In a pod, and in none.
        let pod = world.pod("shell", "ada", std::process::id()).await;
        let ends = world.lives(pod);
        let refused = world.who(below).await.unwrap_err();
        assert!(matches!(refused, Unidentified::Orphan), "{refused}");
        drop(ends);
        let refused = world.who(below).await.unwrap_err();
        assert!(matches!(refused, Unidentified::Orphan), "{refused}");
    }

    #[tokio::test]
    async fn a_process_that_is_gone_is_not_the_operator() {
        let world = World::new();
        let mut ended = Running::cat();
        drop(ended.0.stdin.take());
        ended.0.wait().unwrap();
        let refused = world.who(ended.0.id()).await.unwrap_err();
        assert!(matches!(refused, Unidentified::Gone(_)), "{refused}");
    }

    #[tokio::test]
    async fn an_unknown_and_a_false_credential_are_refused() {
        let world = World::new();
        let pod = world.pod("a", "ada", 1).await;
        let files = RuntimeDir::open(&world.directory.path().join("run")).unwrap();
        let secret = "0".repeat(64);
        let path = files.pod(pod).credential;
        std::fs::write(&path, &secret).unwrap();
        let shown = |pod, secret: &str| Credential {
            pod,
            secret: secret.to_owned(),
        };
        let who = async |credential: Credential| {
            identify(&world.store, &world.state, None, Some(&credential)).await
        };
        // Others may read it.
        assert!(who(shown(pod, &secret)).await.is_err());
        let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(&path, private).unwrap();
        let found = who(shown(pod, &secret)).await.unwrap();
        assert_eq!(found.unwrap().identity.id, pod);
        for credential in [shown(pod, "1"), shown(PodId::generate(), &secret)] {
            let refused = who(credential).await.unwrap_err();
            assert!(matches!(refused, Unidentified::Credential), "{refused}");
        }
    }
}
