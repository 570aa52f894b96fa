//! Inboxes in memory.

use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;
use podfleet_protocol::method::InboxRow;
use podfleet_protocol::{MessageId, Outcome, PodId, Receipt, UnixMillis};

use super::MemoryStore;
use crate::error::{Fault, StoreError, StoreErrorKind};
use crate::inbox::{Accepted, DeliveryState, InboxEntry, InboxSummary, Offer, Refusal, Sequence};
use crate::maintenance::{Pruned, Retention, victims};
use crate::page::{Listing, Page};
use crate::record::Fence;
use crate::store::InboxStore;

#[async_trait]
impl InboxStore for MemoryStore {
    async fn accept(
        &self,
        to: PodId,
        offers: Vec<Offer>,
    ) -> Result<Vec<Result<Accepted, Refusal>>, StoreError> {
        self.call("accept messages", |state| {
            Ok(offers
                .into_iter()
                .map(|offer| state.accept(to, offer))
                .collect())
        })
    }

    async fn undelivered(
        &self,
        pod: PodId,
        page: Page<Sequence>,
    ) -> Result<Listing<InboxEntry, Sequence>, StoreError> {
        self.call("list undelivered messages", |state| {
            Ok(state.list(pod, &page, is_undelivered))
        })
    }

    async fn waiting(
        &self,
        pod: PodId,
        sender: Option<PodId>,
        page: Page<Sequence>,
    ) -> Result<Listing<InboxSummary, Sequence>, StoreError> {
        self.call("list waiting messages", |state| {
            let shown = |entry: &InboxEntry| {
                is_undelivered(entry) && (sender.is_none() || entry.sender == sender)
            };
            let listing = state.list(pod, &page, shown);
            Ok(Listing {
                items: listing.items.iter().map(summary).collect(),
                corrupt: listing.corrupt,
                next: listing.next,
            })
        })
    }

    async fn inbox(
        &self,
        pod: PodId,
        page: Page<Sequence>,
    ) -> Result<Listing<InboxEntry, Sequence>, StoreError> {
        self.call("list the inbox", |state| {
            Ok(state.list(pod, &page, |_| true))
        })
    }

    async fn message(&self, pod: PodId, id: MessageId) -> Result<Option<InboxEntry>, StoreError> {
        self.call("read the message", |state| {
            Ok(state.inbox(pod).and_then(|inbox| inbox.get(id)).cloned())
        })
    }

    async fn set_delivery(
        &self,
        fence: Fence,
        id: MessageId,
        new: DeliveryState,
        receipt: &Receipt,
    ) -> Result<(), StoreError> {
        self.call("record the delivery", |state| {
            state.fenced(fence)?;
            let inbox = state
                .inbox(fence.pod)
                .ok_or(StoreErrorKind::NotFound("pod"))?;
            if inbox.set_delivery(id, new, receipt)? {
                if receipt.settled {
                    state.tell_settled(fence.pod, id, receipt)?;
                } else if new == DeliveryState::Settled {
                    state.tell_sent(|untold| untold.is(fence.pod, id));
                }
            }
            Ok(())
        })
    }

    async fn cancel(
        &self,
        pod: PodId,
        id: MessageId,
        at: UnixMillis,
    ) -> Result<Receipt, StoreError> {
        self.call("cancel the message", |state| {
            let inbox = state
                .inbox(pod)
                .ok_or(StoreErrorKind::NotFound("message"))?;
            let (receipt, withdrawn) = inbox.cancel(id, at)?;
            if withdrawn {
                state.tell_settled(pod, id, &receipt)?;
            }
            Ok(receipt)
        })
    }

    async fn preview_prune(
        &self,
        pod: PodId,
        retention: &Retention,
        now: UnixMillis,
    ) -> Result<Pruned, StoreError> {
        self.call("look what would be pruned", |state| {
            let spawning = state.is_being_spawned(pod);
            let inbox = state.inboxes.get(&pod);
            Ok(inbox.map_or_else(Pruned::default, |inbox| match spawning {
                true => inbox.delivered(),
                false => inbox.choose(retention, now).1,
            }))
        })
    }

    async fn prune_messages(
        &self,
        pod: PodId,
        retention: &Retention,
        now: UnixMillis,
    ) -> Result<Pruned, StoreError> {
        self.call("prune messages", |state| {
            let spawning = state.is_being_spawned(pod);
            let inbox = state.inboxes.get_mut(&pod);
            Ok(inbox.map_or_else(Pruned::default, |inbox| match spawning {
                true => inbox.delivered(),
                false => inbox.prune(retention, now),
            }))
        })
    }
}

/// One pod's messages, in order of acceptance.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    entries: BTreeMap<Sequence, InboxEntry>,
    places: HashMap<MessageId, Sequence>,
    undelivered: u32,
}

impl Inbox {
    pub(super) fn len(&self) -> u64 {
        self.entries.len() as u64
    }

    pub(super) fn undelivered(&self) -> u32 {
        self.undelivered
    }

    /// Returns the place of the last message.
    pub(super) fn last(&self) -> Option<Sequence> {
        self.entries.keys().next_back().copied()
    }

    /// Returns the first message that waits.
    pub(super) fn first(&self) -> Option<&InboxEntry> {
        self.entries.values().find(|entry| is_undelivered(entry))
    }

    pub(super) fn get(&self, id: MessageId) -> Option<&InboxEntry> {
        self.entries.get(self.places.get(&id)?)
    }

    /// Answers an offer whose id is there already.
    pub(super) fn repeat(&self, offer: &Offer) -> Option<Result<Accepted, Refusal>> {
        let earlier = self.get(offer.message.id)?;
        if !earlier.is_repeated_by(offer) {
            return Some(Err(Refusal::IdReused));
        }
        Some(Ok(self.answer_for(earlier)))
    }

    /// Answers an offer that repeats what its pod just said.
    pub(super) fn echo(&self, offer: &Offer) -> Option<Accepted> {
        let sender = offer.sender.pod().filter(|_| offer.once)?;
        let [since, now] = offer.echo_window();
        let said = |entry: &&InboxEntry| {
            let at = entry.message.accepted;
            entry.sender == Some(sender)
                && since < at
                && at <= now
                && entry.receipt.outcome != Outcome::Cancelled
                && offer.repeats(&entry.message.body)
        };
        let mut found = self.entries.values().rev().filter(said);
        let last = found.next()?;
        let itself = |entry: &InboxEntry| entry.message.id == offer.message.id;
        (!itself(last) && !found.any(itself)).then(|| self.answer_for(last))
    }

    fn answer_for(&self, earlier: &InboxEntry) -> Accepted {
        let sequence = earlier.sequence;
        let position = match earlier.state {
            DeliveryState::Settled => 0,
            _ => count(
                self.entries
                    .range(..=sequence)
                    .filter(|(_, entry)| is_undelivered(entry)),
            ),
        };
        Accepted {
            id: earlier.message.id,
            position,
            duplicate: true,
            sequence,
        }
    }

    pub(super) fn insert(
        &mut self,
        sequence: Sequence,
        offer: Offer,
        limit: u32,
    ) -> Result<Accepted, Refusal> {
        if self.undelivered >= limit {
            return Err(Refusal::InboxFull { limit });
        }
        let entry = InboxEntry {
            sequence,
            sender: offer.sender.pod(),
            receipt: Receipt::accepted(offer.message.id, offer.message.accepted),
            message: offer.message,
            state: DeliveryState::Accepted,
            attempts: 0,
        };
        let id = entry.message.id;
        self.places.insert(id, sequence);
        self.entries.insert(sequence, entry);
        self.undelivered += 1;
        Ok(Accepted {
            id,
            position: self.undelivered,
            duplicate: false,
            sequence,
        })
    }

    /// Counts the messages from `sender` since some moment.
    /// Counts what a pod sent after `since` and not after `now`.
    pub(super) fn count_from(&self, sender: PodId, since: UnixMillis, now: UnixMillis) -> u32 {
        let recent = |at: UnixMillis| since < at && at <= now;
        let entries = self.entries.values();
        count(
            entries.filter(|entry| entry.sender == Some(sender) && recent(entry.message.accepted)),
        )
    }

    pub(super) fn list(
        &self,
        page: &Page<Sequence>,
        shown: impl Fn(&InboxEntry) -> bool,
    ) -> Listing<InboxEntry, Sequence> {
        let entries = self
            .entries
            .values()
            .filter(|entry| shown(entry) && page.after.is_none_or(|after| entry.sequence > after));
        Listing::first(entries.cloned(), page.limit, |entry| entry.sequence)
    }

    /// Returns whether anything was written.
    pub(super) fn set_delivery(
        &mut self,
        id: MessageId,
        state: DeliveryState,
        receipt: &Receipt,
    ) -> Result<bool, Fault> {
        let entry = self.entry(id)?;
        if (entry.state, &entry.receipt) == (state, receipt) {
            return Ok(false);
        }
        if entry.receipt.settled {
            let outcome = entry.receipt.outcome.as_str().to_owned();
            return Err(StoreErrorKind::Settled { outcome }.into());
        }
        let was = u32::from(is_undelivered(entry));
        entry.state = state;
        entry.receipt = receipt.clone();
        entry.attempts += u32::from(state == DeliveryState::Delivering);
        let is = u32::from(is_undelivered(entry));
        self.undelivered = self.undelivered - was + is;
        Ok(true)
    }

    /// Returns the receipt that holds, and whether it is that of this withdrawal.
    pub(super) fn cancel(
        &mut self,
        id: MessageId,
        at: UnixMillis,
    ) -> Result<(Receipt, bool), Fault> {
        let entry = self.entry(id)?;
        if entry.state == DeliveryState::Accepted {
            let (outcome, settled) = (Outcome::Cancelled, true);
            let receipt = Receipt {
                outcome,
                settled,
                ..Receipt::accepted(id, at)
            };
            self.set_delivery(id, DeliveryState::Settled, &receipt)?;
            return Ok((receipt, true));
        }
        Ok((entry.receipt.clone(), false))
    }

    pub(super) fn prune(&mut self, retention: &Retention, now: UnixMillis) -> Pruned {
        let (gone, pruned) = self.choose(retention, now);
        for old in gone {
            self.places.remove(&old.id);
            self.entries.remove(&old.sequence);
        }
        pruned
    }

    /// Returns what goes by retention.
    pub(super) fn choose(&self, retention: &Retention, now: UnixMillis) -> (Vec<Old>, Pruned) {
        let all = self.delivered();
        let mut settled: Vec<_> = self.settled().collect();
        settled.sort_by_key(|old| old.id);
        let sizes = settled.iter().map(|old| (old.at, old.bytes));
        let (count, pruned) = victims(sizes, all, retention, now);
        settled.truncate(count);
        (settled, pruned)
    }

    /// Returns how much is delivered, all of it kept.
    fn delivered(&self) -> Pruned {
        let sizes = self.settled().map(|old| old.bytes);
        let (count, bytes) = sizes.fold((0, 0), |(count, sum), bytes| (count + 1, sum + bytes));
        Pruned::nothing_of(count, bytes)
    }

    fn settled(&self) -> impl Iterator<Item = Old> {
        let settled = self.entries.values().filter(|entry| !is_undelivered(entry));
        settled.map(Old::of)
    }

    fn entry(&mut self, id: MessageId) -> Result<&mut InboxEntry, Fault> {
        self.places
            .get(&id)
            .and_then(|sequence| self.entries.get_mut(sequence))
            .ok_or_else(|| StoreErrorKind::NotFound("message").into())
    }
}

/// What decides whether a delivered message is pruned.
pub(super) struct Old {
    id: MessageId,
    sequence: Sequence,
    at: UnixMillis,
    bytes: u64,
}

impl Old {
    fn of(entry: &InboxEntry) -> Self {
        Self {
            id: entry.message.id,
            sequence: entry.sequence,
            at: entry.receipt.at,
            bytes: entry.message.body.len() as u64,
        }
    }
}

pub(super) fn is_undelivered(entry: &InboxEntry) -> bool {
    entry.state != DeliveryState::Settled
}

fn summary(entry: &InboxEntry) -> InboxSummary {
    InboxSummary {
        sequence: entry.sequence,
        sender: entry.sender,
        state: entry.state,
        row: InboxRow::new(&entry.message, entry.attempts, entry.receipt.clone()),
    }
}

fn count(items: impl Iterator) -> u32 {
    u32::try_from(items.count()).unwrap_or(u32::MAX)
}
