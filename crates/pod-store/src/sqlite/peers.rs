//! Statements about peers.

use podfleet_protocol::{PodId, TenantId, UnixMillis};
use rusqlite::{Connection, Row, params};

use super::columns::{label, parsed, readable};
use super::listing;
use super::outbox;
use super::pods::check_writer;
use super::transaction::Transaction;
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
    let labels = labels(transaction, pair)?;
    let made = transaction
        .prepare_cached(
            "INSERT INTO peer (low, high, created) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
        )?
        .execute(params![
            pair.low().to_string(),
            pair.high().to_string(),
            at.0
        ])?;
    if made == 0 {
        return Ok(Registered::AlreadyThere);
    }
    CrashPoint::RegisterRow.reach();
    let act = Act::of(by, at);
    tell_both(transaction, labels, act, |peer| RelationChange::PeerAdded {
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
    let labels = labels(transaction, pair)?;
    tell_both(transaction, labels, act, |peer| {
        RelationChange::PeerRemoved { peer }
    })?;
    Ok(true)
}

fn check(transaction: &Transaction<'_>, by: Writer, pair: PeerPair) -> Result<(), Fault> {
    if by.pod().is_some_and(|pod| !pair.contains(pod)) {
        return Err(StoreErrorKind::NotItsRelation.into());
    }
    check_writer(transaction, by)
}

/// Returns what the two are called, the lower one first, if both are there under one tenant.
fn labels(connection: &Connection, pair: PeerPair) -> Result<[PodLabel; 2], Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT low.id AS low_id, low.fleet AS low_fleet, low.name AS low_name, \
           high.id AS high_id, high.fleet AS high_fleet, high.name AS high_name \
         FROM pod AS low JOIN pod AS high USING (tenant) WHERE low.id = ?1 AND high.id = ?2",
    )?;
    let mut rows = statement.query(params![pair.low().to_string(), pair.high().to_string()])?;
    let row = rows.next()?.ok_or(StoreErrorKind::NotFound("pod"))?;
    decode_labels(row)
}

fn decode_labels(row: &Row<'_>) -> Result<[PodLabel; 2], Fault> {
    Ok([
        label(row, ["low_id", "low_fleet", "low_name"])?,
        label(row, ["high_id", "high_fleet", "high_name"])?,
    ])
}

fn tell_both(
    transaction: &Transaction<'_>,
    [low, high]: [PodLabel; 2],
    act: Act,
    change: impl Fn(PodLabel) -> RelationChange,
) -> Result<(), Fault> {
    let (one, other) = (low.id, high.id);
    let (to_one, to_other) = (change(high), change(low));
    outbox::put_two(transaction, [(one, &to_one), (other, &to_other)], act)
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
        let names = [readable(row, "low_name")?, readable(row, "high_name")?];
        Ok((readable(row, "low_id")?, names.join(", ")))
    })
}

fn decode_pair(row: &Row<'_>) -> Result<PeerPair, Fault> {
    PeerPair::new(parsed(row, "low_id")?, parsed(row, "high_id")?)
        .ok_or_else(|| Fault::corrupt("a pod is its own peer"))
}

fn decode(row: &Row<'_>) -> Result<PeerRecord, Fault> {
    Ok(PeerRecord {
        pods: decode_labels(row)?,
        created: UnixMillis(row.get("created")?),
    })
}
