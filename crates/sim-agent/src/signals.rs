//! The signals that the loop waits for, as a readable descriptor.

use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGWINCH};

use crate::SimError;
use crate::agent::Signal;

/// A signal that came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Caught {
    /// The terminal's size changed.
    Resize,
    /// One that the agent decides on.
    Signal(Signal),
}

const WANTED: [(i32, Caught); 4] = [
    (SIGWINCH, Caught::Resize),
    (SIGHUP, Caught::Signal(Signal::Hangup)),
    (SIGINT, Caught::Signal(Signal::Interrupt)),
    (SIGTERM, Caught::Signal(Signal::Terminate)),
];

/// The signals caught since they were last taken.
#[derive(Debug)]
pub(crate) struct Signals {
    wake: UnixStream,
    flags: Vec<(Arc<AtomicBool>, Caught)>,
}

impl Signals {
    /// Begins to catch.
    pub(crate) fn catch() -> Result<Self, SimError> {
        Self::register().map_err(|error| SimError::terminal("catching signals", error))
    }

    fn register() -> std::io::Result<Self> {
        let (wake, sender) = UnixStream::pair()?;
        wake.set_nonblocking(true)?;
        let mut flags = Vec::new();
        for (number, caught) in WANTED {
            let flag = Arc::new(AtomicBool::new(false));
            // The flag first: handlers run in this order, and a wake-up must find it set.
            signal_hook::flag::register(number, Arc::clone(&flag))?;
            signal_hook::low_level::pipe::register(number, sender.try_clone()?)?;
            flags.push((flag, caught));
        }
        Ok(Self { wake, flags })
    }

    /// Returns what came since the last call, each kind once.
    pub(crate) fn take(&mut self) -> Vec<Caught> {
        let mut drained = [0; 64];
        while self.wake.read(&mut drained).is_ok_and(|length| length > 0) {}
        self.flags
            .iter()
            .filter(|(flag, _)| flag.swap(false, Ordering::SeqCst))
            .map(|&(_, caught)| caught)
            .collect()
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.wake.as_fd()
    }
}
