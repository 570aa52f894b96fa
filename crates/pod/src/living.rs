//! What lives in a state directory, by the locks that are held there: told without any store.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use podfleet_protocol::{FleetName, Identity, PodName, TenantId};
use serde::{Deserialize, Serialize};

use crate::lock::is_held;
use crate::paths::StatePaths;

/// Longer than what any holder says of itself, in bytes.
const MAX_SAID: u64 = 4 << 10;

/// What the holder of a lock says of itself in the locked file. While nobody holds it, it is of one that
/// has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Its process.
    pub pid: u32,
    /// Whose fleet it belongs to.
    pub tenant: TenantId,
    /// The fleet.
    pub fleet: FleetName,
    /// The pod that it is; absent: the fleet's bridge.
    pub pod: Option<PodName>,
}

impl Holder {
    /// Describes this process as a pod.
    pub(crate) fn pod(identity: &Identity) -> Self {
        Self {
            pid: std::process::id(),
            tenant: identity.tenant_id.clone(),
            fleet: identity.fleet.clone(),
            pod: Some(identity.name.clone()),
        }
    }

    /// Describes this process as the bridge of a fleet.
    #[must_use]
    pub fn bridge(tenant: TenantId, fleet: FleetName) -> Self {
        Self {
            pid: std::process::id(),
            tenant,
            fleet,
            pod: None,
        }
    }

    /// Writes it to the file that is locked. It is for people alone, and nothing waits for the disk.
    ///
    /// # Errors
    /// Fails when the file cannot be written; the lock is held all the same.
    pub fn sign(&self, locked: &File) -> io::Result<()> {
        locked.set_len(0)?;
        locked.write_all_at(&serde_json::to_vec(self)?, 0)
    }

    fn read(path: &Path) -> Option<Self> {
        let mut said = Vec::new();
        let file = File::open(path).ok()?;
        file.take(MAX_SAID).read_to_end(&mut said).ok()?;
        serde_json::from_slice(&said).ok()
    }

    /// Returns whether both go by one name, which only one may have. Names that differ only in case are
    /// one.
    fn is_namesake(&self, other: &Self) -> bool {
        let names = |holder: &Self| {
            let pod = holder
                .pod
                .as_ref()
                .map(|pod| pod.as_str().to_ascii_lowercase());
            (holder.fleet.as_str().to_ascii_lowercase(), pod)
        };
        self.tenant == other.tenant && names(self) == names(other)
    }
}

/// A process that holds the lock of a pod or of a bridge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Living {
    lock: String,
    holder: Option<Holder>,
}

impl Living {
    /// Returns its process, if it says which one.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        Some(self.holder.as_ref()?.pid)
    }
}

impl fmt::Display for Living {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.holder {
            Some(Holder {
                pid,
                pod: Some(pod),
                ..
            }) => write!(f, "`{pod}` ({pid})"),
            Some(Holder { pid, fleet, .. }) => write!(f, "the bridge of `{fleet}` ({pid})"),
            // One of an older build.
            None => write!(f, "the holder of locks/{}", self.lock),
        }
    }
}

/// Returns all pods and bridges that live, by name. Costs the opening of every lock's file.
pub(crate) fn living(state: &StatePaths) -> Vec<Living> {
    let Ok(entries) = fs::read_dir(state.locks()) else {
        // Nobody has ever locked anything.
        return Vec::new();
    };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    // The locks that name a right, and not a process, have an `@`.
    let named = names.filter(|name| name.ends_with(".lock") && !name.contains('@'));
    let mut living: Vec<_> = named
        .filter(|name| is_held(&state.locks().join(name)))
        .map(|lock| Living {
            holder: Holder::read(&state.locks().join(&lock)),
            lock,
        })
        .collect();
    living.sort_by_key(ToString::to_string);
    living
}

/// Returns the process of another pod that goes by the name of this one: one of a store that another
/// took the place of. Both are signed before they look, so that of two at least one sees the other.
pub(crate) fn namesake(state: &StatePaths, own: &Holder) -> Option<u32> {
    let others = living(state).into_iter().filter_map(|one| one.holder);
    let mut others = others.filter(|other| other.pid != own.pid && other.is_namesake(own));
    Some(others.next()?.pid)
}
