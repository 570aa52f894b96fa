//! What every error of this crate carries.

use std::fmt;
use std::path::{Path, PathBuf};

pub(crate) type Source = Box<dyn std::error::Error + Send + Sync>;

/// An operation on a file failed; `K` are the ways in which it can.
///
/// The message names the operation and the file. The cause is in
/// [`source`](std::error::Error::source), the remedy in `hint`.
#[derive(Debug)]
pub struct Failure<K> {
    pub(crate) operation: &'static str,
    pub(crate) phase: Option<&'static str>,
    pub(crate) path: PathBuf,
    pub(crate) kind: Box<K>,
    pub(crate) source: Option<Source>,
}

impl<K> Failure<K> {
    pub(crate) fn new(operation: &'static str, path: &Path, kind: K) -> Self {
        Self {
            operation,
            phase: None,
            path: path.to_owned(),
            kind: Box::new(kind),
            source: None,
        }
    }

    pub(crate) fn caused_by(mut self, source: impl Into<Source>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Returns what went wrong.
    #[must_use]
    pub fn kind(&self) -> &K {
        &self.kind
    }

    /// Returns the file that the operation worked on.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the operation, such as `accept messages`.
    #[must_use]
    pub fn operation(&self) -> &'static str {
        self.operation
    }

    /// Returns the step of the operation, such as `commit`, where it has several.
    #[must_use]
    pub fn phase(&self) -> Option<&'static str> {
        self.phase
    }
}

impl<K: fmt::Debug> std::error::Error for Failure<K>
where
    Self: fmt::Display,
{
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.source {
            Some(source) => Some(source.as_ref()),
            None => None,
        }
    }
}
