//! What relations between pods allow.

use podfleet_protocol::Kind;

use crate::inbox::Refusal;

/// What a sender is to a receiver; several may hold, each with its own powers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Relation {
    /// They are one pod.
    pub(crate) itself: bool,
    /// Both are members of one fleet; spawned children are members of none.
    pub(crate) mate: bool,
    /// The sender leads the receiver's fleet.
    pub(crate) lead: bool,
    /// The sender is the receiver's parent.
    pub(crate) parent: bool,
    /// The sender is the receiver's child.
    pub(crate) child: bool,
    /// They are peers.
    pub(crate) peer: bool,
}

impl Relation {
    /// Checks whether a message of this kind may be sent.
    pub(crate) fn allows(self, kind: Kind) -> Result<(), Refusal> {
        if self == Self::default() {
            // A pod learns nothing of pods that it has no relation to, not even that they exist.
            return Err(Refusal::NoSuchPod);
        }
        match kind {
            Kind::Notify => Ok(()),
            Kind::Run if self.lead || self.parent => Ok(()),
            Kind::Run => Err(Refusal::NotItsOrders),
        }
    }
}
