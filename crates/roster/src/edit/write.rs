//! Values as text, in the manner of what stands around them.

use granit_parser::ScalarStyle;
use serde_json::{Map, Value};

use crate::syntax::resolves_to_text;

/// The manner in which a value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner<'t> {
    /// JSON, and nothing but JSON; a compact one has no blanks between its parts.
    Json { compact: bool },
    /// In brackets, or in one line.
    Flow,
    /// A block whose lines stand below each other in this column.
    Block { column: usize, newline: &'t str },
}

impl Manner<'_> {
    /// What stands inside of brackets.
    pub(super) const fn inside(self) -> Self {
        match self {
            Self::Json { compact } => Self::Json { compact },
            Self::Flow | Self::Block { .. } => Self::Flow,
        }
    }
}

impl Manner<'_> {
    /// What stands between two parts in brackets.
    pub(super) const fn between(self) -> &'static str {
        match self {
            Self::Json { compact: true } => ",",
            Self::Json { compact: false } | Self::Flow | Self::Block { .. } => ", ",
        }
    }

    /// What stands between a key and its value in one line.
    const fn colon(self) -> &'static str {
        match self {
            Self::Json { compact: true } => ":",
            Self::Json { compact: false } | Self::Flow | Self::Block { .. } => ": ",
        }
    }
}

/// Writes a key.
pub(super) fn key(key: &str, manner: Manner<'_>) -> String {
    text(key, manner.inside(), ScalarStyle::Plain)
}

/// Writes a value into the line that it begins in: a scalar, or a collection in brackets.
pub(super) fn inline(value: &Value, manner: Manner<'_>, quoting: ScalarStyle) -> String {
    let inside = manner.inside();
    match value {
        Value::String(string) => text(string, manner, quoting),
        Value::Array(items) => {
            let items = items
                .iter()
                .map(|item| inline(item, inside, ScalarStyle::Plain));
            format!("[{}]", items.collect::<Vec<_>>().join(inside.between()))
        }
        Value::Object(fields) => inline_entries(pairs(fields), inside),
        other => other.to_string(),
    }
}

/// Writes `key: value`; a mapping in a block becomes lines of its own.
pub(super) fn entry(name: &str, value: &Value, manner: Manner<'_>) -> String {
    match (value, manner) {
        (Value::Object(fields), Manner::Block { column, newline }) if !fields.is_empty() => {
            let column = column + INDENT;
            let inner = Manner::Block { column, newline };
            let start = format!("{newline}{}", " ".repeat(column));
            format!(
                "{}:{start}{}",
                key(name, manner),
                entries(pairs(fields), inner)
            )
        }
        _ => format!(
            "{}{}{}",
            key(name, manner),
            manner.colon(),
            inline(value, manner, ScalarStyle::Plain)
        ),
    }
}

/// Writes the fields of a mapping below each other, the first without its indentation.
pub(super) fn entries<'f>(
    fields: impl Iterator<Item = (&'f str, &'f Value)>,
    manner: Manner<'_>,
) -> String {
    let between = match manner {
        Manner::Block { column, newline } => format!("{newline}{}", " ".repeat(column)),
        Manner::Json { .. } | Manner::Flow => manner.between().to_owned(),
    };
    let fields = fields.map(|(name, value)| entry(name, value, manner));
    fields.collect::<Vec<_>>().join(&between)
}

/// Writes a mapping in brackets, in one line.
pub(super) fn inline_entries<'f>(
    fields: impl Iterator<Item = (&'f str, &'f Value)>,
    manner: Manner<'_>,
) -> String {
    format!("{{{}}}", entries(fields, manner.inside()))
}

/// The fields of a mapping.
pub(super) fn pairs(fields: &Map<String, Value>) -> impl Iterator<Item = (&str, &Value)> {
    fields.iter().map(|(name, value)| (name.as_str(), value))
}

/// How much deeper a block stands than what it is in.
pub(super) const INDENT: usize = 2;

fn text(text: &str, manner: Manner<'_>, quoting: ScalarStyle) -> String {
    if matches!(manner, Manner::Json { .. }) {
        return double_quoted(text);
    }
    if let Manner::Block { column, newline } = manner
        && let Some(literal) = literal(text, column + INDENT, newline)
    {
        return literal;
    }
    match quoting {
        ScalarStyle::SingleQuoted if !text.contains(is_special) => {
            format!("'{}'", text.replace('\'', "''"))
        }
        ScalarStyle::DoubleQuoted | ScalarStyle::SingleQuoted => double_quoted(text),
        _ if is_plain(text) => text.to_owned(),
        _ => double_quoted(text),
    }
}

/// Writes a text of several lines as it is, if a block can hold it unchanged.
fn literal(text: &str, column: usize, newline: &str) -> Option<String> {
    let holds = |line: &str| !line.contains(is_special) && !line.ends_with([' ', '\t']);
    let fits =
        text.contains('\n') && !text.starts_with([' ', '\n', '\t']) && text.split('\n').all(holds);
    if !fits {
        return None;
    }
    let (header, body) = match text.strip_suffix('\n') {
        None => ("|-", text),
        Some(body) if !body.ends_with('\n') => ("|", body),
        Some(_) => return None,
    };
    let mut literal = header.to_owned();
    for line in body.split('\n') {
        literal.push_str(newline);
        if !line.is_empty() {
            literal.push_str(&" ".repeat(column));
            literal.push_str(line);
        }
    }
    Some(literal)
}

/// Whether a text reads back as itself without quotes, also with readers of older YAML.
fn is_plain(text: &str) -> bool {
    let begins = |c: char| c.is_alphanumeric() || "_/~.".contains(c);
    let holds = |c: char| c.is_alphanumeric() || "_-./@+~ :=%".contains(c);
    text.starts_with(begins)
        && text.chars().all(holds)
        && !text.contains(": ")
        && !text.ends_with([' ', ':'])
        && resolves_to_text(text)
        && !is_older_scalar(text)
}

/// What YAML 1.1 takes for a boolean, a number, a date or a time of day.
fn is_older_scalar(text: &str) -> bool {
    const WORDS: [&str; 6] = ["y", "n", "yes", "no", "on", "off"];
    let numeric = text.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && !text.ends_with(|c: char| c.is_ascii_alphabetic());
    numeric || WORDS.contains(&text.to_ascii_lowercase().as_str())
}

/// Characters that only an escape can stand for.
fn is_special(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}'
        )
}

/// Writes a text in double quotes, as JSON and YAML both read it.
fn double_quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            c if is_special(c) => quoted.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}
