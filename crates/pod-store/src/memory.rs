//! The store in memory, for tests.

mod chat;
mod inbox;
mod relations;
mod state;

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use podfleet_protocol::{
    MessageId, Paused, PodId, PodName, Receipt, SessionId, TenantId, UnixMillis,
};

use crate::error::{Fault, StoreError, StoreErrorKind};
use crate::inbox::{AcceptLimits, Accepted, DeliveryState, InboxEntry, Offer, Refusal, Sequence};
use crate::maintenance::{Pruned, Retention};
use crate::outbox::{Act, OutboxEvent, OutboxPlace};
use crate::page::{Listing, Page};
use crate::record::{
    Fence, FleetKey, Forgotten, GenerationStart, NewPod, NewSession, PodCursor, PodFilter,
    PodRecord, PodState, PodSummary, SessionRecord,
};
use crate::relation::{
    ChildRecord, NewChild, PeerPair, PeerRecord, Registered, Relation, VisiblePod, Writer,
};
use crate::store::PodStore;
use inbox::is_undelivered;
use state::State;

/// The store in memory: what it holds ends with its last clone.
#[derive(Clone, Default)]
pub struct MemoryStore {
    state: Arc<Mutex<State>>,
}

impl MemoryStore {
    /// Makes an empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes an empty store with other limits.
    #[must_use]
    pub fn with_limits(limits: AcceptLimits) -> Self {
        let state = State {
            limits,
            ..State::default()
        };
        Self {
            state: Arc::new(Mutex::new(state)),
        }
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
                        && page
                            .after
                            .as_ref()
                            .is_none_or(|after| PodCursor::of(pod) > *after)
                })
                .collect();
            pods.sort_by_key(|pod| PodCursor::of(pod));
            let summaries = pods.into_iter().map(|pod| state.summary(pod));
            Ok(Listing::first(summaries, page.limit, |summary| {
                PodCursor::of(&summary.record)
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
            let begun = pod.clone();
            state.relations.resume(id);
            Ok(begun)
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

    async fn set_paused(
        &self,
        id: PodId,
        wanted: Option<Paused>,
        at: UnixMillis,
    ) -> Result<Option<Paused>, StoreError> {
        self.call("record whether the pod is paused", |state| {
            let pod = state.pod(id)?;
            let before = pod.paused.clone();
            if before.is_some() != wanted.is_some() {
                (pod.paused, pod.updated) = (wanted, at);
            }
            Ok(before)
        })
    }

    async fn set_members(
        &self,
        fleet: &FleetKey,
        members: &[PodName],
        at: UnixMillis,
    ) -> Result<(), StoreError> {
        self.call("record the fleet's members", |state| {
            state.set_members(fleet, members, at);
            Ok(())
        })
    }

    async fn preview_forget(&self, id: PodId) -> Result<Forgotten, StoreError> {
        self.call("look what goes with the pod", |state| {
            state.preview_forget(id)
        })
    }

    async fn forget_pod(&self, id: PodId, at: UnixMillis) -> Result<Forgotten, StoreError> {
        let act = Act::of(Writer::Operator, at);
        self.call("forget the pod", |state| state.forget(id, act))
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

    async fn register_peer(
        &self,
        by: Writer,
        pair: PeerPair,
        at: UnixMillis,
    ) -> Result<Registered, StoreError> {
        self.call("register the peer", |state| {
            state.register_peer(by, pair, at)
        })
    }

    async fn unregister_peer(
        &self,
        by: Writer,
        pair: PeerPair,
        at: UnixMillis,
    ) -> Result<bool, StoreError> {
        self.call("unregister the peer", |state| {
            state.unregister_peer(by, pair, at)
        })
    }

    async fn peers(
        &self,
        tenant: &TenantId,
        of: Option<PodId>,
        page: Page<PeerPair>,
    ) -> Result<Listing<PeerRecord, PeerPair>, StoreError> {
        self.call("list peers", |state| Ok(state.peers(tenant, of, &page)))
    }

    async fn reserve_child(&self, by: Writer, child: NewChild) -> Result<PodRecord, StoreError> {
        self.call("reserve the child", |state| state.reserve_child(by, child))
    }

    async fn confirm_child(
        &self,
        by: Writer,
        child: PodId,
        at: UnixMillis,
    ) -> Result<(), StoreError> {
        self.call("confirm the child", |state| {
            state.confirm_child(by, child, at)
        })
    }

    async fn withdraw_child(
        &self,
        by: Writer,
        child: PodId,
        at: UnixMillis,
    ) -> Result<Forgotten, StoreError> {
        self.call("withdraw the child", |state| {
            state.withdraw_child(by, child, at)
        })
    }

    async fn end_child(
        &self,
        by: Writer,
        child: PodId,
        at: UnixMillis,
    ) -> Result<bool, StoreError> {
        self.call("end the child", |state| state.end_child(by, child, at))
    }

    async fn children(
        &self,
        parent: PodId,
        page: Page<PodId>,
    ) -> Result<Listing<ChildRecord, PodId>, StoreError> {
        self.call("list children", |state| Ok(state.children(parent, &page)))
    }

    async fn parent(&self, child: PodId) -> Result<Option<ChildRecord>, StoreError> {
        self.call("find the parent", |state| Ok(state.parent(child)))
    }

    async fn relation(&self, from: PodId, to: PodId) -> Result<Relation, StoreError> {
        self.call("find the relation", |state| Ok(state.relation(from, to)))
    }

    async fn visible_pods(
        &self,
        viewer: PodId,
        page: Page<PodCursor>,
    ) -> Result<Listing<VisiblePod, PodCursor>, StoreError> {
        self.call(
            "list visible pods",
            |state| Ok(state.visible(viewer, &page)),
        )
    }

    async fn outbox(
        &self,
        pod: PodId,
        page: Page<OutboxPlace>,
    ) -> Result<Listing<OutboxEvent, OutboxPlace>, StoreError> {
        self.call("list the outbox", |state| {
            Ok(state.relations.outbox(pod, &page))
        })
    }

    async fn clear_outbox(&self, fence: Fence, up_to: OutboxPlace) -> Result<u64, StoreError> {
        self.call("clear the outbox", |state| {
            state.fenced(fence)?;
            Ok(state.relations.clear_outbox(fence.pod, up_to))
        })
    }

    async fn read_cursor(
        &self,
        reader: PodId,
        source: PodId,
    ) -> Result<Option<String>, StoreError> {
        self.call("read the cursor", |state| {
            Ok(state.relations.cursor(reader, source))
        })
    }

    async fn set_read_cursor(
        &self,
        fence: Fence,
        source: PodId,
        cursor: &str,
        _: UnixMillis,
    ) -> Result<(), StoreError> {
        self.call("keep the cursor", |state| {
            state.fenced(fence)?;
            state.pod(source)?;
            state.relations.set_cursor(fence.pod, source, cursor);
            Ok(())
        })
    }

    async fn preview_prune(
        &self,
        pod: PodId,
        retention: &Retention,
        now: UnixMillis,
    ) -> Result<Pruned, StoreError> {
        self.call("look what would be pruned", |state| {
            let inbox = state.inboxes.get(&pod);
            Ok(inbox.map_or_else(Pruned::default, |inbox| inbox.choose(retention, now).1))
        })
    }

    async fn prune_sessions(&self, pod: PodId, logged: &[SessionId]) -> Result<u64, StoreError> {
        self.call("prune sessions", |state| {
            let present = state.pods.get(&pod).and_then(|record| record.session);
            let before = state.sessions.len();
            state.sessions.retain(|id, session| {
                session.pod != pod || logged.contains(id) || Some(*id) == present
            });
            Ok((before - state.sessions.len()) as u64)
        })
    }

    async fn prune_messages(
        &self,
        pod: PodId,
        retention: &Retention,
        now: UnixMillis,
    ) -> Result<Pruned, StoreError> {
        self.call("prune messages", |state| {
            let inbox = state.inboxes.get_mut(&pod);
            Ok(inbox.map_or_else(Pruned::default, |inbox| inbox.prune(retention, now)))
        })
    }
}
