//! Relations between pods, and what they allow.

use std::fmt;

use podfleet_protocol::{
    FleetName, Identity, Kind, Message, PodId, PodName, UnixMillis, may_be_preamble,
};
use serde::{Deserialize, Serialize};

use crate::inbox::Refusal;
use crate::record::{Fence, NewPod, PodSummary};

/// Two different pods, in no order: the pair of A and B is that of B and A.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerPair {
    low: PodId,
    high: PodId,
}

impl PeerPair {
    /// Pairs two pods; `None` if they are one.
    #[must_use]
    pub fn new(one: PodId, other: PodId) -> Option<Self> {
        (one != other).then(|| Self {
            low: one.min(other),
            high: one.max(other),
        })
    }

    /// Returns the pod whose id is the lower one.
    #[must_use]
    pub fn low(self) -> PodId {
        self.low
    }

    /// Returns the pod whose id is the higher one.
    #[must_use]
    pub fn high(self) -> PodId {
        self.high
    }

    /// Returns whether `pod` is one of the two.
    #[must_use]
    pub fn contains(self, pod: PodId) -> bool {
        pod == self.low || pod == self.high
    }
}

/// Who changes a relation, as the layer above has proven it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writer {
    /// A person, or a program of theirs outside all pods: may change every relation.
    Operator,
    /// A generation of a pod: may change what it takes part in.
    Pod(Fence),
}

impl Writer {
    /// Returns the pod that writes; `None` for the operator.
    #[must_use]
    pub fn pod(self) -> Option<PodId> {
        match self {
            Self::Operator => None,
            Self::Pod(fence) => Some(fence.pod),
        }
    }
}

/// What a registration found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registered {
    /// The relation is new; both pods have an event of it in their outbox.
    New,
    /// It was there before, and nothing was changed.
    AlreadyThere,
}

/// What people and logs call a pod, with its identity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PodLabel {
    /// Its identity.
    pub id: PodId,
    /// Its fleet.
    pub fleet: FleetName,
    /// Its name within the fleet.
    pub name: PodName,
}

impl From<&Identity> for PodLabel {
    fn from(identity: &Identity) -> Self {
        Self {
            id: identity.id,
            fleet: identity.fleet.clone(),
            name: identity.name.clone(),
        }
    }
}

/// Two pods that are peers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerRecord {
    /// The two; the one with the lower id first.
    pub pods: [PodLabel; 2],
    /// When they became peers.
    pub created: UnixMillis,
}

impl PeerRecord {
    /// Returns the pair that the two are.
    pub(crate) fn pair(&self) -> PeerPair {
        PeerPair {
            low: self.pods[0].id,
            high: self.pods[1].id,
        }
    }
}

/// A pod that is to be made outside every roster.
#[derive(Debug, Clone, PartialEq)]
pub struct NewChild {
    /// The pod. Its name must be free in its fleet.
    pub pod: NewPod,
    /// The pod that it is a child of; `None` if a person spawned it for themselves.
    pub parent: Option<PodId>,
    /// What it may do, as the layer above writes it; that it is no wider than the parent's is that
    /// layer's check.
    pub scope: serde_json::Value,
}

/// How a pod that is in no roster came to be.
#[derive(Debug, Clone, PartialEq)]
pub struct Spawned {
    /// What it may do. Outlives the relation to its parent.
    pub scope: serde_json::Value,
    /// Whether its spawning has succeeded. Until then it can be
    /// [withdrawn](crate::RelationStore::withdraw_child).
    pub confirmed: bool,
}

/// A child of a pod.
#[derive(Debug, Clone, PartialEq)]
pub struct ChildRecord {
    /// The parent.
    pub parent: PodLabel,
    /// The child.
    pub child: PodLabel,
    /// How it was spawned.
    pub spawned: Spawned,
    /// When it was reserved.
    pub created: UnixMillis,
    /// When it was last stopped by order; `None` while it is wanted. The relation stays.
    pub ended: Option<UnixMillis>,
}

/// What one pod is to another; several may hold, each with powers of its own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Relation {
    /// They are one pod.
    pub itself: bool,
    /// Both are members of one fleet's roster.
    pub mate: bool,
    /// They are mates, and it leads the other's fleet.
    pub lead: bool,
    /// It is the other's parent.
    pub parent: bool,
    /// It is the other's child.
    pub child: bool,
    /// They are peers.
    pub peer: bool,
}

impl Relation {
    /// Returns whether nothing holds; then a pod must not learn even that the other exists.
    #[must_use]
    pub fn is_none(self) -> bool {
        self == Self::default()
    }

    /// Returns why the other is in its listing; empty if it is hidden.
    ///
    /// A parent is not in its child's listing: what is listed can be looked into.
    #[must_use]
    pub fn reasons(self) -> Reasons {
        Reasons {
            itself: self.itself,
            child: self.parent,
            peer: self.peer,
            fleet: self.mate && !self.itself,
        }
    }

    /// Returns whether the other is in its listing.
    #[must_use]
    pub fn sees(self) -> bool {
        self.reasons() != Reasons::default()
    }

    /// Returns whether it may send the other a message of this kind.
    #[must_use]
    pub fn may_send(self, kind: Kind) -> bool {
        match kind {
            Kind::Notify => !self.is_none(),
            Kind::Run => self.commands(),
        }
    }

    /// Returns whether it may read what the other produces.
    #[must_use]
    pub fn may_read_output(self) -> bool {
        self.commands()
    }

    /// Returns whether it may stop the other.
    #[must_use]
    pub fn may_stop(self) -> bool {
        self.commands()
    }

    /// Returns whether it may start the other again.
    #[must_use]
    pub fn may_restore(self) -> bool {
        self.commands() || self.peer
    }

    fn commands(self) -> bool {
        self.lead || self.parent
    }

    /// Checks whether a message may be sent as it is.
    pub(crate) fn allows(self, message: &Message) -> Result<(), Refusal> {
        if self.is_none() {
            return Err(Refusal::NoSuchPod);
        }
        if !self.may_send(message.kind) {
            return Err(Refusal::NotItsOrders);
        }
        if message.typing.is_chosen() && !self.commands() {
            return Err(Refusal::NotItsTyping);
        }
        if message.typing.raw && may_be_preamble(&message.body) {
            return Err(Refusal::ForgedHead);
        }
        Ok(())
    }
}

/// Why a pod sees another in its listing: all that hold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reasons {
    /// It is the viewer.
    #[serde(rename = "self")]
    pub itself: bool,
    /// It is a child of the viewer.
    pub child: bool,
    /// It is a peer of the viewer.
    pub peer: bool,
    /// It is a member of the viewer's fleet.
    pub fleet: bool,
}

impl Reasons {
    /// Returns the words of those that hold: `self`, `child`, `peer`, `fleet`.
    pub fn words(self) -> impl Iterator<Item = &'static str> {
        [
            (self.itself, "self"),
            (self.child, "child"),
            (self.peer, "peer"),
            (self.fleet, "fleet"),
        ]
        .into_iter()
        .filter_map(|(holds, word)| holds.then_some(word))
    }
}

impl fmt::Display for Reasons {
    /// Writes the words with commas between them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<_> = self.words().collect();
        f.pad(&words.join(", "))
    }
}

/// A pod in another pod's listing.
#[derive(Debug, Clone, PartialEq)]
pub struct VisiblePod {
    /// The pod.
    pub summary: PodSummary,
    /// Why the viewer sees it.
    pub reasons: Reasons,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_has_no_order_and_never_one_pod_twice() {
        let (a, b) = (PodId::generate(), PodId::generate());
        assert_eq!(PeerPair::new(a, b), PeerPair::new(b, a));
        assert_eq!(PeerPair::new(a, a), None);
    }

    #[test]
    fn a_peer_gets_messages_and_a_restore_and_nothing_else() {
        let peer = Relation {
            peer: true,
            ..Relation::default()
        };
        assert!(peer.may_send(Kind::Notify) && peer.may_restore());
        assert!(!peer.may_send(Kind::Run) && !peer.may_read_output() && !peer.may_stop());
        assert_eq!(peer.reasons().to_string(), "peer");
    }

    #[test]
    fn a_child_that_is_a_peer_too_has_both_reasons() {
        let both = Relation {
            parent: true,
            peer: true,
            ..Relation::default()
        };
        assert_eq!(both.reasons().to_string(), "child, peer");
        assert!(both.may_stop());
    }

    #[test]
    fn a_child_may_tell_its_parent_and_has_no_power_over_it() {
        let child = Relation {
            child: true,
            ..Relation::default()
        };
        assert!(child.may_send(Kind::Notify) && !child.may_send(Kind::Run));
        assert!(!child.may_read_output() && !child.may_stop() && !child.may_restore());
        assert_eq!(child.reasons(), Reasons::default());
    }
}
