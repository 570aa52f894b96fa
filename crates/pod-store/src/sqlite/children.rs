//! Statements about children.

use podfleet_protocol::{PodId, UnixMillis};
use rusqlite::{Connection, Row, params};

use super::columns::{json, label, parsed, readable, to_json};
use super::forget::forget;
use super::listing;
use super::outbox;
use super::pods::{self, check_fence, check_writer};
use super::transaction::Transaction;
use crate::crash::CrashPoint;
use crate::error::{Fault, StoreErrorKind};
use crate::outbox::{Act, RelationChange, Report};
use crate::page::{Listing, Page};
use crate::record::{Fence, FleetKey, Forgotten, PodRecord};
use crate::relation::{ChildRecord, NewChild, PodLabel, Spawned, Writer};

const SELECT: &str = "SELECT parent.id AS parent_id, parent.fleet AS parent_fleet, \
     parent.name AS parent_name, pod.id AS child_id, pod.fleet AS child_fleet, \
     pod.name AS child_name, pod.scope, pod.confirmed, child.created, child.ended \
     FROM child JOIN pod ON pod.id = child.child JOIN pod AS parent ON parent.id = child.parent";

pub(super) fn reserve(
    transaction: &Transaction<'_>,
    by: Writer,
    new: &NewChild,
) -> Result<PodRecord, Fault> {
    if by.pod().is_some_and(|pod| new.parent != Some(pod)) {
        return Err(StoreErrorKind::NotItsRelation.into());
    }
    check_writer(transaction, by)?;
    let (identity, at) = (&new.pod.identity, new.pod.at);
    let taken = pods::by_folded_name(transaction, &FleetKey::of(identity), &identity.name)?;
    if let Some(existing) = taken {
        let existing = existing.identity.name;
        return Err(StoreErrorKind::NameTaken { existing }.into());
    }
    pods::insert(transaction, &new.pod)?;
    transaction
        .prepare_cached("UPDATE pod SET member = 0, confirmed = 0, scope = ?2 WHERE id = ?1")?
        .execute(params![identity.id.to_string(), to_json(&new.scope)?])?;
    if let Some(parent) = new.parent {
        let parent = relate(transaction, parent, identity.id, at)?;
        let (child, act) = (PodLabel::from(identity), Act::of(by, at));
        outbox::put(
            transaction,
            identity.id,
            &RelationChange::ParentAdded {
                parent: parent.clone(),
            },
            act,
        )?;
        outbox::put(
            transaction,
            parent.id,
            &RelationChange::ChildAdded { child },
            act,
        )?;
    }
    CrashPoint::SpawnWritten.reach();
    pods::existing(transaction, identity.id)
}

/// Makes the row, if the parent is a pod of the child's tenant.
fn relate(
    transaction: &Transaction<'_>,
    parent: PodId,
    child: PodId,
    at: UnixMillis,
) -> Result<PodLabel, Fault> {
    let made = transaction
        .prepare_cached(
            "INSERT INTO child (child, parent, created) \
             SELECT pod.id, parent.id, ?3 FROM pod JOIN pod AS parent USING (tenant) \
             WHERE pod.id = ?1 AND parent.id = ?2",
        )?
        .execute(params![child.to_string(), parent.to_string(), at.0])?;
    if made == 0 {
        return Err(StoreErrorKind::NotFound("parent").into());
    }
    pods::label_of(transaction, parent)
}

/// Checks that there is such a spawned pod and that the writer may decide about it.
fn spawned(
    transaction: &Transaction<'_>,
    by: Writer,
    child: PodId,
) -> Result<(Spawned, Option<ChildRecord>), Fault> {
    check_writer(transaction, by)?;
    let record = pods::existing(transaction, child)?;
    let spawned = record.spawned.ok_or(StoreErrorKind::NotFound("child"))?;
    let relation = parent(transaction, child)?;
    let parent = relation.as_ref().map(|relation| relation.parent.id);
    if by.pod().is_some_and(|pod| parent != Some(pod)) {
        return Err(StoreErrorKind::NotItsRelation.into());
    }
    Ok((spawned, relation))
}

pub(super) fn confirm(
    transaction: &Transaction<'_>,
    by: Writer,
    child: PodId,
    at: UnixMillis,
) -> Result<(), Fault> {
    let (spawned, relation) = spawned(transaction, by, child)?;
    if spawned.confirmed {
        return Ok(());
    }
    transaction
        .prepare_cached("UPDATE pod SET confirmed = 1, updated = ?2 WHERE id = ?1")?
        .execute(params![child.to_string(), at.0])?;
    if let Some(ChildRecord { parent, child, .. }) = relation {
        let act = Act::of(by, at);
        outbox::put(
            transaction,
            parent.id,
            &RelationChange::ChildConfirmed { child },
            act,
        )?;
    }
    outbox::release(transaction, child)
}

pub(super) fn withdraw(
    transaction: &Transaction<'_>,
    by: Writer,
    child: PodId,
    at: UnixMillis,
) -> Result<(Forgotten, Vec<String>), Fault> {
    let (spawned, _) = spawned(transaction, by, child)?;
    if spawned.confirmed {
        return Err(StoreErrorKind::Confirmed.into());
    }
    forget(transaction, child, Act::of(by, at))
}

pub(super) fn end(
    transaction: &Transaction<'_>,
    by: Writer,
    child: PodId,
    at: UnixMillis,
) -> Result<bool, Fault> {
    check_writer(transaction, by)?;
    let relation = parent(transaction, child)?.ok_or(StoreErrorKind::NotFound("child"))?;
    let concerned = [relation.parent.id, child];
    if by.pod().is_some_and(|pod| !concerned.contains(&pod)) {
        return Err(StoreErrorKind::NotItsRelation.into());
    }
    let ended = transaction
        .prepare_cached("UPDATE child SET ended = ?2 WHERE child = ?1 AND ended IS NULL")?
        .execute(params![child.to_string(), at.0])?;
    if ended == 0 {
        return Ok(false);
    }
    let ChildRecord { parent, child, .. } = relation;
    let act = Act::of(by, at);
    outbox::put(
        transaction,
        parent.id,
        &RelationChange::ChildEnded { child },
        act,
    )?;
    Ok(true)
}

/// Puts what a child tells of itself into its parent's outbox; while it is being spawned, it is held.
pub(super) fn report(
    transaction: &Transaction<'_>,
    fence: Fence,
    report: Report,
    at: UnixMillis,
) -> Result<Option<PodId>, Fault> {
    check_fence(transaction, fence)?;
    let Some(relation) = parent(transaction, fence.pod)? else {
        return Ok(None);
    };
    let ChildRecord { parent, child, .. } = relation;
    if !relation.spawned.confirmed {
        let (by, change) = (child.id, RelationChange::ChildReported { child, report });
        outbox::hold(transaction, parent.id, &change, by, at)?;
        return Ok(None);
    }
    // A build of an older schema confirms a child, and releases nothing.
    outbox::release(transaction, child.id)?;
    let act = Act {
        by: Some(child.id),
        at,
    };
    let change = RelationChange::ChildReported { child, report };
    outbox::put(transaction, parent.id, &change, act)?;
    Ok(Some(parent.id))
}

/// Says that a child that begins a generation is wanted again.
pub(super) fn resume(transaction: &Transaction<'_>, child: PodId) -> Result<(), Fault> {
    transaction
        .prepare_cached("UPDATE child SET ended = NULL WHERE child = ?1 AND ended IS NOT NULL")?
        .execute(params![child.to_string()])?;
    Ok(())
}

pub(super) fn parent(connection: &Connection, child: PodId) -> Result<Option<ChildRecord>, Fault> {
    let sql = format!("{SELECT} WHERE child.child = ?1");
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params![child.to_string()])?;
    rows.next()?.map(decode).transpose()
}

pub(super) fn list(
    connection: &Connection,
    parent: PodId,
    page: &Page<PodId>,
) -> Result<Listing<ChildRecord, PodId>, Fault> {
    let sql = format!(
        "{SELECT} WHERE child.parent = ?1 AND child.child > ?2 ORDER BY child.child LIMIT ?3"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let after = page.after.map_or_else(String::new, |id| id.to_string());
    let rows = statement.query(params![parent.to_string(), after, i64::from(page.limit)])?;
    listing::read(
        rows,
        page.limit,
        |row| parsed(row, "child_id"),
        decode,
        |row| Ok((readable(row, "child_id")?, readable(row, "child_name")?)),
    )
}

fn decode(row: &Row<'_>) -> Result<ChildRecord, Fault> {
    Ok(ChildRecord {
        parent: label(row, ["parent_id", "parent_fleet", "parent_name"])?,
        child: label(row, ["child_id", "child_fleet", "child_name"])?,
        spawned: Spawned {
            scope: json(row, "scope")?,
            confirmed: row.get("confirmed")?,
        },
        created: UnixMillis(row.get("created")?),
        ended: row.get::<_, Option<i64>>("ended")?.map(UnixMillis),
    })
}
