//! The configuration of a connector.

use std::path::PathBuf;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::{ConnectorKind, CreateError};

/// Which connector a fleet wants, and the settings of that kind. Never a secret: those are taken
/// from the [`Environment`](crate::Environment).
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConnectorConfig {
    /// The kind; `tmux` for a fleet that chose none.
    #[serde(default)]
    pub kind: ConnectorKind,
    /// What the kind's factory reads.
    #[serde(default)]
    pub settings: Map<String, Value>,
    /// Where a connector may keep files and listen, if its caller gives it a place.
    #[serde(default)]
    pub place: Option<Place>,
}

/// A connector's place on this host; private to its user.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// The path of a Unix socket that it may make; at most 107 bytes.
    pub socket: PathBuf,
    /// A directory that it may make, and keep files in.
    pub directory: PathBuf,
}

impl ConnectorConfig {
    /// Reads the settings as the type of a kind.
    ///
    /// # Errors
    ///
    /// When they do not have that type's form; for factories to pass on.
    pub fn settings<T: DeserializeOwned>(&self) -> Result<T, CreateError> {
        serde_json::from_value(Value::Object(self.settings.clone()))
            .map_err(|error| CreateError::settings(&self.kind, error))
    }
}
