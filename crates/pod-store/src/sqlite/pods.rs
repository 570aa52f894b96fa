//! Statements about pods.

use podfleet_protocol::{Generation, Identity, Paused, PodId, PodName, Receipt, UnixMillis};
use rusqlite::{Connection, Row, params};

use super::columns::{
    json, json_optional, label, parsed, parsed_optional, path, path_bytes, path_optional, readable,
    signed, to_json, unsigned,
};
use super::schema::VERSION;
use super::transaction::Transaction;
use super::{children, listing};
use crate::error::{Fault, StoreErrorKind};
use crate::page::{Listing, Page};
use crate::record::{
    Endpoint, Fence, FleetKey, GenerationStart, NewPod, PodCursor, PodFilter, PodRecord, PodState,
    PodSummary,
};
use crate::relation::{PodLabel, Spawned, Writer};

const COLUMNS: &str = "pod.id, pod.tenant, pod.fleet, pod.name, pod.folded, pod.host, pod.class, \
     pod.alias, pod.runtime, pod.spec, pod.runtime_dir, pod.generation, pod.socket, pod.heartbeat, \
     pod.pid, pod.build, pod.state, pod.account, pod.expected, pod.session, pod.created, \
     pod.updated, pod.revision, pod.member, pod.scope, pod.confirmed, pod.paused";

/// Selects pods with the state of their inboxes, and further columns out of further tables. What is
/// recent is read through once for all of them.
pub(super) fn select_summaries(columns: &str, joins: &str) -> String {
    let waiting = "message WHERE message.pod = pod.id \
         AND message.recent = 0 AND message.state <> 'settled'";
    format!(
        "WITH fresh (pod, count, first) AS MATERIALIZED ( \
           SELECT pod, count(*), min(sequence) FROM recent_message WHERE state <> 'settled' \
             GROUP BY pod) \
         SELECT {COLUMNS}, {columns}, oldest.accepted AS oldest_accepted, oldest.receipt AS oldest_receipt, \
           (SELECT count(*) FROM {waiting}) + ifnull(fresh.count, 0) AS undelivered \
         FROM pod LEFT JOIN fresh ON fresh.pod = pod.id \
         LEFT JOIN message AS oldest ON oldest.sequence = \
           min(ifnull((SELECT min(sequence) FROM {waiting}), {NEVER}), ifnull(fresh.first, {NEVER})) \
         {joins}",
        NEVER = i64::MAX,
    )
}

pub(super) fn decode(row: &Row<'_>) -> Result<PodRecord, Fault> {
    Ok(PodRecord {
        identity: Identity {
            id: parsed(row, "id")?,
            name: parsed(row, "name")?,
            fleet: parsed(row, "fleet")?,
            tenant_id: parsed(row, "tenant")?,
            host: row.get("host")?,
        },
        class: row.get("class")?,
        alias: row.get("alias")?,
        runtime: row.get("runtime")?,
        spec: json(row, "spec")?,
        runtime_dir: path(row, "runtime_dir")?,
        generation: Generation(unsigned(row, "generation")?),
        endpoint: decode_endpoint(row)?,
        state: PodState::from_columns(row.get("state")?, row.get("account")?),
        expected: row.get("expected")?,
        member: row.get("member")?,
        spawned: decode_spawned(row)?,
        paused: json_optional(row, "paused")?,
        session: parsed_optional(row, "session")?,
        created: UnixMillis(row.get("created")?),
        updated: UnixMillis(row.get("updated")?),
        revision: unsigned(row, "revision")?,
    })
}

/// Decodes the one pod that was asked for; damage is told as that pod's.
fn decode_one(row: &Row<'_>) -> Result<PodRecord, Fault> {
    decode(row).map_err(|fault| match (fault.is_damage(), name_of(row)) {
        (true, Ok((id, name))) => {
            let what = fault.account();
            let what = what.strip_prefix("damaged: ").unwrap_or(&what).to_owned();
            let pid = row.get("pid").unwrap_or_default();
            StoreErrorKind::DamagedPod {
                id,
                name,
                pid,
                what,
            }
            .into()
        }
        _ => fault,
    })
}

fn decode_endpoint(row: &Row<'_>) -> Result<Option<Endpoint>, Fault> {
    let Some(socket) = path_optional(row, "socket")? else {
        return Ok(None);
    };
    Ok(Some(Endpoint {
        socket,
        heartbeat: path(row, "heartbeat")?,
        pid: row.get("pid")?,
        build: row.get("build")?,
    }))
}

fn decode_spawned(row: &Row<'_>) -> Result<Option<Spawned>, Fault> {
    if row.get::<_, Option<String>>("scope")?.is_none() {
        return Ok(None);
    }
    Ok(Some(Spawned {
        scope: json(row, "scope")?,
        confirmed: row.get("confirmed")?,
    }))
}

pub(super) fn put(transaction: &Transaction<'_>, new: &NewPod) -> Result<PodRecord, Fault> {
    let key = FleetKey::of(&new.identity);
    let Some(old) = by_folded_name(transaction, &key, &new.identity.name)? else {
        insert(transaction, new)?;
        return existing(transaction, new.identity.id);
    };
    let existing_name = old.identity.name.clone();
    if existing_name != new.identity.name {
        let existing = existing_name;
        return Err(StoreErrorKind::NameTaken { existing }.into());
    }
    if old.spawned.is_some() {
        let existing = existing_name;
        return Err(StoreErrorKind::SpawnedName { existing }.into());
    }
    if !new.differs_from(&old) {
        return Ok(old);
    }
    transaction.execute(
        "UPDATE pod SET host = ?2, class = ?3, alias = ?4, runtime = ?5, spec = ?6, \
         runtime_dir = ?7, updated = ?8, member = 1, revision = revision + 1 WHERE id = ?1",
        params![
            old.identity.id.to_string(),
            new.identity.host,
            new.class,
            new.alias,
            new.runtime,
            to_json(&new.spec)?,
            path_bytes(&new.runtime_dir),
            new.at.0,
        ],
    )?;
    existing(transaction, old.identity.id)
}

pub(super) fn insert(transaction: &Transaction<'_>, new: &NewPod) -> Result<(), Fault> {
    let identity = &new.identity;
    transaction.execute(
        "INSERT INTO pod (id, tenant, fleet, name, folded, host, class, alias, runtime, spec, \
         runtime_dir, created, updated) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?12)",
        params![
            identity.id.to_string(),
            identity.tenant_id.as_str(),
            identity.fleet.as_str(),
            identity.name.as_str(),
            identity.name.as_str().to_ascii_lowercase(),
            identity.host,
            new.class,
            new.alias,
            new.runtime,
            to_json(&new.spec)?,
            path_bytes(&new.runtime_dir),
            new.at.0,
        ],
    )?;
    Ok(())
}

pub(super) fn find(
    connection: &Connection,
    fleet: &FleetKey,
    name: &PodName,
) -> Result<Option<PodRecord>, Fault> {
    let found = by_folded_name(connection, fleet, name)?;
    Ok(found.filter(|record| record.identity.name == *name))
}

pub(super) fn by_folded_name(
    connection: &Connection,
    fleet: &FleetKey,
    name: &PodName,
) -> Result<Option<PodRecord>, Fault> {
    let sql = format!("SELECT {COLUMNS} FROM pod WHERE tenant = ?1 AND fleet = ?2 AND folded = ?3");
    let mut statement = connection.prepare_cached(&sql)?;
    let folded = name.as_str().to_ascii_lowercase();
    let mut rows = statement.query(params![fleet.tenant.as_str(), fleet.fleet.as_str(), folded])?;
    rows.next()?.map(decode_one).transpose()
}

pub(super) fn get(connection: &Connection, id: PodId) -> Result<Option<PodRecord>, Fault> {
    let sql = format!("SELECT {COLUMNS} FROM pod WHERE id = ?1");
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params![id.to_string()])?;
    rows.next()?.map(decode_one).transpose()
}

pub(super) fn of_processes(
    connection: &Connection,
    processes: &[u32],
) -> Result<Vec<PodRecord>, Fault> {
    let sql = format!(
        "SELECT {COLUMNS} FROM pod WHERE socket IS NOT NULL \
         AND pid IN (SELECT value FROM json_each(?1))"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params![to_json(&processes)?])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(decode_one(row)?);
    }
    Ok(found)
}

pub(super) fn existing(connection: &Connection, id: PodId) -> Result<PodRecord, Fault> {
    get(connection, id)?.ok_or_else(|| StoreErrorKind::NotFound("pod").into())
}

pub(super) fn list(
    connection: &Connection,
    filter: &PodFilter,
    page: &Page<PodCursor>,
) -> Result<Listing<PodSummary, PodCursor>, Fault> {
    // Within one fleet the index is searched by the fleet's name, else by the place of the cursor.
    let place = match filter.fleet {
        Some(_) => "pod.fleet = ?2 AND pod.folded > ?3",
        None => "(pod.fleet, pod.folded) > (?2, ?3)",
    };
    let sql = format!(
        "{} WHERE pod.tenant = ?1 AND {place} ORDER BY pod.fleet, pod.folded LIMIT ?4",
        select_summaries("NULL", "")
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let after = page.after.as_ref();
    let fleet = match &filter.fleet {
        Some(fleet) => fleet.as_str(),
        None => after.map_or("", |cursor| cursor.fleet.as_str()),
    };
    let folded = after.map_or("", |cursor| cursor.folded.as_str());
    let limit = i64::from(page.limit);
    let rows = statement.query(params![filter.tenant.as_str(), fleet, folded, limit])?;
    listing::read(rows, page.limit, cursor, decode_summary, name_of)
}

pub(super) fn cursor(row: &Row<'_>) -> Result<PodCursor, Fault> {
    Ok(PodCursor {
        fleet: row.get("fleet")?,
        folded: row.get("folded")?,
    })
}

/// Names a pod that cannot be decoded.
pub(super) fn name_of(row: &Row<'_>) -> Result<(String, String), Fault> {
    Ok((readable(row, "id")?, readable(row, "name")?))
}

pub(super) fn decode_summary(row: &Row<'_>) -> Result<PodSummary, Fault> {
    let receipt: Option<String> = row.get("oldest_receipt")?;
    // A damaged receipt is that message's fault, not the pod's.
    let receipt = receipt.and_then(|text| serde_json::from_str::<Receipt>(&text).ok());
    Ok(PodSummary {
        record: decode(row)?,
        undelivered: row.get("undelivered")?,
        oldest: row
            .get::<_, Option<i64>>("oldest_accepted")?
            .map(UnixMillis),
        hold: receipt.and_then(|receipt| receipt.hold),
    })
}

pub(super) fn begin_generation(
    transaction: &Transaction<'_>,
    id: PodId,
    start: &GenerationStart,
) -> Result<PodRecord, Fault> {
    transaction.execute(
        "UPDATE pod SET generation = max(generation, ?8) + 1, state = 'live', account = NULL, \
         socket = ?2, heartbeat = ?3, pid = ?4, build = ?5, updated = ?6, writer_schema = ?7, \
         writer_generation = max(generation, ?8) + 1 WHERE id = ?1",
        params![
            id.to_string(),
            path_bytes(&start.endpoint.socket),
            path_bytes(&start.endpoint.heartbeat),
            start.endpoint.pid,
            start.endpoint.build,
            start.at.0,
            VERSION,
            signed(start.above.0),
        ],
    )?;
    children::resume(transaction, id)?;
    existing(transaction, id)
}

pub(super) fn is_there(connection: &Connection, id: PodId) -> Result<bool, Fault> {
    let mut statement = connection.prepare_cached("SELECT 1 FROM pod WHERE id = ?1")?;
    Ok(statement.exists(params![id.to_string()])?)
}

/// Returns what a pod is called.
pub(super) fn label_of(connection: &Connection, id: PodId) -> Result<PodLabel, Fault> {
    let mut statement =
        connection.prepare_cached("SELECT id, fleet, name FROM pod WHERE id = ?1")?;
    let mut rows = statement.query(params![id.to_string()])?;
    let row = rows.next()?.ok_or(StoreErrorKind::NotFound("pod"))?;
    label(row, ["id", "fleet", "name"])
}

/// Refuses a pod that does not write as its present generation.
pub(super) fn check_writer(connection: &Connection, by: Writer) -> Result<(), Fault> {
    match by {
        Writer::Operator => Ok(()),
        Writer::Pod(fence) => check_fence(connection, fence),
    }
}

/// Refuses a writer that is not the pod's present generation.
pub(super) fn check_fence(connection: &Connection, fence: Fence) -> Result<(), Fault> {
    let mut statement = connection.prepare_cached("SELECT generation FROM pod WHERE id = ?1")?;
    let mut rows = statement.query(params![fence.pod.to_string()])?;
    let row = rows.next()?.ok_or(StoreErrorKind::NotFound("pod"))?;
    let current = Generation(unsigned(row, "generation")?);
    if current != fence.generation {
        return Err(StoreErrorKind::Fenced { current }.into());
    }
    Ok(())
}

pub(super) fn set_state(
    transaction: &Transaction<'_>,
    fence: Fence,
    state: &PodState,
    at: UnixMillis,
) -> Result<(), Fault> {
    check_fence(transaction, fence)?;
    transaction.execute(
        "UPDATE pod SET state = ?2, account = ?3, updated = ?4 WHERE id = ?1",
        params![fence.pod.to_string(), state.as_str(), state.account(), at.0],
    )?;
    Ok(())
}

pub(super) fn set_paused(
    transaction: &Transaction<'_>,
    id: PodId,
    wanted: Option<&Paused>,
    at: UnixMillis,
) -> Result<Option<Paused>, Fault> {
    let before = existing(transaction, id)?.paused;
    if before.is_some() != wanted.is_some() {
        transaction.execute(
            "UPDATE pod SET paused = ?2, updated = ?3 WHERE id = ?1",
            params![id.to_string(), wanted.map(to_json).transpose()?, at.0],
        )?;
    }
    Ok(before)
}

pub(super) fn set_expected(
    transaction: &Transaction<'_>,
    id: PodId,
    expected: bool,
    at: UnixMillis,
) -> Result<(), Fault> {
    let changed = transaction.execute(
        "UPDATE pod SET expected = ?2, updated = ?3 WHERE id = ?1",
        params![id.to_string(), expected, at.0],
    )?;
    if changed == 0 {
        return Err(StoreErrorKind::NotFound("pod").into());
    }
    Ok(())
}
