//! What a pod takes hold of at its start, besides its socket; and what it removes at its end.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use podfleet_pod_store::PodRecord;
use podfleet_protocol::Identity;
use rustix::process::Signal;

use super::{PodConfig, PodError, made_in};
use crate::guard::{CREDENTIAL, belongings, left_behind};
use crate::heartbeat::Heartbeat;
use crate::living::{Holder, namesake};
use crate::paths::{RuntimePaths, StatePaths};
use crate::process::ProcessRef;
use crate::socket::Vacant;

/// Says in the locked file whose lock it is, and refuses to be the second of its name.
pub(super) fn sign(lock: &File, identity: &Identity, paths: &StatePaths) -> Result<(), PodError> {
    let own = Holder::pod(identity);
    if let Err(error) = own.sign(lock) {
        tracing::warn!(%error, "cannot say whose lock it is");
    }
    match namesake(paths, &own) {
        Some(pid) => Err(PodError::UnknownToStore {
            name: identity.name.clone(),
            pid,
        }),
        None => Ok(()),
    }
}

/// How often what a crashed generation left is looked for, and after which pause.
const LOOKS: u32 = 100;
const LOOKS_AGAIN_AFTER: Duration = Duration::from_millis(20);

/// Ends what a crashed generation left, and returns when it is gone: its guard does that by itself within a
/// second, and this does it for a guard that was killed, also at once with its pod.
pub(super) async fn end_former_generation(record: &PodRecord) {
    let Some(endpoint) = &record.endpoint else {
        return;
    };
    let heartbeat = Heartbeat::read(&endpoint.heartbeat).ok();
    let guard = heartbeat.and_then(|heartbeat| heartbeat.guard);
    if let Some(guard) = guard.filter(|guard| guard.is_running()) {
        let tree = belongings(guard.pid);
        guard.signal(Signal::KILL);
        kill_all(&tree);
    }
    // Some may have forked meanwhile.
    for _ in 0..LOOKS {
        let left = left_behind(record.identity.id);
        if left.is_empty() {
            return;
        }
        kill_all(&left);
        tokio::time::sleep(LOOKS_AGAIN_AFTER).await;
    }
    tracing::error!("what a former generation left does not end");
}

fn kill_all(processes: &[ProcessRef]) {
    for process in processes {
        process.signal(Signal::KILL);
    }
}

/// Makes this process the parent of what a guard leaves behind when it is killed.
pub(super) fn adopt_orphans() -> io::Result<()> {
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
    Ok(())
}

/// How long a former generation that has just been killed may need to let go of its socket: the system may
/// free its lock a moment before.
const LETS_GO_WITHIN: Duration = Duration::from_secs(1);

/// Waits until nobody listens at the pod's socket, whose lock is ours; refuses it if somebody goes on.
pub(super) async fn vacated(socket: &Path) -> Result<Vacant<'_>, PodError> {
    let looking = Instant::now();
    loop {
        let found = Vacant::find(socket).await;
        match found.map_err(|error| cannot_listen(socket, error))? {
            Ok(vacant) => return Ok(vacant),
            Err(listener) if looking.elapsed() > LETS_GO_WITHIN => {
                return Err(PodError::SocketTaken {
                    socket: socket.to_owned(),
                    by: listener,
                });
            }
            Err(_) => tokio::time::sleep(LOOKS_AGAIN_AFTER).await,
        }
    }
}

/// Says why the pod has no socket.
pub(super) fn cannot_listen(socket: &Path, error: io::Error) -> PodError {
    let directory = socket.parent().unwrap_or(Path::new("."));
    made_in(directory, "listen on the pod's socket", error)
}

/// Makes this generation's credential and writes it to its file.
pub(super) fn write_credential(path: &Path) -> io::Result<String> {
    let mut secret = [0_u8; 32];
    getrandom::fill(&mut secret)
        .map_err(|_| io::Error::other("the system gives no random bytes"))?;
    let mut text = String::with_capacity(64);
    for byte in secret {
        let _ = write!(text, "{byte:02x}");
    }
    write_secret(path, &text)?;
    Ok(text)
}

/// Writes a credential to its file, for its owner alone.
pub(crate) fn write_secret(path: &Path, secret: &str) -> io::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new()
        .prefix(".cred-")
        .tempfile_in(directory)?;
    file.write_all(secret.as_bytes())?;
    file.persist(path)?;
    Ok(())
}

/// Returns what the agent's environment says of its pod.
pub(super) fn pod_env(
    record: &PodRecord,
    config: &PodConfig,
    credential: &str,
    files: &RuntimePaths,
) -> Vec<(String, String)> {
    let identity = &record.identity;
    let credential = format!("{}:{credential}", identity.id);
    let mut env = vec![(CREDENTIAL.to_owned(), credential)];
    let mut add = |name: &str, value: String| env.push((format!("FLEET_{name}"), value));
    add("NAME", identity.fleet.to_string());
    add("STATE_DIR", config.state_dir.display().to_string());
    add("RUNTIME_DIR", record.runtime_dir.display().to_string());
    add("POD_NAME", identity.name.to_string());
    add("POD_CLASS", record.class.clone());
    add("POD_SOCKET", files.socket.display().to_string());
    env
}

/// Removes what only a running pod has, once it listens no more; another that listens there keeps it.
pub(super) async fn remove(files: &RuntimePaths) {
    let Ok(Ok(_vacant)) = Vacant::find(&files.socket).await else {
        return;
    };
    for path in [&files.socket, &files.heartbeat, &files.credential] {
        if let Err(error) = fs::remove_file(path)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%error, path = %path.display(), "cannot remove a runtime file");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    #[test]
    fn a_credential_is_new_each_time_and_for_its_owner_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.cred");
        let first = write_credential(&path).unwrap();
        let second = write_credential(&path).unwrap();
        assert_ne!(first, second);
        assert_eq!(fs::read_to_string(&path).unwrap(), second);
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    }
}
