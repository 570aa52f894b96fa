//! What the agent is started with.

use std::path::PathBuf;

use crate::faults::Faults;

/// The environment and arguments of one run; the crate reads neither by itself.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The fault script.
    pub faults: Faults,
    /// Where the journal is appended; goes before the fault script's.
    pub journal: Option<PathBuf>,
    /// The working directory, for the banner.
    pub directory: PathBuf,
    /// Value of `--model`: named in the banner and the journal.
    pub model: Option<String>,
    /// Value of `--resume`: the session is said to be resumed.
    pub resume: Option<String>,
    /// Value of `--append-system-prompt`: kept in the journal.
    pub system_prompt: Option<String>,
}

impl Options {
    /// Returns the journal's path, if one is kept.
    #[must_use]
    pub fn journal_path(&self) -> Option<&PathBuf> {
        self.journal.as_ref().or(self.faults.journal.as_ref())
    }
}
