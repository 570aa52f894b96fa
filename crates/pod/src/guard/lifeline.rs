//! The socket between pod and guard: orders one way, reports the other.

use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// What a pod tells its guard to do; one byte each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Asks every descendant to end (SIGHUP), as a closed terminal does.
    Hangup,
    /// Asks every descendant to end (SIGTERM).
    Terminate,
    /// Ends every descendant (SIGTERM, 300 ms, SIGKILL).
    Kill,
}

impl Order {
    /// Returns the byte on the lifeline.
    #[must_use]
    pub const fn byte(self) -> u8 {
        match self {
            Self::Hangup => b'H',
            Self::Terminate => b'T',
            Self::Kill => b'K',
        }
    }

    fn from_byte(byte: u8) -> Option<Self> {
        [Self::Hangup, Self::Terminate, Self::Kill]
            .into_iter()
            .find(|order| order.byte() == byte)
    }
}

/// What a guard tells its pod; one line each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Report {
    /// The agent runs under this process id.
    Started(u32),
    /// The agent cannot be started.
    NotStarted(String),
    /// The agent exited with this status, and all that it started is gone.
    Exited(i32),
    /// A signal ended the agent, and all that it started is gone.
    Signalled(i32),
}

impl Report {
    /// Returns the line, with its newline.
    #[must_use]
    pub fn to_line(&self) -> String {
        match self {
            Self::Started(pid) => format!("started {pid}\n"),
            Self::NotStarted(why) => format!("failed {}\n", why.replace('\n', " ")),
            Self::Exited(status) => format!("exited {status}\n"),
            Self::Signalled(signal) => format!("signalled {signal}\n"),
        }
    }

    /// Reads a line.
    #[must_use]
    pub fn parse(line: &str) -> Option<Self> {
        let (word, rest) = line.split_once(' ')?;
        match word {
            "started" => rest.parse().ok().map(Self::Started),
            "failed" => Some(Self::NotStarted(rest.to_owned())),
            "exited" => rest.parse().ok().map(Self::Exited),
            "signalled" => rest.parse().ok().map(Self::Signalled),
            _ => None,
        }
    }
}

/// What a guard waits for.
pub(super) enum Event {
    ChildChanged,
    Order(Order),
    PodGone,
    TimedOut,
}

pub(super) struct Lifeline {
    pod: UnixStream,
    sigchld: UnixStream,
    pod_gone: bool,
}

impl Lifeline {
    pub(super) fn new(pod: UnixStream, sigchld: UnixStream) -> Self {
        Self {
            pod,
            sigchld,
            pod_gone: false,
        }
    }

    /// Tells the pod. A pod that is gone needs no report.
    pub(super) fn report(&mut self, report: &Report) {
        let _ = self.pod.write_all(report.to_line().as_bytes());
    }

    /// Waits for the next event, at most until `deadline`.
    pub(super) fn next(&mut self, deadline: Option<Instant>) -> io::Result<Event> {
        loop {
            let timeout =
                deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            let (child, pod) = self.poll(timeout)?;
            if child {
                let mut drained = [0; 64];
                while matches!(self.sigchld.read(&mut drained), Ok(length) if length > 0) {}
                return Ok(Event::ChildChanged);
            }
            if pod && let Some(event) = self.read_order()? {
                return Ok(event);
            }
            if !pod && timeout.is_some_and(|timeout| timeout.is_zero()) {
                return Ok(Event::TimedOut);
            }
        }
    }

    fn poll(&self, timeout: Option<Duration>) -> io::Result<(bool, bool)> {
        let sigchld = PollFd::from_borrowed_fd(self.sigchld.as_fd(), PollFlags::IN);
        let pod = PollFd::from_borrowed_fd(self.pod.as_fd(), PollFlags::IN);
        let mut both = [sigchld, pod];
        let watched = if self.pod_gone {
            &mut both[..1]
        } else {
            &mut both[..]
        };
        let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
        match poll(watched, timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let ready = |index: usize| {
            watched
                .get(index)
                .is_some_and(|fd| !fd.revents().is_empty())
        };
        Ok((ready(0), ready(1)))
    }

    fn read_order(&mut self) -> io::Result<Option<Event>> {
        let mut byte = [0];
        match self.pod.read(&mut byte) {
            Ok(0) => self.pod_gone = true,
            Ok(_) => return Ok(Order::from_byte(byte[0]).map(Event::Order)),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(None),
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => self.pod_gone = true,
            Err(error) => return Err(error),
        }
        Ok(Some(Event::PodGone))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_read_back_from_its_line() {
        for report in [
            Report::Started(7),
            Report::NotStarted("no such file".into()),
            Report::Exited(127),
            Report::Signalled(9),
        ] {
            assert_eq!(Report::parse(report.to_line().trim_end()), Some(report));
        }
    }
}
