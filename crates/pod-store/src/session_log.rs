//! The log of a session: what happened, and what the agent was told.
//!
//! One JSON object a line in `<state>/sessions/<pod id>/<session id>.jsonl`; large sessions go on in
//! `<session id>.2.jsonl` and so on ([`SessionFiles`]). Directories are 0700, files 0600.
//!
//! # What survives
//!
//! A record is one `write` with its newline, and the newline makes it valid: what follows the last
//! newline is no record, readers ignore it and the next writer cuts it off. [`LogWriter::append`]
//! survives the end of the process; [`LogWriter::commit`] makes all records before it survive the
//! end of the machine. An append that fails leaves the file as it was. After a failed flush nobody
//! knows what the disk holds: the segment is sealed, every further call fails, and only
//! [`LogWriter::new_segment`] opens the log again. A commit that finds its file removed, replaced or
//! cut short counts as such a failure: the records of it are lost, those after it are not.
//!
//! Damage before the last newline is an error that names the place. The records around it stay
//! readable.

mod backward;
mod check;
mod error;
mod files;
mod later;
mod prune;
mod reader;
mod record;
mod recovery;
mod segment;
mod storage;
mod writer;

pub use check::problems;
pub use error::{LogError, LogErrorKind, Loss};
pub use files::SessionFiles;
pub use later::LaterSessions;
pub use prune::{logged_sessions, preview_prune, prune};
pub use reader::{LocatedRecord, LogPosition, SessionReader};
pub use record::{Entry, Lineage, MAX_RECORD, Record, RelationEvent};
pub use recovery::{Interrupted, Recovery};
pub use storage::{Disk, LogFile, LogStorage};
pub use writer::{DEFAULT_SEGMENT_BYTES, LogOptions, LogWriter};
