//! The guard: the process between a pod and its agent.
//!
//! It is a mode of the same binary: one thread, no async runtime. It starts the agent on the pod's
//! terminal, reports how the agent ended, and ends every descendant when the pod is gone, so that
//! nobody is left running that nobody sees. One guard serves one run of the agent.
//!
//! Its standard input is the terminal's slave side, its standard output the *lifeline*: a socket
//! to the pod whose end of file means that the pod is gone. Two hidden commands of the binary lead
//! here: `pod guard -- ARGV…` ([`run`]) and, between fork and agent, `pod exec -- ARGV…` ([`exec`]).

mod lifeline;
mod machine_code;
mod tenants;
mod tree;

use std::ffi::{OsStr, OsString};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, WaitOptions, getpid, getppid, wait};
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM};

use crate::process::command_line;
use lifeline::{Event, Lifeline};
pub use lifeline::{Order, Report};
pub use tenants::VIEWS_MARK;
pub(crate) use tenants::{CREDENTIAL, belongings, is_pod, left_behind};

/// The arguments that make our binary run [`run`]; the agent's command line follows.
pub const GUARD_ARGS: [&str; 3] = ["pod", "guard", "--"];
/// The arguments that make our binary run [`exec`]; the agent's command line follows.
pub const EXEC_ARGS: [&str; 3] = ["pod", "exec", "--"];

/// Returns whether a process says that it is a guard, by its command line. That proves nothing.
pub(crate) fn is_guard(process: u32) -> bool {
    calls_itself(process, &GUARD_ARGS)
}

/// Returns whether a process says that its first arguments are these.
fn calls_itself(process: u32, arguments: &[&str]) -> bool {
    let command = command_line(process).unwrap_or_default();
    command.iter().skip(1).take(arguments.len()).eq(arguments)
}

/// Runs the guard until the agent and all that it started are gone.
///
/// # Errors
/// Fails when the process is not set up as the module says, or the agent cannot be started; the
/// pod is told so over the lifeline where there is one.
pub fn run(exe: &Path, argv: &[OsString]) -> io::Result<()> {
    // Signals to our process group are meant for others: only the lifeline ends a guard.
    let ignored = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    for signal in [SIGTERM, SIGHUP, SIGINT, SIGQUIT] {
        signal_hook::flag::register(signal, ignored.clone())?;
    }
    let (sigchld, wake) = UnixStream::pair()?;
    sigchld.set_nonblocking(true)?;
    signal_hook::low_level::pipe::register(SIGCHLD, wake)?;
    rustix::process::set_child_subreaper(Some(getpid()))?;

    let terminal = io::stdin().as_fd().try_clone_to_owned()?;
    let pod = UnixStream::from(io::stdout().as_fd().try_clone_to_owned()?);
    let mut lifeline = Lifeline::new(pod, sigchld);
    let agent = match start(exe, argv, &terminal) {
        Ok(agent) => agent,
        Err(error) => {
            lifeline.report(&Report::NotStarted(error.to_string()));
            return Err(error);
        }
    };
    lifeline.report(&Report::Started(
        agent.as_raw_nonzero().get().unsigned_abs(),
    ));
    watch(&mut lifeline, agent)
}

/// Starts the agent, and returns when it runs.
fn start(exe: &Path, argv: &[OsString], terminal: &OwnedFd) -> io::Result<Pid> {
    let stdio = || terminal.try_clone().map(Stdio::from);
    // Closed by the agent's start; what comes out of it before says why there was none.
    let (mut why, failing) = io::pipe()?;
    let mut child = Command::new(exe)
        .args(EXEC_ARGS)
        .args(argv)
        .stdin(stdio()?)
        .stdout(failing)
        .stderr(stdio()?)
        .spawn()?;
    let mut reason = String::new();
    why.read_to_string(&mut reason)?;
    if !reason.is_empty() {
        child.wait()?;
        return Err(io::Error::other(reason));
    }
    i32::try_from(child.id())
        .ok()
        .and_then(Pid::from_raw)
        .ok_or_else(|| io::Error::other("the agent has no valid process id"))
}

fn watch(lifeline: &mut Lifeline, agent: Pid) -> io::Result<()> {
    loop {
        match lifeline.next(None)? {
            Event::ChildChanged => {
                if let Some(end) = reap(agent)? {
                    // What the agent left behind would hold its terminal; it goes before the
                    // report, so that a new run never meets an old one.
                    tree::end_all(lifeline)?;
                    lifeline.report(&end);
                    return Ok(());
                }
            }
            Event::Order(Order::Terminate) => drop(tree::signal_all(Signal::TERM)),
            Event::Order(Order::Hangup) => drop(tree::signal_all(Signal::HUP)),
            Event::Order(Order::Kill) | Event::PodGone => {
                tree::end_all(lifeline)?;
                // Reaped with the rest, so the way it ended is known only to be ours.
                lifeline.report(&Report::Signalled(Signal::KILL.as_raw()));
                return Ok(());
            }
            Event::TimedOut => {}
        }
    }
}

/// Takes the status of every ended child; returns the agent's, if it is among them.
fn reap(agent: Pid) -> io::Result<Option<Report>> {
    let mut end = None;
    loop {
        match wait(WaitOptions::NOHANG) {
            Ok(Some((pid, status))) if pid == agent => {
                end = status
                    .exit_status()
                    .map(Report::Exited)
                    .or_else(|| status.terminating_signal().map(Report::Signalled));
            }
            Ok(Some(_)) => {}
            Ok(None) | Err(rustix::io::Errno::CHILD) => return Ok(end),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Becomes the agent: makes standard input the controlling terminal of a new session, and its
/// standard output too, asks the kernel to kill it with its guard, and replaces the process. Its
/// standard output up to now is where the guard hears why that failed.
///
/// Doing this in a program of its own, after the fork, needs no unsafe code.
///
/// # Errors
/// Returns only when it failed.
pub fn exec(argv: &[OsString]) -> io::Error {
    let guard = rustix::io::fcntl_dupfd_cloexec(io::stdout(), 3);
    match become_agent(argv) {
        Ok(never) => match never {},
        Err(error) => {
            if let Ok(guard) = guard {
                let program = argv.first().map(|program| program.to_string_lossy());
                let program = program.unwrap_or_default();
                // A guard that is gone needs no reason.
                let _ = write!(std::fs::File::from(guard), "cannot run {program}: {error}");
            }
            error
        }
    }
}

fn become_agent(argv: &[OsString]) -> io::Result<std::convert::Infallible> {
    rustix::stdio::dup2_stdout(io::stdin())?;
    let (program, arguments): (&OsStr, &[OsString]) = match argv {
        [program, arguments @ ..] => (program, arguments),
        [] => {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "no command is given",
            ));
        }
    };
    let guard = getppid();
    rustix::process::setsid()?;
    rustix::process::ioctl_tiocsctty(io::stdin())?;
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    if getppid() != guard {
        return Err(io::Error::other("the guard is gone"));
    }
    machine_code::check(Path::new(program))?;
    Err(Command::new(program).args(arguments).exec())
}
