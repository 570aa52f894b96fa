//! The chat between a fleet's orchestrator and its human, whatever carries it.
//!
//! This crate owns the trait that every carrier implements ([`OrchestratorConnector`]), the
//! messages and errors that they share, and the registry that turns a configuration into a
//! connector. Kinds are open: a crate that this one knows nothing of registers its own.
//!
//! It does not own the bridge, which moves messages between a connector and the orchestrator, nor
//! the roster's form of the configuration. Connectors ship behind features of their names; what
//! a fleet does not use need not be compiled. `conformance` is the suite that every connector has
//! to pass, for the tests of one's own.
//!
//! ```
//! use podfleet_connectors::{ConnectorConfig, ConnectorRegistry, Environment, OutboundMessage};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let directory = tempfile::tempdir()?;
//! # let directory = directory.path();
//! let config: ConnectorConfig = serde_json::from_value(serde_json::json!({
//!     "kind": "tmux",
//!     "place": { "socket": directory.join("chat.sock"), "directory": directory },
//! }))?;
//! let registry = ConnectorRegistry::shipped();
//! let chat = registry.create(&config, &Environment::default())?;
//! assert!(chat.health().await.is_good());
//!
//! // Said once, however often it is tried.
//! let message = OutboundMessage::new("build-7", "The build is **green**.");
//! chat.send(message.clone()).await?;
//! chat.send(message).await?;
//! # Ok(())
//! # }
//! ```

#[cfg(any(feature = "discord", feature = "matrix", feature = "tmux"))]
mod attached;
mod backoff;
mod chance;
mod config;
#[cfg(feature = "conformance")]
pub mod conformance;
mod connector;
#[cfg(feature = "discord")]
mod discord;
mod environment;
mod error;
#[cfg(any(feature = "discord", feature = "matrix"))]
mod in_the_clear;
mod kind;
#[cfg(feature = "matrix")]
mod markdown;
#[cfg(feature = "matrix")]
mod matrix;
mod media_type;
mod message;
mod registry;
#[cfg(any(feature = "discord", feature = "matrix"))]
mod split;
#[cfg(feature = "tmux")]
pub mod tmux;

pub use backoff::Backoff;
pub use config::{ConnectorConfig, Place};
pub use connector::{ConnectorHealth, InboundStream, OrchestratorConnector, Pruning};
pub use environment::{Environment, Secret};
pub use error::{ConnectorError, ConnectorErrorKind, Retry, in_one_line};
pub use kind::{ConnectorKind, InvalidKind};
pub use message::{
    Attachment, Content, InboundBatch, InboundMessage, OutboundMessage, SendReceipt,
};
pub use registry::{ConnectorRegistry, CreateError, CreateErrorKind};
