//! Looking after a store: what a check found, what was copied, moved or pruned.

use podfleet_protocol::UnixMillis;
use serde::Serialize;

use crate::relation::PodLabel;

/// What [`check`](crate::SqliteStore::check) found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// The schema that the store was brought to.
    pub schema: u32,
    /// The oldest schema whose builds may write to it.
    pub min_writer: u32,
    /// The schema of this build.
    pub ours: u32,
    /// How many records there are.
    pub records: Records,
    /// What is wrong, in the order in which it was found.
    pub findings: Vec<Finding>,
    /// Body files that no record names: left by a crash, or just being written.
    pub stray_bodies: u64,
}

impl Check {
    /// Returns whether nothing is wrong.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.findings.is_empty()
    }
}

/// How many records of each kind a store holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Records {
    /// Fleets.
    pub fleets: u64,
    /// Pods.
    pub pods: u64,
    /// Sessions.
    pub sessions: u64,
    /// Children.
    pub children: u64,
    /// Pairs of peers.
    pub peers: u64,
    /// Messages.
    pub messages: u64,
    /// What was said to the fleets' humans.
    pub sayings: u64,
}

/// Something that is wrong with a store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What it is about: `database`, `pod`, `message`, `session`, `log`, `child`, `peer`,
    /// `outbox`, `saying`, `chat turn`.
    pub subject: String,
    /// The key of the record; empty for the database.
    pub id: String,
    /// What a person calls it: a pod's name, or the name of a message's receiver; may be empty.
    pub label: String,
    /// What is wrong.
    pub problem: String,
}

/// What [`backup`](crate::SqliteStore::backup) copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Backup {
    /// The size of the copied database in bytes.
    pub bytes: u64,
    /// How many files of long bodies the copy has.
    pub bodies: u64,
    /// How many bodies were pruned or forgotten while they were being copied; their messages are
    /// damaged in the copy.
    pub missing: u64,
}

/// What [`export`](crate::SqliteStore::export) wrote or [`import`](crate::SqliteStore::import) read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Transfer {
    /// How many records.
    pub records: u64,
    /// Messages whose long body could not be read, by id; their records were exported without it.
    pub without_body: Vec<String>,
}

/// A pod that a build of an older schema runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OlderWriter {
    /// The pod.
    pub pod: PodLabel,
    /// The schema of its build.
    pub schema: u32,
}

/// The oldest schema whose builds may write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct MinWriter {
    /// Until now.
    pub before: u32,
    /// From now on.
    pub now: u32,
}

/// How much of what is delivered is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Older messages and logs are removed, in milliseconds.
    pub max_age_ms: i64,
    /// How many bytes of each a pod may keep.
    pub max_bytes: u64,
    /// How many of them one call removes at most.
    pub batch: u32,
}

impl Default for Retention {
    /// 30 days, 1 GiB, 1,000 at once.
    fn default() -> Self {
        Self {
            max_age_ms: 30 * 24 * 60 * 60 * 1000,
            max_bytes: 1 << 30,
            batch: 1_000,
        }
    }
}

/// What a call removed, or would remove.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Pruned {
    /// How many messages, or log files.
    pub removed: u64,
    /// How many bytes their bodies, or the files, had.
    pub bytes: u64,
    /// How many delivered messages, or log files, are left.
    pub kept: u64,
    /// How many bytes those have.
    pub kept_bytes: u64,
    /// Whether a further call would remove more.
    pub more: bool,
}

impl Pruned {
    pub(crate) fn nothing_of(count: u64, bytes: u64) -> Self {
        Self {
            kept: count,
            kept_bytes: bytes,
            ..Self::default()
        }
    }

    pub(crate) fn take(&mut self, count: u64, bytes: u64) {
        self.removed += count;
        self.bytes += bytes;
        self.kept = self.kept.saturating_sub(count);
        self.kept_bytes = self.kept_bytes.saturating_sub(bytes);
    }

    /// Returns what this call and the next one removed together.
    #[must_use]
    pub fn and(self, next: Self) -> Self {
        Self {
            removed: self.removed + next.removed,
            bytes: self.bytes + next.bytes,
            ..next
        }
    }
}

/// Decides how many of the oldest things go: those that are too old, and those without which the
/// rest still has too many bytes. One thing more than the batch tells whether there are more.
pub(crate) fn victims(
    oldest: impl Iterator<Item = (UnixMillis, u64)>,
    all: Pruned,
    retention: &Retention,
    now: UnixMillis,
) -> (usize, Pruned) {
    let before = now.0.saturating_sub(retention.max_age_ms);
    let mut pruned = all;
    for (at, bytes) in oldest {
        if at.0 >= before && pruned.kept_bytes <= retention.max_bytes {
            break;
        }
        if pruned.removed == u64::from(retention.batch) {
            pruned.more = true;
            break;
        }
        pruned.take(1, bytes);
    }
    (
        usize::try_from(pruned.removed).unwrap_or(usize::MAX),
        pruned,
    )
}
