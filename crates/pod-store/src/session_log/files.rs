//! The files of a session.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use podfleet_protocol::{PodId, SessionId};

use super::error::LogError;
use super::writer::last_sequence;

/// Where the log of one session is: its directory and the names of its segments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionFiles {
    directory: PathBuf,
    session: SessionId,
}

impl SessionFiles {
    /// Names the files of a session below the state directory `state`. Nothing is created.
    #[must_use]
    pub fn new(state: &Path, pod: PodId, session: SessionId) -> Self {
        let directory = Self::directory_of(state, pod);
        Self { directory, session }
    }

    /// Returns the directory of all sessions of a pod below the state directory `state`.
    #[must_use]
    pub fn directory_of(state: &Path, pod: PodId) -> PathBuf {
        state.join("sessions").join(pod.to_string())
    }

    /// Returns the directory of the texts of a pod that are too long to be typed, whatever the session: its
    /// agent is told to read them there.
    #[must_use]
    pub fn texts_of(state: &Path, pod: PodId) -> PathBuf {
        Self::directory_of(state, pod).join("bodies")
    }

    /// Counts the records of the session without reading more than its end: the number of the last
    /// one, and the damaged lines behind it.
    ///
    /// After a sealed segment there may be a gap in the numbers, which is counted too.
    ///
    /// # Errors
    /// Fails when a file cannot be read; a session without a log has none.
    pub fn count(&self) -> Result<u64, LogError> {
        last_sequence(self, &self.segments()?)
    }

    /// Returns the session.
    #[must_use]
    pub fn session(&self) -> SessionId {
        self.session
    }

    /// Returns the directory of all sessions of the pod.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Returns the path of a segment, counted from 1.
    #[must_use]
    pub fn segment(&self, number: u32) -> PathBuf {
        self.directory.join(self.segment_name(number))
    }

    pub(super) fn segment_name(&self, number: u32) -> String {
        match number {
            0 | 1 => format!("{}.jsonl", self.session),
            _ => format!("{}.{number}.jsonl", self.session),
        }
    }

    /// Returns the numbers of the segments that are there, in order.
    ///
    /// # Errors
    /// Fails when the directory cannot be read; a missing one has no segments.
    pub fn segments(&self) -> Result<Vec<u32>, LogError> {
        let fault = |error| LogError::io("list segments in", &self.directory, error);
        let entries = match fs::read_dir(&self.directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(fault(error)),
        };
        let mut numbers = Vec::new();
        for entry in entries {
            let name = entry.map_err(fault)?.file_name();
            numbers.extend(name.to_str().and_then(|name| self.number(name)));
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    fn number(&self, name: &str) -> Option<u32> {
        let rest = name
            .strip_prefix(&self.session.to_string())?
            .strip_suffix("jsonl")?;
        let number = match rest.strip_prefix('.')?.strip_suffix('.') {
            None => 1,
            Some(digits) => digits.parse().ok()?,
        };
        (self.segment_name(number) == name).then_some(number)
    }

    pub(super) fn create_directory(&self) -> io::Result<()> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.directory)
    }

    /// Makes the names of new segments survive the end of the machine.
    pub(super) fn sync_directory(&self) -> io::Result<()> {
        File::open(&self.directory)?.sync_all()?;
        match self.directory.parent() {
            Some(parent) => File::open(parent)?.sync_all(),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_exact_names_are_segments() {
        let files = SessionFiles::new(
            Path::new("/state"),
            PodId::generate(),
            SessionId::generate(),
        );
        for number in [1, 2, 10, 4_000_000_000] {
            assert_eq!(files.number(&files.segment_name(number)), Some(number));
        }
        let session = files.session();
        for name in [
            "x.jsonl",
            ".02.jsonl",
            ".1.jsonl",
            ".2.jsonl~",
            ".-2.jsonl",
            ".2.txt",
            "",
        ] {
            assert_eq!(files.number(&format!("{session}{name}")), None, "{name}");
        }
    }
}
