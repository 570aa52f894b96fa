//! What the store in memory holds, and its changes.

use std::collections::BTreeMap;
use std::path::PathBuf;

use podfleet_protocol::{MessageId, PodId, PodName, Receipt, SessionId, UnixMillis};

use super::chat::Chat;
use super::inbox::Inbox;
use super::outbox::Untold;
use super::relations::Relations;
use crate::error::{Fault, StoreErrorKind};
use crate::inbox::{AcceptLimits, Accepted, InboxEntry, Offer, PAIR_WINDOW_MS, Refusal, Sequence};
use crate::outbox::{Act, RelationChange, SentMessage};
use crate::page::{Listing, Page};
use crate::record::{Fence, FleetKey, Forgotten, NewPod, PodRecord, PodSummary, SessionRecord};
use crate::relation::Writer;

#[derive(Default)]
pub(super) struct State {
    pub(super) fleets: BTreeMap<FleetKey, PathBuf>,
    pub(super) pods: BTreeMap<PodId, PodRecord>,
    pub(super) sessions: BTreeMap<SessionId, SessionRecord>,
    pub(super) relations: Relations,
    pub(super) limits: AcceptLimits,
    pub(super) inboxes: BTreeMap<PodId, Inbox>,
    /// The last place that a saying or a turn has got.
    pub(super) last: u64,
    pub(super) chats: BTreeMap<FleetKey, Chat>,
}

impl State {
    pub(super) fn chat(&mut self, fleet: &FleetKey) -> &mut Chat {
        self.chats.entry(fleet.clone()).or_default()
    }

    pub(super) fn pod(&mut self, id: PodId) -> Result<&mut PodRecord, Fault> {
        self.pods
            .get_mut(&id)
            .ok_or_else(|| StoreErrorKind::NotFound("pod").into())
    }

    pub(super) fn fenced(&mut self, fence: Fence) -> Result<&mut PodRecord, Fault> {
        let pod = self.pod(fence.pod)?;
        match pod.generation {
            current if current == fence.generation => Ok(pod),
            current => Err(StoreErrorKind::Fenced { current }.into()),
        }
    }

    /// Refuses a pod that does not write as its present generation.
    pub(super) fn check_writer(&mut self, by: Writer) -> Result<(), Fault> {
        match by {
            Writer::Operator => Ok(()),
            Writer::Pod(fence) => self.fenced(fence).map(drop),
        }
    }

    pub(super) fn named(&mut self, key: &FleetKey, name: &PodName) -> Option<&mut PodRecord> {
        self.pods.values_mut().find(|pod| {
            FleetKey::of(&pod.identity) == *key
                && pod
                    .identity
                    .name
                    .as_str()
                    .eq_ignore_ascii_case(name.as_str())
        })
    }

    pub(super) fn put(&mut self, new: NewPod) -> Result<PodRecord, Fault> {
        let key = FleetKey::of(&new.identity);
        let Some(old) = self.named(&key, &new.identity.name) else {
            let record = new.into_record();
            self.pods.insert(record.identity.id, record.clone());
            return Ok(record);
        };
        let existing = old.identity.name.clone();
        if existing != new.identity.name {
            return Err(StoreErrorKind::NameTaken { existing }.into());
        }
        if old.spawned.is_some() {
            return Err(StoreErrorKind::SpawnedName { existing }.into());
        }
        if new.differs_from(old) {
            let fresh = new.into_record();
            old.identity.host = fresh.identity.host;
            old.class = fresh.class;
            old.alias = fresh.alias;
            old.runtime = fresh.runtime;
            old.spec = fresh.spec;
            old.runtime_dir = fresh.runtime_dir;
            old.member = true;
            old.updated = fresh.updated;
            old.revision += 1;
        }
        Ok(old.clone())
    }

    pub(super) fn set_members(&mut self, fleet: &FleetKey, members: &[PodName], at: UnixMillis) {
        let pods = self.pods.values_mut().filter(|pod| {
            FleetKey::of(&pod.identity) == *fleet
                && pod.spawned.is_none()
                && pod.member != members.contains(&pod.identity.name)
        });
        for pod in pods {
            (pod.member, pod.updated) = (!pod.member, at);
        }
    }

    pub(super) fn summary(&self, record: &PodRecord) -> PodSummary {
        let inbox = self.inboxes.get(&record.identity.id);
        let first = inbox.and_then(Inbox::first);
        PodSummary {
            undelivered: inbox.map_or(0, Inbox::undelivered),
            oldest: first.map(|entry| entry.message.accepted),
            hold: first.and_then(|entry| entry.receipt.hold.clone()),
            record: record.clone(),
        }
    }

    /// Whether a pod's spawning is not confirmed.
    pub(super) fn is_being_spawned(&self, pod: PodId) -> bool {
        let spawned = self.pods.get(&pod).and_then(|pod| pod.spawned.as_ref());
        spawned.is_some_and(|spawned| !spawned.confirmed)
    }

    /// Returns the inbox of a pod, if there is such a pod.
    pub(super) fn inbox(&mut self, pod: PodId) -> Option<&mut Inbox> {
        self.pods
            .contains_key(&pod)
            .then(|| self.inboxes.entry(pod).or_default())
    }

    pub(super) fn accept(&mut self, to: PodId, offer: Offer) -> Result<Accepted, Refusal> {
        let inbox = self.inbox(to).ok_or(Refusal::NoSuchPod)?;
        if let Some(echoed) = inbox.echo(&offer) {
            return Ok(echoed);
        }
        if let Some(answer) = inbox.repeat(&offer) {
            return answer;
        }
        offer.check_size()?;
        self.check_right(to, &offer)?;
        let last = self.inboxes.values().filter_map(Inbox::last).max();
        let sequence = Sequence(last.map_or(0, |last| last.0) + 1);
        let limit = self.limits.inbox;
        let sender = offer.sender.pod().filter(|sender| *sender != to);
        let sent = sender.map(|sender| (sender, SentMessage::of(&offer.message)));
        let at = offer.message.accepted;
        let inbox = self.inbox(to).ok_or(Refusal::NoSuchPod)?;
        let accepted = inbox.insert(sequence, offer, limit)?;
        if let Some((sender, message)) = sent {
            let untold = Untold {
                sender,
                to,
                message,
                position: accepted.position,
                accepted: at,
            };
            self.relations.outboxes.accepted(sequence, untold);
        }
        Ok(accepted)
    }

    /// Tells the sender of a message of `pod` what became of it, and first that it was accepted.
    pub(super) fn tell_settled(
        &mut self,
        pod: PodId,
        id: MessageId,
        receipt: &Receipt,
    ) -> Result<(), Fault> {
        self.tell_sent(|untold| untold.is(pod, id));
        let entry = self.inbox(pod).and_then(|inbox| inbox.get(id));
        let sender = entry.and_then(|entry| Some((entry.sender?, entry.message.kind)));
        let Some((sender, kind)) = sender.filter(|(sender, _)| *sender != pod) else {
            return Ok(());
        };
        if self.pods.contains_key(&sender) {
            let change =
                RelationChange::settled(self.label(pod)?, SentMessage { id, kind }, receipt);
            let act = Act {
                by: Some(pod),
                at: receipt.at,
            };
            self.relations.outboxes.tell(sender, change, act);
        }
        Ok(())
    }

    fn check_right(&self, to: PodId, offer: &Offer) -> Result<(), Refusal> {
        let Some(sender) = offer.sender.pod() else {
            return Ok(());
        };
        self.relation(sender, to).allows(&offer.message)?;
        let now = offer.message.accepted;
        let back = match sender == to {
            true => 0,
            false => self.exchanged(to, sender, now),
        };
        let recent = self.exchanged(sender, to, now) + back;
        let limit = self.limits.pair;
        if recent >= limit {
            return Err(Refusal::PairLimit { limit });
        }
        Ok(())
    }

    fn exchanged(&self, from: PodId, to: PodId, now: UnixMillis) -> u32 {
        let since = UnixMillis(now.0 - PAIR_WINDOW_MS);
        self.inboxes
            .get(&to)
            .map_or(0, |inbox| inbox.count_from(from, since, now))
    }

    pub(super) fn list(
        &self,
        pod: PodId,
        page: &Page<Sequence>,
        shown: impl Fn(&InboxEntry) -> bool,
    ) -> Listing<InboxEntry, Sequence> {
        let inbox = self.inboxes.get(&pod);
        inbox.map_or_else(Listing::default, |inbox| inbox.list(page, shown))
    }

    pub(super) fn preview_forget(&self, id: PodId) -> Result<Forgotten, Fault> {
        if !self.pods.contains_key(&id) {
            return Err(StoreErrorKind::NotFound("pod").into());
        }
        let inbox = self.inboxes.get(&id);
        let sessions = self.sessions.values();
        let relations = self.relations.count(id);
        Ok(Forgotten {
            messages: inbox.map_or(0, Inbox::len),
            undelivered: inbox.map_or(0, |inbox| u64::from(inbox.undelivered())),
            sessions: sessions.filter(|session| session.pod == id).count() as u64,
            ..relations
        })
    }

    pub(super) fn forget(&mut self, id: PodId, act: Act) -> Result<Forgotten, Fault> {
        let forgotten = self.preview_forget(id)?;
        self.tell_sent(|untold| untold.to == id);
        if let Some(record) = self.pods.remove(&id) {
            self.relations.forget(&record.identity, act);
        }
        self.inboxes.remove(&id);
        self.sessions.retain(|_, session| session.pod != id);
        Ok(forgotten)
    }
}
