//! Ending an agent and whatever it started.

use std::io;
use std::time::{Duration, Instant};

use rustix::process::{Signal, WaitOptions, wait};

use super::lifeline::{Event, Lifeline};
use super::tenants::belongings;
use crate::process::ProcessRef;

/// How long descendants have to end by themselves after SIGTERM.
const PATIENCE: Duration = Duration::from_millis(300);
/// How often killed processes are looked for again: some may have forked meanwhile.
const AGAIN: Duration = Duration::from_millis(20);

/// Sends a signal to all of them; returns to whom.
pub(super) fn signal_all(signal: Signal) -> Vec<ProcessRef> {
    let all = belongings(std::process::id());
    for process in &all {
        process.signal(signal);
    }
    all
}

/// Ends all of them: SIGTERM, and after [`PATIENCE`] SIGKILL until none is left.
///
/// This process is a sub-reaper, so whatever its descendants left behind is its child: no child
/// left means that all are gone. Where pods or views are left, which stay, two looks in a row that
/// find nobody else say it: one alone could miss who was just forked.
pub(super) fn end_all(lifeline: &mut Lifeline) -> io::Result<()> {
    signal_all(Signal::TERM);
    // A stopped process gets its SIGTERM only when it goes on.
    signal_all(Signal::CONT);
    let mut deadline = Instant::now() + PATIENCE;
    let mut empty_looks = 0;
    while !all_reaped()? && empty_looks < 2 {
        match lifeline.next(Some(deadline))? {
            Event::TimedOut => {
                let found = signal_all(Signal::KILL);
                empty_looks = if found.is_empty() { empty_looks + 1 } else { 0 };
                deadline = Instant::now() + AGAIN;
            }
            Event::ChildChanged | Event::Order(_) | Event::PodGone => {}
        }
    }
    Ok(())
}

fn all_reaped() -> io::Result<bool> {
    loop {
        match wait(WaitOptions::NOHANG) {
            Ok(Some(_)) | Err(rustix::io::Errno::INTR) => {}
            Ok(None) => return Ok(false),
            Err(rustix::io::Errno::CHILD) => return Ok(true),
            Err(error) => return Err(error.into()),
        }
    }
}
