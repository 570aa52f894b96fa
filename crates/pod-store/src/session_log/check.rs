//! Looking for what a session's log lacks.

use std::fs;

use super::error::{LogError, LogErrorKind};
use super::files::SessionFiles;
use super::reader::{LocatedRecord, LogPosition, SessionReader};
use super::record::{Entry, Lineage};

/// How many problems of one session are told.
const MAX_PROBLEMS: usize = 20;

/// Reads the whole log of a session and says what is wrong with it: no file, a segment without its
/// beginning, segments that are missing or were cut short, missing and damaged records. It may be
/// written meanwhile. At most 20 problems are told.
#[must_use]
pub fn problems(files: &SessionFiles) -> Vec<String> {
    let mut check = Check {
        files,
        last: 0,
        found: Vec::new(),
    };
    if let Err(error) = check.run() {
        check.found.push(error.to_string());
    }
    check.found
}

struct Check<'a> {
    files: &'a SessionFiles,
    /// Number of the last record.
    last: u64,
    found: Vec<String>,
}

impl Check<'_> {
    fn run(&mut self) -> Result<(), LogError> {
        if self.files.segments()?.is_empty() {
            self.found.push("its log is not there".to_owned());
            return Ok(());
        }
        for item in SessionReader::open(self.files.clone())? {
            match item {
                Ok(located) => self.take(&located),
                Err(error) if matches!(error.kind(), LogErrorKind::Damaged { .. }) => {
                    // It had a number, too.
                    self.last += 1;
                    self.found.push(error.kind().to_string());
                }
                Err(error) => return Err(error),
            }
            if self.found.len() >= MAX_PROBLEMS {
                break;
            }
        }
        Ok(())
    }

    fn take(&mut self, located: &LocatedRecord) {
        let LogPosition { segment, offset } = located.position;
        let name = self.files.segment_name(segment);
        let seq = located.record.seq;
        let next = self.last.saturating_add(1);
        let problem = match &located.record.entry {
            // Numbers across a failed flush may leave some out; what was written is told by length.
            Entry::SegmentStart {
                previous: Some(previous),
                ..
            } if offset == 0 => self.follow(previous),
            Entry::SegmentStart { .. } if offset == 0 && seq == next => None,
            _ if offset == 0 && self.last == 0 => Some(format!("{name} lacks its beginning")),
            _ if seq.checked_sub(1) == Some(next) => Some(format!("{name} lacks record {next}")),
            _ if seq > next => Some(format!("{name} lacks records {next} to {}", seq - 1)),
            _ if seq < next => Some(format!("{name} has record {seq} after {}", self.last)),
            _ => None,
        };
        self.found.extend(problem);
        self.last = seq;
    }

    /// Compares the segment before with what its writer says of it.
    fn follow(&self, previous: &Lineage) -> Option<String> {
        let Lineage { file, bytes, .. } = previous;
        let path = self.files.directory().join(file);
        match fs::metadata(path).map_or(0, |found| found.len()) {
            there if there >= *bytes => None,
            0 => Some(format!("{file} is lost with its {bytes} bytes")),
            there => Some(format!("{file} has {there} of its {bytes} bytes")),
        }
    }
}
