//! Why a roster was not edited.

use std::fmt;

use crate::diagnostic::Diagnostic;

/// A roster was not edited, and its text is as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EditError {
    kind: EditErrorKind,
    findings: Vec<Diagnostic>,
    text: String,
}

/// Why a roster was not edited.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EditErrorKind {
    /// The roster has errors already; [`EditError::findings`] are about it as it is.
    #[error("the roster has errors, and is not edited")]
    Unsound,
    /// The rules refuse what the edit would make; [`EditError::findings`] are about that.
    #[error("the edit would make a roster with errors")]
    Refused,
    /// There is no such agent.
    #[error("the roster has no agent `{agent}`")]
    UnknownAgent {
        /// The name.
        agent: String,
        /// The nearest name that there is.
        near: Option<String>,
    },
    /// There is no such field.
    #[error("there is no field `{path}`")]
    UnknownField {
        /// The field.
        path: String,
        /// The nearest one, or all that can stand there.
        known: String,
    },
    /// The text is no value of the field's type, nor of any.
    #[error("the value of `{path}` cannot be read")]
    NoValue {
        /// The field.
        path: String,
    },
    /// Agents are known by their names, so a name is not changed.
    #[error("the name of an agent cannot be changed")]
    Identity,
    /// The only agent of a class that the fleet cannot do without was removed.
    #[error("it is the only agent of class `{class}`")]
    SoleSeat {
        /// The class.
        class: String,
    },
    /// The last agent cannot be removed.
    #[error("it is the only agent, and a roster has at least one")]
    LastAgent,
    /// The place is written once and meant in several places.
    #[error("an alias in line {line} shares what would be changed")]
    Shared {
        /// The line of the alias, counted from 1.
        line: usize,
    },
    /// The text is written in a way in which the place cannot be told for certain.
    #[error("the place to change cannot be told for certain")]
    Unclear,
    /// The text as it would be does not hold what it should: a defect, and the reason why every
    /// edit is checked.
    #[error("the edited text would not say what is wanted")]
    Mismatch,
}

impl EditError {
    pub(super) fn new(kind: EditErrorKind) -> Self {
        Self {
            kind,
            findings: Vec::new(),
            text: String::new(),
        }
    }

    pub(super) fn with_findings(
        kind: EditErrorKind,
        findings: Vec<Diagnostic>,
        text: String,
    ) -> Self {
        Self {
            kind,
            findings,
            text,
        }
    }

    /// Returns why the roster was not edited.
    #[must_use]
    pub const fn kind(&self) -> &EditErrorKind {
        &self.kind
    }

    /// Returns what was found, with kinds [`Unsound`](EditErrorKind::Unsound) and
    /// [`Refused`](EditErrorKind::Refused).
    #[must_use]
    pub fn findings(&self) -> &[Diagnostic] {
        &self.findings
    }

    /// Returns the text that the findings are about, secrets covered.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns what to do about it, as a sentence without its full stop.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let hint = match &self.kind {
            EditErrorKind::UnknownAgent { near, .. } => {
                return near.as_ref().map(|near| format!("did you mean `{near}`?"));
            }
            EditErrorKind::UnknownField { known, .. } => return Some(known.clone()),
            EditErrorKind::NoValue { .. } => {
                "lists and mappings are written as `[a, b]` and `{a: b}`"
            }
            EditErrorKind::SoleSeat { .. } => {
                "let another agent take its place: `--successor NAME`"
            }
            EditErrorKind::Identity => "remove the agent and add it under the other name",
            EditErrorKind::Shared { .. } => {
                "write out what the alias stands for, or edit the roster by hand"
            }
            EditErrorKind::Unclear | EditErrorKind::Mismatch => "edit the roster by hand",
            EditErrorKind::Unsound | EditErrorKind::Refused | EditErrorKind::LastAgent => {
                return None;
            }
        };
        Some(hint.to_owned())
    }
}

impl From<EditErrorKind> for EditError {
    fn from(kind: EditErrorKind) -> Self {
        Self::new(kind)
    }
}

impl fmt::Display for EditError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.fmt(f)
    }
}

impl std::error::Error for EditError {}
