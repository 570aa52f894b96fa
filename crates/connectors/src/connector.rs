//! The trait that every carrier implements.

use std::pin::Pin;
use std::time::SystemTime;

use async_trait::async_trait;
use futures_util::Stream;

use crate::{ConnectorError, ConnectorKind, InboundBatch, OutboundMessage, SendReceipt};

/// What humans say, as it comes. Dropping it ends the subscription and aborts its requests; no task
/// and no connection of it is left.
pub type InboundStream =
    Pin<Box<dyn Stream<Item = Result<InboundBatch, ConnectorError>> + Send + 'static>>;

/// A chat between a fleet's orchestrator and its human.
#[async_trait]
pub trait OrchestratorConnector: Send + Sync {
    /// The kind that it was registered as.
    fn kind(&self) -> ConnectorKind;

    /// Names the room, channel or file that it talks in.
    fn channel(&self) -> String;

    /// Names what a cursor is valid for: the channel, and what else it depends on.
    fn cursor_of(&self) -> String {
        self.channel()
    }

    /// Whether nobody but the user whose fleet it is can speak in it, as at a terminal of this host:
    /// then whoever speaks may give commands.
    fn is_own_users_alone(&self) -> bool {
        false
    }

    /// Says something. Sending the same idempotency key again does not say it twice, within the
    /// time for which the carrier remembers keys; [`OutboundMessage::again`] is for after that.
    ///
    /// # Errors
    ///
    /// See [`ConnectorError::retry`] for what to do then.
    async fn send(&self, message: OutboundMessage) -> Result<SendReceipt, ConnectorError>;

    /// Listens, from a cursor that an earlier subscription gave; from now on without one, so that
    /// nothing old is taken for new.
    ///
    /// Whoever listens stores [`InboundBatch::cursor`] once it has taken the batch's messages. So
    /// every message is given at least once, over restarts too, and one whose cursor was not
    /// stored is given again under the same id. Pauses after failures that may pass are made
    /// inside; each failure is told all the same, and one that is not worth another try ends the
    /// stream. The first batch, and the first after a failure, comes as soon as the carrier answers,
    /// without messages if there are none: by it whoever listens knows that they would come.
    ///
    /// # Errors
    ///
    /// When listening cannot begin.
    async fn subscribe(&self, from: Option<&str>) -> Result<InboundStream, ConnectorError>;

    /// Reports whether it works. It never fails: what is wrong is in the report.
    async fn health(&self) -> ConnectorHealth;

    /// Removes what the connector itself keeps on this host of old messages; returns how many there
    /// were. Where the carrier keeps them there is nothing to do, and that is the default.
    ///
    /// # Errors
    ///
    /// When it cannot be removed; then all of it is there.
    async fn prune(&self, _pruning: &Pruning) -> Result<u64, ConnectorError> {
        Ok(0)
    }
}

/// What may be removed of the messages that a connector keeps on this host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pruning {
    /// Only what was said before this.
    pub before: SystemTime,
    /// Only what was heard: the cursor that was stored last. Nothing without one.
    pub heard: Option<String>,
    /// Count, and remove nothing.
    pub dry_run: bool,
}

/// Whether a connector works.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConnectorHealth {
    /// Whether the service answers.
    pub reachable: bool,
    /// Whether it knows us.
    pub authenticated: bool,
    /// When it was last heard of.
    pub last_seen: Option<SystemTime>,
    /// What a person should know: the room that is missing, the reason of a failure. Nothing if
    /// all is well.
    pub detail: Option<String>,
}

impl ConnectorHealth {
    /// Returns whether messages can be expected to go through.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.reachable && self.authenticated && self.detail.is_none()
    }
}
