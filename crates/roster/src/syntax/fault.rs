//! The wording of what the parser refuses.

use granit_parser::{ErrorKind, ScanError};

use super::too_deep;
use crate::catalog::Code;
use crate::finding::Finding;

/// Makes a finding of the parser's error about `body`, which begins at byte `offset` of the text.
pub(super) fn finding(error: &ScanError, body: &str, offset: usize) -> Finding {
    let from = error.marker().byte_offset().unwrap_or(0).min(body.len());
    let tab = is_tab(error.kind())
        .then(|| indenting_tab(body, from))
        .flatten();
    let at = tab.or_else(|| unexpected(error.kind(), body, from));
    let at = at.unwrap_or(from);
    let length = body[at..]
        .chars()
        .next()
        .filter(|next| tab.is_some() || !next.is_control())
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

/// Where the control character is that the parser met while it read what begins at `from`.
fn unexpected(kind: &ErrorKind, body: &str, from: usize) -> Option<usize> {
    match kind {
        ErrorKind::UnexpectedCharacter { character } if character.is_control() => {
            body[from..].find(*character).map(|at| from + at)
        }
        _ => None,
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

/// Returns where the tab is that indents the line of byte `at`, or else the first line after it
/// that has one: the parser names the place behind the tab, or the beginning of the value that the
/// tab would go on.
fn indenting_tab(body: &str, at: usize) -> Option<usize> {
    let mut start = body[..at].rfind('\n').map_or(0, |newline| newline + 1);
    for line in body[start..].split_inclusive('\n') {
        let content = line.trim_start_matches([' ', '\t']);
        let blank = content.trim_end_matches(['\r', '\n']).is_empty();
        let indentation = &line[..line.len() - content.len()];
        match indentation.find('\t') {
            Some(tab) if !blank => return Some(start + tab),
            _ => start += line.len(),
        }
    }
    None
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tab_is_found_where_it_indents() {
        for (body, at, tab) in [
            ("\t- a", 1, Some(0)),
            ("a:\n \tb", 5, Some(4)),
            ("a: b\n\tc: d", 3, Some(5)),
            ("a: b\n\t\r\n\n  \tc: d", 3, Some(11)),
            ("a: b\n\t", 3, None),
            ("", 0, None),
        ] {
            assert_eq!(indenting_tab(body, at), tab, "{body:?}");
        }
    }
}
