//! Files that people own: read as a whole, replaced as a whole, and never over somebody else's
//! change.

mod staged;

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::error::{FleetError, FleetErrorKind};
use crate::lock::is_file_at;
use staged::Staged;

/// What a file held when it was read, and the right to replace just that.
///
/// ```
/// use podfleet::{FileSnapshot, FleetErrorKind};
///
/// # let directory = tempfile::tempdir()?;
/// let path = directory.path().join("notes.txt");
/// FileSnapshot::read(&path, 1024)?.replace(b"one\n")?;
///
/// let mine = FileSnapshot::read(&path, 1024)?;
/// let theirs = FileSnapshot::read(&path, 1024)?;
/// theirs.replace(b"two\n")?;
/// let error = mine.replace(b"three\n").unwrap_err();
/// assert!(matches!(error.kind(), FleetErrorKind::FileChanged { .. }));
/// assert_eq!(std::fs::read(&path)?, b"two\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct FileSnapshot {
    /// As it was named.
    path: PathBuf,
    /// Behind all symbolic links.
    target: PathBuf,
    bytes: Option<Vec<u8>>,
}

impl FileSnapshot {
    /// Reads a file of at most `limit` bytes. That there is none is a state like any other.
    ///
    /// # Errors
    /// Fails with [`FleetErrorKind::Unreadable`] for what is no regular file, is too large, or may
    /// not be read. Never waits: a named pipe is refused too.
    pub fn read(path: &Path, limit: usize) -> Result<Self, FleetError> {
        let unreadable = |error| FleetError::unreadable(path, error);
        let target = behind_links(path).map_err(unreadable)?;
        let bytes = match podfleet_home::read_file(&target, limit) {
            Ok(bytes) => Some(within(limit, bytes).map_err(unreadable)?),
            Err(error) if error.is_missing() => None,
            Err(error) => {
                let path = path.to_owned();
                let kind = FleetErrorKind::Unreadable { path };
                return Err(FleetError::new(kind).caused_by(error));
            }
        };
        Ok(Self {
            path: path.to_owned(),
            target,
            bytes,
        })
    }

    /// Returns the path as it was named.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns what the file held; nothing if there was none.
    #[must_use]
    pub fn bytes(&self) -> Option<&[u8]> {
        self.bytes.as_deref()
    }

    /// Replaces the file's content, or makes the file, with the directories above it, if there was
    /// none.
    ///
    /// A reader sees either the old content or the new one, also after a crash at any point; once
    /// this returns, the new one outlasts a loss of power. Owner, group and permissions stay. A
    /// symbolic link stays one; its target is replaced. Other hard links keep the old content, and
    /// extended attributes are not carried over.
    ///
    /// # Errors
    /// Fails with [`FleetErrorKind::FileChanged`] if the file is not any more as it was read: of
    /// several that replace the same content, one does. Fails with
    /// [`FleetErrorKind::Unwritable`] if the system refuses; then the old content is in place.
    pub fn replace(&self, new: &[u8]) -> Result<(), FleetError> {
        let written = match &self.bytes {
            Some(old) => self
                .stage(old, new)
                .and_then(|staged| self.swap(old, staged)),
            None => self.create(new),
        };
        written.map_err(|fault| self.account(fault))
    }

    /// Gets everything ready for [`replace`](Self::replace) of a file that is there, which is then done
    /// by [`put`](PreparedFile::put): what the system would refuse, it refuses now.
    ///
    /// # Errors
    /// As [`replace`](Self::replace).
    pub(crate) fn prepare(&self, new: &[u8]) -> Result<PreparedFile, FleetError> {
        let staged = match &self.bytes {
            Some(old) => self.stage(old, new),
            None => Err(Fault::Changed),
        };
        Ok(PreparedFile {
            snapshot: self.clone(),
            staged: staged.map_err(|fault| self.account(fault))?,
        })
    }

    fn account(&self, fault: Fault) -> FleetError {
        let path = self.path.clone();
        match fault {
            Fault::Changed => FleetError::new(FleetErrorKind::FileChanged { path }),
            Fault::Io(error) => {
                FleetError::new(FleetErrorKind::Unwritable { path }).caused_by(error)
            }
        }
    }

    fn create(&self, new: &[u8]) -> Result<(), Fault> {
        fs::create_dir_all(directory_of(&self.target))?;
        let staged = Staged::new(&self.target)?;
        staged.create(new).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => Fault::Changed,
            _ => Fault::Io(error),
        })
    }

    fn stage(&self, old: &[u8], new: &[u8]) -> Result<Staged, Fault> {
        let (_file, meant) = self.unchanged(old)?;
        Staged::sweep(&self.target);
        Ok(Staged::new(&self.target)?.filled(new, &meant)?)
    }

    fn swap(&self, old: &[u8], staged: Staged) -> Result<(), Fault> {
        let (file, meant) = self.unchanged(old)?;
        // Who does not take the lock, such as a text editor, may have replaced it meanwhile.
        let still = is_file_at(&file, &self.target)? && unwritten_since(&file, &meant)?;
        if !still {
            return Err(Fault::Changed);
        }
        Ok(staged.replace()?)
    }

    /// The file that is in place, locked, if it holds what it held.
    fn unchanged(&self, old: &[u8]) -> Result<(File, fs::Metadata), Fault> {
        let file = self.locked()?;
        let meant = file.metadata()?;
        let same = meant.len() == old.len() as u64 && read_all(&file, old.len())? == old;
        match same {
            true => Ok((file, meant)),
            false => Err(Fault::Changed),
        }
    }

    /// The file that is in place, locked against others that replace it. A file that nobody may
    /// write is protected, also from being replaced.
    fn locked(&self) -> Result<File, Fault> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(non_blocking())
            .open(&self.target)
            .map_err(|error| match error.kind() {
                io::ErrorKind::NotFound => Fault::Changed,
                _ => Fault::Io(error),
            })?;
        match file.try_lock() {
            Ok(()) if is_file_at(&file, &self.target)? => Ok(file),
            // Who holds it is about to change the file.
            Ok(()) | Err(TryLockError::WouldBlock) => Err(Fault::Changed),
            Err(TryLockError::Error(error)) => Err(Fault::Io(error)),
        }
    }
}

/// A new content of a file, beside it; removed unless it is put in its place.
#[derive(Debug)]
pub struct PreparedFile {
    snapshot: FileSnapshot,
    staged: Staged,
}

impl PreparedFile {
    /// Puts it in the file's place.
    ///
    /// # Errors
    /// As [`FileSnapshot::replace`].
    pub fn put(self) -> Result<(), FleetError> {
        let Self { snapshot, staged } = self;
        let old = snapshot.bytes().unwrap_or_default();
        let put = snapshot.swap(old, staged);
        put.map_err(|fault| snapshot.account(fault))
    }
}

/// Why a file was not replaced.
enum Fault {
    Changed,
    Io(io::Error),
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Follows symbolic links by hand, since the last one may name a file that is still to be made.
fn behind_links(path: &Path) -> io::Result<PathBuf> {
    const MOST: usize = 40;
    let mut target = path.to_owned();
    for _ in 0..MOST {
        match fs::read_link(&target) {
            Ok(next) => target = directory_of(&target).join(next),
            // It is no link, or it is not there.
            Err(_) => return Ok(target),
        }
    }
    Err(io::Error::from(rustix::io::Errno::LOOP))
}

fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

/// Opening a named pipe would wait for somebody at its other end.
fn non_blocking() -> i32 {
    rustix::fs::OFlags::NONBLOCK.bits().cast_signed()
}

fn read_all(file: impl Read, limit: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(limit as u64 + 1).read_to_end(&mut bytes)?;
    within(limit, bytes)
}

fn within(limit: usize, bytes: Vec<u8>) -> io::Result<Vec<u8>> {
    if bytes.len() > limit {
        let message = format!("it has more than {limit} bytes");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    Ok(bytes)
}

fn unwritten_since(file: &File, before: &fs::Metadata) -> io::Result<bool> {
    let now = file.metadata()?;
    let stamp = |of: &fs::Metadata| (of.len(), of.mtime(), of.mtime_nsec());
    Ok(stamp(&now) == stamp(before))
}

#[cfg(test)]
mod tests;
