//! What pods are to each other, in memory.

use std::collections::BTreeMap;

use async_trait::async_trait;
use podfleet_protocol::{Identity, PodId, TenantId, UnixMillis};

use super::MemoryStore;
use super::outbox::Outboxes;
use super::state::State;
use crate::error::{Fault, StoreError, StoreErrorKind};
use crate::outbox::{Act, OutboxEvent, OutboxPlace, RelationChange, Report};
use crate::page::{Listing, Page};
use crate::record::{Fence, FleetKey, Forgotten, PodCursor, PodRecord};
use crate::relation::{
    ChildRecord, NewChild, PeerPair, PeerRecord, PodLabel, Registered, Relation, VisiblePod, Writer,
};
use crate::store::RelationStore;

#[async_trait]
impl RelationStore for MemoryStore {
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

    async fn report(
        &self,
        fence: Fence,
        report: Report,
        at: UnixMillis,
    ) -> Result<Option<PodId>, StoreError> {
        self.call("report to the parent", |state| {
            state.report(fence, report, at)
        })
    }

    async fn gather_sent(&self, fence: Fence) -> Result<u64, StoreError> {
        self.call("gather what it sent", |state| {
            if state.relations.outboxes.lack(fence.pod) {
                state.fenced(fence)?;
            }
            Ok(state.tell_sent(|untold| untold.sender == fence.pod))
        })
    }

    async fn outbox(
        &self,
        pod: PodId,
        page: Page<OutboxPlace>,
    ) -> Result<Listing<OutboxEvent, OutboxPlace>, StoreError> {
        self.call("list the outbox", |state| {
            Ok(state.relations.outboxes.list(pod, &page))
        })
    }

    async fn outbox_end(&self) -> Result<OutboxPlace, StoreError> {
        self.call("find the end of the outbox", |state| {
            Ok(state.relations.outboxes.end())
        })
    }

    async fn clear_outbox(&self, fence: Fence, up_to: OutboxPlace) -> Result<u64, StoreError> {
        self.call("clear the outbox", |state| {
            state.fenced(fence)?;
            Ok(state.relations.outboxes.clear(fence.pod, up_to))
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
}

/// A row of a child.
#[derive(Debug, Clone, Copy)]
pub(super) struct Child {
    pub(super) parent: PodId,
    pub(super) created: UnixMillis,
    pub(super) ended: Option<UnixMillis>,
}

/// Peers, children, and what pods are still to be told of them.
#[derive(Debug, Default)]
pub(super) struct Relations {
    peers: BTreeMap<PeerPair, UnixMillis>,
    pub(super) children: BTreeMap<PodId, Child>,
    pub(super) outboxes: Outboxes,
    cursors: BTreeMap<(PodId, PodId), String>,
}

impl Relations {
    pub(super) fn count(&self, id: PodId) -> Forgotten {
        let peers = self.peers.keys().filter(|pair| pair.contains(id));
        let children = self.children.values().filter(|row| row.parent == id);
        Forgotten {
            peers: peers.count() as u64,
            children: children.count() as u64,
            parent: self.children.contains_key(&id),
            ..Forgotten::default()
        }
    }

    /// Drops all relations of a pod, and tells those that it had them with.
    pub(super) fn forget(&mut self, identity: &Identity, act: Act) {
        let id = identity.id;
        let label = || PodLabel::from(identity);
        let pairs: Vec<_> = self.peers.keys().copied().collect();
        for pair in pairs.into_iter().filter(|pair| pair.contains(id)) {
            let other = if pair.low() == id {
                pair.high()
            } else {
                pair.low()
            };
            self.peers.remove(&pair);
            self.outboxes
                .tell(other, RelationChange::PeerRemoved { peer: label() }, act);
        }
        let rows: Vec<_> = self.children.iter().map(|(id, row)| (*id, *row)).collect();
        for (child, _) in rows.iter().filter(|(_, row)| row.parent == id) {
            self.children.remove(child);
            self.outboxes.tell(
                *child,
                RelationChange::ParentRemoved { parent: label() },
                act,
            );
        }
        if let Some(row) = self.children.remove(&id) {
            self.outboxes.tell(
                row.parent,
                RelationChange::ChildRemoved { child: label() },
                act,
            );
        }
        self.outboxes.forget(id);
        self.cursors
            .retain(|(reader, source), _| *reader != id && *source != id);
    }

    /// Says that a child that begins a generation is wanted again.
    pub(super) fn resume(&mut self, child: PodId) {
        if let Some(row) = self.children.get_mut(&child) {
            row.ended = None;
        }
    }

    pub(super) fn cursor(&self, reader: PodId, source: PodId) -> Option<String> {
        self.cursors.get(&(reader, source)).cloned()
    }

    pub(super) fn set_cursor(&mut self, reader: PodId, source: PodId, cursor: &str) {
        self.cursors.insert((reader, source), cursor.to_owned());
    }
}

impl State {
    pub(super) fn label(&self, id: PodId) -> Result<PodLabel, Fault> {
        let record = self.pods.get(&id);
        let record = record.ok_or(StoreErrorKind::NotFound("pod"))?;
        Ok(PodLabel::from(&record.identity))
    }

    fn check_pair(&mut self, by: Writer, pair: PeerPair) -> Result<(), Fault> {
        if by.pod().is_some_and(|pod| !pair.contains(pod)) {
            return Err(StoreErrorKind::NotItsRelation.into());
        }
        self.check_writer(by)
    }

    pub(super) fn register_peer(
        &mut self,
        by: Writer,
        pair: PeerPair,
        at: UnixMillis,
    ) -> Result<Registered, Fault> {
        self.check_pair(by, pair)?;
        let (low, high) = (self.label(pair.low())?, self.label(pair.high())?);
        self.check_tenant(pair.low(), pair.high(), "pod")?;
        if self.relations.peers.contains_key(&pair) {
            return Ok(Registered::AlreadyThere);
        }
        self.relations.peers.insert(pair, at);
        let act = Act::of(by, at);
        for (pod, peer) in [(low.id, high.clone()), (high.id, low)] {
            let change = RelationChange::PeerAdded { peer };
            self.relations.outboxes.tell(pod, change, act);
        }
        Ok(Registered::New)
    }

    fn check_tenant(&self, one: PodId, other: PodId, what: &'static str) -> Result<(), Fault> {
        let tenant = |id| self.pods.get(&id).map(|record| &record.identity.tenant_id);
        if tenant(one) == tenant(other) {
            return Ok(());
        }
        Err(StoreErrorKind::NotFound(what).into())
    }

    pub(super) fn unregister_peer(
        &mut self,
        by: Writer,
        pair: PeerPair,
        at: UnixMillis,
    ) -> Result<bool, Fault> {
        self.check_pair(by, pair)?;
        if self.relations.peers.remove(&pair).is_none() {
            return Ok(false);
        }
        let (low, high) = (self.label(pair.low())?, self.label(pair.high())?);
        let act = Act::of(by, at);
        for (pod, peer) in [(low.id, high.clone()), (high.id, low)] {
            let change = RelationChange::PeerRemoved { peer };
            self.relations.outboxes.tell(pod, change, act);
        }
        Ok(true)
    }

    pub(super) fn peers(
        &self,
        tenant: &TenantId,
        of: Option<PodId>,
        page: &Page<PeerPair>,
    ) -> Listing<PeerRecord, PeerPair> {
        let pairs = self.relations.peers.iter().filter(|(pair, _)| {
            of.is_none_or(|pod| pair.contains(pod)) && page.after.is_none_or(|after| **pair > after)
        });
        let records = pairs.filter_map(|(pair, created)| {
            let low = self.pods.get(&pair.low())?;
            let high = self.pods.get(&pair.high())?;
            (low.identity.tenant_id == *tenant).then(|| PeerRecord {
                pods: [(&low.identity).into(), (&high.identity).into()],
                created: *created,
            })
        });
        Listing::first(records, page.limit, PeerRecord::pair)
    }

    pub(super) fn relation(&self, from: PodId, to: PodId) -> Relation {
        let (Some(one), Some(other)) = (self.pods.get(&from), self.pods.get(&to)) else {
            return Relation::default();
        };
        let is_child = |child, parent| {
            let row = self.relations.children.get(&child);
            row.is_some_and(|row| row.parent == parent)
        };
        let peers = &self.relations.peers;
        let mate = FleetKey::of(&one.identity) == FleetKey::of(&other.identity)
            && one.member
            && other.member;
        Relation {
            itself: from == to,
            mate,
            lead: mate && one.class == PodRecord::ORCHESTRATOR,
            parent: is_child(to, from),
            child: is_child(from, to),
            peer: PeerPair::new(from, to).is_some_and(|pair| peers.contains_key(&pair)),
        }
    }

    pub(super) fn visible(
        &self,
        viewer: PodId,
        page: &Page<PodCursor>,
    ) -> Listing<VisiblePod, PodCursor> {
        let mut seen: Vec<_> = self
            .pods
            .values()
            .map(|record| (record, self.relation(viewer, record.identity.id).reasons()))
            .filter(|(record, reasons)| {
                let after = page.after.as_ref();
                *reasons != Default::default()
                    && after.is_none_or(|after| PodCursor::of(record) > *after)
            })
            .collect();
        seen.sort_by_key(|(record, _)| PodCursor::of(record));
        let seen = seen.into_iter().map(|(record, reasons)| VisiblePod {
            summary: self.summary(record),
            reasons,
        });
        Listing::first(seen, page.limit, |pod| PodCursor::of(&pod.summary.record))
    }
}
