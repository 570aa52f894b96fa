//! Process 1 of a container: it reaps what others leave, and hands signals on.

use std::process::Command;

use rustix::process::{Pid, Signal, WaitOptions, kill_process, wait};
use tokio::signal::unix::{SignalKind, signal};

use crate::error::{Error, Outcome};
use crate::exit::Exit;
use crate::runtime::block_on_to_the_end;

/// What is handed on.
const HANDED_ON: [(SignalKind, Signal); 4] = [
    (SignalKind::terminate(), Signal::TERM),
    (SignalKind::interrupt(), Signal::INT),
    (SignalKind::hangup(), Signal::HUP),
    (SignalKind::quit(), Signal::QUIT),
];

/// Runs this same command line in a child, and ends as it does. What is left then ends with us.
pub(super) fn run() -> Outcome {
    block_on_to_the_end(async {
        let mut children = signal(SignalKind::child())?;
        let (sender, mut signals) = tokio::sync::mpsc::unbounded_channel();
        for (kind, number) in HANDED_ON {
            let mut incoming = signal(kind)?;
            let sender = sender.clone();
            tokio::spawn(async move {
                while incoming.recv().await.is_some() && sender.send(number).is_ok() {}
            });
        }
        let child = start()?;
        loop {
            tokio::select! {
                _ = children.recv() => if let Some(exit) = reap(child)? {
                    return Ok(exit);
                },
                // It may have ended meanwhile; that is told next.
                Some(signal) = signals.recv() => drop(kill_process(child, signal)),
            }
        }
    })
}

fn start() -> Result<Pid, Error> {
    let child = Command::new(std::env::current_exe()?)
        .args(std::env::args_os().skip(1))
        .spawn()?;
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    pid.ok_or_else(|| Error::message(Exit::System, "the supervisor has no valid process id"))
}

/// Takes the status of every ended process; returns how the child ended, if it did.
fn reap(child: Pid) -> Result<Option<Exit>, Error> {
    let mut end = None;
    loop {
        match wait(WaitOptions::NOHANG) {
            Ok(Some((pid, status))) if pid == child => {
                let code = status
                    .exit_status()
                    .or_else(|| Some(128 + status.terminating_signal()?));
                let code = code.and_then(|code| u8::try_from(code).ok());
                end = code.map(Exit::Program).or(end);
            }
            Ok(Some(_)) => {}
            Ok(None) | Err(rustix::io::Errno::CHILD) => return Ok(end),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(std::io::Error::from(error).into()),
        }
    }
}
