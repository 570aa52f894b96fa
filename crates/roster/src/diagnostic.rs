//! What a check found, where, and what it stops.

use std::fmt;
use std::ops::Range;

use serde::Serialize;

use crate::catalog::Code;

/// One finding of a check, with its place in the text.
///
/// Findings are plain data: how they look (human, JSON, SARIF, …) is up to the program that shows
/// them. No field ever holds a value that has the shape of a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Diagnostic {
    /// What kind of finding this is.
    pub code: Code,
    /// How grave it is.
    pub severity: Severity,
    /// What is wrong, as a lowercase fragment without a full stop.
    pub message: String,
    /// The name of the text, as it was given to the parser.
    pub file: String,
    /// The line, counted from 1.
    pub line: usize,
    /// The column in characters (Unicode scalar values), counted from 1.
    pub column: usize,
    /// The bytes of the text that the finding is about.
    pub span: Range<usize>,
    /// Other places that explain the finding.
    pub related: Vec<Related>,
    /// What to do about it.
    pub help: Option<String>,
}

/// Another place of the text that explains a [`Diagnostic`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Related {
    /// What is there.
    pub message: String,
    /// The line, counted from 1.
    pub line: usize,
    /// The column in characters, counted from 1.
    pub column: usize,
    /// The bytes of the text.
    pub span: Range<usize>,
}

/// How grave a [`Diagnostic`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing; never a reason to fail.
    Note,
    /// Probably not what was meant; fails only where warnings are denied.
    Warning,
    /// Wrong.
    Error,
}

impl Severity {
    /// Returns the word for it: `note`, `warning` or `error`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a finding keeps a program from doing with the roster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Blocks {
    /// Nothing.
    Nothing,
    /// The start of that one agent; the others start.
    ThatAgent,
    /// Making such a roster (`init`, `provision`, `remove`); `set`, `add` and `up` only warn.
    Writing,
    /// Everything that reads the roster for a change (`plan`, `up`, `add`, `set`, …).
    Changes,
}

impl Diagnostic {
    /// Returns what the finding stops. Only errors stop anything.
    #[must_use]
    pub fn blocks(&self) -> Blocks {
        match self.severity {
            Severity::Error => self.code.blocks(),
            Severity::Note | Severity::Warning => Blocks::Nothing,
        }
    }

    /// Returns whether nothing may be changed on the strength of this roster: neither the fleet
    /// nor the roster itself.
    #[must_use]
    pub fn blocks_changes(&self) -> bool {
        self.blocks() == Blocks::Changes
    }

    /// Returns whether it is an error.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// Shows the finding in one line: `file:line:column: severity: message [code]`.
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            code,
            severity,
            message,
            file,
            line,
            column,
            ..
        } = self;
        write!(f, "{file}:{line}:{column}: {severity}: {message} [{code}]")
    }
}
