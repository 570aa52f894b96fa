//! What can go wrong with a fleet as a whole.

mod causes;
mod hints;
mod kind;

pub(crate) use causes::bad_name;
pub(crate) use hints::FROM_NOW;
pub use hints::fleet_options;
pub use kind::FleetErrorKind;

use podfleet_connectors::{ConnectorError, ConnectorErrorKind};

use crate::report::Failure;

type Source = Box<dyn std::error::Error + Send + Sync>;

/// A verb could not be carried out.
///
/// The message is [`FleetErrorKind`]'s; the cause is in [`source`](std::error::Error::source), and
/// what to do about it in [`hints`](Self::hints). A verb over several agents does not fail like
/// this because one of them does: its report names that one.
#[derive(Debug)]
pub struct FleetError(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: FleetErrorKind,
    source: Option<Source>,
    hints: Vec<String>,
}

impl FleetError {
    /// Makes an error of this kind.
    #[must_use]
    pub fn new(kind: FleetErrorKind) -> Self {
        let hints = hints::hints(&kind);
        Self(Box::new(Inner {
            kind,
            source: None,
            hints,
        }))
    }

    /// Adds the cause.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Source>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Adds what may help.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hints.push(hint.into());
        self
    }

    /// Adds what its cause knows to help, if that is anything.
    fn with_hint_of_cause(mut self, hint: Option<&str>) -> Self {
        self.0.hints.extend(hint.map(str::to_owned));
        self
    }

    /// Returns why the verb failed.
    #[must_use]
    pub fn kind(&self) -> &FleetErrorKind {
        &self.0.kind
    }

    /// Returns what a person can do about it, one sentence each.
    #[must_use]
    pub fn hints(&self) -> &[String] {
        &self.0.hints
    }

    pub(crate) fn start_failed(pod: &str, failure: Failure) -> Self {
        Self::new(FleetErrorKind::StartFailed {
            pod: pod.to_owned(),
            failure: Box::new(failure),
        })
    }

    /// Returns the message and its causes in one line.
    #[must_use]
    pub fn in_one_line(&self) -> String {
        crate::fleet::account(self)
    }

    pub(crate) fn io(doing: &'static str, path: &std::path::Path, source: std::io::Error) -> Self {
        Self::new(FleetErrorKind::Io {
            doing,
            path: path.to_owned(),
        })
        .caused_by(source)
    }

    pub(crate) fn unreadable(path: &std::path::Path, source: std::io::Error) -> Self {
        Self::new(FleetErrorKind::Unreadable {
            path: path.to_owned(),
        })
        .caused_by(source)
    }

    /// Returns whether a chat cannot be listened to from where it was last.
    pub(crate) fn is_of_cursor(&self) -> bool {
        let cause = std::error::Error::source(self).and_then(|cause| cause.downcast_ref());
        cause
            .is_some_and(|cause: &ConnectorError| cause.kind() == ConnectorErrorKind::CursorRefused)
    }

    /// Returns whether it is the store or the disk that failed, which may pass.
    pub(crate) fn is_stores(&self) -> bool {
        matches!(
            self.kind(),
            FleetErrorKind::Store | FleetErrorKind::Storage { .. } | FleetErrorKind::Io { .. }
        )
    }

    /// Words the refusal of a call as that of an order.
    pub(crate) fn of_order(self) -> Self {
        self.refusing(|agent, rule| FleetErrorKind::OrderRefused { agent, rule })
    }

    /// Words the refusal of a call as that of a message.
    pub(crate) fn of_message(self) -> Self {
        self.refusing(|agent, rule| FleetErrorKind::Refused { agent, rule })
    }

    fn refusing(self, kind: impl FnOnce(String, String) -> FleetErrorKind) -> Self {
        match self.kind() {
            FleetErrorKind::NotAllowed { pod, rule } => Self::new(kind(pod.clone(), rule.clone())),
            _ => self,
        }
    }
}

impl std::fmt::Display for FleetError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.kind.fmt(f)
    }
}

impl std::error::Error for FleetError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.0.source {
            Some(source) => Some(source.as_ref()),
            None => None,
        }
    }
}
