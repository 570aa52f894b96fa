//! Where the bridge of a fleet keeps its files.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use podfleet_connectors::Place;
use podfleet_pod_store::FleetKey;
use podfleet_protocol::PodId;

use crate::dirs::Dirs;
use crate::error::{FleetError, FleetErrorKind};
use crate::lock;

/// The files of one fleet's bridge. They are named as if it were a pod of that fleet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BridgePlace {
    lock: PathBuf,
    start_lock: PathBuf,
    log: PathBuf,
    status: PathBuf,
    wake: PathBuf,
    connector: Place,
}

impl BridgePlace {
    pub(crate) fn new(dirs: &Dirs, key: &FleetKey) -> Self {
        let id = PodId::of_bridge(&key.tenant, &key.fleet);
        let (state, short) = (dirs.state_paths(), id.short());
        let runtime = |extension: &str| dirs.runtime.join(format!("{short}.{extension}"));
        Self {
            lock: state.lock(id),
            start_lock: lock::bridge_start_lock_path(state.root(), id),
            log: state.log(id),
            status: state.root().join("bridges").join(format!("{short}.json")),
            wake: runtime("wake"),
            connector: Place {
                socket: runtime("chat"),
                directory: state.root().join("chats").join(short.as_str()),
            },
        }
    }

    /// The file whose lock the bridge holds for life.
    pub(crate) fn lock_path(&self) -> &Path {
        &self.lock
    }

    /// The file whose lock whoever starts the bridge holds meanwhile.
    pub(crate) fn start_lock_path(&self) -> &Path {
        &self.start_lock
    }

    /// What its process says.
    pub(crate) fn log(&self) -> &Path {
        &self.log
    }

    /// What it says of itself, for anybody who looks.
    pub(crate) fn status(&self) -> &Path {
        &self.status
    }

    /// Where it is told that something was said.
    pub(crate) fn wake(&self) -> &Path {
        &self.wake
    }

    /// Where its connector may keep files and listen.
    pub(crate) fn connector(&self) -> &Place {
        &self.connector
    }

    /// Where files are kept that came with messages.
    pub(super) fn received_files(&self) -> PathBuf {
        self.connector.directory.join("files")
    }

    pub(crate) fn runs(&self) -> bool {
        lock::is_held(&self.lock)
    }

    /// Takes the bridge's lock for the life of the returned file.
    pub(super) fn lock(&self) -> Result<File, FleetError> {
        let fault = |error| FleetError::io("lock", &self.lock, error);
        let file = lock::open(&self.lock).map_err(fault)?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => Err(FleetError::new(FleetErrorKind::BridgeRuns)),
            Err(TryLockError::Error(error)) => Err(fault(error)),
        }
    }
}
