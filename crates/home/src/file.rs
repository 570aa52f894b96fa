//! Reading a file that people own.

use std::fs::{self, File, FileType, OpenOptions};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Why a file that was named is not read.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.message())]
pub struct ReadFileError {
    path: PathBuf,
    kind: ReadFileErrorKind,
    source: Option<io::Error>,
}

/// What keeps a file from being read.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReadFileErrorKind {
    /// There is none.
    Missing,
    /// It is a symbolic link to this path, where nothing is.
    DanglingLink(PathBuf),
    /// It is a directory.
    Directory,
    /// It is something that may never end, in words such as `a named pipe`.
    Special(&'static str),
    /// The system refuses; the source says why.
    System,
}

impl ReadFileError {
    /// Returns what keeps the file from being read.
    #[must_use]
    pub const fn kind(&self) -> &ReadFileErrorKind {
        &self.kind
    }

    /// Returns whether there is nothing to read, which to some is a state like any other.
    #[must_use]
    pub const fn is_missing(&self) -> bool {
        matches!(
            self.kind,
            ReadFileErrorKind::Missing | ReadFileErrorKind::DanglingLink(_)
        )
    }

    fn new(path: &Path, kind: ReadFileErrorKind) -> Self {
        Self {
            path: path.to_owned(),
            kind,
            source: None,
        }
    }

    fn system(path: &Path, error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::NotFound {
            let kind = fs::read_link(path)
                .map_or(ReadFileErrorKind::Missing, ReadFileErrorKind::DanglingLink);
            return Self::new(path, kind);
        }
        Self {
            source: Some(error),
            ..Self::new(path, ReadFileErrorKind::System)
        }
    }

    fn message(&self) -> String {
        let path = self.path.display();
        match &self.kind {
            ReadFileErrorKind::Missing => format!("there is no file {path}"),
            ReadFileErrorKind::DanglingLink(target) => {
                let target = target.display();
                format!("{path} is a link to {target}, which is not there")
            }
            ReadFileErrorKind::Directory => format!("{path} is a directory"),
            ReadFileErrorKind::Special(kind) => format!("{path} is {kind}, not a file"),
            ReadFileErrorKind::System => format!("{path} cannot be read"),
        }
    }
}

/// Reads a regular file as a whole; of one with more than `most` bytes only `most + 1`, by which
/// the caller sees that it is too large.
///
/// Never waits and always ends: a named pipe may have no writer, and a device may have no end.
///
/// # Errors
/// Fails for what is no regular file, and when the system refuses to read it.
///
/// ```
/// use podfleet_home::{ReadFileErrorKind, read_file};
///
/// # let directory = tempfile::tempdir()?;
/// let path = directory.path().join("roster.yaml");
/// assert_eq!(read_file(&path, 4).unwrap_err().kind(), &ReadFileErrorKind::Missing);
/// std::fs::write(&path, "version: 1\n")?;
/// assert_eq!(read_file(&path, 4)?, b"versi");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn read_file(path: &Path, most: usize) -> Result<Vec<u8>, ReadFileError> {
    let system = |error| ReadFileError::system(path, error);
    // A socket cannot even be opened, nor can a directory everywhere.
    check(path, fs::metadata(path).map_err(system)?.file_type())?;
    let file = open(path).map_err(system)?;
    check(path, file.metadata().map_err(system)?.file_type())?;
    let mut bytes = Vec::new();
    let most = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    file.take(most).read_to_end(&mut bytes).map_err(system)?;
    Ok(bytes)
}

fn check(path: &Path, found: FileType) -> Result<(), ReadFileError> {
    let kind = if found.is_file() {
        return Ok(());
    } else if found.is_dir() {
        ReadFileErrorKind::Directory
    } else {
        ReadFileErrorKind::Special(special(found))
    };
    Err(ReadFileError::new(path, kind))
}

/// Opening a named pipe would wait for somebody at its other end.
#[cfg(unix)]
fn open(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;

    let flags = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    OpenOptions::new().read(true).custom_flags(flags).open(path)
}

#[cfg(not(unix))]
fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).open(path)
}

#[cfg(unix)]
fn special(found: FileType) -> &'static str {
    use std::os::unix::fs::FileTypeExt;

    if found.is_fifo() {
        "a named pipe"
    } else if found.is_socket() {
        "a socket"
    } else {
        "a device"
    }
}

#[cfg(not(unix))]
fn special(_: FileType) -> &'static str {
    "a device"
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn what_is_no_file_is_called_what_it_is() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        rustix::fs::mkfifoat(rustix::fs::CWD, at("pipe"), rustix::fs::Mode::RWXU).unwrap();
        let _listener = UnixListener::bind(at("socket")).unwrap();
        symlink("nowhere", at("dangling")).unwrap();
        symlink("loop", at("loop")).unwrap();
        let said = |path: PathBuf| {
            let error = read_file(&path, 9).unwrap_err().to_string();
            error.replace(&directory.path().display().to_string(), "D")
        };
        assert_eq!(said(at("none")), "there is no file D/none");
        assert_eq!(
            said(at("dangling")),
            "D/dangling is a link to nowhere, which is not there"
        );
        assert_eq!(said(at("loop")), "D/loop cannot be read");
        assert_eq!(said(at("")), "D/ is a directory");
        assert_eq!(said(at("pipe")), "D/pipe is a named pipe, not a file");
        assert_eq!(said(at("socket")), "D/socket is a socket, not a file");
        assert_eq!(
            said("/dev/null".into()),
            "/dev/null is a device, not a file"
        );
    }
}
