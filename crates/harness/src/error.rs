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
        let (kind, message, hint) = match translated(message) {
            Some(fault) => fault,
            None if source.parse::<toml::Table>().is_err() => {
                (HarnessErrorKind::Syntax, message.to_owned(), None)
            }
            None => (HarnessErrorKind::InvalidValue, plain_types(message), None),
        };
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

/// Translates serde's "field" and "variant" into the words of people who write the file, and what
/// it expected into a hint.
fn translated(message: &str) -> Option<(HarnessErrorKind, String, Option<String>)> {
    let translations = [
        ("unknown field", "unknown key", HarnessErrorKind::UnknownKey),
        (
            "unknown variant",
            "unknown word",
            HarnessErrorKind::InvalidValue,
        ),
        ("missing field", "missing key", HarnessErrorKind::MissingKey),
    ];
    translations.into_iter().find_map(|(from, to, kind)| {
        // Names stand between backticks: first the one at fault, then those that are known.
        let mut names = message.strip_prefix(from)?.split('`').skip(1).step_by(2);
        let name = names.next()?;
        let known: Vec<&str> = names.collect();
        Some((kind, format!("{to} `{name}`"), hint(name, &known)))
    })
}

/// Says which known name is nearest to an unknown one, or all of them.
fn hint(unknown: &str, known: &[&str]) -> Option<String> {
    let nearest = known
        .iter()
        .map(|name| (strsim::damerau_levenshtein(unknown, name), *name))
        .filter(|(distance, name)| *distance <= name.len().div_ceil(3) || name.starts_with(unknown))
        .min();
    match nearest {
        Some((_, name)) => Some(format!("did you mean `{name}`?")),
        None if known.is_empty() => None,
        None => Some(format!("known here are {}", known.join(", "))),
    }
}

/// Replaces the names of number types, which say nothing to people.
fn plain_types(message: &str) -> String {
    let replaced = |word: &str, plain| {
        let start = message.strip_suffix(word)?;
        Some(format!("{start}{plain}"))
    };
    replaced("u32", "a whole number from 0")
        .or_else(|| replaced("usize", "a whole number from 0"))
        .or_else(|| replaced("i32", "a whole number"))
        .unwrap_or_else(|| message.to_owned())
}
