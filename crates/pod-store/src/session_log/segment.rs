//! One file of a log: its opening, its growth, and the lock on the first one.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::backward::BackwardLines;
use super::error::{LogError, LogErrorKind};
use super::files::SessionFiles;
use super::storage::LogFile;
use super::writer::LogOptions;

/// A file of a log, as its writer holds it.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) number: u32,
    pub(super) path: PathBuf,
    pub(super) file: Box<dyn LogFile>,
    /// Length of its whole records in bytes.
    pub(super) length: u64,
}

impl Segment {
    /// Opens a segment and cuts an unfinished line off; says how long that was.
    pub(super) fn open(
        files: &SessionFiles,
        options: &LogOptions,
        number: u32,
    ) -> Result<(Self, u64), LogError> {
        let path = files.segment(number);
        let fault = |error| LogError::io("open", &path, error);
        let mut file = options.storage.open(&path).map_err(fault)?;
        let there = fs::metadata(&path).map_err(fault)?.len();
        let length = BackwardLines::open(&path).map_err(fault)?.whole_length();
        if length < there {
            file.truncate(length).map_err(fault)?;
            file.sync().map_err(fault)?;
        }
        Ok((
            Self {
                number,
                path,
                file,
                length,
            },
            there - length,
        ))
    }

    /// What a crash in the middle of a write leaves.
    pub(super) fn append_half(&mut self, line: &[u8]) {
        let _ = self.file.append(&line[..line.len() / 2]);
    }

    pub(super) fn append(&mut self, line: &[u8]) -> io::Result<()> {
        let written = self.file.append(line)?;
        if written < line.len() {
            return Err(io::Error::new(
                io::ErrorKind::WriteZero,
                format!("only {written} of {} bytes were written", line.len()),
            ));
        }
        self.length += line.len() as u64;
        Ok(())
    }

    pub(super) fn roll_back(&mut self, length: u64) -> io::Result<()> {
        self.length = length;
        self.file.truncate(length)
    }
}

/// Locks the first segment, which is there as long as the session is.
pub(super) fn lock(path: &Path) -> Result<File, LogError> {
    let fault = |error| LogError::io("lock", path, error);
    let file = OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(path)
        .map_err(fault)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(fs::TryLockError::WouldBlock) => {
            return Err(LogError::new("lock", path, LogErrorKind::Locked));
        }
        Err(fs::TryLockError::Error(error)) => return Err(fault(error)),
    }
    let (held, named) = (
        file.metadata().map_err(fault)?,
        fs::metadata(path).map_err(fault)?,
    );
    if (held.dev(), held.ino()) != (named.dev(), named.ino()) {
        return Err(fault(io::Error::other(
            "the file was replaced while it was locked",
        )));
    }
    Ok(file)
}
