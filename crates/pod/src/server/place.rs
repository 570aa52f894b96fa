//! A pod's place in the runtime directory, where something else may clear up: its socket and its
//! credential.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use tokio::net::UnixListener;

use crate::paths::{RuntimeDir, RuntimePaths};
use crate::run::claim;
use crate::socket::Vacant;

/// Where the pod can be found, as long as nobody removes it.
#[derive(Debug)]
pub(super) struct Place<'a> {
    paths: &'a RuntimePaths,
    secret: &'a str,
    /// Device and inode of the socket that we listen on.
    socket: Option<(u64, u64)>,
}

impl<'a> Place<'a> {
    /// Remembers the socket that was just made.
    pub(super) fn new(paths: &'a RuntimePaths, secret: &'a str) -> Self {
        Self {
            paths,
            secret,
            socket: file_at(&paths.socket),
        }
    }

    /// Makes again what is not there any more: that is ours alone, by the lock. Returns a listener
    /// if there is another socket.
    ///
    /// # Errors
    /// Fails when the directory cannot be made or used, and while another process listens there: two that
    /// take it in turn would get each other's messages.
    pub(super) async fn keep(&mut self) -> io::Result<Option<UnixListener>> {
        let is_ours = self.socket.is_some() && file_at(&self.paths.socket) == self.socket;
        if is_ours && self.paths.credential.exists() {
            return Ok(None);
        }
        let directory = self.paths.socket.parent().unwrap_or(Path::new("."));
        RuntimeDir::open(directory).map_err(io::Error::other)?;
        let vacant = match is_ours {
            true => None,
            false => Some(Vacant::find(&self.paths.socket).await?.map_err(|other| {
                let taken = format!("{other} listens at {}", self.paths.socket.display());
                io::Error::other(taken)
            })?),
        };
        if !self.paths.credential.exists() {
            claim::write_secret(&self.paths.credential, self.secret)?;
        }
        let Some(vacant) = vacant else {
            return Ok(None);
        };
        let listener = vacant.listen()?;
        self.socket = file_at(&self.paths.socket);
        Ok(Some(listener))
    }
}

fn file_at(path: &Path) -> Option<(u64, u64)> {
    let found = fs::symlink_metadata(path).ok()?;
    Some((found.dev(), found.ino()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use super::*;

    fn paths(directory: &Path) -> RuntimePaths {
        RuntimePaths {
            socket: directory.join("a.sock"),
            heartbeat: directory.join("a.hb"),
            credential: directory.join("a.cred"),
        }
    }

    #[tokio::test]
    async fn what_was_cleared_away_is_made_again_and_nothing_is_taken_from_one_that_listens() {
        let above = tempfile::tempdir().unwrap();
        let directory = above.path().join("run");
        RuntimeDir::open(&directory).unwrap();
        let paths = paths(&directory);
        let vacant = Vacant::find(&paths.socket).await.unwrap();
        let _first = vacant.unwrap().listen().unwrap();
        claim::write_secret(&paths.credential, "secret").unwrap();
        let mut place = Place::new(&paths, "secret");
        assert!(place.keep().await.unwrap().is_none());

        fs::remove_file(&paths.credential).unwrap();
        assert!(place.keep().await.unwrap().is_none());
        assert_eq!(fs::read_to_string(&paths.credential).unwrap(), "secret");

        fs::remove_dir_all(&directory).unwrap();
        let _second = place.keep().await.unwrap().unwrap();
        UnixStream::connect(&paths.socket).unwrap();
        assert_eq!(fs::read_to_string(&paths.credential).unwrap(), "secret");
        assert!(place.keep().await.unwrap().is_none());

        // Somebody put another one in its place.
        fs::remove_file(&paths.socket).unwrap();
        fs::remove_file(&paths.credential).unwrap();
        let stranger = std::os::unix::net::UnixListener::bind(&paths.socket).unwrap();
        let taken = place.keep().await.unwrap_err().to_string();
        let pid = std::process::id();
        assert!(taken.contains(&format!("{pid} listens at")), "{taken}");
        assert!(!paths.credential.exists(), "it would be the stranger's");
        drop(stranger);
        let third = place.keep().await.unwrap().unwrap();
        UnixStream::connect(&paths.socket).unwrap();
        third.accept().await.unwrap();
    }
}
