//! The few file operations that a log's writer needs, so that tests can let them fail.

use std::fmt::Debug;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Opens the files of a log for its writer.
pub trait LogStorage: Debug + Send + Sync {
    /// Opens a file for appending; creates it, for its owner alone, if it is not there.
    ///
    /// # Errors
    /// Fails as the operating system says.
    fn open(&self, path: &Path) -> io::Result<Box<dyn LogFile>>;
}

/// A file that its writer appends to.
pub trait LogFile: Debug + Send {
    /// Writes to the end of the file by one call, and returns how many bytes were written.
    ///
    /// # Errors
    /// Fails as the operating system says.
    fn append(&mut self, bytes: &[u8]) -> io::Result<usize>;

    /// Cuts the file off after `length` bytes.
    ///
    /// # Errors
    /// Fails as the operating system says.
    fn truncate(&mut self, length: u64) -> io::Result<()>;

    /// Returns when all that was written survives the end of the machine.
    ///
    /// # Errors
    /// Fails as the operating system says; then what was written before may be lost, also if a
    /// later call succeeds.
    fn sync(&mut self) -> io::Result<()>;
}

/// The file system.
#[derive(Debug, Clone, Copy, Default)]
pub struct Disk;

impl LogStorage for Disk {
    fn open(&self, path: &Path) -> io::Result<Box<dyn LogFile>> {
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(path)?;
        Ok(Box::new(file))
    }
}

impl LogFile for File {
    fn append(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            match self.write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return result,
            }
        }
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        self.set_len(length)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }
}
