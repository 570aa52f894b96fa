//! Which carrier a connector is of.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The kind of a connector: `tmux`, `matrix`, `discord`, or `x-…` of another crate.
///
/// An open set: 1 to 32 lower-case letters, digits and `-`, beginning with a letter.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ConnectorKind(String);

/// A text is no [`ConnectorKind`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("connector kind {0:?} is not 1 to 32 lower-case letters, digits or `-` after a letter")]
pub struct InvalidKind(String);

impl ConnectorKind {
    /// Checks a kind.
    ///
    /// # Errors
    ///
    /// For a text outside the grammar above. Whether anything is registered for it is another
    /// question.
    pub fn new(kind: impl Into<String>) -> Result<Self, InvalidKind> {
        let kind = kind.into();
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let valid = kind.len() <= 32
            && kind.starts_with(|c: char| c.is_ascii_lowercase())
            && kind.chars().all(allowed);
        if valid {
            Ok(Self(kind))
        } else {
            Err(InvalidKind(kind))
        }
    }

    /// The kind of a fleet that chose none: the chat in a terminal.
    pub fn tmux() -> Self {
        Self("tmux".to_owned())
    }

    /// The kind of a channel of a Discord server.
    pub fn discord() -> Self {
        Self("discord".to_owned())
    }

    /// The kind of a room of a Matrix homeserver.
    pub fn matrix() -> Self {
        Self("matrix".to_owned())
    }

    /// The kind as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for ConnectorKind {
    fn default() -> Self {
        Self::tmux()
    }
}

impl fmt::Display for ConnectorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for ConnectorKind {
    type Error = InvalidKind;

    fn try_from(kind: String) -> Result<Self, InvalidKind> {
        Self::new(kind)
    }
}

impl From<ConnectorKind> for String {
    fn from(kind: ConnectorKind) -> Self {
        kind.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_open_and_plain() {
        for kind in ["tmux", "matrix", "x-carrier-pigeon2"] {
            assert_eq!(ConnectorKind::new(kind).unwrap().as_str(), kind);
        }
        for kind in ["", "Matrix", "2x", "-x", "a b", &"x".repeat(33)] {
            assert!(ConnectorKind::new(kind).is_err(), "{kind}");
        }
        assert!(serde_json::from_str::<ConnectorKind>("\"a b\"").is_err());
    }
}
