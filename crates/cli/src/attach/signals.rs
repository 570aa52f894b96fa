//! The signals that matter while the user's terminal is ours.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    /// The terminal has another size.
    Resized,
    /// We were stopped, and others may have changed the terminal meanwhile.
    Continued,
    /// Nobody looks at our terminal any more.
    Unseen,
    /// End.
    Ended,
}

/// Waits for signals.
#[derive(Debug)]
pub(crate) struct Signals {
    resized: Signal,
    continued: Signal,
    unseen: Signal,
    terminated: Signal,
    hung_up: Signal,
    interrupted: Signal,
    quit: Signal,
}

impl Signals {
    /// Begins to listen; from now on none of them ends the process by itself.
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self {
            resized: signal(SignalKind::window_change())?,
            continued: signal(SignalKind::from_raw(rustix::process::Signal::CONT.as_raw()))?,
            // tmux sends it where the fleet made the session.
            unseen: signal(SignalKind::user_defined1())?,
            terminated: signal(SignalKind::terminate())?,
            hung_up: signal(SignalKind::hangup())?,
            interrupted: signal(SignalKind::interrupt())?,
            quit: signal(SignalKind::quit())?,
        })
    }

    /// Waits for the next one.
    pub(crate) async fn next(&mut self) -> Event {
        tokio::select! {
            _ = self.resized.recv() => Event::Resized,
            _ = self.continued.recv() => Event::Continued,
            _ = self.unseen.recv() => Event::Unseen,
            _ = self.terminated.recv() => Event::Ended,
            _ = self.hung_up.recv() => Event::Ended,
            _ = self.interrupted.recv() => Event::Ended,
            _ = self.quit.recv() => Event::Ended,
        }
    }
}
