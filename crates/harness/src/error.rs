//! What can be wrong with a harness file.

use std::ops::Range;

/// A fault in a harness file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("harness `{harness}`, line {line}, column {column}: {message}")]
pub struct HarnessError {
    harness: String,
    kind: HarnessErrorKind,
    line: usize,
    column: usize,
    message: String,
    hint: Option<String>,
}

/// Kinds of [`HarnessError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum HarnessErrorKind {
    /// The file is no TOML.
    Syntax,
    /// A key that means nothing in its place.
    UnknownKey,
    /// A key is missing.
    MissingKey,
    /// A value is of the wrong type, is no word that is known there, or is no valid pattern.
    InvalidValue,
    /// Parts of the file contradict each other.
    Inconsistent,
}

impl HarnessError {
    /// Returns what sort of fault it is.
    pub fn kind(&self) -> HarnessErrorKind {
        self.kind
    }

    /// Returns the line of the fault, counted from 1.
    pub fn line(&self) -> usize {
        self.line
    }

    /// Returns the column of the fault in characters, counted from 1.
    pub fn column(&self) -> usize {
        self.column
    }

    /// Returns what may help, such as the nearest known key.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    pub(crate) fn from_toml(harness: &str, source: &str, error: &toml::de::Error) -> HarnessError {
        let span = error.span().unwrap_or_default();
        let message = error.message().lines().next().unwrap_or_default();
        let (kind, hint) = if let Some(rest) = message.strip_prefix("unknown field ") {
            (HarnessErrorKind::UnknownKey, nearest(rest))
        } else if let Some(rest) = message.strip_prefix("unknown variant ") {
            (HarnessErrorKind::InvalidValue, nearest(rest))
        } else if message.starts_with("missing field ") {
            (HarnessErrorKind::MissingKey, None)
        } else if source.parse::<toml::Table>().is_err() {
            (HarnessErrorKind::Syntax, None)
        } else {
            (HarnessErrorKind::InvalidValue, None)
        };
        let message = plain_words(message);
        HarnessError {
            hint,
            ..HarnessError::at(harness, source, span, kind, message)
        }
    }

    /// Parts of the file contradict each other; the fault is reported where `place` first stands.
    pub(crate) fn inconsistent(
        harness: &str,
        source: &str,
        place: &str,
        message: impl Into<String>,
    ) -> HarnessError {
        let start = source.find(place).unwrap_or_default();
        let span = start..start + place.len();
        HarnessError::at(
            harness,
            source,
            span,
            HarnessErrorKind::Inconsistent,
            message.into(),
        )
    }

    fn at(
        harness: &str,
        source: &str,
        span: Range<usize>,
        kind: HarnessErrorKind,
        message: String,
    ) -> HarnessError {
        let before = source.get(..span.start).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        HarnessError {
            harness: harness.to_owned(),
            kind,
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            message,
            hint: None,
        }
    }
}

/// Says "key" and "word", as people who write the file do, where serde says "field" and "variant".
fn plain_words(message: &str) -> String {
    [
        ("unknown field", "unknown key"),
        ("missing field", "missing key"),
        ("unknown variant", "unknown word"),
    ]
    .iter()
    .find_map(|(from, to)| Some(format!("{to}{}", message.strip_prefix(from)?)))
    .unwrap_or_else(|| message.to_owned())
}

/// Finds the known name nearest to the unknown one.
///
/// Serde hands over the known names only inside its message, between backticks: first the unknown
/// one, then the known ones.
fn nearest(message: &str) -> Option<String> {
    let mut names = message.split('`').skip(1).step_by(2);
    let unknown = names.next()?;
    names
        .map(|known| (strsim::damerau_levenshtein(unknown, known), known))
        .filter(|(distance, known)| *distance <= known.len().div_ceil(3))
        .min()
        .map(|(_, known)| format!("did you mean `{known}`?"))
}
