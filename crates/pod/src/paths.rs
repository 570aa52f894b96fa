//! Where a pod's files are, and whether those places can be trusted.

use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use podfleet_protocol::PodId;

/// Bytes that a Unix socket's path may have on Linux, its final NUL left out.
const SUN_PATH: usize = 107;
/// Bytes of `/<short id>.sock`, the longest name in a runtime directory.
const SOCKET_NAME: usize = 18;

/// A directory for a pod's files cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{} {what}", path.display())]
pub struct PathError {
    path: PathBuf,
    what: PathFault,
    source: Option<io::Error>,
}

/// What is wrong with a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PathFault {
    /// Socket paths in it would be longer than the system allows.
    #[error("is too long for sockets: at most 89 bytes; set FLEET_RUNTIME_DIR to a shorter path")]
    TooLong,
    /// It is not a directory.
    #[error("is not a directory; remove it, or set FLEET_RUNTIME_DIR")]
    NotADirectory,
    /// It belongs to somebody else.
    #[error("belongs to another user; remove it, or set FLEET_RUNTIME_DIR")]
    Owner,
    /// Others than its owner may enter it.
    #[error("is open to others; run `chmod 700` on it")]
    Mode,
    /// Nothing more can be written in it.
    #[error("is on a file system that is full; make room there, or set FLEET_RUNTIME_DIR")]
    Full,
    /// It cannot be made or looked at.
    #[error("cannot be used")]
    Io,
}

impl PathError {
    /// Says why something could not be made in a directory.
    pub(crate) fn io(directory: &Path, source: io::Error) -> Self {
        let what = if is_full(&source) {
            PathFault::Full
        } else {
            PathFault::Io
        };
        Self {
            path: directory.to_owned(),
            what,
            source: Some(source),
        }
    }

    /// Returns what is wrong.
    #[must_use]
    pub fn fault(&self) -> PathFault {
        self.what
    }
}

/// Returns whether there was no room on the file system.
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}

/// A private directory (0700, ours) whose socket paths are short enough.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuntimeDir(PathBuf);

impl RuntimeDir {
    /// Makes the directory if it is missing, and checks it.
    ///
    /// # Errors
    /// Fails when its path is too long for sockets, it is no directory, it belongs to another user,
    /// or others may enter it. It is never changed to fit.
    pub fn open(path: &Path) -> Result<Self, PathError> {
        let fault = |what| PathError {
            path: path.to_owned(),
            what,
            source: None,
        };
        if Self::is_too_long(path) {
            return Err(fault(PathFault::TooLong));
        }
        let made = std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path);
        let found = std::fs::symlink_metadata(path)
            .map_err(|error| PathError::io(path, made.err().unwrap_or(error)))?;
        if !found.is_dir() {
            return Err(fault(PathFault::NotADirectory));
        }
        if found.uid() != rustix::process::getuid().as_raw() {
            return Err(fault(PathFault::Owner));
        }
        if found.permissions().mode() & 0o077 != 0 {
            return Err(fault(PathFault::Mode));
        }
        Ok(Self(path.to_owned()))
    }

    /// Returns whether socket paths in a directory would be longer than the system allows.
    #[must_use]
    pub fn is_too_long(path: &Path) -> bool {
        path.as_os_str().len() + SOCKET_NAME > SUN_PATH
    }

    /// Returns the directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Returns the paths of a pod's files in it.
    #[must_use]
    pub fn pod(&self, id: PodId) -> RuntimePaths {
        let file = |extension| self.0.join(format!("{}.{extension}", id.short()));
        RuntimePaths {
            socket: file("sock"),
            heartbeat: file("hb"),
            credential: file("cred"),
        }
    }
}

/// A pod's files in the runtime directory; none outlives a restart of the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuntimePaths {
    /// Where it listens, 0600.
    pub socket: PathBuf,
    /// What it says of itself, for anybody who looks.
    pub heartbeat: PathBuf,
    /// Its credential of this generation, 0600.
    pub credential: PathBuf,
}

/// A pod's files in the state directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatePaths {
    root: PathBuf,
}

impl StatePaths {
    /// Names the files below a state directory.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Returns the directory itself.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Returns the store's database.
    #[must_use]
    pub fn store(&self) -> PathBuf {
        self.root.join("store.db")
    }

    /// Returns the directory of all session logs.
    #[must_use]
    pub fn sessions(&self) -> PathBuf {
        self.root.join("sessions")
    }

    /// Returns the directory of all locks.
    pub(crate) fn locks(&self) -> PathBuf {
        self.root.join("locks")
    }

    /// Returns the file whose lock a pod holds for life.
    #[must_use]
    pub fn lock(&self, id: PodId) -> PathBuf {
        self.locks().join(format!("{}.lock", id.short()))
    }

    /// Returns the pod's own log: what the process says, not what the agent does.
    #[must_use]
    pub fn log(&self, id: PodId) -> PathBuf {
        self.root.join("logs").join(format!("{}.log", id.short()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_runtime_directory_that_others_may_enter_is_refused_and_left_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("run");
        std::fs::create_dir(&path).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
        let error = RuntimeDir::open(&path).unwrap_err();
        assert_eq!(error.fault(), PathFault::Mode);
        assert_eq!(path.metadata().unwrap().mode() & 0o777, 0o755);
    }

    #[test]
    fn a_symlink_is_no_runtime_directory() {
        let dir = tempfile::tempdir().unwrap();
        let link = dir.path().join("link");
        std::os::unix::fs::symlink(dir.path(), &link).unwrap();
        assert_eq!(
            RuntimeDir::open(&link).unwrap_err().fault(),
            PathFault::NotADirectory
        );
    }

    #[test]
    fn a_path_too_long_for_a_socket_is_refused_with_the_limit() {
        let path = Path::new("/").join("a".repeat(89));
        insta::assert_snapshot!(
            RuntimeDir::open(&path).unwrap_err().fault(),
            @"is too long for sockets: at most 89 bytes; set FLEET_RUNTIME_DIR to a shorter path"
        );
    }

    #[test]
    fn the_longest_allowed_directory_gives_a_socket_path_that_fits() {
        let base = PathBuf::from(format!("/{}", "a".repeat(SUN_PATH - SOCKET_NAME - 1)));
        let socket = RuntimeDir(base).pod(PodId::generate()).socket;
        assert_eq!(socket.as_os_str().len(), SUN_PATH);
    }
}
