//! A program in a terminal with nobody between: the floor of all that goes through a pod.

use std::time::Duration;

use pty_process::{Command, Pty, Size};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Child;
use tokio::time::timeout;

/// A program that runs in a terminal of its own.
pub(crate) struct Bare {
    terminal: Pty,
    _program: Child,
    output: Vec<u8>,
}

impl Bare {
    /// Starts a program; it ends with this value.
    pub(crate) fn start(argv: &[&str]) -> Self {
        let (terminal, inside) = pty_process::open().unwrap();
        terminal.resize(Size::new(40, 120)).unwrap();
        let program = Command::new(argv[0])
            .args(&argv[1..])
            .kill_on_drop(true)
            .spawn(inside)
            .unwrap();
        Self {
            terminal,
            _program: program,
            output: Vec::new(),
        }
    }

    /// Types bytes, and forgets what the program wrote before.
    pub(crate) async fn write(&mut self, bytes: &[u8]) {
        self.output.clear();
        self.terminal.write_all(bytes).await.unwrap();
    }

    /// Waits until the program has written this since the last [`write`](Self::write).
    pub(crate) async fn until(&mut self, text: &[u8]) {
        while !self.output.windows(text.len()).any(|window| window == text) {
            self.read().await;
        }
    }

    /// Waits until the program has written nothing for so long.
    pub(crate) async fn quiet(&mut self, quiet: Duration) {
        while timeout(quiet, self.read()).await.is_ok() {}
    }

    /// Returns what the program writes next.
    pub(crate) async fn take(&mut self) -> Vec<u8> {
        self.output.clear();
        self.read().await;
        std::mem::take(&mut self.output)
    }

    async fn read(&mut self) {
        let length = self.terminal.read_buf(&mut self.output).await.unwrap();
        assert_ne!(length, 0, "the program ended");
    }
}
