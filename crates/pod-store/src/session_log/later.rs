//! Sessions that a pod's records do not know, because an old copy of the store took its place.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;

use podfleet_protocol::{Generation, PodId, SessionId};

use super::backward::BackwardLines;
use super::error::LogError;
use super::files::SessionFiles;
use super::record::{Entry, Record};

/// How far beyond the known one a generation in a log is believed; no pod starts so often.
const BELIEVED: u64 = 1 << 32;

/// The sessions of a pod that are later than its records.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LaterSessions {
    /// The logs of those that the pod has lived in, in the order of their generations.
    pub files: Vec<SessionFiles>,
    /// The first and the last of their generations; 0 if there are none.
    pub generations: [Generation; 2],
    /// The last generation that has a log, whether it has lived or failed at its start; 0 if it is the
    /// known one.
    pub last: Generation,
}

impl LaterSessions {
    /// Looks for the sessions of a pod below the state directory `state` that were begun after
    /// `known`, by a later generation.
    ///
    /// A pod records a session before it does anything in it but to recover. So one that has lived and
    /// is in no record was in a store in whose place an older one is now.
    ///
    /// Reads the directory, and the ends of the logs of sessions that were begun later. One in which
    /// nothing can be read has none to tell.
    ///
    /// # Errors
    /// Fails when the directory or one of the logs cannot be read; a pod without logs has none.
    pub fn find(state: &Path, pod: PodId, known: Option<SessionId>) -> Result<Self, LogError> {
        let mut ids = ids(state, pod)?;
        // They are in the order of their beginnings.
        ids.retain(|id| known.is_none_or(|known| *id > known));
        if ids.is_empty() {
            return Ok(Self::default());
        }
        let files_of = |id| SessionFiles::new(state, pod, id);
        let reached = known.map_or(Ok(None), |known| Trace::find(&files_of(known)))?;
        let reached = reached.map_or(0, |trace| trace.generation.0);
        let mut found = Vec::new();
        for files in ids.into_iter().map(files_of) {
            let trace = Trace::find(&files)?;
            let later = reached.saturating_add(1)..=reached.saturating_add(BELIEVED);
            found.extend(
                trace
                    .filter(|trace| later.contains(&trace.generation.0))
                    .zip(Some(files)),
            );
        }
        found.sort_by_key(|(trace, files)| (trace.generation, files.session()));
        let last = found
            .last()
            .map_or(Generation(0), |(trace, _)| trace.generation);
        found.retain(|(trace, _)| trace.lived);
        let generation = |found: Option<&(Trace, SessionFiles)>| {
            found.map_or(Generation(0), |(trace, _)| trace.generation)
        };
        Ok(Self {
            generations: [generation(found.first()), generation(found.last())],
            files: found.into_iter().map(|(_, files)| files).collect(),
            last,
        })
    }

    /// Returns whether the records are as late as the logs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }
}

/// Returns the sessions that have a file in a pod's directory.
pub(super) fn ids(state: &Path, pod: PodId) -> Result<BTreeSet<SessionId>, LogError> {
    let directory = SessionFiles::directory_of(state, pod);
    let fault = |error| LogError::io("list sessions in", &directory, error);
    let entries = match fs::read_dir(&directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
        entries => entries.map_err(fault)?,
    };
    let mut ids = BTreeSet::new();
    for entry in entries {
        let name = entry.map_err(fault)?.file_name();
        let id = name.to_str().and_then(|name| name.split('.').next());
        ids.extend(id.and_then(|id| id.parse::<SessionId>().ok()));
    }
    Ok(ids)
}

/// What the end of a log shows of its session.
#[derive(Debug, Clone, Copy)]
struct Trace {
    generation: Generation,
    /// Whether more happened in it than a start writes before the session is recorded.
    lived: bool,
}

impl Trace {
    /// Reads back to the first record that shows it; nothing if none can be read.
    fn find(files: &SessionFiles) -> Result<Option<Self>, LogError> {
        let mut found = None;
        for number in files.segments()?.into_iter().rev() {
            let path = files.segment(number);
            let fault = |error| LogError::io("read", &path, error);
            let mut lines = BackwardLines::open(&path).map_err(fault)?;
            while let Some(line) = lines.next().map_err(fault)? {
                let Ok(Record {
                    generation, entry, ..
                }) = Record::decode(&line.bytes)
                else {
                    continue;
                };
                let lived = !matches!(
                    entry,
                    Entry::SegmentStart { .. } | Entry::MessageReceipt { .. } | Entry::Error { .. }
                );
                let trace: &mut Self = found.get_or_insert(Self { generation, lived });
                trace.lived |= lived;
                if lived {
                    return Ok(found);
                }
            }
        }
        Ok(found)
    }
}
