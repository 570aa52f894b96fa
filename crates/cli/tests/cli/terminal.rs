//! The user's terminal is given back as it was, however a command that took it ends.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
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
struct InTerminal {
    user: File,
    /// Kept open, so that the settings can be looked at when the command is gone.
    terminal: File,
    child: Child,
    seen: Vec<u8>,
}

impl InTerminal {
    fn start(sandbox: &Sandbox, line: &str) -> Self {
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
            ws_col: 80,
            ws_row: 24,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&terminal, size).unwrap();
        let stream = || terminal.try_clone().unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_fleet"))
            .args(line.split(' '))
            .env_clear()
            .env("HOME", sandbox.home())
            .env("PATH", "/usr/bin:/bin")
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

    /// Reads what the command writes until `text` was seen.
    fn wait_for(&mut self, text: &str) {
        let seen = |bytes: &[u8]| String::from_utf8_lossy(bytes).contains(text);
        while !seen(&self.seen) {
            let mut fds = [PollFd::new(&self.user, PollFlags::IN)];
            let deadline = Timespec::try_from(PATIENCE).unwrap();
            assert_eq!(
                poll(&mut fds, Some(&deadline)),
                Ok(1),
                "no {text:?} in time"
            );
            let mut bytes = [0; 4096];
            let length = self.user.read(&mut bytes).unwrap();
            self.seen.extend_from_slice(&bytes[..length]);
        }
    }

    fn is_raw(&self) -> bool {
        let modes = tcgetattr(&self.terminal).unwrap().local_modes;
        !modes.contains(LocalModes::ICANON)
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for the end; returns the exit status.
    fn end(mut self) -> Option<i32> {
        self.wait_for("\x1b[?1049l");
        let status = self.child.wait().unwrap().code();
        assert!(!self.is_raw());
        status
    }
}

impl Drop for InTerminal {
    fn drop(&mut self) {
        // A test that fails leaves nothing running.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn watching() -> (Sandbox, InTerminal) {
    let sandbox = Sandbox::new();
    sandbox.run("init --preset local-canary --write");
    let mut terminal = InTerminal::start(&sandbox, "ps --watch");
    terminal.wait_for("orchestrator");
    assert!(terminal.is_raw());
    (sandbox, terminal)
}

#[test]
fn leaving_by_a_key_gives_the_terminal_back() {
    let (_sandbox, mut terminal) = watching();
    terminal.user.write_all(b"q").unwrap();
    assert_eq!(terminal.end(), Some(0));
}

#[test]
fn a_signal_gives_the_terminal_back() {
    for signal in [Signal::TERM, Signal::HUP, Signal::INT] {
        let (_sandbox, terminal) = watching();
        terminal.signal(signal);
        assert_eq!(terminal.end(), Some(130), "{signal:?}");
    }
}
