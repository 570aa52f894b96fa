//! Statements about peers.

use podfleet_protocol::{PodId, TenantId, UnixMillis};
use rusqlite::{Connection, Row, Transaction, params};

use super::columns::{label, parsed};
use super::listing;
use super::outbox;
use super::pods::{check_writer, label_of};
use crate::crash::CrashPoint;
use crate::error::{Fault, StoreErrorKind};
use crate::outbox::{Act, RelationChange};
use crate::page::{Listing, Page};
use crate::relation::{PeerPair, PeerRecord, PodLabel, Registered, Writer};

pub(super) fn register(
    transaction: &Transaction<'_>,
    by: Writer,
    pair: PeerPair,
    at: UnixMillis,
) -> Result<Registered, Fault> {
    check(transaction, by, pair)?;
    CrashPoint::RegisterBegun.reach();
    // One statement finds out whether both are there, under one tenant, and makes the row.
    let made = transaction
        .prepare_cached(
            "INSERT INTO peer (low, high, created) \
             SELECT one.id, other.id, ?3 FROM pod AS one JOIN pod AS other USING (tenant) \
             WHERE one.id = ?1 AND other.id = ?2 ON CONFLICT DO NOTHING",
        )?
        .execute(params![
            pair.low().to_string(),
            pair.high().to_string(),
            at.0
        ])?;
    if made == 0 {
        return if is_there(transaction, pair)? {
            Ok(Registered::AlreadyThere)
        } else {
            Err(StoreErrorKind::NotFound("pod").into())
        };
    }
    CrashPoint::RegisterRow.reach();
    let act = Act::of(by, at);
    tell_both(transaction, pair, act, |peer| RelationChange::PeerAdded {
        peer,
    })?;
    CrashPoint::RegisterWritten.reach();
    Ok(Registered::New)
}

pub(super) fn unregister(
    transaction: &Transaction<'_>,
    by: Writer,
    pair: PeerPair,
    at: UnixMillis,
) -> Result<bool, Fault> {
    check(transaction, by, pair)?;
    let gone = transaction
        .prepare_cached("DELETE FROM peer WHERE low = ?1 AND high = ?2")?
        .execute(params![pair.low().to_string(), pair.high().to_string()])?;
    if gone == 0 {
        return Ok(false);
    }
    CrashPoint::UnregisterRow.reach();
    let act = Act::of(by, at);
    tell_both(transaction, pair, act, |peer| RelationChange::PeerRemoved {
        peer,
    })?;
    Ok(true)
}

fn check(transaction: &Transaction<'_>, by: Writer, pair: PeerPair) -> Result<(), Fault> {
    if by.pod().is_some_and(|pod| !pair.contains(pod)) {
        return Err(StoreErrorKind::NotItsRelation.into());
    }
    check_writer(transaction, by)
}

fn is_there(connection: &Connection, pair: PeerPair) -> Result<bool, Fault> {
    let there = connection
        .prepare_cached("SELECT 1 FROM peer WHERE low = ?1 AND high = ?2")?
        .exists(params![pair.low().to_string(), pair.high().to_string()])?;
    Ok(there)
}

fn tell_both(
    transaction: &Transaction<'_>,
    pair: PeerPair,
    act: Act,
    change: impl Fn(PodLabel) -> RelationChange,
) -> Result<(), Fault> {
    for (pod, other) in [(pair.low(), pair.high()), (pair.high(), pair.low())] {
        let change = change(label_of(transaction, other)?);
        outbox::put(transaction, pod, &change, act)?;
        CrashPoint::RegisterHalfTold.reach();
    }
    Ok(())
}

pub(super) fn list(
    connection: &Connection,
    tenant: &TenantId,
    pod: Option<PodId>,
    page: &Page<PeerPair>,
) -> Result<Listing<PeerRecord, PeerPair>, Fault> {
    let of = match pod {
        Some(_) => "(peer.low = ?5 OR peer.high = ?5)",
        None => "?5 IS NULL",
    };
    let sql = format!(
        "SELECT low.id AS low_id, low.fleet AS low_fleet, low.name AS low_name, \
           high.id AS high_id, high.fleet AS high_fleet, high.name AS high_name, peer.created \
         FROM peer JOIN pod AS low ON low.id = peer.low JOIN pod AS high ON high.id = peer.high \
         WHERE low.tenant = ?1 AND (peer.low, peer.high) > (?2, ?3) AND {of} \
         ORDER BY peer.low, peer.high LIMIT ?4"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let after = |end: fn(PeerPair) -> PodId| {
        page.after
            .map_or_else(String::new, |pair| end(pair).to_string())
    };
    let rows = statement.query(params![
        tenant.as_str(),
        after(PeerPair::low),
        after(PeerPair::high),
        i64::from(page.limit),
        pod.map(|pod| pod.to_string()),
    ])?;
    listing::read(rows, page.limit, decode_pair, decode, |row| {
        let id: String = row.get("low_id")?;
        let label = format!(
            "{}, {}",
            row.get::<_, String>("low_name")?,
            row.get::<_, String>("high_name")?
        );
        Ok((id, label))
    })
}

fn decode_pair(row: &Row<'_>) -> Result<PeerPair, Fault> {
    PeerPair::new(parsed(row, "low_id")?, parsed(row, "high_id")?)
        .ok_or_else(|| Fault::corrupt("a pod is its own peer"))
}

fn decode(row: &Row<'_>) -> Result<PeerRecord, Fault> {
    Ok(PeerRecord {
        pods: [
            label(row, ["low_id", "low_fleet", "low_name"])?,
            label(row, ["high_id", "high_fleet", "high_name"])?,
        ],
        created: UnixMillis(row.get("created")?),
    })
}
