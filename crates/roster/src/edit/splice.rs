//! A change of a text: parts of it replaced, all else as it was.

use crate::finding::Span;

/// A part of a text and what takes its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Splice {
    pub(super) part: Span,
    pub(super) text: String,
}

impl Splice {
    pub(super) fn replace(part: Span, text: impl Into<String>) -> Self {
        Self {
            part,
            text: text.into(),
        }
    }

    pub(super) fn insert(at: usize, text: impl Into<String>) -> Self {
        Self::replace(at..at, text)
    }

    pub(super) fn remove(part: Span) -> Self {
        Self::replace(part, "")
    }
}

/// Carries splices out, given in the order of their places and without overlap.
pub(super) fn apply(text: &str, splices: &[Splice]) -> Option<String> {
    let mut spliced = String::with_capacity(text.len());
    let mut from = 0;
    for Splice { part, text: new } in splices {
        spliced.push_str(text.get(from..part.start)?);
        spliced.push_str(new);
        from = part.end;
    }
    spliced.push_str(text.get(from..)?);
    Some(spliced)
}
