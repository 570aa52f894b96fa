//! What can go wrong with a connector at work.

use std::error::Error;
use std::fmt;
use std::time::Duration;

/// The kinds of failure, which decide whether to try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectorErrorKind {
    /// The credential is missing, wrong or withdrawn.
    Unauthenticated,
    /// The credential is good and does not allow this.
    Forbidden,
    /// The room, channel, thread or message does not exist.
    NotFound,
    /// Too many requests.
    RateLimited {
        /// How long the server wants to be left alone; `None` when it did not say.
        retry_after: Option<Duration>,
    },
    /// The message or attachment is too large.
    TooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// The service does not take the cursor from which to listen on; there is no way on but from
    /// now.
    CursorRefused,
    /// The service could not be reached or failed by itself.
    Unreachable,
    /// The service answered what its protocol does not allow, or needs what is not supported.
    Protocol,
}

/// Whether the same request may be made again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// It would fail in the same way.
    Never,
    /// Not before this time has passed.
    After(Duration),
    /// With growing pauses, as the caller thinks fit.
    Backoff,
}

/// A failure of a connector. Neither its text nor that of its cause ever holds a token; whoever
/// makes one sees to that.
#[derive(Debug, thiserror::Error)]
pub struct ConnectorError {
    kind: ConnectorErrorKind,
    doing: String,
    #[source]
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl ConnectorError {
    /// Makes an error from what was being done, a phrase such as "send to the room".
    pub fn new(kind: ConnectorErrorKind, doing: impl Into<String>) -> Self {
        Self {
            kind,
            doing: doing.into(),
            source: None,
        }
    }

    /// Adds the cause.
    #[must_use]
    pub fn because(mut self, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(cause.into());
        self
    }

    /// Makes it one of another kind.
    #[must_use]
    pub fn of_kind(mut self, kind: ConnectorErrorKind) -> Self {
        self.kind = kind;
        self
    }

    /// What kind of failure it is.
    pub fn kind(&self) -> ConnectorErrorKind {
        self.kind
    }

    /// Whether and when to try again.
    pub fn retry(&self) -> Retry {
        match self.kind {
            ConnectorErrorKind::RateLimited {
                retry_after: Some(pause),
            } => Retry::After(pause),
            ConnectorErrorKind::RateLimited { retry_after: None }
            | ConnectorErrorKind::Unreachable => Retry::Backoff,
            ConnectorErrorKind::Unauthenticated
            | ConnectorErrorKind::Forbidden
            | ConnectorErrorKind::NotFound
            | ConnectorErrorKind::TooLarge { .. }
            | ConnectorErrorKind::CursorRefused
            | ConnectorErrorKind::Protocol => Retry::Never,
        }
    }
}

/// Puts an error and its causes into one line, as a health's `detail` has it; a cause that the line
/// ends with already is not repeated.
#[must_use]
pub fn in_one_line(error: &dyn Error) -> String {
    let mut line = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let said = cause.to_string();
        if !line.ends_with(&said) {
            line.push_str(": ");
            line.push_str(&said);
        }
        source = cause.source();
    }
    line
}

impl fmt::Display for ConnectorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.doing)?;
        match self.kind {
            ConnectorErrorKind::Unauthenticated => f.write_str("not authenticated"),
            ConnectorErrorKind::Forbidden => f.write_str("not allowed"),
            ConnectorErrorKind::NotFound => f.write_str("not found"),
            ConnectorErrorKind::RateLimited {
                retry_after: Some(pause),
            } => {
                write!(f, "too many requests, to be tried again in {pause:?}")
            }
            ConnectorErrorKind::RateLimited { retry_after: None } => {
                f.write_str("too many requests")
            }
            ConnectorErrorKind::TooLarge { limit } => {
                write!(f, "larger than the limit of {limit} bytes")
            }
            ConnectorErrorKind::CursorRefused => f.write_str("the place to go on from is refused"),
            ConnectorErrorKind::Unreachable => f.write_str("the service cannot be reached"),
            ConnectorErrorKind::Protocol => f.write_str("an answer that cannot be used"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_of_an_error_says_each_cause_once() {
        let cause = |text: &str| ConnectorError::new(ConnectorErrorKind::NotFound, text);
        let error = cause("send").because(cause("read a.txt").because("no such file"));
        let line = "send: not found: read a.txt: not found: no such file";
        assert_eq!(in_one_line(&error), line);
        let repeated = cause("send").because("not found");
        assert_eq!(in_one_line(&repeated), "send: not found");
    }

    #[test]
    fn an_error_says_what_failed_and_whether_to_try_again() {
        use ConnectorErrorKind as K;
        let pause = Duration::from_millis(1500);
        let cases = [
            (K::Unauthenticated, Retry::Never),
            (
                K::RateLimited {
                    retry_after: Some(pause),
                },
                Retry::After(pause),
            ),
            (K::RateLimited { retry_after: None }, Retry::Backoff),
            (K::TooLarge { limit: 65_536 }, Retry::Never),
            (K::CursorRefused, Retry::Never),
            (K::Unreachable, Retry::Backoff),
        ];
        let mut lines = String::new();
        for (kind, retry) in cases {
            let error = ConnectorError::new(kind, "send to the room").because("the cause");
            assert_eq!(error.retry(), retry);
            assert_eq!(error.source().unwrap().to_string(), "the cause");
            lines += &format!("{error}\n");
        }
        insta::assert_snapshot!(lines, @"
        send to the room: not authenticated
        send to the room: too many requests, to be tried again in 1.5s
        send to the room: too many requests
        send to the room: larger than the limit of 65536 bytes
        send to the room: the place to go on from is refused
        send to the room: the service cannot be reached
        ");
    }
}
