//! The trait that every carrier implements.

use std::pin::Pin;
use std::time::SystemTime;

use async_trait::async_trait;
use futures_util::Stream;

use crate::{ConnectorError, ConnectorKind, InboundMessage, OutboundMessage, SendReceipt};

/// What humans say, as it comes. Dropping it ends the subscription and aborts its requests.
pub type InboundStream =
    Pin<Box<dyn Stream<Item = Result<InboundMessage, ConnectorError>> + Send + 'static>>;

/// A chat between a fleet's orchestrator and its human.
#[async_trait]
pub trait OrchestratorConnector: Send + Sync {
    /// The kind that it was registered as.
    fn kind(&self) -> ConnectorKind;

    /// Says something. Sending the same idempotency key again does not say it twice.
    ///
    /// # Errors
    ///
    /// See [`ConnectorError::retry`] for what to do then.
    async fn send(&self, message: OutboundMessage) -> Result<SendReceipt, ConnectorError>;

    /// Listens. Every message is given at least once, over restarts too; an error that is not
    /// worth another try ends the stream.
    ///
    /// # Errors
    ///
    /// When listening cannot begin.
    async fn subscribe(&self) -> Result<InboundStream, ConnectorError>;

    /// Reports whether it works. It never fails: what is wrong is in the report.
    async fn health(&self) -> ConnectorHealth;
}

/// Whether a connector works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectorHealth {
    /// Whether the service answers.
    pub reachable: bool,
    /// Whether it knows us.
    pub authenticated: bool,
    /// When it was last heard of.
    pub last_seen: Option<SystemTime>,
    /// What a person should know: the room that is missing, the reason of a failure.
    pub detail: Option<String>,
}
