//! From a configuration to a connector.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

use crate::{ConnectorConfig, ConnectorKind, Environment, OrchestratorConnector};

type Factory = dyn Fn(&ConnectorConfig, &Environment) -> Result<Arc<dyn OrchestratorConnector>, CreateError>
    + Send
    + Sync;

/// The kinds of connector that a program knows, and how each is made. A value, not a global: two
/// fleets in one process may know different ones.
#[derive(Clone, Default)]
pub struct ConnectorRegistry {
    factories: BTreeMap<ConnectorKind, Arc<Factory>>,
}

impl ConnectorRegistry {
    /// Returns the kinds that ship with this build: those whose features are on.
    #[must_use]
    pub fn shipped() -> Self {
        #[cfg_attr(
            not(any(feature = "discord", feature = "matrix", feature = "tmux")),
            expect(unused_mut, reason = "where none ships, none is registered")
        )]
        let mut registry = Self::default();
        #[cfg(feature = "tmux")]
        crate::tmux::register(&mut registry);
        #[cfg(feature = "discord")]
        crate::discord::register(&mut registry);
        #[cfg(feature = "matrix")]
        crate::matrix::register(&mut registry);
        registry
    }

    /// Registers how a kind is made; replaces what was registered for it before.
    pub fn register<F>(&mut self, kind: ConnectorKind, factory: F) -> &mut Self
    where
        F: Fn(
                &ConnectorConfig,
                &Environment,
            ) -> Result<Arc<dyn OrchestratorConnector>, CreateError>
            + Send
            + Sync
            + 'static,
    {
        self.factories.insert(kind, Arc::new(factory));
        self
    }

    /// The kinds that can be created, in order of their names.
    pub fn kinds(&self) -> impl Iterator<Item = &ConnectorKind> {
        self.factories.keys()
    }

    /// Makes the connector of a configuration. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// When the kind is not registered, its settings are wrong, or a secret is missing.
    pub fn create(
        &self,
        config: &ConnectorConfig,
        env: &Environment,
    ) -> Result<Arc<dyn OrchestratorConnector>, CreateError> {
        match self.factories.get(&config.kind) {
            Some(factory) => factory(config, env),
            None => Err(CreateError::not_registered(&config.kind, self.kinds())),
        }
    }
}

impl fmt::Debug for ConnectorRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.kinds()).finish()
    }
}

/// Why a connector could not be made.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct CreateError {
    kind: CreateErrorKind,
    message: String,
    #[source]
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// The kinds of [`CreateError`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CreateErrorKind {
    /// Nothing is registered for the kind.
    NotRegistered {
        /// The kind that was asked for.
        kind: ConnectorKind,
        /// The kinds that are registered.
        known: Vec<ConnectorKind>,
    },
    /// The settings do not have the kind's form.
    Settings,
    /// The kind needs a place on this host and was given none.
    NoPlace,
    /// What it needs to reach its service cannot be made on this machine.
    Client,
    /// A secret is in neither of its places.
    MissingSecret {
        /// The variable that should hold it.
        variable: String,
    },
    /// The file that should hold a secret cannot be used.
    UnreadableSecret {
        /// The variable whose file it is.
        variable: String,
    },
}

impl CreateError {
    fn not_registered<'a>(
        kind: &ConnectorKind,
        known: impl Iterator<Item = &'a ConnectorKind>,
    ) -> Self {
        let known: Vec<ConnectorKind> = known.cloned().collect();
        let list = known
            .iter()
            .map(ConnectorKind::as_str)
            .collect::<Vec<_>>()
            .join(", ");
        let list = if list.is_empty() { "none" } else { &list };
        let message = format!("no connector of kind `{kind}` is registered (known: {list})");
        let kind = CreateErrorKind::NotRegistered {
            kind: kind.clone(),
            known,
        };
        Self {
            kind,
            message,
            source: None,
        }
    }

    pub(crate) fn settings(kind: &ConnectorKind, cause: serde_json::Error) -> Self {
        let message = format!("read the settings of connector `{kind}`");
        Self {
            kind: CreateErrorKind::Settings,
            message,
            source: Some(cause.into()),
        }
    }

    #[cfg(feature = "tmux")]
    pub(crate) fn no_place(kind: &ConnectorKind) -> Self {
        Self {
            kind: CreateErrorKind::NoPlace,
            message: format!("connector `{kind}` needs a place on this host"),
            source: None,
        }
    }

    #[cfg(any(feature = "discord", feature = "matrix"))]
    pub(crate) fn client(
        kind: &ConnectorKind,
        cause: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self {
            kind: CreateErrorKind::Client,
            message: format!("connector `{kind}` cannot make its HTTP client"),
            source: Some(cause.into()),
        }
    }

    pub(crate) fn missing_secret(variable: &str) -> Self {
        let message =
            format!("`{variable}` is missing or empty, and so is what `{variable}_FILE` names");
        let kind = CreateErrorKind::MissingSecret {
            variable: variable.to_owned(),
        };
        Self {
            kind,
            message,
            source: None,
        }
    }

    pub(crate) fn unreadable_secret(variable: &str, path: &str, cause: std::io::Error) -> Self {
        let message = format!("read {path}, named by `{variable}_FILE`");
        let kind = CreateErrorKind::UnreadableSecret {
            variable: variable.to_owned(),
        };
        Self {
            kind,
            message,
            source: Some(cause.into()),
        }
    }

    /// What kind of failure it is.
    pub fn kind(&self) -> &CreateErrorKind {
        &self.kind
    }
}
