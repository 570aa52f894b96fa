//! A command in a terminal of its own.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::{Child, Command};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};

use crate::sandbox::Sandbox;

/// Nothing here takes longer unless it hangs.
const PATIENCE: Duration = Duration::from_secs(20);

/// A command in a terminal of its own.
pub(crate) struct InTerminal {
    user: File,
    /// Kept open, so that the settings can be looked at when the command is gone.
    terminal: File,
    child: Child,
    seen: Vec<u8>,
}

impl InTerminal {
    /// Starts a command line of `fleet` in a terminal of 80 columns.
    pub(crate) fn start(sandbox: &Sandbox, line: &str) -> Self {
        Self::run(sandbox, env!("CARGO_BIN_EXE_fleet"), line, 80)
    }

    /// Starts a program, with `fleet` in its path.
    pub(crate) fn run(sandbox: &Sandbox, program: &str, line: &str, columns: u16) -> Self {
        let user = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&user).unwrap();
        unlockpt(&user).unwrap();
        let path = ptsname(&user, Vec::new()).unwrap();
        let terminal = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(OFlags::NOCTTY.bits().cast_signed())
            .open(path.to_str().unwrap())
            .unwrap();
        let size = Winsize {
            ws_col: columns,
            ws_row: 24,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&terminal, size).unwrap();
        let stream = || terminal.try_clone().unwrap();
        let fleet = Path::new(env!("CARGO_BIN_EXE_fleet")).parent().unwrap();
        let child = Command::new(program)
            .args(line.split(' '))
            .env_clear()
            .env("HOME", sandbox.home())
            .env("PATH", format!("{}:/usr/bin:/bin", fleet.display()))
            .env("TERM", "xterm")
            .current_dir(sandbox.home())
            .stdin(stream())
            .stdout(stream())
            .stderr(stream())
            .spawn()
            .unwrap();
        Self {
            user: File::from(user),
            terminal,
            child,
            seen: Vec::new(),
        }
    }

    /// Types keys.
    pub(crate) fn keys(&mut self, keys: &str) {
        self.user.write_all(keys.as_bytes()).unwrap();
    }

    /// Reads what the command writes until `text` was seen; returns what came before it and forgets
    /// both. Colours and other sequences are no text.
    pub(crate) fn wait_for(&mut self, text: &str) -> String {
        loop {
            let plain = self.shown();
            if let Some(at) = plain.find(text) {
                self.seen = plain.as_bytes()[at + text.len()..].to_vec();
                return plain[..at].to_owned();
            }
            assert!(self.read(PATIENCE), "no {text:?} in {plain}");
        }
    }

    fn shown(&self) -> String {
        let plain = anstream::adapter::strip_bytes(&self.seen).into_vec();
        String::from_utf8_lossy(&plain).replace("\r\n", "\n")
    }

    /// Reads what the command writes until it left the other screen.
    pub(crate) fn wait_for_the_first_screen(&mut self) {
        const LEFT: &[u8] = b"\x1b[?1049l";
        while !self.seen.windows(LEFT.len()).any(|at| at == LEFT) {
            assert!(self.read(PATIENCE), "the other screen was not left");
        }
    }

    /// Reads on; returns whether there was something in time.
    fn read(&mut self, patience: Duration) -> bool {
        let mut fds = [PollFd::new(&self.user, PollFlags::IN)];
        let deadline = Timespec::try_from(patience).unwrap();
        if poll(&mut fds, Some(&deadline)) != Ok(1) {
            return false;
        }
        let mut bytes = [0; 4096];
        let length = self.user.read(&mut bytes).unwrap();
        self.seen.extend_from_slice(&bytes[..length]);
        true
    }

    pub(crate) fn is_raw(&self) -> bool {
        let modes = tcgetattr(&self.terminal).unwrap().local_modes;
        !modes.contains(LocalModes::ICANON)
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for the end; returns the exit status and what was not yet waited for.
    pub(crate) fn end(mut self) -> (Option<i32>, String) {
        // A terminal that nobody reads from takes no more at some point.
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status.code();
            }
            self.read(Duration::from_millis(10));
        };
        while self.read(Duration::ZERO) {}
        assert!(!self.is_raw());
        (status, self.shown())
    }
}

impl Drop for InTerminal {
    fn drop(&mut self) {
        // A test that fails leaves nothing running.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
