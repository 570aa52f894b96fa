//! Outboxes in memory.

use std::collections::BTreeMap;

use podfleet_protocol::{MessageId, PodId, UnixMillis};

use super::state::State;
use crate::inbox::Sequence;
use crate::outbox::{Act, OutboxEvent, OutboxPlace, RelationChange, SentMessage};
use crate::page::{Listing, Page};

/// What pods are still to be told.
#[derive(Debug, Default)]
pub(super) struct Outboxes {
    events: BTreeMap<PodId, BTreeMap<OutboxPlace, OutboxEvent>>,
    last: u64,
    /// What pods did that others are not to be told of yet, with whom to tell.
    held: BTreeMap<PodId, Vec<(PodId, RelationChange, UnixMillis)>>,
    /// What is accepted, and in no outbox yet.
    untold: BTreeMap<Sequence, Untold>,
}

/// A message that its sender is to be told of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Untold {
    pub(super) sender: PodId,
    pub(super) to: PodId,
    pub(super) message: SentMessage,
    pub(super) position: u32,
    pub(super) accepted: UnixMillis,
}

impl Untold {
    /// Returns whether it is this one message of a receiver.
    pub(super) fn is(&self, to: PodId, id: MessageId) -> bool {
        (self.to, self.message.id) == (to, id)
    }
}

impl Outboxes {
    pub(super) fn tell(&mut self, pod: PodId, change: RelationChange, act: Act) {
        self.last += 1;
        let place = OutboxPlace(self.last);
        let Act { by, at } = act;
        let event = OutboxEvent {
            place,
            change,
            by,
            at,
        };
        self.events.entry(pod).or_default().insert(place, event);
    }

    /// Keeps an event for the outbox of `pod` until it is released.
    pub(super) fn hold(&mut self, pod: PodId, change: RelationChange, by: PodId, at: UnixMillis) {
        self.held.entry(by).or_default().push((pod, change, at));
    }

    /// Puts what is held of a pod's doings into the outboxes.
    pub(super) fn release(&mut self, by: PodId) {
        for (pod, change, at) in self.held.remove(&by).unwrap_or_default() {
            self.tell(pod, change, Act { by: Some(by), at });
        }
    }

    pub(super) fn accepted(&mut self, sequence: Sequence, untold: Untold) {
        self.untold.insert(sequence, untold);
    }

    /// Returns whether a pod is still to be told of what it sent.
    pub(super) fn lack(&self, sender: PodId) -> bool {
        let mut untold = self.untold.values();
        untold.any(|untold| untold.sender == sender)
    }

    pub(super) fn list(
        &self,
        pod: PodId,
        page: &Page<OutboxPlace>,
    ) -> Listing<OutboxEvent, OutboxPlace> {
        let events = self.events.get(&pod).into_iter().flatten();
        let events = events.filter(|(place, _)| page.after.is_none_or(|after| **place > after));
        let events = events.map(|(_, event)| event.clone());
        Listing::first(events, page.limit, |event| event.place)
    }

    pub(super) fn end(&self) -> OutboxPlace {
        OutboxPlace(self.last)
    }

    pub(super) fn clear(&mut self, pod: PodId, up_to: OutboxPlace) -> u64 {
        let Some(events) = self.events.get_mut(&pod) else {
            return 0;
        };
        let before = events.len();
        events.retain(|place, _| *place > up_to);
        (before - events.len()) as u64
    }

    pub(super) fn forget(&mut self, pod: PodId) {
        self.events.remove(&pod);
        self.held.remove(&pod);
        self.untold.retain(|_, untold| untold.sender != pod);
    }
}

impl State {
    /// Puts into their senders' outboxes what of the accepted is meant. Returns how much that is.
    pub(super) fn tell_sent(&mut self, is_meant: impl Fn(&Untold) -> bool) -> u64 {
        let untold = std::mem::take(&mut self.relations.outboxes.untold);
        let (told, kept) = untold.into_iter().partition(|(_, untold)| is_meant(untold));
        self.relations.outboxes.untold = kept;
        let told: BTreeMap<Sequence, Untold> = told;
        let count = told.len() as u64;
        for untold in told.into_values() {
            let Ok(to) = self.label(untold.to) else {
                continue;
            };
            let change = RelationChange::MessageSent {
                to,
                message: untold.message,
                position: untold.position,
            };
            let act = Act {
                by: Some(untold.sender),
                at: untold.accepted,
            };
            self.relations.outboxes.tell(untold.sender, change, act);
        }
        count
    }
}
