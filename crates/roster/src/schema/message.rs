//! The wording of the schema's findings.

use std::collections::HashSet;

use jsonschema::ValidationError;
use jsonschema::error::ValidationErrorKind as Kind;
use serde_json::Value;

use super::{Subject, expect};
use crate::catalog::Code;
use crate::finding::{Finding, Span};
use crate::secret;
use crate::spelling::{list, meant, nearest};
use crate::tree::{Entry, NodeId, NodeKind, Tree};

/// The place that an error of the schema is about.
pub(super) struct Place<'t> {
    pub(super) subject: Subject,
    pub(super) text: &'t str,
    pub(super) tree: &'t Tree,
    pub(super) node: NodeId,
    /// The entry whose value the node is; none for an item of a list and for the root.
    pub(super) entry: Option<&'t Entry>,
    /// The path as people write it, such as `agents[0].name`; empty for the root.
    pub(super) path: String,
}

impl<'t> Place<'t> {
    /// The place of the whole document.
    pub(super) const fn root(
        subject: Subject,
        text: &'t str,
        tree: &'t Tree,
        node: NodeId,
    ) -> Self {
        Self {
            subject,
            text,
            tree,
            node,
            entry: None,
            path: String::new(),
        }
    }

    fn span(&self) -> Span {
        let node = self.tree.node(self.node);
        match (&node.kind, self.entry) {
            // An absent value has no characters of its own to point at.
            (NodeKind::Null, Some(entry)) if node.span.is_empty() => entry.key_span.clone(),
            (NodeKind::Mapping(_) | NodeKind::List(_), _) => self.tree.head(self.node),
            _ => node.span.clone(),
        }
    }

    fn subject(&self) -> String {
        if self.path.is_empty() {
            self.subject.noun().to_owned()
        } else {
            format!("`{}`", secret::shown(&self.path))
        }
    }

    fn inside(&self) -> String {
        if self.path.is_empty() {
            "at the top level".to_owned()
        } else {
            format!("in `{}`", secret::shown(&self.path))
        }
    }

    /// The value as it is written, if it is a short scalar that may be repeated.
    fn written(&self) -> Option<&str> {
        let node = self.tree.node(self.node);
        let scalar = !matches!(node.kind, NodeKind::List(_) | NodeKind::Mapping(_));
        let written = self.text.get(node.span.clone())?;
        let short = !written.is_empty() && secret::shown(written) == written;
        (scalar && short).then_some(written)
    }

    fn keys(&self) -> impl Iterator<Item = &str> {
        let entries = self.tree.entries(self.node);
        entries.iter().map(|entry| entry.key.as_str())
    }
}

/// Makes the findings of one error. `rule` is the schema object whose keyword failed.
pub(super) fn findings(
    error: &ValidationError<'_>,
    place: &Place<'_>,
    rule: &Value,
) -> Vec<Finding> {
    match error.kind() {
        Kind::AdditionalProperties { unexpected } => unknown_keys(unexpected, place, rule),
        Kind::Required { property } => vec![missing_key(property, place)],
        Kind::AnyOf { .. } => match required_key(rule) {
            Some(key) => vec![missing_key(key, place)],
            None => vec![unknown_value(place, rule)],
        },
        Kind::Type { .. } => vec![wrong_type(place, rule)],
        Kind::Enum { .. } | Kind::Constant { .. } => vec![unknown_value(place, rule)],
        Kind::Not { schema } => vec![both_spellings(schema, place)],
        Kind::Pattern { pattern } => vec![wrong_form(pattern, place)],
        Kind::MinItems { .. } | Kind::MinLength { .. } => vec![too_short(place)],
        Kind::Minimum { .. } | Kind::Maximum { .. } => vec![out_of_range(place, rule)],
        _ => vec![Finding::new(
            Code::InvalidValue,
            &place.span(),
            format!("{}: {}", place.subject(), error.masked()),
        )],
    }
}

/// The keys that an unknown one can have meant: those that the schema knows at the place and that
/// are not given already.
pub(super) fn free_keys<'s>(place: &Place<'_>, rule: &'s Value) -> Vec<&'s str> {
    let given: HashSet<&str> = place.keys().collect();
    known_keys(rule)
        .filter(|key| !given.contains(key))
        .collect()
}

/// The keys that the schema knows at a place, without their camelCase twins.
fn known_keys(rule: &Value) -> impl Iterator<Item = &str> {
    let properties = rule.get("properties").and_then(Value::as_object);
    properties
        .into_iter()
        .flat_map(|properties| properties.keys())
        .map(String::as_str)
        .filter(|key| !key.contains(|c: char| c.is_ascii_uppercase()))
}

fn unknown_keys(unexpected: &[String], place: &Place<'_>, rule: &Value) -> Vec<Finding> {
    let unexpected: HashSet<&str> = unexpected.iter().map(String::as_str).collect();
    if rule.get("patternProperties").is_some() {
        return invalid_keys(&unexpected, place);
    }
    let free = free_keys(place, rule);
    let entries = place.tree.entries(place.node).iter();
    entries
        .filter(|entry| unexpected.contains(entry.key.as_str()))
        .map(|entry| {
            let key = secret::shown(&entry.key);
            let message = format!("unknown key `{key}` {}", place.inside());
            let help = match meant(&entry.key, free.iter().copied()) {
                Some(known) => format!("did you mean `{known}`?"),
                None => format!("known keys are {}", list(known_keys(rule), "and")),
            };
            Finding::new(Code::UnknownKey, &entry.key_span, message).help(help)
        })
        .collect()
}

/// The key that a choice of `required` demands in one of its spellings.
pub(super) fn required_key(rule: &Value) -> Option<&Value> {
    rule.get("anyOf")?.get(0)?.get("required")?.get(0)
}

fn missing_key(key: &Value, place: &Place<'_>) -> Finding {
    let key = key.as_str().unwrap_or_default();
    let span = place.tree.head(place.node);
    let message = format!("`{key}` is missing {}", place.inside());
    let finding = Finding::new(Code::MissingKey, &span, message);
    match expect::example(key) {
        Some(example) => finding.help(format!("add `{key}: {example}`")),
        None => finding.help(format!("add `{key}:`")),
    }
}

fn wrong_type(place: &Place<'_>, rule: &Value) -> Finding {
    let wanted = rule.get("type").and_then(Value::as_str).unwrap_or("value");
    let kind = &place.tree.node(place.node).kind;
    let message = format!(
        "{} is {}, expected {}",
        place.subject(),
        found(kind),
        expected(wanted)
    );
    let finding = Finding::new(Code::WrongType, &place.span(), message);
    match type_help(place, rule, wanted) {
        Some(help) => finding.help(help),
        None => finding,
    }
}

/// Returns whether a text would be right in this place; quotes alone must not lead into the next
/// fault.
fn is_valid(rule: &Value, text: &str) -> bool {
    let text = Value::String(text.to_owned());
    jsonschema::validator_for(rule).map_or(true, |validator| validator.is_valid(&text))
}

fn type_help(place: &Place<'_>, rule: &Value, wanted: &str) -> Option<String> {
    let kind = &place.tree.node(place.node).kind;
    let given = |value: &str| match place.entry {
        Some(entry) => format!("`{}: {value}`", secret::shown(&entry.key)),
        None => format!("`{value}`"),
    };
    match (kind, wanted) {
        (NodeKind::Null, _) => Some("give it a value, or remove the key".to_owned()),
        (NodeKind::Number(_) | NodeKind::Boolean(_), "string") => {
            let written = place.written()?;
            if is_valid(rule, written) {
                return Some(format!(
                    "put it in quotes: {}",
                    given(&format!("\"{written}\""))
                ));
            }
            let example = rule.get("examples")?.get(0)?.as_str()?;
            Some(format!("write it as in {}", given(example)))
        }
        (NodeKind::Text(text), "boolean") => Some(format!(
            "write {}",
            match text.to_ascii_lowercase().as_str() {
                "yes" | "on" | "true" | "y" => given("true"),
                "no" | "off" | "false" | "n" => given("false"),
                _ => "`true` or `false`".to_owned(),
            }
        )),
        (NodeKind::Text(text), "integer") => {
            let number: u64 = text.trim().parse().ok()?;
            Some(format!("remove the quotes: {}", given(&number.to_string())))
        }
        (NodeKind::Text(_), "array") => Some(format!(
            "write a list: {}",
            given(&format!("[{}]", place.written()?))
        )),
        _ => None,
    }
}

fn found(kind: &NodeKind) -> &'static str {
    match kind {
        NodeKind::Null => "nothing",
        NodeKind::Boolean(_) => "a boolean",
        NodeKind::Number(_) => "a number",
        NodeKind::Text(_) => "a string",
        NodeKind::List(_) => "a list",
        NodeKind::Mapping(_) => "a mapping",
    }
}

fn expected(kind: &str) -> &str {
    match kind {
        "object" => "a mapping",
        "array" => "a list",
        "string" => "a string",
        "boolean" => "a boolean",
        "integer" => "a whole number",
        "number" => "a number",
        other => other,
    }
}

fn is_value(place: &Place<'_>) -> String {
    match place.written() {
        Some(written) => format!("{} is `{written}`", place.subject()),
        None => format!("the value of {} is not allowed", place.subject()),
    }
}

fn unknown_value(place: &Place<'_>, rule: &Value) -> Finding {
    let choices = choices(rule);
    let forms = patterns(rule).filter_map(expect::form);
    let wanted: Vec<String> = choices
        .iter()
        .map(|choice| format!("`{choice}`"))
        .chain(forms.map(str::to_owned))
        .collect();
    let wanted = match wanted.as_slice() {
        [rest @ .., last] if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        all => all.concat(),
    };
    let message = format!("{}, expected {wanted}", is_value(place));
    let finding = Finding::new(Code::UnknownValue, &place.span(), message);
    let near = match &place.tree.node(place.node).kind {
        NodeKind::Text(text) => nearest(text, choices.iter().map(String::as_str)),
        _ => None,
    };
    match near {
        Some(near) => finding.help(format!("did you mean `{near}`?")),
        None => finding,
    }
}

/// The values that a rule allows one by one.
fn choices(rule: &Value) -> Vec<String> {
    let shown = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let own = rule.get("enum").and_then(Value::as_array);
    let branches = rule.get("anyOf").and_then(Value::as_array);
    let nested = branches.into_iter().flatten().flat_map(choices);
    let constant = rule.get("const").map(shown);
    own.into_iter()
        .flatten()
        .map(shown)
        .chain(constant)
        .chain(nested)
        .collect()
}

fn patterns(rule: &Value) -> impl Iterator<Item = &str> {
    let branches = rule.get("anyOf").and_then(Value::as_array);
    branches
        .into_iter()
        .flatten()
        .filter_map(|branch| branch.get("pattern")?.as_str())
}

fn both_spellings(schema: &Value, place: &Place<'_>) -> Finding {
    let pair: Vec<&str> = schema["required"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let entries = place.tree.entries(place.node);
    let mut given = entries
        .iter()
        .filter(|entry| pair.contains(&entry.key.as_str()));
    let (Some(first), Some(second)) = (given.next(), given.next()) else {
        return Finding::new(Code::BothSpellings, &place.span(), "a key is given twice");
    };
    let message = format!("`{}` and `{}` are the same key", first.key, second.key);
    Finding::new(Code::BothSpellings, &second.key_span, message)
        .related(&first.key_span, "first given here")
        .help("keep one of the two")
}

fn invalid_keys(unexpected: &HashSet<&str>, place: &Place<'_>) -> Vec<Finding> {
    let entries = place.tree.entries(place.node).iter();
    entries
        .filter(|entry| unexpected.contains(entry.key.as_str()))
        .map(|entry| {
            let message = format!(
                "`{}` {} is not the name of an environment variable",
                secret::shown(&entry.key),
                place.inside()
            );
            Finding::new(Code::InvalidValue, &entry.key_span, message)
                .help("a name has letters, digits and `_`, and does not start with a digit")
        })
        .collect()
}

fn wrong_form(pattern: &str, place: &Place<'_>) -> Finding {
    let reason = match &place.tree.node(place.node).kind {
        NodeKind::Text(text) => expect::reason(pattern, text),
        _ => None,
    };
    let message = match reason {
        Some(reason) => format!("{}: {reason}", is_value(place)),
        None => is_value(place),
    };
    let finding = Finding::new(Code::InvalidValue, &place.span(), message);
    match expect::form(pattern) {
        Some(form) => finding.help(format!("expected {form}")),
        None => finding,
    }
}

fn too_short(place: &Place<'_>) -> Finding {
    let message = format!("{} is empty", place.subject());
    let help = match place.tree.node(place.node).kind {
        NodeKind::List(_) => "give at least one item",
        _ => "give it a value",
    };
    Finding::new(Code::InvalidValue, &place.span(), message).help(help)
}

fn out_of_range(place: &Place<'_>, rule: &Value) -> Finding {
    let bound = |key| rule.get(key).map(Value::to_string);
    let range = match (bound("minimum"), bound("maximum")) {
        (Some(least), Some(most)) => format!("{least} to {most}"),
        (Some(least), None) => format!("at least {least}"),
        (None, most) => format!("at most {}", most.unwrap_or_default()),
    };
    let message = format!("{}, expected {range}", is_value(place));
    Finding::new(Code::InvalidValue, &place.span(), message)
}
