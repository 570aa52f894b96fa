//! Opening the store of a state directory, in the one way that all have: none is made in the place of one
//! that is away while its pods live.
//!
//! They have it open still, and whoever made another would know nothing of them: it would start every
//! agent a second time, and lose what it accepts as soon as the first store is put back.

use std::fmt;
use std::path::PathBuf;

use podfleet_pod_store::{SqliteStore, StoreError, StoreErrorKind};

use crate::living::{Living, living};
use crate::paths::StatePaths;

/// How many that live are named.
const NAMED: usize = 8;

/// The store is not there, and pods that have it open live.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreAway {
    path: PathBuf,
    living: Vec<Living>,
}

impl StoreAway {
    /// Returns what a person can do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        let pids = self.living.iter().filter_map(Living::pid).take(NAMED);
        let pids: Vec<_> = pids.map(|pid| pid.to_string()).collect();
        let how = match pids.as_slice() {
            [] => String::new(),
            _ => format!(": `kill {}`", pids.join(" ")),
        };
        format!(
            "put it back, with its `-wal` and `-shm`; or, to begin anew without what it has, end what \
             lives{how}"
        )
    }
}

impl fmt::Display for StoreAway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = self.living.iter().take(NAMED).map(ToString::to_string);
        let named = named.collect::<Vec<_>>().join(", ");
        let path = self.path.display();
        write!(f, "{path} is away, and what has it open lives: {named}")?;
        match self.living.len().saturating_sub(NAMED) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

impl std::error::Error for StoreAway {}

/// A store could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// It is away while its pods live.
    #[error(transparent)]
    Away(#[from] StoreAway),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Returns whether the store is there; looks at nothing else where it is.
///
/// # Errors
/// Fails when it is not there and pods live, which have it open.
pub fn has_store(state: &StatePaths) -> Result<bool, StoreAway> {
    let path = state.store();
    if path.exists() {
        return Ok(true);
    }
    let living = living(state);
    // Nobody lives before there is a store: what lived at that look had one, which is there now if it was
    // just made.
    if living.is_empty() || path.exists() {
        return Ok(path.exists());
    }
    Err(StoreAway { path, living })
}

/// Opens the store as [`SqliteStore::open`] does: makes one where there is none and nobody lives.
///
/// # Errors
/// Fails when it is not there and pods live, and as [`SqliteStore::open`].
pub fn open_store(state: &StatePaths) -> Result<SqliteStore, OpenError> {
    let path = state.store();
    match SqliteStore::open_existing(&path) {
        Err(error) if matches!(error.kind(), StoreErrorKind::NotFound(_)) => {}
        opened => return Ok(opened?),
    }
    has_store(state)?;
    Ok(SqliteStore::open(&path)?)
}

#[cfg(test)]
mod tests {
    use podfleet_protocol::{FleetName, PodId, TenantId};

    use super::*;
    use crate::living::Holder;
    use crate::lock::lock;

    #[test]
    fn a_store_is_made_only_where_nobody_lives() {
        let directory = tempfile::tempdir().unwrap();
        let state = StatePaths::new(directory.path());
        let held = lock(&state.lock(PodId::generate())).unwrap().unwrap();
        let tenant = TenantId::new("ada").unwrap();
        let bridge = Holder::bridge(tenant, FleetName::default());
        bridge.sign(&held).unwrap();
        let pid = std::process::id();
        let away = open_store(&state).unwrap_err().to_string();
        assert!(
            away.ends_with(&format!("lives: the bridge of `default` ({pid})")),
            "{away}"
        );
        assert!(has_store(&state).unwrap_err().hint().contains("`kill "));
        assert!(!state.store().exists());
        // What is the right of somebody to change something is no life.
        let right = directory.path().join("locks/fleet@a@b.lock");
        let _right = lock(&right).unwrap().unwrap();
        drop(held);
        assert!(!has_store(&state).unwrap());
        drop(open_store(&state).unwrap());
        assert!(has_store(&state).unwrap());
    }
}
