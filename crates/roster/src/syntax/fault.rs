//! The wording of what the parser refuses.

use granit_parser::{ErrorKind, ScanError};

use super::too_deep;
use crate::catalog::Code;
use crate::finding::Finding;

/// Makes a finding of the parser's error about `body`, which begins at byte `offset` of the text.
pub(super) fn finding(error: &ScanError, body: &str, offset: usize) -> Finding {
    let at = error.marker().byte_offset().unwrap_or(0).min(body.len());
    let length = body[at..]
        .chars()
        .next()
        .filter(|next| !next.is_control())
        .map_or(0, char::len_utf8);
    let span = at + offset..at + offset + length;
    if matches!(error.kind(), ErrorKind::RecursionLimitExceeded) {
        return too_deep(&span);
    }
    let message = message(error.kind()).unwrap_or_else(|| error.info());
    let finding = Finding::new(Code::Syntax, &span, message);
    match hint(error.kind()) {
        Some(hint) => finding.help(hint),
        None => finding,
    }
}

/// What is wrong, in the words of somebody who writes rosters; the parser's own words are good
/// enough for what is rare.
fn message(kind: &ErrorKind) -> Option<String> {
    let fixed = match kind {
        ErrorKind::UnexpectedCharacter { character } if character.is_control() => {
            return Some(format!(
                "the control character U+{:04X} is not allowed",
                u32::from(*character)
            ));
        }
        ErrorKind::UnexpectedCharacter { character } => {
            return Some(format!("a value cannot begin with `{character}`"));
        }
        ErrorKind::UnclosedFlowCollection { open } => {
            return Some(format!("this `{open}` is never closed"));
        }
        ErrorKind::MismatchedFlowCollectionEnd { open, close } => {
            return Some(format!("`{open}` is closed by `{close}`"));
        }
        ErrorKind::UnclosedQuotedScalar => "a quoted string is never closed",
        ErrorKind::InvalidQuotedScalarIndent => "a quoted string goes on here without indentation",
        ErrorKind::UnknownQuotedScalarEscape => "this string has an escape that YAML does not know",
        ErrorKind::ExpectedBlockSequenceEntry => {
            "this line is indented neither as an item of the list nor as a part of one"
        }
        ErrorKind::ExpectedBlockMappingKey => "expected a key with a colon",
        ErrorKind::InvalidIndentation => "this line is indented like none before it",
        ErrorKind::MappingValueNotAllowed => "a second `: ` in one value",
        ErrorKind::ExpectedDocumentStart => "there is text after the end of the document",
        ErrorKind::MisplacedFlowCollectionEnd => "a bracket is closed that was never opened",
        ErrorKind::BlockSequenceEntryNotAllowed => "a list cannot begin here",
        kind if is_tab(kind) => "a tab cannot indent",
        _ => return None,
    };
    Some(fixed.to_owned())
}

fn hint(kind: &ErrorKind) -> Option<&'static str> {
    match kind {
        kind if is_tab(kind) => Some("indent with spaces; YAML allows no tabs there"),
        ErrorKind::InvalidIndentation
        | ErrorKind::ExpectedBlockMappingKey
        | ErrorKind::ExpectedBlockSequenceEntry => {
            Some("keys of one mapping stand in one column, exactly below each other")
        }
        ErrorKind::UnclosedQuotedScalar | ErrorKind::InvalidQuotedScalarIndent => {
            Some("close the quote")
        }
        ErrorKind::UnclosedFlowCollection { .. }
        | ErrorKind::UnexpectedEofFlowSequence
        | ErrorKind::UnexpectedEofFlowMapping => Some("close the bracket"),
        ErrorKind::MappingValueNotAllowed | ErrorKind::InvalidColonPlacement => {
            Some("put a text that contains `: ` in quotes")
        }
        ErrorKind::UnexpectedCharacter { character } if !character.is_control() => {
            Some("put the value in quotes")
        }
        ErrorKind::UnknownQuotedScalarEscape => {
            Some("write `\\\\` for a backslash, or use single quotes")
        }
        ErrorKind::BlockSequenceEntryNotAllowed => Some("begin it on a line of its own"),
        _ => None,
    }
}

fn is_tab(kind: &ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::TabNotAllowed
            | ErrorKind::TabInBlockIndentation
            | ErrorKind::TabInIndentation
            | ErrorKind::TabAtBlockScalarStart
            | ErrorKind::TabInPlainScalar
    )
}
