//! Ending all descendants of this process.

use std::io;
use std::time::{Duration, Instant};

use rustix::process::{Signal, WaitOptions, wait};

use super::lifeline::{Event, Lifeline};
use crate::process::descendants;

/// How long descendants have to end by themselves after SIGTERM.
const PATIENCE: Duration = Duration::from_millis(300);
/// How often killed processes are looked for again: some may have forked meanwhile.
const AGAIN: Duration = Duration::from_millis(20);

/// Sends a signal to every descendant.
pub(super) fn signal_all(signal: Signal) {
    for process in descendants(std::process::id()) {
        process.signal(signal);
    }
}

/// Ends every descendant: SIGTERM, and after [`PATIENCE`] SIGKILL until none is left.
///
/// This process is a sub-reaper, so whatever its descendants left behind is its child: no child
/// left means that all are gone.
pub(super) fn end_all(lifeline: &mut Lifeline) -> io::Result<()> {
    signal_all(Signal::TERM);
    // A stopped process gets its SIGTERM only when it goes on.
    signal_all(Signal::CONT);
    let mut deadline = Instant::now() + PATIENCE;
    while !all_reaped()? {
        match lifeline.next(Some(deadline))? {
            Event::TimedOut => {
                signal_all(Signal::KILL);
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
