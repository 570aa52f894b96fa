//! Fields by name, and their values as a person writes them on a command line.

use std::fmt;

use serde_json::{Value, json};

use super::error::EditErrorKind;
use crate::schema;
use crate::secret;
use crate::spelling::{self, camel_case, nearest};
use crate::syntax;

/// A field of an agent or of the roster itself, by its keys with dots between them.
///
/// Keys are taken in either spelling: `resources.memory_max` is `resources.memoryMax`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    pub(super) agent: Option<String>,
    path: String,
}

impl Field {
    /// Names a field of an agent, such as `restart.policy`.
    #[must_use]
    pub fn of_agent(agent: impl Into<String>, path: impl Into<String>) -> Self {
        Self {
            agent: Some(agent.into()),
            path: path.into(),
        }
    }

    /// Names a field of the roster itself, such as `tmux.socket_name`.
    #[must_use]
    pub fn of_roster(path: impl Into<String>) -> Self {
        Self {
            agent: None,
            path: path.into(),
        }
    }

    /// Returns its keys, with dots between them.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Returns the agent whose field it is; none for a field of the roster itself.
    #[must_use]
    pub fn agent(&self) -> Option<&str> {
        self.agent.as_deref()
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.agent {
            Some(agent) => write!(f, "{agent}.{}", self.path),
            None => f.write_str(&self.path),
        }
    }
}

/// A field that the schema knows.
pub(super) struct Known {
    /// Its keys in `snake_case`.
    pub(super) path: Vec<String>,
    /// Whether its value is a text, whatever it looks like.
    text: bool,
}

/// Finds a field in the schema.
pub(super) fn find(field: &Field) -> Result<Known, EditErrorKind> {
    let schema = schema::published();
    let mut at = match field.agent {
        Some(_) => &schema["$defs"]["Agent"],
        None => schema,
    };
    let mut path = Vec::new();
    for key in field.path.split('.') {
        let (key, inner) = step(schema, at, key).ok_or_else(|| unknown(field, &path, at))?;
        path.push(key);
        at = inner;
    }
    if field.agent.is_some() && path == ["name"] {
        return Err(EditErrorKind::Identity);
    }
    let text = at["type"] == json!("string") || at.get("enum").is_some();
    Ok(Known { path, text })
}

fn resolved<'s>(schema: &'s Value, at: &'s Value) -> &'s Value {
    let name = at["$ref"]
        .as_str()
        .and_then(|to| to.strip_prefix("#/$defs/"));
    name.map_or(at, |name| &schema["$defs"][name])
}

/// The schema of a key, with the key in `snake_case`.
fn step<'s>(schema: &'s Value, at: &'s Value, key: &str) -> Option<(String, &'s Value)> {
    if let Some(properties) = at["properties"].as_object()
        && let Some(name) = properties.keys().find(|name| *name == key)
    {
        let twin = |snake: &&String| *snake != name && camel_case(snake) == *name;
        let snake = properties.keys().find(twin);
        let snake = snake.unwrap_or(name);
        return Some((snake.clone(), resolved(schema, &properties[name])));
    }
    if key.is_empty() {
        return None;
    }
    let patterns = at["patternProperties"].as_object();
    // What the key has to look like, the schema says of the result.
    if let Some(inner) = patterns.and_then(|patterns| patterns.values().next()) {
        return Some((key.to_owned(), inner));
    }
    match &at["additionalProperties"] {
        free @ (Value::Object(_) | Value::Bool(true)) => {
            Some((key.to_owned(), resolved(schema, free)))
        }
        // Inside of what is free, all is.
        Value::Null if *at == Value::Bool(true) => Some((key.to_owned(), at)),
        _ => None,
    }
}

fn unknown(field: &Field, found: &[String], at: &Value) -> EditErrorKind {
    let index = found.len();
    let key = field.path.split('.').nth(index).unwrap_or_default();
    let under = |key: &str| [found, &[key.to_owned()]].concat().join(".");
    let names: Vec<String> = at["properties"]
        .as_object()
        .into_iter()
        .flat_map(|properties| properties.keys())
        .filter(|name| !name.contains(char::is_uppercase))
        // An agent's name cannot be set.
        .filter(|name| field.agent.is_none() || *name != "name")
        .map(|name| under(name))
        .collect();
    let last = |name: &str| name.rsplit('.').next().unwrap_or_default().to_owned();
    let keys: Vec<String> = names.iter().map(|name| last(name)).collect();
    let near = nearest(key, keys.iter().map(String::as_str));
    let known = match near {
        Some(near) => format!("did you mean `{}`?", under(near)),
        None if key.is_empty() && !found.is_empty() => {
            format!("`{}.` lacks the name of what is in it", found.join("."))
        }
        None if names.is_empty() => format!("`{}` has no fields in it", found.join(".")),
        None => {
            let names = names.iter().map(String::as_str);
            format!("fields are {}", spelling::list(names, "and"))
        }
    };
    EditErrorKind::UnknownField {
        path: secret::shown(&field.path).to_string(),
        known,
    }
}

/// Reads a value as it is written on a command line: a field that holds a text takes it as it is,
/// every other one reads it as YAML.
pub(super) fn read(field: &Field, known: &Known, text: &str) -> Result<Value, EditErrorKind> {
    if known.text {
        return Ok(Value::String(text.to_owned()));
    }
    let unreadable = || EditErrorKind::NoValue {
        path: field.path.clone(),
    };
    let read = syntax::read(text);
    let root = read.tree.root().filter(|_| read.findings.is_empty());
    Ok(read.tree.value(root.ok_or_else(unreadable)?))
}
