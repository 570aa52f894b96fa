//! The outbox: what the store did to a pod, for that pod's own log.

use podfleet_protocol::{PodId, UnixMillis};
use serde::{Deserialize, Serialize};

use crate::relation::{PodLabel, Writer};

/// A place in the order of outbox events, over all pods of a store; never used twice.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OutboxPlace(pub u64);

/// A change of a pod's relations that was committed together with the change itself.
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

/// How the relations of the pod in whose outbox it is have changed.
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
    /// What a newer build recorded.
    #[serde(other)]
    Other,
}
