//! The chat between a fleet's orchestrator and its human, whatever carries it.
//!
//! This crate owns the trait that every carrier implements ([`OrchestratorConnector`]), the
//! messages and errors that they share, and the registry that turns a configuration into a
//! connector. Kinds are open: a crate that this one knows nothing of registers its own.
//!
//! It does not own the bridge, which moves messages between a connector and the orchestrator, nor
//! the roster's form of the configuration. It ships no connector yet; of the kind `tmux` there
//! are the settings, and [`ConnectorRegistry::create`] says honestly that nothing is registered
//! for it.
//!
//! ```
//! use podfleet_connectors::{ConnectorConfig, ConnectorRegistry, CreateErrorKind, Environment};
//!
//! let registry = ConnectorRegistry::default();
//! let error = registry.create(&ConnectorConfig::default(), &Environment::default()).err().expect("nothing is registered");
//! assert!(matches!(error.kind(), CreateErrorKind::NotRegistered { .. }));
//! assert_eq!(error.to_string(), "no connector of kind `tmux` is registered (known: none)");
//! ```

mod config;
mod connector;
mod environment;
mod error;
mod kind;
mod message;
mod registry;
#[cfg(feature = "tmux")]
mod tmux;

pub use config::ConnectorConfig;
pub use connector::{ConnectorHealth, InboundStream, OrchestratorConnector};
pub use environment::{Environment, Secret};
pub use error::{ConnectorError, ConnectorErrorKind, Retry};
pub use kind::{ConnectorKind, InvalidKind};
pub use message::{Attachment, Content, InboundMessage, OutboundMessage, SendReceipt};
pub use registry::{ConnectorRegistry, CreateError, CreateErrorKind};
#[cfg(feature = "tmux")]
pub use tmux::TmuxSettings;
