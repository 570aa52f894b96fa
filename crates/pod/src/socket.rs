//! A pod's socket: who listens at it, and that no two processes do.
//!
//! A pod's lock is one of its state directory, and pods of another one may share the runtime directory. So a
//! socket is looked at before it is taken, and both are one step for all who share the directory.

use std::fmt;
use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use tokio::net::{UnixListener, UnixStream};
use tokio::time::sleep;

use crate::lock::is_at;

/// How long others may need to take theirs. Each does it in milliseconds, but many may begin at once, and
/// may have to end what was before them.
const TURN_WITHIN: Duration = Duration::from_secs(10);
const LOOKS_AGAIN_AFTER: Duration = Duration::from_millis(5);

/// A process that listens at a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listening(Option<i32>);

impl Listening {
    /// Returns how a person ends it.
    pub(crate) fn remedy(self) -> String {
        match self.0 {
            Some(pid) => format!("`fleet down` there, or `kill {pid}`"),
            None => "`fleet down` there".to_owned(),
        }
    }
}

impl fmt::Display for Listening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(pid) => write!(f, "the process {pid}"),
            None => f.write_str("another process"),
        }
    }
}

/// Returns who listens at a socket. It is not asked anything: one that is stopped listens, too.
async fn listening(socket: &Path) -> io::Result<Option<Listening>> {
    use io::ErrorKind::{ConnectionRefused, NotFound, WouldBlock};
    match UnixStream::connect(socket).await {
        Ok(stream) => {
            let peer = stream.peer_cred();
            Ok(Some(Listening(peer.ok().and_then(|peer| peer.pid()))))
        }
        // More wait for it than it lets wait.
        Err(error) if error.kind() == WouldBlock => Ok(Some(Listening(None))),
        Err(error) if matches!(error.kind(), ConnectionRefused | NotFound) => Ok(None),
        Err(error) => Err(error),
    }
}

/// A socket that nobody listens at. As long as this is there, nobody begins to.
#[derive(Debug)]
pub(crate) struct Vacant<'a> {
    socket: &'a Path,
    _turn: File,
}

impl<'a> Vacant<'a> {
    /// Finds a socket vacant, or tells who listens.
    ///
    /// # Errors
    /// Fails when its directory cannot be opened, another process keeps that locked, and when it cannot be
    /// found out whether somebody listens.
    pub(crate) async fn find(socket: &'a Path) -> io::Result<Result<Self, Listening>> {
        let turn = turn(socket.parent().unwrap_or(Path::new("."))).await?;
        Ok(match listening(socket).await? {
            Some(listener) => Err(listener),
            None => Ok(Self {
                socket,
                _turn: turn,
            }),
        })
    }

    /// Listens at it. A file that is there is one of somebody who listens no more.
    pub(crate) fn listen(self) -> io::Result<UnixListener> {
        match fs::remove_file(self.socket) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(self.socket)?;
        fs::set_permissions(self.socket, PermissionsExt::from_mode(0o600))?;
        Ok(listener)
    }
}

/// Takes the right to take sockets in a directory; it ends with the returned file, however that ends.
async fn turn(directory: &Path) -> io::Result<File> {
    let begun = Instant::now();
    loop {
        let file = File::open(directory)?;
        match file.try_lock() {
            // Where the directory was made anew meanwhile, this lock is one that guards nothing.
            Ok(()) if is_at(&file, directory)? => return Ok(file),
            Ok(()) => {}
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) if begun.elapsed() > TURN_WITHIN => {
                let directory = directory.display();
                return Err(io::Error::other(format!(
                    "another process keeps {directory} locked; `fuser -v {directory}` names it"
                )));
            }
            Err(TryLockError::WouldBlock) => sleep(LOOKS_AGAIN_AFTER).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use super::*;

    #[test]
    fn of_two_that_begin_at_the_same_moment_one_gets_the_socket() {
        let directory = tempfile::tempdir().unwrap();
        let (start, taken) = (Barrier::new(2), Barrier::new(2));
        let begin = |socket: &Path| {
            let mut builder = tokio::runtime::Builder::new_current_thread();
            let runtime = builder.enable_all().build().unwrap();
            start.wait();
            let listener = runtime.block_on(async {
                match Vacant::find(socket).await {
                    Ok(Ok(vacant)) => vacant.listen().map(Some),
                    Ok(Err(_)) => Ok(None),
                    Err(error) => Err(error),
                }
            });
            taken.wait();
            listener.unwrap().is_some()
        };
        for round in 0..100 {
            let socket = directory.path().join(format!("{round}.sock"));
            let got = std::thread::scope(|scope| {
                let other = scope.spawn(|| begin(&socket));
                [begin(&socket), other.join().unwrap()]
            });
            assert!(got[0] != got[1], "round {round}: {got:?}");
        }
    }

    #[tokio::test]
    async fn who_waits_for_a_directory_that_is_made_anew_takes_its_turn_in_the_new_one() {
        let above = tempfile::tempdir().unwrap();
        let directory = above.path().join("run");
        fs::create_dir(&directory).unwrap();
        let former = turn(&directory).await.unwrap();
        let waiting = turn(&directory);
        tokio::pin!(waiting);
        let waits = tokio::time::timeout(LOOKS_AGAIN_AFTER, &mut waiting).await;
        waits.unwrap_err();
        fs::remove_dir(&directory).unwrap();
        fs::create_dir(&directory).unwrap();
        let new = turn(&directory).await.unwrap();
        drop(former);
        let waits = tokio::time::timeout(LOOKS_AGAIN_AFTER * 3, &mut waiting).await;
        waits.unwrap_err();
        drop(new);
        assert!(is_at(&waiting.await.unwrap(), &directory).unwrap());
    }
}
