//! The checked name.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// The longest name in characters (all are ASCII, so also in bytes).
pub const MAX_NAME_LENGTH: usize = 64;

/// The grammar of a [`Name`] as a regular expression (ECMA-262, as JSON Schema wants it).
pub(crate) const NAME_PATTERN: &str = "^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$";

/// A checked name: of an agent, a fleet or a tenant.
///
/// It has 1 to 64 characters out of ASCII letters, digits, `_`, `.` and `-`, and starts with none
/// of the last two, so that it can stand in a path, a unit name and an argument vector without
/// quoting and without being taken for a flag or a hidden file.
///
/// ```
/// use podfleet_roster::Name;
///
/// assert_eq!("coder0".parse::<Name>().unwrap().as_str(), "coder0");
/// assert!("-rf".parse::<Name>().is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name(String);

/// The name of an agent: also the name of its pod, its tmux session and its unit's instance.
pub type AgentName = Name;

/// The name of a fleet.
pub type FleetName = Name;

/// Why a text is not a [`Name`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a name: {reason}")]
pub struct InvalidName {
    text: String,
    reason: Cow<'static, str>,
}

impl InvalidName {
    /// Returns what is wrong, without the name itself.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

impl Name {
    /// Checks a text and makes it a name.
    ///
    /// # Errors
    ///
    /// When the text is empty, longer than [`MAX_NAME_LENGTH`], or has a character that the
    /// grammar does not allow at its place.
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidName> {
        let text = text.into();
        match fault(&text) {
            None => Ok(Self(text)),
            Some(reason) => Err(InvalidName { text, reason }),
        }
    }

    /// Returns the name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The fleet's name where a roster gives none.
    pub(crate) fn default_fleet() -> Self {
        Self("default".to_owned())
    }
}

fn fault(text: &str) -> Option<Cow<'static, str>> {
    let Some(first) = text.chars().next() else {
        return Some(Cow::Borrowed("it is empty"));
    };
    if let Some(bad) = text
        .chars()
        .find(|c| !(c.is_ascii_alphanumeric() || "_.-".contains(*c)))
    {
        return Some(Cow::Owned(format!("it contains {bad:?}")));
    }
    if first == '.' || first == '-' {
        return Some(Cow::Owned(format!("it starts with {first:?}")));
    }
    (text.len() > MAX_NAME_LENGTH).then(|| {
        Cow::Owned(format!(
            "it has {} characters, {MAX_NAME_LENGTH} are allowed",
            text.len()
        ))
    })
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<str> for Name {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::new(text)
    }
}

impl TryFrom<String> for Name {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::new(text)
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.0
    }
}

impl JsonSchema for Name {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Name".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": NAME_PATTERN })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_what_is_wrong_with_it() {
        let reason = |text: &str| Name::new(text).unwrap_err().reason().to_owned();
        assert_eq!(reason(""), "it is empty");
        assert_eq!(reason("a b"), "it contains ' '");
        assert_eq!(reason("../x"), "it contains '/'");
        assert_eq!(reason(".x"), "it starts with '.'");
        assert_eq!(
            reason(&"x".repeat(65)),
            "it has 65 characters, 64 are allowed"
        );
    }

    #[test]
    fn the_longest_name_is_allowed() {
        assert!(Name::new("x".repeat(MAX_NAME_LENGTH)).is_ok());
    }
}
