//! The crate's error.

use std::path::Path;

/// Why the simulated agent could not run.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct SimError {
    kind: ErrorKind,
    message: String,
    #[source]
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// The kinds of [`SimError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The fault script is not valid JSON, has an unknown or mistyped field, or contradicts itself.
    Faults,
    /// Standard input or output is not a terminal.
    NotATerminal,
    /// The journal could not be opened, read or written.
    Journal,
    /// The terminal or a signal handler refused an operation.
    Terminal,
}

impl SimError {
    /// Returns what kind of failure this is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    pub(crate) fn faults(message: impl Into<String>) -> Self {
        Self {
            kind: ErrorKind::Faults,
            message: format!("invalid fault script: {}", message.into()),
            source: None,
        }
    }

    pub(crate) fn not_a_terminal(stream: &str) -> Self {
        Self {
            kind: ErrorKind::NotATerminal,
            message: format!("{stream} is not a terminal"),
            source: None,
        }
    }

    pub(crate) fn journal(path: &Path, source: std::io::Error) -> Self {
        Self {
            kind: ErrorKind::Journal,
            message: format!("journal {} cannot be used", path.display()),
            source: Some(Box::new(source)),
        }
    }

    pub(crate) fn terminal(operation: &str, source: impl Into<std::io::Error>) -> Self {
        Self {
            kind: ErrorKind::Terminal,
            message: format!("{operation} failed"),
            source: Some(Box::new(source.into())),
        }
    }
}
