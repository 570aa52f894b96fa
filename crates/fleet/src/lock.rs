//! Kernel locks on files in the state directory.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

pub(crate) use podfleet_pod::lock::is_held;
use podfleet_pod_store::FleetKey;
use podfleet_protocol::PodId;

/// A locked file; free when this is dropped or the process ends, however it ends.
#[derive(Debug)]
pub(crate) struct Held(#[expect(dead_code, reason = "the open file is the lock")] File);

/// A lock whose file goes with it: the right to decide about one pod. It ends with its holder, however
/// that ends.
#[derive(Debug)]
pub(crate) struct Claim {
    path: PathBuf,
    _lock: Held,
}

impl Claim {
    /// Takes it unless somebody else has it.
    pub(crate) fn take(path: &Path) -> io::Result<Option<Self>> {
        let path = path.to_owned();
        Ok(try_lock(&path)?.map(|lock| Self { path, _lock: lock }))
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        // A file that stays is only looked at once more.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Returns the file whose lock is the right to change a fleet. No name holds an `@`.
pub(crate) fn fleet_lock_path(state: &Path, key: &FleetKey) -> PathBuf {
    state
        .join("locks")
        .join(format!("fleet@{}@{}.lock", key.tenant, key.fleet))
}

/// Returns the file whose lock is the right to keep a fleet in the foreground; it holds the number of
/// the process that has it.
pub(crate) fn supervise_lock_path(state: &Path, key: &FleetKey) -> PathBuf {
    state
        .join("locks")
        .join(format!("supervise@{}@{}.lock", key.tenant, key.fleet))
}

/// Returns the file whose lock says that somebody is spawning a pod.
pub(crate) fn spawn_lock_path(state: &Path, pod: PodId) -> PathBuf {
    state.join("locks").join(format!("spawn@{pod}.lock"))
}

/// Returns the file whose lock says that somebody restores a pod.
pub(crate) fn restore_lock_path(state: &Path, pod: PodId) -> PathBuf {
    state.join("locks").join(format!("restore@{pod}.lock"))
}

/// Returns the file whose lock says that somebody starts a bridge. The bridge itself holds another.
pub(crate) fn bridge_start_lock_path(state: &Path, bridge: PodId) -> PathBuf {
    state.join("locks").join(format!("bridge@{bridge}.lock"))
}

/// Locks a file; calls `waiting` once if another process holds it, then waits for as long as it
/// does. Blocks.
pub(crate) fn lock(path: &Path, waiting: impl FnOnce()) -> io::Result<Held> {
    if let Some(held) = try_lock(path)? {
        return Ok(held);
    }
    waiting();
    loop {
        let file = open(path)?;
        file.lock()?;
        if is_file_at(&file, path)? {
            return Ok(Held(file));
        }
    }
}

/// Locks a file unless somebody else holds it.
pub(crate) fn try_lock(path: &Path) -> io::Result<Option<Held>> {
    loop {
        let file = open(path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        // Somebody may have removed or replaced the file between opening and locking.
        if is_file_at(&file, path)? {
            return Ok(Some(Held(file)));
        }
    }
}

pub(crate) fn open(path: &Path) -> io::Result<File> {
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory)?;
    }
    OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(path)
}

/// Returns whether an open file is the one that a path leads to.
pub(crate) fn is_file_at(file: &File, path: &Path) -> io::Result<bool> {
    let ours = file.metadata()?;
    match path.metadata() {
        Ok(there) => Ok((there.dev(), there.ino()) == (ours.dev(), ours.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_holder_waits_and_says_so_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("locks/a.lock");
        let first = lock(&path, || panic!("nobody holds it")).unwrap();
        assert!(is_held(&path));
        let (said, saying) = std::sync::mpsc::channel();
        std::thread::scope(|scope| {
            let second = scope.spawn(|| lock(&path, || said.send(()).unwrap()).map(drop));
            saying.recv().unwrap();
            drop(first);
            second.join().unwrap().unwrap();
        });
        drop(said);
        assert_eq!(saying.iter().count(), 0);
        assert!(!is_held(&path));
    }
}
