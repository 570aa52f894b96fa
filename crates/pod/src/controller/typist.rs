//! Who types, and how much of it the log does not count yet.

use std::time::{Duration, Instant};

use podfleet_pod_store::session_log::Entry;

use crate::attach::ClientId;

/// How long after its last key a person's typing counts as one burst.
pub(super) const BURST: Duration = Duration::from_secs(1);

/// A client that types. Its name is kept: it may be gone when its typing is counted.
#[derive(Debug)]
pub(super) struct Typist {
    id: ClientId,
    name: String,
    last: Instant,
    uncounted: usize,
}

impl Typist {
    pub(super) fn new(id: ClientId, name: &str, now: Instant) -> Self {
        Self {
            id,
            name: name.to_owned(),
            last: now,
            uncounted: 0,
        }
    }

    pub(super) fn is(&self, id: ClientId) -> bool {
        self.id == id
    }

    /// Returns whether its last key is so fresh that the next one belongs to it.
    pub(super) fn is_typing(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.last) < BURST
    }

    pub(super) fn typed(&mut self, bytes: usize, now: Instant) {
        self.last = now;
        self.uncounted += bytes;
    }

    /// Returns what the log does not count yet as an entry of it.
    pub(super) fn count(&mut self) -> Option<Entry> {
        let bytes = std::mem::take(&mut self.uncounted);
        (bytes > 0).then(|| Entry::Input {
            client: self.name.clone(),
            bytes: u64::try_from(bytes).unwrap_or(u64::MAX),
        })
    }
}
