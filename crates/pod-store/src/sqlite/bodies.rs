//! Long bodies, in files beside the database.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use podfleet_protocol::MessageId;

use crate::error::Fault;
use crate::inbox::MAX_INLINE_BODY;

/// The directory of long bodies.
///
/// A file is written and flushed before the transaction that names it commits, and removed after
/// the one that drops it. A crash in between leaves a file that no record names, never a record
/// without its file.
#[derive(Debug, Clone)]
pub(crate) struct Bodies {
    directory: PathBuf,
}

impl Bodies {
    pub(crate) fn beside(directory: &Path) -> Self {
        Self {
            directory: directory.join("bodies"),
        }
    }

    /// Writes `body` to a file of its own if it is long, and returns the file's name.
    ///
    /// The name is fresh: two processes that accept the same message do not write to one file.
    pub(crate) fn keep(&self, body: &str) -> Result<Option<String>, Fault> {
        if body.len() <= MAX_INLINE_BODY {
            return Ok(None);
        }
        let name = MessageId::generate().to_string();
        match self.write(&name, body.as_bytes()) {
            Ok(()) => Ok(Some(name)),
            Err(error) => {
                self.remove(&name);
                Err(Fault::io(&self.path(&name), "write body", error))
            }
        }
    }

    fn write(&self, name: &str, body: &[u8]) -> io::Result<()> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.directory)?;
        let mut file = OpenOptions::new()
            .create_new(true)
            .write(true)
            .mode(0o600)
            .open(self.path(name))?;
        file.write_all(body)?;
        file.sync_all()?;
        File::open(&self.directory)?.sync_all()
    }

    pub(crate) fn read(&self, name: &str) -> Result<String, Fault> {
        let path = self.path(name);
        fs::read_to_string(&path).map_err(|error| Fault::io(&path, "read body", error))
    }

    /// Returns the first `characters` of a body, and its length in bytes.
    pub(crate) fn beginning(&self, name: &str, characters: usize) -> Result<(String, u64), Fault> {
        let path = self.path(name);
        let read = || -> io::Result<(String, u64)> {
            let file = File::open(&path)?;
            let length = file.metadata()?.len();
            let mut bytes = Vec::new();
            // No character is longer.
            file.take(4 * characters as u64).read_to_end(&mut bytes)?;
            let sound = match std::str::from_utf8(&bytes) {
                Ok(text) => text,
                Err(error) if error.error_len().is_none() => {
                    std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default()
                }
                Err(error) => return Err(io::Error::new(io::ErrorKind::InvalidData, error)),
            };
            Ok((sound.chars().take(characters).collect(), length))
        };
        read().map_err(|error| Fault::io(&path, "read body", error))
    }

    /// Copies a body of another directory under its name, unless it is there already; returns whether
    /// there is such a body. Names are never used twice, so that copies of several moments share
    /// one directory.
    pub(crate) fn copy_from(&self, other: &Self, name: &str) -> Result<bool, Fault> {
        let path = self.path(name);
        let body = match fs::read(other.path(name)) {
            Ok(body) => body,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(Fault::io(&other.path(name), "read body", error)),
        };
        match self.write(name, &body) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(true),
            Err(error) => Err(Fault::io(&path, "write body", error)),
            Ok(()) => Ok(true),
        }
    }

    /// Returns the names of all files; none if there is no directory.
    pub(crate) fn names(&self) -> Result<Vec<String>, Fault> {
        let fault = |error| Fault::io(&self.directory, "list bodies", error);
        let entries = match fs::read_dir(&self.directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(fault)?,
        };
        let name = |entry: io::Result<fs::DirEntry>| Ok(entry?.file_name());
        let names: Vec<_> = entries
            .map(name)
            .collect::<io::Result<_>>()
            .map_err(fault)?;
        Ok(names
            .iter()
            .map(|name| name.to_string_lossy().into_owned())
            .collect())
    }

    /// Returns the size of a file in bytes; 0 if it is not there.
    pub(crate) fn size(&self, name: &str) -> u64 {
        fs::metadata(self.path(name)).map_or(0, |found| found.len())
    }

    /// Removes a file that no record names any more. One that stays costs space, nothing else.
    pub(crate) fn remove(&self, name: &str) {
        let _ = fs::remove_file(self.path(name));
    }

    fn path(&self, name: &str) -> PathBuf {
        // Names come from the database, which is only as trustworthy as its file.
        let name = Path::new(name).file_name().unwrap_or_default();
        self.directory.join(name)
    }
}
