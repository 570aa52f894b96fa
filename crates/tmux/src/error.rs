//! What can go wrong with tmux, told apart by what it prints.

use std::fmt;
use std::io;

/// The kinds of failure that a caller may want to tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TmuxErrorKind {
    /// The tmux program is not installed (or not where it was looked for).
    Missing,
    /// The program is there and could not be started.
    Spawn,
    /// No answer came in time; the client was ended.
    Timeout,
    /// No server runs on the socket. A state rather than a fault: there are no sessions, and
    /// `new-session` would start one.
    NoServer,
    /// The session, window or pane does not exist.
    NoSuchTarget,
    /// A session of that name exists already.
    DuplicateSession,
    /// The paste buffer does not exist.
    NoSuchBuffer,
    /// A client would be needed and none is attached.
    NoClient,
    /// The command is longer than tmux can take.
    TooLong,
    /// The socket cannot be used: its owner, its mode, or the length of its path.
    Socket,
    /// The server went away during the command, as one does for a moment after its last session
    /// ended. Worth one more try.
    ServerLost,
    /// The running server is of another version than the program and does not talk to it.
    VersionMismatch,
    /// The answer is not what this tmux should print.
    Unreadable,
    /// Any other failure; the message is tmux's own.
    Failed,
}

impl TmuxErrorKind {
    /// Tells from what tmux printed on its standard error why it failed.
    pub fn of_stderr(stderr: &str) -> Self {
        // Ordered: the first that matches decides.
        const SIGNS: [(&str, TmuxErrorKind); 20] = [
            ("no server running", TmuxErrorKind::NoServer),
            ("(No such file or directory)", TmuxErrorKind::NoServer),
            ("(Connection refused)", TmuxErrorKind::NoServer),
            ("error connecting to", TmuxErrorKind::Socket),
            ("couldn't create directory", TmuxErrorKind::Socket),
            ("has unsafe permissions", TmuxErrorKind::Socket),
            ("error creating", TmuxErrorKind::Socket),
            ("socket path too long", TmuxErrorKind::Socket),
            ("access not allowed", TmuxErrorKind::Socket),
            ("duplicate session", TmuxErrorKind::DuplicateSession),
            ("can't find", TmuxErrorKind::NoSuchTarget),
            ("no such session", TmuxErrorKind::NoSuchTarget),
            // A server whose last session just ended, before it ends itself.
            ("no current target", TmuxErrorKind::NoSuchTarget),
            ("no buffer", TmuxErrorKind::NoSuchBuffer),
            ("no current client", TmuxErrorKind::NoClient),
            ("no client", TmuxErrorKind::NoClient),
            ("too long", TmuxErrorKind::TooLong),
            ("server exited", TmuxErrorKind::ServerLost),
            ("lost server", TmuxErrorKind::ServerLost),
            ("protocol version mismatch", TmuxErrorKind::VersionMismatch),
        ];
        SIGNS
            .iter()
            .find(|(sign, _)| stderr.contains(sign))
            .map_or(Self::Failed, |(_, kind)| *kind)
    }
}

/// A tmux command that failed.
#[derive(Debug, thiserror::Error)]
pub struct TmuxError {
    kind: TmuxErrorKind,
    command: String,
    detail: String,
    #[source]
    source: Option<io::Error>,
}

impl TmuxError {
    /// The error of a command that tmux ran and that failed, with what it printed.
    pub fn from_stderr(command: &str, stderr: &[u8]) -> Self {
        let text = String::from_utf8_lossy(stderr);
        Self::new(TmuxErrorKind::of_stderr(&text), command, first_line(&text))
    }

    /// The error of a command that failed otherwise.
    pub fn new(kind: TmuxErrorKind, command: &str, detail: impl Into<String>) -> Self {
        Self {
            kind,
            command: command.to_owned(),
            detail: detail.into(),
            source: None,
        }
    }

    /// The error of a program that could not be started.
    pub fn from_spawn(program: &str, command: &str, error: io::Error) -> Self {
        let kind = match error.kind() {
            io::ErrorKind::NotFound => TmuxErrorKind::Missing,
            _ => TmuxErrorKind::Spawn,
        };
        Self {
            kind,
            command: command.to_owned(),
            detail: program.to_owned(),
            source: Some(error),
        }
    }

    /// What kind of failure it is.
    pub fn kind(&self) -> TmuxErrorKind {
        self.kind
    }

    /// What a person can do about it, where that is known.
    pub fn hint(&self) -> Option<&'static str> {
        match self.kind {
            TmuxErrorKind::Missing => {
                Some("install tmux: `apt install tmux`, `dnf install tmux` or `brew install tmux`")
            }
            TmuxErrorKind::VersionMismatch => {
                Some("end the old tmux server, or run the tmux program that it was started with")
            }
            _ => None,
        }
    }
}

impl fmt::Display for TmuxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            command, detail, ..
        } = self;
        match self.kind {
            TmuxErrorKind::Missing => write!(f, "run {detail}: program not found"),
            TmuxErrorKind::Spawn => write!(f, "start {detail} for `{command}`"),
            _ => write!(f, "run tmux {command}: {detail}"),
        }
    }
}

fn first_line(text: &str) -> &str {
    text.lines()
        .find(|line| !line.trim().is_empty())
        .unwrap_or("failed and printed no reason")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_tmux_prints_tells_the_kind() {
        use TmuxErrorKind as K;
        let cases = [
            ("no server running on /tmp/tmux-0/x", K::NoServer),
            (
                "error connecting to /x/y (No such file or directory)",
                K::NoServer,
            ),
            ("error connecting to /x/y (Permission denied)", K::Socket),
            ("error connecting to /x/y (File name too long)", K::Socket),
            ("can't find session: a", K::NoSuchTarget),
            ("can't find pane: %9", K::NoSuchTarget),
            ("duplicate session: a", K::DuplicateSession),
            ("no current target", K::NoSuchTarget),
            ("no buffer m1", K::NoSuchBuffer),
            ("no current client", K::NoClient),
            ("command too long", K::TooLong),
            ("server exited unexpectedly", K::ServerLost),
            (
                "protocol version mismatch (client 8, server 7)",
                K::VersionMismatch,
            ),
            ("unknown command: x", K::Failed),
            ("", K::Failed),
        ];
        for (text, kind) in cases {
            assert_eq!(K::of_stderr(text), kind, "{text}");
        }
    }

    #[test]
    fn a_missing_program_is_told_from_one_that_cannot_start() {
        let missing = TmuxError::from_spawn("tmux", "ls", io::ErrorKind::NotFound.into());
        assert_eq!(missing.kind(), TmuxErrorKind::Missing);
        assert_eq!(missing.to_string(), "run tmux: program not found");
        assert!(missing.hint().is_some());
        let denied = TmuxError::from_spawn("tmux", "ls", io::ErrorKind::PermissionDenied.into());
        assert_eq!(denied.kind(), TmuxErrorKind::Spawn);
    }
}
