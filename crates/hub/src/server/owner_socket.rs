//! The owner's socket, which is made anew where something cleared it away.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use podfleet_pod::paths::RuntimeDir;
use tokio::net::{UnixListener, UnixStream};
use tokio::time::{Interval, MissedTickBehavior, interval};

/// How often it is looked whether the socket is still there.
const LOOK: Duration = Duration::from_secs(2);

/// A listener at a path of the runtime directory.
#[derive(Debug)]
pub struct OwnerSocket {
    path: PathBuf,
    listener: UnixListener,
    look: Interval,
    /// Whether nobody can reach it any more, which is told once.
    lost: bool,
}

impl OwnerSocket {
    /// Binds the socket. One that is there is of a hub that was killed: the caller has the lock. Needs
    /// a tokio runtime.
    ///
    /// # Errors
    /// Fails when it cannot be made.
    pub fn bind(path: &Path) -> io::Result<Self> {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Ok(Self {
            path: path.to_owned(),
            listener: listen(path)?,
            look,
            lost: false,
        })
    }

    /// Takes the next connection, and meanwhile keeps the socket where it is. Dropping the future
    /// loses nothing.
    ///
    /// # Errors
    /// Fails as the system does, most likely since too many files are open.
    pub(super) async fn accept(&mut self) -> io::Result<UnixStream> {
        loop {
            tokio::select! {
                accepted = self.listener.accept() => return accepted.map(|(stream, _)| stream),
                _ = self.look.tick() => self.look_after(),
            }
        }
    }

    fn look_after(&mut self) {
        let kept = self.keep();
        match &kept {
            Ok(false) => {}
            Ok(true) => tracing::warn!("the socket was gone, and is made anew"),
            Err(error) if !self.lost => {
                tracing::warn!(%error, "nobody can reach the hub: its socket is gone");
            }
            Err(_) => {}
        }
        self.lost = kept.is_err();
    }

    /// Makes the socket again if nothing is in its place, and returns whether it did. Another one that
    /// is there is of another hub.
    fn keep(&mut self) -> io::Result<bool> {
        match fs::symlink_metadata(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            found => return found.map(|_| false),
        }
        let directory = self.path.parent().unwrap_or(Path::new("."));
        RuntimeDir::open(directory).map_err(io::Error::other)?;
        self.listener = listen(&self.path)?;
        Ok(true)
    }
}

fn listen(path: &Path) -> io::Result<UnixListener> {
    let listener = UnixListener::bind(path)?;
    fs::set_permissions(path, Permissions::from_mode(0o600))?;
    Ok(listener)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use super::*;

    #[tokio::test]
    async fn what_was_cleared_away_is_made_again_and_nobody_elses_is_replaced() {
        let above = tempfile::tempdir().unwrap();
        let directory = above.path().join("run");
        RuntimeDir::open(&directory).unwrap();
        let path = directory.join("hub.sock");
        let mut socket = OwnerSocket::bind(&path).unwrap();
        assert!(!socket.keep().unwrap());

        fs::remove_dir_all(&directory).unwrap();
        assert!(socket.keep().unwrap());
        let mode = |path: &Path| path.metadata().unwrap().mode() & 0o777;
        assert_eq!((mode(&directory), mode(&path)), (0o700, 0o600));
        let _client = UnixStream::connect(&path).await.unwrap();
        socket.accept().await.unwrap();

        fs::remove_file(&path).unwrap();
        let other = UnixListener::bind(&path).unwrap();
        assert!(!socket.keep().unwrap());
        let _client = UnixStream::connect(&path).await.unwrap();
        other.accept().await.unwrap();
    }
}
