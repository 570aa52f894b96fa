//! The lock that a pod holds for life: whoever holds it is the pod.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

/// Takes the pod's lock for the life of the returned file; nothing if another process has it.
pub(crate) fn lock(path: &Path) -> io::Result<Option<File>> {
    if let Some(directory) = path.parent() {
        DirBuilder::new()
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
        if is_at(&file, path)? {
            return Ok(Some(file));
        }
    }
}

/// Returns whether a path still leads to an open file, or directory.
pub(crate) fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let (held, named) = (file.metadata()?, fs::metadata(path));
    Ok(named.is_ok_and(|named| named.ino() == held.ino() && named.dev() == held.dev()))
}

/// Returns whether anybody holds the lock on a file; a missing one is not held.
#[must_use]
pub fn is_held(path: &Path) -> bool {
    let Ok(file) = File::open(path) else {
        return false;
    };
    // Shared, so that two that look at the same time do not see each other.
    matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
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
    fn a_missing_file_is_not_held() {
        assert!(!is_held(Path::new("/nonexistent/a.lock")));
    }
}
