//! Statements about the outbox.

use podfleet_protocol::{PodId, UnixMillis};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::columns::{json, parsed_optional, readable, signed, to_json, unsigned};
use super::listing;
use super::pods::check_fence;
use super::transaction::Transaction;
use crate::error::Fault;
use crate::outbox::{Act, OutboxEvent, OutboxPlace, RelationChange};
use crate::page::{CorruptRecord, Listing, Page};
use crate::record::Fence;

/// Puts an event of the transaction into the outbox of `pod`, unless that is gone.
pub(super) fn put(
    transaction: &Transaction<'_>,
    pod: PodId,
    change: &RelationChange,
    act: Act,
) -> Result<(), Fault> {
    transaction
        .prepare_cached(
            "INSERT INTO outbox (pod, change, by_pod, at) \
             SELECT id, ?2, ?3, ?4 FROM pod WHERE id = ?1",
        )?
        .execute(params![
            pod.to_string(),
            to_json(change)?,
            act.by.map(|by| by.to_string()),
            act.at.0,
        ])?;
    Ok(())
}

/// Keeps an event for the outbox of `pod`, in which it is not before somebody releases it.
pub(super) fn hold(
    transaction: &Transaction<'_>,
    pod: PodId,
    change: &RelationChange,
    by: PodId,
    at: UnixMillis,
) -> Result<(), Fault> {
    transaction
        .prepare_cached(
            "INSERT INTO outbox (pod, change, by_pod, at, held) VALUES (?1, ?2, ?3, ?4, 1)",
        )?
        .execute(params![
            pod.to_string(),
            to_json(change)?,
            by.to_string(),
            at.0,
        ])?;
    Ok(())
}

/// Puts what is held of a pod's doings into the outboxes, behind all that is there.
pub(super) fn release(transaction: &Transaction<'_>, by: PodId) -> Result<(), Fault> {
    transaction
        .prepare_cached(
            "INSERT INTO outbox (pod, change, by_pod, at) \
             SELECT pod, change, by_pod, at FROM outbox WHERE held AND by_pod = ?1 ORDER BY place",
        )?
        .execute(params![by.to_string()])?;
    drop_held(transaction, by)
}

/// Drops what is held of a pod's doings.
pub(super) fn drop_held(transaction: &Transaction<'_>, by: PodId) -> Result<(), Fault> {
    transaction
        .prepare_cached("DELETE FROM outbox WHERE held AND by_pod = ?1")?
        .execute(params![by.to_string()])?;
    Ok(())
}

/// Puts an event into the outboxes of two pods. By one statement: the count of all places, which the
/// table keeps in another, is written once.
pub(super) fn put_two(
    transaction: &Transaction<'_>,
    [(one, to_one), (other, to_other)]: [(PodId, &RelationChange); 2],
    act: Act,
) -> Result<(), Fault> {
    transaction
        .prepare_cached(
            "INSERT INTO outbox (pod, change, by_pod, at) \
             VALUES (?1, ?2, ?5, ?6), (?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            one.to_string(),
            to_json(to_one)?,
            other.to_string(),
            to_json(to_other)?,
            act.by.map(|by| by.to_string()),
            act.at.0,
        ])?;
    Ok(())
}

pub(super) fn list(
    connection: &Connection,
    pod: PodId,
    page: &Page<OutboxPlace>,
) -> Result<Listing<OutboxEvent, OutboxPlace>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT place, change, by_pod, at FROM outbox WHERE pod = ?1 AND place > ?2 AND NOT held \
         ORDER BY place LIMIT ?3",
    )?;
    let after = page.after.map_or(0, |after| signed(after.0));
    let rows = statement.query(params![pod.to_string(), after, i64::from(page.limit)])?;
    listing::read(rows, page.limit, place, decode, |row| {
        Ok((unsigned(row, "place")?.to_string(), String::new()))
    })
}

/// Lists the events of all pods that cannot be read, each with the name of its pod.
pub(super) fn damaged(connection: &Connection) -> Result<Vec<CorruptRecord>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT outbox.place, outbox.change, outbox.by_pod, outbox.at, pod.name \
         FROM outbox JOIN pod ON pod.id = outbox.pod ORDER BY outbox.place",
    )?;
    let rows = statement.query([])?;
    let check = |row: &Row<'_>| decode(row).map(drop);
    let listing = listing::read(rows, u32::MAX, place, check, |row| {
        Ok((unsigned(row, "place")?.to_string(), readable(row, "name")?))
    })?;
    Ok(listing.corrupt)
}

fn decode(row: &Row<'_>) -> Result<OutboxEvent, Fault> {
    Ok(OutboxEvent {
        place: place(row)?,
        change: json(row, "change")?,
        by: parsed_optional(row, "by_pod")?,
        at: UnixMillis(row.get("at")?),
    })
}

/// Returns the place of the last event that there ever was.
pub(super) fn end(connection: &Connection) -> Result<OutboxPlace, Fault> {
    let last = connection
        .prepare_cached("SELECT seq AS place FROM sqlite_sequence WHERE name = 'outbox'")?
        .query_row([], |row| Ok(place(row)))
        .optional()?;
    last.unwrap_or_else(|| Ok(OutboxPlace::default()))
}

fn place(row: &Row<'_>) -> Result<OutboxPlace, Fault> {
    Ok(OutboxPlace(unsigned(row, "place")?))
}

pub(super) fn clear(
    transaction: &Transaction<'_>,
    fence: Fence,
    up_to: OutboxPlace,
) -> Result<u64, Fault> {
    check_fence(transaction, fence)?;
    let gone = transaction
        .prepare_cached("DELETE FROM outbox WHERE pod = ?1 AND place <= ?2 AND NOT held")?
        .execute(params![fence.pod.to_string(), signed(up_to.0)])?;
    Ok(gone as u64)
}
