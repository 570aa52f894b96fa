//! What can go wrong with a session log.

use std::fmt;
use std::io;
use std::path::Path;

use crate::failure::Failure;

/// An operation on a session log failed.
pub type LogError = Failure<LogErrorKind>;

impl LogError {
    pub(super) fn io(operation: &'static str, path: &Path, error: io::Error) -> Self {
        Self::new(operation, path, LogErrorKind::Storage).caused_by(error)
    }

    /// Returns what a person can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self.kind() {
            LogErrorKind::Storage => {
                Some("check free space, quotas and permissions of the directory")
            }
            LogErrorKind::Lost(_) => Some("the log goes on in a new segment"),
            LogErrorKind::Locked => Some("another process writes this session: stop it first"),
            LogErrorKind::Sealed => Some("check the disk; the log goes on in a new segment"),
            LogErrorKind::Damaged { .. } => Some("read on with `--skip-corrupt`"),
            _ => None,
        }
    }
}

impl fmt::Display for LogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path().display();
        match self.kind() {
            LogErrorKind::Damaged { line, offset, why } => {
                write!(f, "{path}:{line}:{offset}: {why}")
            }
            kind => write!(f, "{} {path}: {kind}", self.operation()),
        }
    }
}

/// The ways in which an operation on a session log fails.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LogErrorKind {
    /// The disk is full, or a file cannot be written or read. The log is as it was before.
    #[error("the file cannot be read or written")]
    Storage,
    /// Another process is the writer of this session.
    #[error("another process writes it")]
    Locked,
    /// The file that was written to is not there any more, or not all of it.
    #[error("{0}")]
    Lost(Loss),
    /// An earlier flush or roll-back failed; nothing is written until a new segment is opened.
    #[error("it is sealed after a failed write to the disk")]
    Sealed,
    /// A line before the last newline is no record.
    #[error("line {line}, byte {offset}: {why}")]
    Damaged {
        /// The line, counted from 1.
        line: u64,
        /// Where the line begins, in bytes.
        offset: u64,
        /// What is wrong with it.
        why: String,
    },
    /// A record is longer than [`MAX_RECORD`](super::MAX_RECORD). Nothing was written.
    #[error("a record of {bytes} bytes is too long")]
    TooLong {
        /// Its length in bytes.
        bytes: usize,
    },
    /// A record cannot be put into JSON, or its time is out of range. Nothing was written.
    #[error("a record cannot be encoded")]
    Encoding,
    /// The last record has the highest number that there is; a new session begins anew.
    #[error("its records have used up all numbers")]
    OutOfNumbers,
    /// The file became shorter than what was read of it already.
    #[error("it became shorter while it was read")]
    Shrunk,
}

/// What others did to a file while its writer had it open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Loss {
    /// Nothing has its name any more.
    #[error("the file was removed or renamed while it was written")]
    Removed,
    /// Its name leads to another file.
    #[error("another file took its place while it was written")]
    Replaced,
    /// It is shorter than what was written.
    #[error("the file was cut short while it was written")]
    CutShort,
}
