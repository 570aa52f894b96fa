//! Long bodies, in files beside the database.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
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
        let path = self.path(&name);
        let write = || -> io::Result<()> {
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(&self.directory)?;
            let mut file = OpenOptions::new()
                .create_new(true)
                .write(true)
                .mode(0o600)
                .open(&path)?;
            file.write_all(body.as_bytes())?;
            file.sync_all()?;
            File::open(&self.directory)?.sync_all()
        };
        match write() {
            Ok(()) => Ok(Some(name)),
            Err(error) => {
                self.remove(&name);
                Err(Fault::io(&path, "write body", error))
            }
        }
    }

    pub(crate) fn read(&self, name: &str) -> Result<String, Fault> {
        let path = self.path(name);
        fs::read_to_string(&path).map_err(|error| Fault::io(&path, "read body", error))
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
