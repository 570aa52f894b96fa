//! Parents and children in memory.

use podfleet_protocol::{PodId, TenantId, UnixMillis};

use super::relations::Child;
use super::state::State;
use crate::error::{Fault, StoreErrorKind};
use crate::outbox::{Act, RelationChange, Report};
use crate::page::{Listing, Page};
use crate::record::{Fence, FleetKey, Forgotten, PodRecord};
use crate::relation::{ChildRecord, NewChild, PodLabel, Spawned, Writer};

impl State {
    pub(super) fn reserve_child(&mut self, by: Writer, new: NewChild) -> Result<PodRecord, Fault> {
        if by.pod().is_some_and(|pod| new.parent != Some(pod)) {
            return Err(StoreErrorKind::NotItsRelation.into());
        }
        self.check_writer(by)?;
        let key = FleetKey::of(&new.pod.identity);
        if let Some(existing) = self.named(&key, &new.pod.identity.name) {
            let existing = existing.identity.name.clone();
            return Err(StoreErrorKind::NameTaken { existing }.into());
        }
        let parent = new
            .parent
            .map(|parent| self.parent_label(parent, &key.tenant));
        let parent = parent.transpose()?;
        let act = Act::of(by, new.pod.at);
        let record = PodRecord {
            member: false,
            spawned: Some(Spawned {
                scope: new.scope,
                confirmed: false,
            }),
            ..new.pod.into_record()
        };
        let child = PodLabel::from(&record.identity);
        self.pods.insert(child.id, record.clone());
        if let Some(parent) = parent {
            let row = Child {
                parent: parent.id,
                created: act.at,
                ended: None,
            };
            self.relations.children.insert(child.id, row);
            let id = parent.id;
            let change = RelationChange::ParentAdded { parent };
            self.relations.outboxes.tell(child.id, change, act);
            self.relations
                .outboxes
                .tell(id, RelationChange::ChildAdded { child }, act);
        }
        Ok(record)
    }

    fn parent_label(&self, id: PodId, tenant: &TenantId) -> Result<PodLabel, Fault> {
        let parent = self.pods.get(&id);
        let parent = parent.filter(|record| record.identity.tenant_id == *tenant);
        let parent = parent.ok_or(StoreErrorKind::NotFound("parent"))?;
        Ok(PodLabel::from(&parent.identity))
    }

    /// Checks that there is such a spawned pod and that the writer may decide about it.
    fn spawned(&mut self, by: Writer, child: PodId) -> Result<&mut Spawned, Fault> {
        self.check_writer(by)?;
        let parent = self.relations.children.get(&child).map(|row| row.parent);
        let spawned = self.pod(child)?.spawned.as_mut();
        let spawned = spawned.ok_or(StoreErrorKind::NotFound("child"))?;
        if by.pod().is_some_and(|pod| parent != Some(pod)) {
            return Err(StoreErrorKind::NotItsRelation.into());
        }
        Ok(spawned)
    }

    pub(super) fn confirm_child(
        &mut self,
        by: Writer,
        child: PodId,
        at: UnixMillis,
    ) -> Result<(), Fault> {
        let spawned = self.spawned(by, child)?;
        if spawned.confirmed {
            return Ok(());
        }
        spawned.confirmed = true;
        self.pod(child)?.updated = at;
        if let Some(record) = self.parent(child) {
            let change = RelationChange::ChildConfirmed {
                child: record.child,
            };
            self.relations
                .outboxes
                .tell(record.parent.id, change, Act::of(by, at));
        }
        self.relations.outboxes.release(child);
        Ok(())
    }

    pub(super) fn withdraw_child(
        &mut self,
        by: Writer,
        child: PodId,
        at: UnixMillis,
    ) -> Result<Forgotten, Fault> {
        if self.spawned(by, child)?.confirmed {
            return Err(StoreErrorKind::Confirmed.into());
        }
        self.forget(child, Act::of(by, at))
    }

    pub(super) fn end_child(
        &mut self,
        by: Writer,
        child: PodId,
        at: UnixMillis,
    ) -> Result<bool, Fault> {
        self.check_writer(by)?;
        let record = self
            .parent(child)
            .ok_or(StoreErrorKind::NotFound("child"))?;
        let concerned = [record.parent.id, child];
        if by.pod().is_some_and(|pod| !concerned.contains(&pod)) {
            return Err(StoreErrorKind::NotItsRelation.into());
        }
        if record.ended.is_some() {
            return Ok(false);
        }
        if let Some(row) = self.relations.children.get_mut(&child) {
            row.ended = Some(at);
        }
        let change = RelationChange::ChildEnded {
            child: record.child,
        };
        self.relations
            .outboxes
            .tell(record.parent.id, change, Act::of(by, at));
        Ok(true)
    }

    pub(super) fn report(
        &mut self,
        fence: Fence,
        report: Report,
        at: UnixMillis,
    ) -> Result<Option<PodId>, Fault> {
        self.fenced(fence)?;
        let Some(relation) = self.parent(fence.pod) else {
            return Ok(None);
        };
        let ChildRecord { parent, child, .. } = relation;
        if !relation.spawned.confirmed {
            let (by, change) = (child.id, RelationChange::ChildReported { child, report });
            self.relations.outboxes.hold(parent.id, change, by, at);
            return Ok(None);
        }
        let act = Act {
            by: Some(child.id),
            at,
        };
        let change = RelationChange::ChildReported { child, report };
        self.relations.outboxes.tell(parent.id, change, act);
        Ok(Some(parent.id))
    }

    pub(super) fn parent(&self, child: PodId) -> Option<ChildRecord> {
        let row = self.relations.children.get(&child)?;
        let record = self.pods.get(&child)?;
        Some(ChildRecord {
            parent: self.label(row.parent).ok()?,
            child: PodLabel::from(&record.identity),
            spawned: record.spawned.clone()?,
            created: row.created,
            ended: row.ended,
        })
    }

    pub(super) fn children(
        &self,
        parent: PodId,
        page: &Page<PodId>,
    ) -> Listing<ChildRecord, PodId> {
        let rows = self.relations.children.iter();
        let rows = rows.filter(|(id, row)| {
            row.parent == parent && page.after.is_none_or(|after| **id > after)
        });
        let records = rows.filter_map(|(id, _)| self.parent(*id));
        Listing::first(records, page.limit, |record| record.child.id)
    }
}
