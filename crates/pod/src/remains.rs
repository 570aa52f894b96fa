//! What pods leave in the state directory: session logs with the long messages they were typed from, the
//! log of the process, and the file of its lock.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use podfleet_protocol::{PodId, UnixMillis};

use crate::lock;
use crate::paths::StatePaths;

/// The files of one pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remains {
    sessions: PathBuf,
    log: PathBuf,
    lock: PathBuf,
}

/// How much that is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Extent {
    /// How many files, locks left out.
    pub files: u64,
    /// How many bytes they have.
    pub bytes: u64,
    /// When the last of them was written.
    pub written: UnixMillis,
}

impl Remains {
    /// Names the files of a pod.
    #[must_use]
    pub fn of(state: &StatePaths, id: PodId) -> Self {
        Self {
            sessions: state.sessions().join(id.to_string()),
            log: state.log(id),
            lock: state.lock(id),
        }
    }

    /// Returns the pods that have session logs, on record or not.
    ///
    /// # Errors
    /// Fails when the directory cannot be read; without one nobody has any.
    pub fn owners(state: &StatePaths) -> io::Result<Vec<PodId>> {
        let entries = match fs::read_dir(state.sessions()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut owners = Vec::new();
        for entry in entries {
            let name = entry?.file_name();
            owners.extend(name.to_str().and_then(|name| name.parse::<PodId>().ok()));
        }
        owners.sort();
        Ok(owners)
    }

    /// Measures them.
    ///
    /// # Errors
    /// Fails when one cannot be looked at.
    pub fn extent(&self) -> io::Result<Extent> {
        let mut extent = Extent::default();
        for path in [&self.sessions, &self.log] {
            measure(path, &mut extent)?;
        }
        Ok(extent)
    }

    /// Returns whether the pod lives.
    #[must_use]
    pub fn is_in_use(&self) -> bool {
        lock::is_held(&self.lock)
    }

    /// Removes them, unless the pod lives; returns whether they are gone. The file of the lock is the last,
    /// so that nobody begins to write meanwhile.
    ///
    /// # Errors
    /// Fails when one cannot be removed; those before it are gone.
    pub fn remove(&self) -> io::Result<bool> {
        let Some(_held) = lock::lock(&self.lock)? else {
            return Ok(false);
        };
        gone(fs::remove_dir_all(&self.sessions))?;
        gone(fs::remove_file(&self.log))?;
        gone(fs::remove_file(&self.lock))?;
        Ok(true)
    }
}

fn gone(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

fn measure(path: &Path, extent: &mut Extent) -> io::Result<()> {
    let found = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        found => found?,
    };
    if found.is_dir() {
        for entry in fs::read_dir(path)? {
            measure(&entry?.path(), extent)?;
        }
        // An empty directory was of use when it was made.
        extent.written = extent.written.max(millis(found.modified()?));
        return Ok(());
    }
    extent.files += 1;
    extent.bytes += found.len();
    extent.written = extent.written.max(millis(found.modified()?));
    Ok(())
}

fn millis(at: SystemTime) -> UnixMillis {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMillis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_pod_left_is_removed_with_its_lock_and_not_while_it_lives() {
        let directory = tempfile::tempdir().unwrap();
        let state = StatePaths::new(directory.path());
        let id = PodId::generate();
        let remains = Remains::of(&state, id);
        assert_eq!(Remains::owners(&state).unwrap(), []);
        assert_eq!(remains.extent().unwrap(), Extent::default());
        let bodies = state.sessions().join(id.to_string()).join("bodies");
        fs::create_dir_all(&bodies).unwrap();
        fs::write(bodies.join("long"), "12345").unwrap();
        fs::create_dir_all(directory.path().join("logs")).unwrap();
        fs::write(state.log(id), "123").unwrap();
        fs::create_dir(state.sessions().join("of somebody else")).unwrap();
        assert_eq!(Remains::owners(&state).unwrap(), [id]);
        let extent = remains.extent().unwrap();
        assert_eq!((extent.files, extent.bytes), (2, 8));

        let held = lock::lock(&state.lock(id)).unwrap();
        assert!(remains.is_in_use() && !remains.remove().unwrap());
        assert!(bodies.exists());
        drop(held);
        assert!(remains.remove().unwrap());
        assert_eq!(Remains::owners(&state).unwrap(), []);
        assert!(!state.log(id).exists() && !state.lock(id).exists());
    }
}
