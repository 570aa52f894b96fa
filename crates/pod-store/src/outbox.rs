//! The outbox: what happened to a pod by another hand, for that pod's own log and inbox.

use podfleet_protocol::{Kind, Message, MessageId, Outcome, PodId, Receipt, UnixMillis};
use serde::{Deserialize, Serialize};

use crate::relation::{PodLabel, Writer};

/// A place in the order of outbox events, over all pods of a store; never used twice.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OutboxPlace(pub u64);

/// Something that concerns a pod and was committed together with what it tells of.
///
/// Each pod copies its own events to its log, at once or at its next start, and then
/// [clears](crate::RelationStore::clear_outbox) them. A crash between the two gives it the same event
/// again, under the same place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxEvent {
    /// Its place in the order.
    pub place: OutboxPlace,
    /// What happened.
    pub change: RelationChange,
    /// The pod that did it; `None` if it was the operator.
    pub by: Option<PodId>,
    /// When.
    pub at: UnixMillis,
}

/// Who changes something, and when.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Act {
    pub(crate) by: Option<PodId>,
    pub(crate) at: UnixMillis,
}

impl Act {
    pub(crate) fn of(by: Writer, at: UnixMillis) -> Self {
        Self { by: by.pod(), at }
    }
}

/// What happened to the pod in whose outbox it is: to its relations, or to what it has sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
#[non_exhaustive]
pub enum RelationChange {
    /// It has a new peer.
    PeerAdded {
        /// The peer.
        peer: PodLabel,
    },
    /// A peer is none any more, by order or because it was forgotten.
    PeerRemoved {
        /// The peer.
        peer: PodLabel,
    },
    /// A child of it was reserved.
    ChildAdded {
        /// The child.
        child: PodLabel,
    },
    /// The spawning of a child has succeeded.
    ChildConfirmed {
        /// The child.
        child: PodLabel,
    },
    /// A child was stopped by order. It can be restored.
    ChildEnded {
        /// The child.
        child: PodLabel,
    },
    /// A child is gone with all its records: withdrawn or forgotten.
    ChildRemoved {
        /// The child.
        child: PodLabel,
    },
    /// It was made as a child of a pod.
    ParentAdded {
        /// The parent.
        parent: PodLabel,
    },
    /// Its parent was forgotten; it is nobody's child now.
    ParentRemoved {
        /// The former parent.
        parent: PodLabel,
    },
    /// A child tells what happened to it. Its pod takes that into its inbox.
    ChildReported {
        /// The child.
        child: PodLabel,
        /// What it tells.
        report: Report,
    },
    /// A message that it sent is in the receiver's inbox. Not told of one that was there already.
    MessageSent {
        /// The receiver.
        to: PodLabel,
        /// The message.
        message: SentMessage,
        /// Its place among the undelivered, counted from 1.
        position: u32,
    },
    /// Nothing more will be learnt of a message that it sent.
    MessageSettled {
        /// The receiver.
        to: PodLabel,
        /// The message.
        message: SentMessage,
        /// What became of it.
        outcome: Outcome,
        /// More about that, if there is anything to say.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// What a newer build recorded.
    #[serde(other)]
    Other,
}

/// What a child tells its parent of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The id of the message that it becomes: told twice, it is one.
    pub id: MessageId,
    /// What happened, in a word such as `turn_ended`.
    pub event: String,
    /// What the parent's agent is told.
    pub body: String,
}

/// A message, as its sender's log names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentMessage {
    /// Its id.
    pub id: MessageId,
    /// Whether it is an order or a notification.
    pub kind: Kind,
}

impl SentMessage {
    pub(crate) fn of(message: &Message) -> Self {
        Self {
            id: message.id,
            kind: message.kind,
        }
    }
}

impl RelationChange {
    pub(crate) fn settled(to: PodLabel, message: SentMessage, receipt: &Receipt) -> Self {
        Self::MessageSettled {
            to,
            message,
            outcome: receipt.outcome,
            reason: receipt.reason.clone(),
        }
    }
}
