//! The store in memory, for tests.

mod inbox;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use podfleet_protocol::limits::MAX_BODY;
use podfleet_protocol::{
    Generation, Kind, MessageId, PodId, PodName, Receipt, SessionId, UnixMillis,
};

use crate::error::{Fault, StoreError, StoreErrorKind};
use crate::inbox::{
    Accepted, DeliveryState, InboxEntry, MAX_PAIR_MESSAGES, Offer, PAIR_WINDOW_MS, Refusal,
    Sequence,
};
use crate::page::{Listing, Page};
use crate::record::{
    Fence, FleetKey, Forgotten, GenerationStart, NewPod, NewSession, PodCursor, PodFilter,
    PodRecord, PodState, PodSummary, SessionRecord,
};
use crate::rights::Relation;
use crate::store::PodStore;
use inbox::{Inbox, is_undelivered};

/// The store in memory: what it holds ends with its last clone.
#[derive(Clone, Default)]
pub struct MemoryStore {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    fleets: BTreeMap<FleetKey, PathBuf>,
    pods: BTreeMap<PodId, PodRecord>,
    inboxes: BTreeMap<PodId, Inbox>,
    sessions: BTreeMap<SessionId, SessionRecord>,
    last: u64,
}

impl MemoryStore {
    /// Makes an empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn call<T>(
        &self,
        operation: &'static str,
        work: impl FnOnce(&mut State) -> Result<T, Fault>,
    ) -> Result<T, StoreError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        work(&mut state).map_err(|fault| fault.into_error(operation, Path::new(":memory:")))
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").finish_non_exhaustive()
    }
}

impl State {
    fn pod(&mut self, id: PodId) -> Result<&mut PodRecord, Fault> {
        self.pods
            .get_mut(&id)
            .ok_or_else(|| StoreErrorKind::NotFound("pod").into())
    }

    fn fenced(&mut self, fence: Fence) -> Result<&mut PodRecord, Fault> {
        let pod = self.pod(fence.pod)?;
        match pod.generation {
            current if current == fence.generation => Ok(pod),
            current => Err(StoreErrorKind::Fenced { current }.into()),
        }
    }

    fn named(&mut self, key: &FleetKey, name: &PodName) -> Option<&mut PodRecord> {
        self.pods.values_mut().find(|pod| {
            FleetKey::of(&pod.identity) == *key
                && pod
                    .identity
                    .name
                    .as_str()
                    .eq_ignore_ascii_case(name.as_str())
        })
    }

    fn put(&mut self, new: NewPod) -> Result<PodRecord, Fault> {
        let key = FleetKey::of(&new.identity);
        let Some(old) = self.named(&key, &new.identity.name) else {
            let record = new.into_record();
            self.pods.insert(record.identity.id, record.clone());
            return Ok(record);
        };
        if old.identity.name != new.identity.name {
            return Err(StoreErrorKind::NameTaken {
                existing: old.identity.name.clone(),
            }
            .into());
        }
        if new.differs_from(old) {
            let fresh = new.into_record();
            old.identity.host = fresh.identity.host;
            old.class = fresh.class;
            old.alias = fresh.alias;
            old.runtime = fresh.runtime;
            old.spec = fresh.spec;
            old.runtime_dir = fresh.runtime_dir;
            old.updated = fresh.updated;
            old.revision += 1;
        }
        Ok(old.clone())
    }

    fn summary(&self, record: &PodRecord) -> PodSummary {
        let inbox = self.inboxes.get(&record.identity.id);
        let first = inbox.and_then(Inbox::first);
        PodSummary {
            undelivered: inbox.map_or(0, Inbox::undelivered),
            oldest: first.map(|entry| entry.message.accepted),
            hold: first.and_then(|entry| entry.receipt.hold.clone()),
            record: record.clone(),
        }
    }

    /// Returns the inbox of a pod, if there is such a pod.
    fn inbox(&mut self, pod: PodId) -> Option<&mut Inbox> {
        self.pods
            .contains_key(&pod)
            .then(|| self.inboxes.entry(pod).or_default())
    }

    fn accept(&mut self, to: PodId, offer: Offer) -> Result<Accepted, Refusal> {
        let inbox = self.inbox(to).ok_or(Refusal::NoSuchPod)?;
        if let Some(answer) = inbox.repeat(&offer) {
            return answer;
        }
        if offer.message.body.len() > MAX_BODY {
            return Err(Refusal::TooLarge { limit: MAX_BODY });
        }
        self.check_right(to, &offer)?;
        let sequence = Sequence(self.last + 1);
        let inbox = self.inbox(to).ok_or(Refusal::NoSuchPod)?;
        let accepted = inbox.insert(sequence, offer)?;
        self.last += 1;
        Ok(accepted)
    }

    fn check_right(&self, to: PodId, offer: &Offer) -> Result<(), Refusal> {
        let Some(sender) = offer.sender.pod() else {
            return Ok(());
        };
        self.relation(sender, to).allows(offer.message.kind)?;
        let since = UnixMillis(offer.message.accepted.0 - PAIR_WINDOW_MS);
        let recent = self.exchanged(sender, to, since) + self.exchanged(to, sender, since);
        if offer.message.kind == Kind::Notify && sender != to && recent >= MAX_PAIR_MESSAGES {
            return Err(Refusal::PairLimit {
                limit: MAX_PAIR_MESSAGES,
            });
        }
        Ok(())
    }

    fn relation(&self, sender: PodId, to: PodId) -> Relation {
        let (Some(one), Some(other)) = (self.pods.get(&sender), self.pods.get(&to)) else {
            return Relation::default();
        };
        let mate = FleetKey::of(&one.identity) == FleetKey::of(&other.identity);
        Relation {
            itself: sender == to,
            mate,
            lead: mate && one.class == PodRecord::ORCHESTRATOR,
            ..Relation::default()
        }
    }

    fn exchanged(&self, from: PodId, to: PodId, since: UnixMillis) -> u32 {
        self.inboxes
            .get(&to)
            .map_or(0, |inbox| inbox.count_from(from, since))
    }

    fn list(
        &self,
        pod: PodId,
        page: &Page<Sequence>,
        shown: impl Fn(&InboxEntry) -> bool,
    ) -> Listing<InboxEntry, Sequence> {
        let inbox = self.inboxes.get(&pod);
        inbox.map_or_else(Listing::default, |inbox| inbox.list(page, shown))
    }

    fn forget(&mut self, id: PodId) -> Result<Forgotten, Fault> {
        self.pods
            .remove(&id)
            .ok_or(StoreErrorKind::NotFound("pod"))?;
        let inbox = self.inboxes.remove(&id).unwrap_or_default();
        let sessions = self.sessions.len();
        self.sessions.retain(|_, session| session.pod != id);
        Ok(Forgotten {
            messages: inbox.len(),
            undelivered: u64::from(inbox.undelivered()),
            sessions: (sessions - self.sessions.len()) as u64,
            relations: 0,
        })
    }
}

impl NewPod {
    fn into_record(self) -> PodRecord {
        PodRecord {
            identity: self.identity,
            class: self.class,
            alias: self.alias,
            runtime: self.runtime,
            spec: self.spec,
            runtime_dir: self.runtime_dir,
            generation: Generation(0),
            endpoint: None,
            state: PodState::Stopped,
            expected: false,
            session: None,
            created: self.at,
            updated: self.at,
            revision: 1,
        }
    }
}

#[async_trait]
impl PodStore for MemoryStore {
    async fn claim_fleet(&self, key: &FleetKey, roster: &Path) -> Result<(), StoreError> {
        self.call("claim the fleet", |state| {
            let owner = state
                .fleets
                .entry(key.clone())
                .or_insert_with(|| roster.to_owned());
            if owner == roster {
                return Ok(());
            }
            Err(StoreErrorKind::FleetClaimed {
                fleet: key.fleet.to_string(),
                owner: owner.clone(),
                claimant: roster.to_owned(),
            }
            .into())
        })
    }

    async fn release_fleet(&self, key: &FleetKey, roster: &Path) -> Result<bool, StoreError> {
        self.call("release the fleet", |state| {
            let owned = state.fleets.get(key).is_some_and(|owner| owner == roster);
            if owned {
                state.fleets.remove(key);
            }
            Ok(owned)
        })
    }

    async fn put_pod(&self, pod: NewPod) -> Result<PodRecord, StoreError> {
        self.call("record the pod", |state| state.put(pod))
    }

    async fn find_pod(
        &self,
        fleet: &FleetKey,
        name: &PodName,
    ) -> Result<Option<PodRecord>, StoreError> {
        self.call("find the pod", |state| {
            let found = state
                .named(fleet, name)
                .filter(|pod| pod.identity.name == *name);
            Ok(found.cloned())
        })
    }

    async fn pod(&self, id: PodId) -> Result<Option<PodRecord>, StoreError> {
        self.call("read the pod", |state| Ok(state.pods.get(&id).cloned()))
    }

    async fn list_pods(
        &self,
        filter: &PodFilter,
        page: Page<PodCursor>,
    ) -> Result<Listing<PodSummary, PodCursor>, StoreError> {
        let cursor = |pod: &PodRecord| PodCursor::at(&pod.identity.fleet, &pod.identity.name);
        self.call("list pods", |state| {
            let mut pods: Vec<_> = state
                .pods
                .values()
                .filter(|pod| {
                    pod.identity.tenant_id == filter.tenant
                        && filter
                            .fleet
                            .as_ref()
                            .is_none_or(|fleet| pod.identity.fleet == *fleet)
                        && page.after.as_ref().is_none_or(|after| cursor(pod) > *after)
                })
                .collect();
            pods.sort_by_key(|pod| cursor(pod));
            let summaries = pods.into_iter().map(|pod| state.summary(pod));
            Ok(Listing::first(summaries, page.limit, |summary| {
                cursor(&summary.record)
            }))
        })
    }

    async fn begin_generation(
        &self,
        id: PodId,
        start: &GenerationStart,
    ) -> Result<PodRecord, StoreError> {
        self.call("begin a generation", |state| {
            let pod = state.pod(id)?;
            pod.generation.0 += 1;
            pod.state = PodState::Live;
            pod.endpoint = Some(start.endpoint.clone());
            pod.updated = start.at;
            Ok(pod.clone())
        })
    }

    async fn set_pod_state(
        &self,
        fence: Fence,
        new: PodState,
        at: UnixMillis,
    ) -> Result<(), StoreError> {
        self.call("record the pod's state", |state| {
            let pod = state.fenced(fence)?;
            (pod.state, pod.updated) = (new, at);
            Ok(())
        })
    }

    async fn set_expected(
        &self,
        id: PodId,
        expected: bool,
        at: UnixMillis,
    ) -> Result<(), StoreError> {
        self.call("record that the pod is wanted", |state| {
            let pod = state.pod(id)?;
            (pod.expected, pod.updated) = (expected, at);
            Ok(())
        })
    }

    async fn forget_pod(&self, id: PodId) -> Result<Forgotten, StoreError> {
        self.call("forget the pod", |state| state.forget(id))
    }

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
            inbox.set_delivery(id, new, receipt)
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
            inbox.cancel(id, at)
        })
    }

    async fn open_session(&self, fence: Fence, session: NewSession) -> Result<(), StoreError> {
        self.call("open the session", |state| {
            let pod = state.fenced(fence)?;
            (pod.session, pod.updated) = (Some(session.id), session.started);
            let record = SessionRecord {
                id: session.id,
                pod: fence.pod,
                generation: fence.generation,
                started: session.started,
                ended: None,
            };
            state.sessions.insert(session.id, record);
            Ok(())
        })
    }

    async fn close_session(
        &self,
        fence: Fence,
        id: SessionId,
        ended: UnixMillis,
    ) -> Result<(), StoreError> {
        self.call("close the session", |state| {
            state.fenced(fence)?;
            let session = state
                .sessions
                .get_mut(&id)
                .filter(|session| session.pod == fence.pod);
            let session = session.ok_or(StoreErrorKind::NotFound("session"))?;
            session.ended = Some(ended);
            Ok(())
        })
    }

    async fn session(&self, id: SessionId) -> Result<Option<SessionRecord>, StoreError> {
        self.call("read the session", |state| {
            Ok(state.sessions.get(&id).cloned())
        })
    }
}
