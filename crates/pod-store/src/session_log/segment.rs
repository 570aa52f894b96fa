//! One file of a log: its opening, its growth, and the lock on the first one.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::backward::BackwardLines;
use super::error::{LogError, LogErrorKind, Loss};
use super::files::SessionFiles;
use super::storage::LogFile;
use super::writer::LogOptions;
use crate::inode::Inode;

/// A file of a log, as its writer holds it.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) number: u32,
    pub(super) path: PathBuf,
    pub(super) file: Box<dyn LogFile>,
    /// Length of its whole records in bytes.
    pub(super) length: u64,
    /// Which file it is, whatever its name leads to later.
    inode: Inode,
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
        let found = fs::metadata(&path).map_err(fault)?;
        let there = found.len();
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
                inode: Inode::of(&found),
            },
            there - length,
        ))
    }

    /// Checks that the file's name still leads to it, and that it has all that was written to it:
    /// the kernel flushes a file that nobody can open any more as gladly as another.
    pub(super) fn check_presence(&self) -> Result<(), LogError> {
        let loss = match fs::metadata(&self.path) {
            Ok(found) if Inode::of(&found) != self.inode => Loss::Replaced,
            Ok(found) if found.len() < self.length => Loss::CutShort,
            Ok(_) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Loss::Removed,
            Err(error) => return Err(LogError::io("look at", &self.path, error)),
        };
        let kind = LogErrorKind::Lost(loss);
        Err(LogError::new("flush", &self.path, kind))
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

/// Returns whether the name of a locked file still leads to it.
pub(super) fn is_locked(lock: &File, path: &Path) -> bool {
    let held = lock.metadata().map(|held| Inode::of(&held));
    let named = fs::metadata(path).map(|named| Inode::of(&named));
    matches!((held, named), (Ok(held), Ok(named)) if held == named)
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
    if !is_locked(&file, path) {
        return Err(fault(io::Error::other(
            "the file was replaced while it was locked",
        )));
    }
    Ok(file)
}
