//! The pod's side of its guard: starting a run of the agent, ordering, and hearing how it ended.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use podfleet_protocol::{RunEnd, Size};
use pty_process::{OwnedReadPty, OwnedWritePty};
use rustix::io::ioctl_fionread;
use rustix::pty::{OpenptFlags, ioctl_tiocgptpeer};
use rustix::termios::{LocalModes, tcgetattr, tcgetpgrp};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::process::{Child, Command};

use crate::guard::{GUARD_ARGS, Order, Report};
use crate::process::ProcessRef;

/// What a run of the agent needs.
#[derive(Debug)]
pub(crate) struct Launch {
    /// Our own binary, for the guard.
    pub(crate) exe: PathBuf,
    /// The command line; its first word is an absolute path.
    pub(crate) argv: Vec<String>,
    pub(crate) env: BTreeMap<String, String>,
    pub(crate) directory: PathBuf,
}

/// A run of the agent: its guard and its terminal.
#[derive(Debug)]
pub(crate) struct AgentProcess {
    guard: Child,
    guard_ref: Option<ProcessRef>,
    reports: Lines<BufReader<OwnedReadHalf>>,
    orders: OwnedWriteHalf,
}

/// The pod's side of the agent's terminal.
#[derive(Debug)]
pub(crate) struct AgentTerminal {
    pub(crate) output: OwnedReadPty,
    pub(crate) input: OwnedWritePty,
    master: OwnedFd,
}

/// How the agent reads its terminal now (termios(3)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LineDiscipline {
    /// The kernel collects lines (`ICANON`), and cuts those over 4,095 bytes.
    pub(crate) canonical: bool,
    /// The kernel echoes what is typed (`ECHO`).
    pub(crate) echo: bool,
}

/// Who has the agent's terminal now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Holder {
    /// The process group in the foreground.
    pub(crate) group: u32,
    /// Whether the kernel collects lines for it.
    pub(crate) canonical: bool,
}

impl AgentProcess {
    /// Starts a guard that starts the agent.
    pub(crate) fn start(launch: &Launch, size: Size) -> io::Result<(Self, AgentTerminal)> {
        let (pty, pts) = pty_process::open().map_err(pty_error)?;
        pty.resize(pty_process::Size::new(size.rows, size.columns))
            .map_err(pty_error)?;
        let master = pty.as_fd().try_clone_to_owned()?;
        let slave = pts.as_fd().try_clone_to_owned()?;
        let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
        ours.set_nonblocking(true)?;
        let guard = Command::new(&launch.exe)
            .args(GUARD_ARGS)
            .args(&launch.argv)
            .env_clear()
            .envs(&launch.env)
            .current_dir(&launch.directory)
            .stdin(Stdio::from(slave))
            .stdout(Stdio::from(OwnedFd::from(theirs)))
            .process_group(0)
            .spawn()?;
        let (reader, orders) = tokio::net::UnixStream::from_std(ours)?.into_split();
        let (output, input) = pty.into_split();
        let process = Self {
            guard_ref: guard.id().and_then(ProcessRef::of),
            guard,
            reports: BufReader::new(reader).lines(),
            orders,
        };
        let terminal = AgentTerminal {
            output,
            input,
            master,
        };
        Ok((process, terminal))
    }

    /// Returns the guard, for whoever has to clean up after this pod.
    pub(crate) fn guard(&self) -> Option<ProcessRef> {
        self.guard_ref
    }

    /// Waits for the guard's next report. Safe to drop while it waits.
    pub(crate) async fn report(&mut self) -> GuardReport {
        loop {
            let Ok(Some(line)) = self.reports.next_line().await else {
                return GuardReport::Ended(RunEnd::Lost);
            };
            match Report::parse(&line) {
                Some(Report::Started(pid)) => return GuardReport::Started(pid),
                Some(Report::NotStarted(why)) => {
                    return GuardReport::Ended(RunEnd::NotStarted(why));
                }
                Some(Report::Exited(status)) => return GuardReport::Ended(RunEnd::Exited(status)),
                Some(Report::Signalled(signal)) => {
                    return GuardReport::Ended(RunEnd::Signalled(signal));
                }
                None => {}
            }
        }
    }

    /// Gives the guard an order. A guard that is gone reports that by itself.
    pub(crate) async fn order(&mut self, order: Order) {
        let _ = self.orders.write_all(&[order.byte()]).await;
    }

    /// Kills the guard itself, which reports the run as lost; what it guarded falls to this process.
    pub(crate) fn kill_guard(&mut self) {
        // A guard that is gone needs no signal.
        let _ = self.guard.start_kill();
    }

    /// Waits until the guard is gone, and with it all that it guarded.
    pub(crate) async fn wait(mut self) {
        drop(self.orders);
        let _ = self.guard.wait().await;
    }
}

/// What a guard reported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum GuardReport {
    Started(u32),
    Ended(RunEnd),
}

impl AgentTerminal {
    pub(crate) fn resize(&self, size: Size) -> io::Result<()> {
        self.input
            .resize(pty_process::Size::new(size.rows, size.columns))
            .map_err(pty_error)
    }

    /// Returns how the agent reads its terminal; raw without echo if the kernel does not tell.
    pub(crate) fn discipline(&self) -> LineDiscipline {
        let modes =
            tcgetattr(&self.master).map_or(LocalModes::empty(), |termios| termios.local_modes);
        LineDiscipline {
            canonical: modes.contains(LocalModes::ICANON),
            echo: modes.contains(LocalModes::ECHO),
        }
    }

    /// Returns who has the terminal; nothing if the kernel does not tell.
    pub(crate) fn holder(&self) -> Option<Holder> {
        let group = tcgetpgrp(&self.master).ok()?;
        Some(Holder {
            group: group.as_raw_nonzero().get().unsigned_abs(),
            canonical: self.discipline().canonical,
        })
    }

    /// Returns whether something that was typed waits in the kernel for a program to read it; false
    /// if the kernel does not tell.
    pub(crate) fn has_unread(&self) -> bool {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        ioctl_tiocgptpeer(&self.master, flags)
            .and_then(ioctl_fionread)
            .is_ok_and(|bytes| bytes > 0)
    }
}

fn pty_error(error: pty_process::Error) -> io::Error {
    match error {
        pty_process::Error::Io(error) => error,
        pty_process::Error::Rustix(error) => error.into(),
        error => io::Error::other(error),
    }
}

/// Stands between a program that was not found and the places where it was looked for.
const LOOKED_IN: &str = ", looked in ";

/// Splits the account of why a program could not be started into what is wrong and, where it was not
/// found, the places that were looked in: a long list, which few want to read.
///
/// ```
/// let account = "command not found: claude, looked in /usr/bin:/bin";
/// let (what, places) = podfleet_pod::split_places(account);
/// assert_eq!((what, places), ("command not found: claude", Some("/usr/bin:/bin")));
/// ```
#[must_use]
pub fn split_places(account: &str) -> (&str, Option<&str>) {
    match account.split_once(LOOKED_IN) {
        Some((what, places)) => (what, Some(places)),
        None => (account, None),
    }
}

/// Finds a program as the shell would.
///
/// # Errors
/// Says where it was looked for, as the shell's exit 127 would hide.
pub(crate) fn find_program(
    program: &str,
    path: Option<&str>,
    directory: &Path,
) -> Result<PathBuf, String> {
    let executable = |path: &Path| {
        path.is_file() && rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok()
    };
    if program.contains('/') {
        let path = directory.join(program);
        return if executable(&path) {
            Ok(path)
        } else {
            Err(format!(
                "command not found: {} is no executable file",
                path.display()
            ))
        };
    }
    let places: Vec<&str> = path
        .unwrap_or_default()
        .split(':')
        .filter(|p| !p.is_empty())
        .collect();
    places
        .iter()
        .map(|place| directory.join(place).join(program))
        .find(|path| executable(path))
        .ok_or_else(|| {
            format!(
                "command not found: {program}{LOOKED_IN}{}",
                places.join(":")
            )
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_command_says_where_it_was_looked_for() {
        let error =
            find_program("no-such-agent", Some("/usr/bin:/bin"), Path::new("/")).unwrap_err();
        assert_eq!(
            error,
            "command not found: no-such-agent, looked in /usr/bin:/bin"
        );
        assert_eq!(
            find_program("sh", Some("/bin"), Path::new("/")),
            Ok(PathBuf::from("/bin/sh"))
        );
        let error = find_program("./agent", None, Path::new("/nowhere")).unwrap_err();
        assert_eq!(
            error,
            "command not found: /nowhere/./agent is no executable file"
        );
    }
}
