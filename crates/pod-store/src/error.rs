//! What can go wrong with the store.

use std::fmt;
use std::path::{Path, PathBuf};

use podfleet_protocol::{Generation, PodName};

use crate::failure::{Failure, Source};
use crate::maintenance::OlderWriter;
use crate::session_log::Loss;

/// An operation of the store failed; nothing of it was written.
///
/// The message names the operation, its phase and the path.
pub type StoreError = Failure<StoreErrorKind>;

impl StoreError {
    /// Returns what a person can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        self.kind().hint()
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path().display();
        write!(f, "{} in {path}", self.operation())?;
        if let Some(phase) = self.phase() {
            write!(f, " ({phase})")?;
        }
        write!(f, ": {}", self.kind())
    }
}

/// The ways in which an operation of the store fails.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// A file cannot be written or read, or a directory is missing.
    #[error("the file cannot be read or written")]
    Storage,
    /// The file is shorter than it says of itself.
    #[error("the file ends before what is to be read of it")]
    CutShort,
    /// There is no room for what is to be written.
    #[error("the disk is full")]
    Full,
    /// Another process held the store for longer than the busy timeout.
    #[error("another process holds the store")]
    Busy,
    /// The file is no store, or a record in it makes no sense.
    #[error("damaged: {0}")]
    Corrupt(String),
    /// The record of this pod makes no sense; those of others may.
    #[error("the record of pod `{name}` ({id}) is damaged: {what}")]
    DamagedPod {
        /// Its id, as far as that can be read.
        id: String,
        /// Its name, as far as that can be read.
        name: String,
        /// The process that it had last, as far as that can be read.
        pid: Option<u32>,
        /// What is wrong.
        what: String,
    },
    /// The writer's generation is not the pod's present one.
    #[error("the pod is in generation {current}, and the writer is of another")]
    Fenced {
        /// The pod's present generation.
        current: Generation,
    },
    /// There is no such store, pod, message, session or relation.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// The fleet has a pod of this name; names that differ only in case are one name.
    #[error("the fleet has a pod `{existing}`, and names that differ only in case are one name")]
    NameTaken {
        /// The name of the pod that is there.
        existing: PodName,
    },
    /// The name is that of a pod that was spawned outside the roster.
    #[error("the fleet has a pod `{existing}` that was spawned, not named by a roster")]
    SpawnedName {
        /// The name of the pod that is there.
        existing: PodName,
    },
    /// The writer takes no part in the relation that it wants to change.
    #[error("the relation is one of other pods")]
    NotItsRelation,
    /// The child's spawning has succeeded, so that it cannot be withdrawn any more.
    #[error("the child has been spawned")]
    Confirmed,
    /// Another roster owns the fleet's name.
    #[error(
        "the fleet `{fleet}` belongs to the roster {}, and {} claims it too",
        owner.display(), claimant.display()
    )]
    FleetClaimed {
        /// The fleet's name.
        fleet: String,
        /// The roster that owns it.
        owner: PathBuf,
        /// The roster that was refused.
        claimant: PathBuf,
    },
    /// The message's fate is settled and cannot change any more.
    #[error("the message is settled as `{outcome}`")]
    Settled {
        /// The word of its outcome.
        outcome: String,
    },
    /// A newer build wrote the store and said that this one must not write to it.
    #[error("it needs a build of schema {min_writer} or newer, and this one has schema {ours}")]
    FromTheFuture {
        /// The oldest schema whose builds may write.
        min_writer: u32,
        /// The schema of this build.
        ours: u32,
    },
    /// A newer build exported this in a form that this one cannot read.
    #[error("the export has format {format}, and this build reads no newer one than {ours}")]
    NewerExport {
        /// The format of the export.
        format: u32,
        /// The newest format that this build reads.
        ours: u32,
    },
    /// A build of an older schema runs these pods, and would be locked out.
    #[error("pods of an older build live: {}", names(.0))]
    OlderWriters(Vec<OlderWriter>),
    /// What is to be written is there already.
    #[error("the file exists already")]
    Exists,
    /// What is to be imported makes no sense.
    #[error("the export is damaged: {0}")]
    BadExport(String),
    /// An import needs a store without records.
    #[error("the store has records already")]
    NotEmpty,
    /// The directory is on a file system that several processes cannot lock and map reliably.
    #[error("the directory is on a network file system ({0})")]
    NetworkFileSystem(String),
    /// Others than the owner may write to the directory.
    #[error("the directory is not ours alone: {0}")]
    Permissions(String),
    /// The file is not where it was opened, and who opens the store now finds another or none.
    #[error("{0}")]
    Lost(Loss),
    /// A call before has panicked, so that nothing is done any more.
    #[error("the store is closed")]
    Closed,
    /// The database refused a statement: a fault in this crate.
    #[error("the database refused a statement")]
    Internal,
}

fn names(older: &[OlderWriter]) -> String {
    let names: Vec<_> = older.iter().map(|older| older.pod.name.as_str()).collect();
    names.join(", ")
}

impl StoreErrorKind {
    fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Storage => Some("check quotas and permissions of the directory"),
            Self::CutShort => Some(
                "it was replaced or cut short while it was open: put the right one back, or restore it \
                 from a backup",
            ),
            Self::Full => Some("make room on the disk of the directory"),
            Self::Busy => Some("look for a process that hangs while it holds the store"),
            Self::Corrupt(_) => Some("restore the store from a backup, or move it away"),
            Self::DamagedPod { .. } => Some("forget that pod, or restore the store from a backup"),
            Self::NameTaken { .. } => Some("choose another name, or forget that pod first"),
            Self::SpawnedName { .. } => Some("choose another name, or forget that pod first"),
            Self::Confirmed => Some("stop it, and then forget it"),
            Self::FleetClaimed { .. } => {
                Some("give one of the rosters another `fleet:` name, or release the fleet first")
            }
            Self::OlderWriters(_) => Some("restart them with this build first"),
            Self::Exists => Some("choose another path, or move it away"),
            Self::BadExport(_) => Some("look whether the file is whole, or export again"),
            Self::NotEmpty => {
                Some("import into a new state directory, once the pods of this one have ended")
            }
            Self::FromTheFuture { .. } | Self::NewerExport { .. } => Some("use the newer build"),
            Self::NetworkFileSystem(_) => {
                Some("set FLEET_STATE_DIR to a directory on a local disk")
            }
            Self::Lost(_) => Some(
                "put it back; or, to begin anew, end the pods that still have it open, remove what is \
                 left of it (`store.db-wal`), and start them again",
            ),
            Self::Permissions(_) => Some("make the directory yours, with mode 0700"),
            _ => None,
        }
    }
}

/// A failure before the operation and the database's path are known.
#[derive(Debug)]
pub(crate) struct Fault {
    phase: &'static str,
    kind: Box<StoreErrorKind>,
    path: Option<PathBuf>,
    source: Option<Source>,
}

impl Fault {
    /// The phase in which a failure leaves open whether the change was made.
    pub(crate) const COMMIT: &'static str = "commit";

    pub(crate) fn corrupt(what: impl Into<String>) -> Self {
        StoreErrorKind::Corrupt(what.into()).into()
    }

    pub(crate) fn io(path: &Path, phase: &'static str, source: std::io::Error) -> Self {
        let fault = match source.kind() {
            std::io::ErrorKind::StorageFull => Self::from(StoreErrorKind::Full),
            _ => Self::from(StoreErrorKind::Storage).caused_by(source),
        };
        fault.during(phase).at(path)
    }

    pub(crate) fn caused_by(mut self, source: impl Into<Source>) -> Self {
        self.source = Some(source.into());
        self
    }

    pub(crate) fn during(mut self, phase: &'static str) -> Self {
        self.phase = phase;
        self
    }

    /// Says in which line of an import it happened.
    pub(crate) fn within(mut self, line: u64) -> Self {
        match &mut *self.kind {
            StoreErrorKind::BadExport(what) => *what = format!("line {line}: {what}"),
            // The row breaks a rule of its table.
            StoreErrorKind::Internal => {
                *self.kind = StoreErrorKind::BadExport(format!("line {line}"));
            }
            _ => {}
        }
        self
    }

    pub(crate) fn at(mut self, path: &Path) -> Self {
        self.path = Some(path.to_owned());
        self
    }

    /// Says what is damaged, with its cause, in one line.
    pub(crate) fn account(&self) -> String {
        let said = match &*self.kind {
            // Whoever tells it names the pod.
            StoreErrorKind::DamagedPod { what, .. } => format!("damaged: {what}"),
            kind => kind.to_string(),
        };
        match (&self.path, &self.source) {
            (Some(path), Some(source)) => format!("{}: {source}", path.display()),
            (None, Some(source)) if !said.contains(&source.to_string()) => {
                format!("{said}: {source}")
            }
            _ => said,
        }
    }

    /// Returns whether the transaction may have taken place all the same.
    pub(crate) fn is_uncertain(&self) -> bool {
        self.phase == Self::COMMIT
    }

    /// Tells damage of one record from a failure of the whole store.
    pub(crate) fn is_damage(&self) -> bool {
        use StoreErrorKind::{Corrupt, DamagedPod};
        matches!(*self.kind, Corrupt(_) | DamagedPod { .. }) || self.path.is_some()
    }

    pub(crate) fn into_error(self, operation: &'static str, store: &Path) -> StoreError {
        StoreError {
            operation,
            phase: Some(self.phase),
            path: self.path.unwrap_or_else(|| store.to_owned()),
            kind: self.kind,
            source: self.source,
        }
    }
}

impl From<StoreErrorKind> for Fault {
    fn from(kind: StoreErrorKind) -> Self {
        Self {
            phase: "check",
            kind: Box::new(kind),
            path: None,
            source: None,
        }
    }
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::Error as E;
        use rusqlite::ErrorCode as Code;
        if error.sqlite_error_code() == Some(Code::DiskFull) {
            // Its own words, and those of its cause, say no more than that.
            return Self::from(StoreErrorKind::Full).during("statement");
        }
        let kind = match &error {
            E::FromSqlConversionFailure(..)
            | E::InvalidColumnType(..)
            | E::Utf8Error(..)
            | E::IntegralValueOutOfRange(..) => {
                StoreErrorKind::Corrupt("a column has an unexpected value".to_owned())
            }
            _ if is_cut_short(&error) => StoreErrorKind::CutShort,
            _ => match error.sqlite_error_code() {
                Some(
                    Code::SystemIoFailure
                    | Code::CannotOpen
                    | Code::ReadOnly
                    | Code::PermissionDenied
                    | Code::FileLockingProtocolFailed,
                ) => StoreErrorKind::Storage,
                Some(Code::DatabaseBusy | Code::DatabaseLocked) => StoreErrorKind::Busy,
                Some(Code::DatabaseCorrupt) => StoreErrorKind::Corrupt("the database".to_owned()),
                Some(Code::NotADatabase) => {
                    StoreErrorKind::Corrupt("the file is no database".to_owned())
                }
                _ => StoreErrorKind::Internal,
            },
        };
        Self {
            phase: "statement",
            kind: Box::new(kind),
            path: None,
            source: Some(error.into()),
        }
    }
}

fn is_cut_short(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error().map(|error| error.extended_code);
    code == Some(rusqlite::ffi::SQLITE_IOERR_SHORT_READ)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_was_replaced_while_it_was_open_is_not_said_to_lack_rights() {
        let code = rusqlite::ffi::SQLITE_IOERR_SHORT_READ;
        let short = rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None);
        let error = Fault::from(short).into_error("open the store", Path::new("store.db"));
        assert_eq!(*error.kind(), StoreErrorKind::CutShort);
        assert!(error.hint().unwrap().contains("replaced or cut short"));
    }
}
