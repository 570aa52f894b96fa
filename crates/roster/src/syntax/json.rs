//! What YAML allows and JSON does not, for texts that call themselves JSON.

use std::borrow::Cow;

use serde::de::IgnoredAny;

use crate::catalog::Code;
use crate::finding::{Finding, Span};
use crate::source::BYTE_ORDER_MARK;

/// A text that calls itself JSON.
pub(crate) struct JsonText<'t> {
    /// The text with comments and trailing commas written over by as many blanks, so that the rest
    /// of it can be read and all places stay what they were.
    pub(crate) plain: Cow<'t, str>,
    /// What keeps it from being JSON.
    pub(crate) findings: Vec<Finding>,
    /// The first of what else keeps it from being JSON, and whether it just ends too early.
    fault: Option<(Finding, bool)>,
}

/// Returns whether a file of that name has to be JSON.
pub(crate) fn is_named_so(name: &str) -> bool {
    let ending = name.rsplit_once('.').map(|(_, ending)| ending);
    ending.is_some_and(|ending| ending.eq_ignore_ascii_case("json"))
}

impl<'t> JsonText<'t> {
    pub(crate) fn read(text: &'t str) -> Self {
        let extras = extras(text);
        let findings = extras.iter().map(Extra::finding).collect();
        let mut plain = Cow::Borrowed(text);
        for extra in &extras {
            blank(plain.to_mut(), &extra.span);
        }
        let fault = fault(&plain);
        Self {
            plain,
            findings,
            fault,
        }
    }

    /// Adds to what reading the text as YAML found what keeps it from being JSON. Where both fail,
    /// YAML's words and advice are of no use to somebody who writes JSON; but of what is never closed
    /// YAML knows where it was opened.
    pub(crate) fn judge(self, found: Vec<Finding>, complete: bool) -> Vec<Finding> {
        let mut findings = self.findings;
        match self.fault {
            Some((_, true)) if !complete => findings.extend(found),
            Some((fault, _)) => {
                let other = found.into_iter().filter(|one| one.code() != Code::Syntax);
                findings.extend(other);
                findings.push(fault);
            }
            None => findings.extend(found),
        }
        findings
    }
}

/// Something between the values that has no place in JSON.
struct Extra {
    kind: ExtraKind,
    span: Span,
}

#[derive(Clone, Copy)]
enum ExtraKind {
    Comment,
    TrailingComma,
}

impl Extra {
    fn finding(&self) -> Finding {
        let (message, help) = match self.kind {
            ExtraKind::Comment => (
                "JSON has no comments",
                "remove it, or rename the file to `.yaml`, where comments begin with `#`",
            ),
            ExtraKind::TrailingComma => (
                "a comma before a closing bracket is not allowed in JSON",
                "remove the comma",
            ),
        };
        Finding::new(Code::Json, &self.span, message).help(help)
    }
}

/// Finds comments and trailing commas.
fn extras(text: &str) -> Vec<Extra> {
    let bytes = text.as_bytes();
    let mut extras = Vec::new();
    let mut comma = None;
    let mut between = true;
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let end = match byte {
            b'"' => string_end(bytes, at),
            b'/' | b'#' if between => comment_end(text, at),
            _ => at + 1,
        };
        if end > at + 1 && byte != b'"' {
            let span = at..end;
            extras.push(Extra {
                kind: ExtraKind::Comment,
                span,
            });
        } else {
            if let (Some(comma), b'}' | b']') = (comma, byte) {
                extras.push(Extra {
                    kind: ExtraKind::TrailingComma,
                    span: comma..comma + 1,
                });
            }
            match byte {
                b',' => comma = Some(at),
                byte if byte.is_ascii_whitespace() => {}
                _ => comma = None,
            }
            between = byte.is_ascii_whitespace() || b"\",[]{}".contains(&byte);
        }
        at = end;
    }
    extras
}

/// The end of the string that begins at a quote; the text's end if it has none.
fn string_end(bytes: &[u8], quote: usize) -> usize {
    let mut at = quote + 1;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// The end of the comment that begins here; if none does, the next byte.
fn comment_end(text: &str, at: usize) -> usize {
    let rest = &text[at..];
    let line = rest.find(['\r', '\n']).unwrap_or(rest.len());
    if let Some(block) = rest.strip_prefix("/*") {
        let end = block.find("*/").map_or(block.len(), |end| end + 2);
        return at + 2 + end;
    }
    match rest.starts_with("//") || rest.starts_with('#') {
        true => at + line.max(2).min(rest.len()),
        false => at + 1,
    }
}

fn blank(text: &mut String, span: &Span) {
    let blanks = |c: char| match c {
        '\r' | '\n' => String::from(c),
        c => " ".repeat(c.len_utf8()),
    };
    let blanks: String = text[span.clone()].chars().map(blanks).collect();
    text.replace_range(span.clone(), &blanks);
}

/// What else is wrong, and whether it is that the text ends too early.
fn fault(text: &str) -> Option<(Finding, bool)> {
    let body = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    let error = serde_json::from_str::<IgnoredAny>(body).err()?;
    let at = text.len() - body.len() + offset(body, error.line(), error.column());
    let length = text[at..].chars().next().filter(|next| !next.is_control());
    let span = at..at + length.map_or(0, char::len_utf8);
    let words = error.to_string();
    let words = words.split(" at line ").next().unwrap_or_default();
    let finding = Finding::new(Code::Json, &span, format!("this is no JSON: {words}"));
    Some((finding.help(help(words)), error.is_eof()))
}

/// The byte that a line and a column mean, both counted from 1 and the column in bytes.
fn offset(text: &str, line: usize, column: usize) -> usize {
    let before = text.split_inclusive('\n').take(line.saturating_sub(1));
    let start: usize = before.map(str::len).sum();
    let at = start + column.saturating_sub(1);
    text.floor_char_boundary(at.min(text.len()))
}

fn help(words: &str) -> &'static str {
    match words {
        "key must be a string" => "put the key in double quotes",
        "expected value" | "expected ident" => {
            "texts stand in double quotes; a roster in YAML is called `.yaml`"
        }
        "trailing characters" => "remove what stands behind the last `}`",
        words if words.starts_with("expected `,`") => "a comma is missing before this",
        words if words.starts_with("expected `:`") => "a colon stands between key and value",
        words if words.starts_with("control character") => "write `\\n` for a line break in a text",
        "invalid escape" => "write `\\\\` for a backslash",
        _ => "a roster in YAML is called `.yaml`",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is found: the text at its place, and the message.
    fn found(text: &str) -> Vec<(&str, String)> {
        let json = JsonText::read(text);
        assert_eq!(json.plain.len(), text.len());
        let findings = json.judge(Vec::new(), true).into_iter();
        findings
            .map(|finding| {
                let shown = finding.span().clone();
                let one: Vec<_> =
                    crate::finding::locate(vec![finding], &crate::source::Source::new("x", text));
                (&text[shown], one[0].message.clone())
            })
            .collect()
    }

    #[test]
    fn every_comment_and_every_trailing_comma_is_found() {
        let text = "// é\n{\"a\": [1, 2,], # two\n \"b//#\": \"x,]\\\"//\", /* three\n lines */ }";
        let places: Vec<&str> = found(text).into_iter().map(|(place, _)| place).collect();
        assert_eq!(places, ["// é", ",", "# two", "/* three\n lines */", ","]);
        let json = JsonText::read(text);
        assert!(serde_json::from_str::<IgnoredAny>(&json.plain).is_ok());
    }

    #[test]
    fn json_has_no_finding() {
        for text in ["{\"a\": [1, {\"b\": \"// # ,]\"}]}", "[]", "\u{feff}{}"] {
            assert!(found(text).is_empty(), "{text}");
        }
    }

    #[test]
    fn what_else_is_wrong_is_told_at_its_place() {
        for (text, place, message) in [
            (
                "{\"é\": 1 \"b\": 2}",
                "\"",
                "this is no JSON: expected `,` or `}`",
            ),
            ("{\n  a: 1}", "a", "this is no JSON: key must be a string"),
            ("{\"a\": 'x'}", "'", "this is no JSON: expected value"),
            ("{\"a\": http://x}", "h", "this is no JSON: expected value"),
            ("{} x", "x", "this is no JSON: trailing characters"),
        ] {
            assert_eq!(found(text), [(place, message.to_owned())], "{text}");
        }
    }

    #[test]
    fn a_name_ends_in_json_in_any_case() {
        assert!(is_named_so("/a/roster.json") && is_named_so("R.JSON"));
        assert!(!is_named_so("json") && !is_named_so("a.json.yaml") && !is_named_so("-"));
    }
}
