//! What a command is handed: its output, and the world outside that only this crate looks at.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::output::Output;

/// Everything that a command may use from outside its arguments.
pub(crate) struct Context {
    /// Where it writes.
    pub(crate) output: Output,
    /// The value of `--roster`.
    pub(crate) roster: Option<PathBuf>,
}

impl Context {
    /// Makes the context of a command; looks at nothing yet.
    pub(crate) const fn new(output: Output, roster: Option<PathBuf>) -> Self {
        Self { output, roster }
    }

    /// Returns the value of an environment variable; an empty one counts as absent.
    pub(crate) fn variable(name: &str) -> Option<String> {
        std::env::var(name).ok().filter(|value| !value.is_empty())
    }

    /// Returns all environment variables that are text.
    pub(crate) fn variables() -> BTreeMap<String, String> {
        std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect()
    }
}
