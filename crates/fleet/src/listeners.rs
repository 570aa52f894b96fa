//! Which sockets are listened on.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};

use crate::readiness::PodAnswer;

/// The table has about 100 bytes for each socket of the host; what lies beyond is tried one by one.
const TABLE_LIMIT: u64 = 4 << 20;

/// The sockets of this host that were listened on at one moment, as far as the system lists them.
///
/// A connection wakes who listens, if only to see it closed again: a look at a fleet of hundreds
/// costs its pods more than itself. The list wakes nobody, and only what is not on it is tried.
#[derive(Debug, Default)]
pub(crate) struct Listeners(HashSet<PathBuf>);

impl Listeners {
    /// Reads the list, which is empty where there is none.
    pub(crate) fn now() -> Self {
        let mut table = Vec::new();
        if let Ok(file) = File::open("/proc/net/unix") {
            // What was read before a failure is true nevertheless.
            let _ = file.take(TABLE_LIMIT).read_to_end(&mut table);
        }
        Self::parse(&table)
    }

    /// Returns an empty list, for a look at a single socket.
    pub(crate) fn unlisted() -> Self {
        Self::default()
    }

    /// Takes the listening ones out of what `proc_net(5)` describes.
    fn parse(table: &[u8]) -> Self {
        let lines = table.split_inclusive(|byte| *byte == b'\n');
        let whole = lines.filter_map(|line| line.strip_suffix(b"\n"));
        Self(whole.filter_map(listening).map(PathBuf::from).collect())
    }

    /// Tells whether somebody listens on a socket, without a word and without waiting.
    pub(crate) fn answer(&self, socket: &Path) -> PodAnswer {
        // Listed is the name that it was bound to, which may have been removed since.
        if self.0.contains(socket) && is_socket(socket) {
            PodAnswer::Listening
        } else {
            probe(socket)
        }
    }
}

/// Returns the path of a listening stream socket.
fn listening(line: &[u8]) -> Option<&OsStr> {
    const ACCEPTS_CONNECTIONS: &[u8] = b"00010000";
    const STREAM: &[u8] = b"0001";
    let path = line.iter().position(|byte| *byte == b'/')?;
    let (fields, path) = line.split_at(path);
    let mut fields = fields
        .split(u8::is_ascii_whitespace)
        .filter(|field| !field.is_empty())
        .skip(3);
    let found = fields.next()? == ACCEPTS_CONNECTIONS && fields.next()? == STREAM;
    found.then(|| OsStr::from_bytes(path))
}

fn is_socket(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket())
}

/// Tries whether somebody listens on a socket, by a connection that is closed at once.
fn probe(socket: &Path) -> PodAnswer {
    let attempt = || -> Result<(), Errno> {
        let address = SocketAddrUnix::new(socket)?;
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let descriptor = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
        connect(&descriptor, &address)
    };
    match attempt() {
        // A full queue of connections has an owner who is slow, not gone.
        Ok(()) | Err(Errno::AGAIN | Errno::INPROGRESS) => PodAnswer::Listening,
        Err(Errno::CONNREFUSED | Errno::NOENT | Errno::NOTDIR | Errno::NOTSOCK) => {
            PodAnswer::Refused
        }
        Err(_) => PodAnswer::Untried,
    }
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;
    use std::os::unix::net::UnixListener;

    use super::*;

    fn unlisted(path: &Path) -> PodAnswer {
        Listeners::unlisted().answer(path)
    }

    #[test]
    fn a_listener_a_left_over_socket_and_no_socket_are_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.sock");
        assert_eq!(unlisted(&path), PodAnswer::Refused);
        let listener = UnixListener::bind(&path).unwrap();
        assert_eq!(unlisted(&path), PodAnswer::Listening);
        drop(listener);
        assert!(path.exists());
        assert_eq!(unlisted(&path), PodAnswer::Refused);
        assert_eq!(Listeners::now().answer(&path), PodAnswer::Refused);
    }

    #[test]
    fn a_listener_that_is_listed_is_not_woken() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.sock");
        let listener = UnixListener::bind(&path).unwrap();
        listener.set_nonblocking(true).unwrap();
        assert_eq!(Listeners::now().answer(&path), PodAnswer::Listening);
        let woken = listener.accept().map(|_| ()).map_err(|error| error.kind());
        assert_eq!(woken, Err(ErrorKind::WouldBlock));
    }

    #[test]
    fn a_listener_whose_socket_was_removed_cannot_be_reached() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.sock");
        let _listener = UnixListener::bind(&path).unwrap();
        fs::remove_file(&path).unwrap();
        assert_eq!(Listeners::now().answer(&path), PodAnswer::Refused);
    }

    #[test]
    fn only_listening_streams_with_a_path_and_a_whole_line_are_listed() {
        let table = b"Num       RefCount Protocol Flags    Type St Inode Path\n\
            00000000e039f8df: 00000002 00000000 00010000 0001 01 10749 /run/a b.sock\n\
            00000000e039f8df: 00000003 00000000 00000000 0001 03 10749 /run/connected.sock\n\
            00000000e039f8df: 00000002 00000000 00010000 0005 01 10749 /run/packets.sock\n\
            00000000e039f8df: 00000002 00000000 00010000 0001 01 10749 @abstract\n\
            00000000e039f8df: 00000003 00000000 00000000 0001 03 10749\n\
            00000000e039f8df: 00000002 00000000 00010000 0001 01 10749 /run/cut";
        let listed = Listeners::parse(table).0;
        assert_eq!(Vec::from_iter(listed), [PathBuf::from("/run/a b.sock")]);
    }

    #[test]
    fn a_pod_that_does_not_take_up_its_connections_still_listens() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.sock");
        let _listener = UnixListener::bind(&path).unwrap();
        let mut held = Vec::new();
        // Longer than any queue of connections that the system grants by default.
        for _ in 0..5000 {
            let address = SocketAddrUnix::new(&path).unwrap();
            let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
            let fd = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None);
            let Ok(fd) = fd else { break };
            let full = connect(&fd, &address) == Err(Errno::AGAIN);
            held.push(fd);
            if full {
                break;
            }
        }
        assert_eq!(unlisted(&path), PodAnswer::Listening);
    }
}
