//! How a running bridge is told that there is something to send: an empty datagram.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::net::UnixDatagram;

/// How long the bridge goes without a look at the outbox where nobody tells it.
const LOOK: Duration = Duration::from_secs(5);

/// The socket at which the bridge is told.
#[derive(Debug)]
pub(super) struct Wake {
    socket: UnixDatagram,
    path: PathBuf,
}

impl Wake {
    /// Listens. Whatever is in its place was left by a bridge that is gone: the lock is ours.
    pub(super) fn bind(path: &Path) -> io::Result<Self> {
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let socket = UnixDatagram::bind(path)?;
        std::fs::set_permissions(path, PermissionsExt::from_mode(0o600))?;
        let path = path.to_owned();
        Ok(Self { socket, path })
    }

    /// Waits until somebody tells it, or some time is over.
    pub(super) async fn wait(&self) {
        let mut nothing = [0; 1];
        let told = self.socket.recv(&mut nothing);
        if let Ok(Ok(_)) = tokio::time::timeout(LOOK, told).await {
            // What was told meanwhile is seen in the same look.
            while self.socket.try_recv(&mut nothing).is_ok() {}
        }
    }
}

impl Drop for Wake {
    fn drop(&mut self) {
        // One that is gone already does no harm.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Tells a bridge, if one listens. One that is not told looks by itself a little later.
pub(super) fn tell(path: &Path) {
    let tell = || -> io::Result<()> {
        let socket = std::os::unix::net::UnixDatagram::unbound()?;
        socket.set_nonblocking(true)?;
        socket.send_to(&[], path).map(drop)
    };
    let _ = tell();
}
