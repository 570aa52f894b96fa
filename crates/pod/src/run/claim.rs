//! What a pod takes hold of at its start: lock, socket, credential; and what it removes at its end.

use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use podfleet_pod_store::{Endpoint, PodRecord};
use rustix::process::Signal;
use tokio::net::UnixListener;

use super::PodConfig;
use crate::guard::belongings;
use crate::heartbeat::Heartbeat;
use crate::paths::RuntimePaths;

/// Takes the pod's lock for the life of the returned file; nothing if another process has it.
pub(super) fn lock(path: &Path) -> io::Result<Option<File>> {
    if let Some(directory) = path.parent() {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)?;
    }
    loop {
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => match file.try_lock_shared() {
                // Who looks whether it is held shares it, for a moment.
                Ok(()) => {
                    std::thread::yield_now();
                    continue;
                }
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(error)) => return Err(error),
            },
            Err(TryLockError::Error(error)) => return Err(error),
        }
        // Somebody may have replaced the file between open and lock: then this lock guards nothing.
        let (held, named) = (file.metadata()?, fs::metadata(path));
        if named.is_ok_and(|named| named.ino() == held.ino() && named.dev() == held.dev()) {
            return Ok(Some(file));
        }
    }
}

/// Ends what a crashed generation left: its guard does that by itself within a second, and this
/// does it for a guard that was killed.
pub(super) fn end_former_generation(endpoint: Option<&Endpoint>) {
    let guard = endpoint
        .and_then(|endpoint| Heartbeat::read(&endpoint.heartbeat).ok())
        .and_then(|heartbeat| heartbeat.guard);
    let Some(guard) = guard.filter(|guard| guard.is_running()) else {
        return;
    };
    let tree = belongings(guard.pid);
    guard.signal(Signal::KILL);
    for process in tree {
        process.signal(Signal::KILL);
    }
}

/// Makes this process the parent of what a guard leaves behind when it is killed.
pub(super) fn adopt_orphans() -> io::Result<()> {
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
    Ok(())
}

/// Listens on the pod's socket. A file that is there is a former generation's: the lock is ours.
pub(super) fn listen(path: &Path) -> io::Result<UnixListener> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(path)?;
    fs::set_permissions(path, PermissionsExt::from_mode(0o600))?;
    Ok(listener)
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
    let directory = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new()
        .prefix(".cred-")
        .tempfile_in(directory)?;
    file.write_all(text.as_bytes())?;
    file.persist(path)?;
    Ok(text)
}

/// Returns what the agent's environment says of its pod.
pub(super) fn pod_env(
    record: &PodRecord,
    config: &PodConfig,
    credential: &str,
    files: &RuntimePaths,
) -> Vec<(String, String)> {
    let identity = &record.identity;
    let mut env = Vec::new();
    let mut add = |name: &str, value: String| env.push((format!("FLEET_{name}"), value));
    add("NAME", identity.fleet.to_string());
    add("STATE_DIR", config.state_dir.display().to_string());
    add("RUNTIME_DIR", record.runtime_dir.display().to_string());
    add("POD_NAME", identity.name.to_string());
    add("POD_CLASS", record.class.clone());
    add("POD_SOCKET", files.socket.display().to_string());
    add("POD_CREDENTIAL", format!("{}:{credential}", identity.id));
    env
}

/// Removes what only a running pod has.
pub(super) fn remove(files: &RuntimePaths) {
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
    use super::*;

    #[test]
    fn only_one_holds_the_lock_and_its_end_frees_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("locks/a.lock");
        let first = lock(&path).unwrap();
        assert!(first.is_some());
        assert!(lock(&path).unwrap().is_none());
        drop(first);
        assert!(lock(&path).unwrap().is_some());
    }

    #[test]
    fn who_only_looks_whether_a_pod_lives_keeps_none_from_starting() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("locks/a.lock");
        drop(lock(&path).unwrap());
        let looking = File::open(&path).unwrap();
        looking.lock_shared().unwrap();
        let (asked, asking) = std::sync::mpsc::channel();
        std::thread::scope(|scope| {
            let pod = scope.spawn(|| {
                asked.send(()).unwrap();
                lock(&path)
            });
            asking.recv().unwrap();
            drop(looking);
            assert!(pod.join().unwrap().unwrap().is_some());
        });
    }

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
