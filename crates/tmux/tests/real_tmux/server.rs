//! A tmux server of a test's own.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use podfleet_tmux::{Command, NewSession, Pane, SessionName, Size, Socket, Tmux};
use tempfile::TempDir;

/// A private server in a directory of its own; it is ended with the test.
pub(crate) struct Server {
    pub(crate) tmux: Tmux,
    directory: TempDir,
}

impl Server {
    pub(crate) fn new() -> Self {
        let directory = tempfile::Builder::new().prefix("pt").tempdir().unwrap();
        let socket = Socket::Path(directory.path().join("s"));
        Self {
            tmux: Tmux::new("tmux", socket).with_config("/dev/null"),
            directory,
        }
    }

    /// Starts a server with one session, in which `cat` runs.
    pub(crate) async fn with_session(name: &str) -> Self {
        let server = Self::new();
        server.start(name, &["cat", "-"]).await;
        server
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.path("s")
    }

    pub(crate) async fn start(&self, name: &str, argv: &[&str]) {
        self.create(&NewSession::new(session(name), argv)).await;
    }

    pub(crate) async fn create(&self, new: &NewSession) {
        let size = Size {
            columns: 120,
            rows: 30,
        };
        self.tmux
            .run(&new.clone().size(size).command())
            .await
            .unwrap();
    }

    /// Runs words as they are, without this crate's care for targets.
    pub(crate) async fn raw(&self, words: &[&str]) -> Result<String, podfleet_tmux::TmuxError> {
        let command = words[1..].iter().fold(Command::new(words[0]), Command::arg);
        self.tmux.run(&command).await.map(|output| output.text())
    }

    pub(crate) async fn panes(&self) -> Vec<Pane> {
        self.tmux.panes().await.unwrap()
    }

    /// Waits until there are so many panes.
    pub(crate) async fn has_panes(&self, wanted: usize) {
        let started = Instant::now();
        loop {
            let found = self.panes().await.len();
            if found == wanted {
                return;
            }
            assert!(started.elapsed() < DEADLINE, "{found} panes");
        }
    }

    pub(crate) async fn pane(&self, session: &str) -> Pane {
        let mut panes = self.panes().await;
        panes.retain(|pane| pane.session_name == session);
        assert_eq!(panes.len(), 1, "one pane in session {session}");
        panes.remove(0)
    }

    pub(crate) async fn screen(&self, session: &str) -> String {
        let pane = self.pane(session).await.id;
        self.tmux
            .run(&Command::capture_pane(pane))
            .await
            .unwrap()
            .text()
    }

    /// Waits until a session's screen shows a text.
    pub(crate) async fn shows(&self, session: &str, text: &str) {
        let started = Instant::now();
        loop {
            let screen = self.screen(session).await;
            if screen.contains(text) {
                return;
            }
            assert!(
                started.elapsed() < DEADLINE,
                "{text:?} never came; the screen:\n{screen}"
            );
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The destructor cannot wait for a future, so the program is run directly.
        let _ = std::process::Command::new("tmux")
            .args([
                "-S".as_ref(),
                self.socket().as_os_str(),
                "kill-server".as_ref(),
            ])
            .env_remove("TMUX")
            .output();
    }
}

const DEADLINE: Duration = Duration::from_secs(20);

pub(crate) fn session(name: &str) -> SessionName {
    SessionName::new(name).unwrap()
}

/// Waits until a file has at least so many bytes, and reads it.
pub(crate) async fn file_of(path: &Path, length: usize) -> Vec<u8> {
    let started = Instant::now();
    loop {
        let bytes = std::fs::read(path).unwrap_or_default();
        if bytes.len() >= length {
            return bytes;
        }
        assert!(
            started.elapsed() < DEADLINE,
            "{} has {} bytes",
            path.display(),
            bytes.len()
        );
        tokio::task::yield_now().await;
    }
}
