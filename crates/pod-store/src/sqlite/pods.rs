//! Statements about fleets and pods.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::Path;

use podfleet_protocol::{Generation, Identity, PodId, PodName, Receipt, UnixMillis};
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

use super::columns::{
    json, parsed, parsed_optional, path, path_bytes, path_optional, to_json, unsigned,
};
use crate::error::{Fault, StoreErrorKind};
use crate::page::{CorruptRecord, Listing, Page};
use crate::record::{
    Endpoint, Fence, FleetKey, Forgotten, GenerationStart, NewPod, PodCursor, PodFilter, PodRecord,
    PodState, PodSummary,
};

const COLUMNS: &str = "pod.id, pod.tenant, pod.fleet, pod.name, pod.folded, pod.host, pod.class, \
     pod.alias, pod.runtime, pod.spec, pod.runtime_dir, pod.generation, pod.socket, pod.heartbeat, \
     pod.pid, pod.build, pod.state, pod.account, pod.expected, pod.session, pod.created, \
     pod.updated, pod.revision";

fn decode(row: &Row<'_>) -> Result<PodRecord, Fault> {
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
        session: parsed_optional(row, "session")?,
        created: UnixMillis(row.get("created")?),
        updated: UnixMillis(row.get("updated")?),
        revision: unsigned(row, "revision")?,
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

pub(super) fn claim_fleet(
    transaction: &Transaction<'_>,
    key: &FleetKey,
    roster: &Path,
) -> Result<(), Fault> {
    let owner = fleet_owner(transaction, key)?;
    match owner {
        Some(owner) if owner == path_bytes(roster) => Ok(()),
        Some(owner) => Err(StoreErrorKind::FleetClaimed {
            fleet: key.fleet.to_string(),
            owner: OsString::from_vec(owner).into(),
            claimant: roster.to_owned(),
        }
        .into()),
        None => {
            transaction.execute(
                "INSERT INTO fleet (tenant, fleet, roster) VALUES (?1, ?2, ?3)",
                params![key.tenant.as_str(), key.fleet.as_str(), path_bytes(roster)],
            )?;
            Ok(())
        }
    }
}

fn fleet_owner(connection: &Connection, key: &FleetKey) -> Result<Option<Vec<u8>>, Fault> {
    let owner = connection
        .query_row(
            "SELECT roster FROM fleet WHERE tenant = ?1 AND fleet = ?2",
            params![key.tenant.as_str(), key.fleet.as_str()],
            |row| row.get("roster"),
        )
        .optional()?;
    Ok(owner)
}

pub(super) fn release_fleet(
    transaction: &Transaction<'_>,
    key: &FleetKey,
    roster: &Path,
) -> Result<bool, Fault> {
    let gone = transaction.execute(
        "DELETE FROM fleet WHERE tenant = ?1 AND fleet = ?2 AND roster = ?3",
        params![key.tenant.as_str(), key.fleet.as_str(), path_bytes(roster)],
    )?;
    Ok(gone > 0)
}

pub(super) fn put(transaction: &Transaction<'_>, new: &NewPod) -> Result<PodRecord, Fault> {
    let key = FleetKey::of(&new.identity);
    let Some(old) = by_folded_name(transaction, &key, &new.identity.name)? else {
        insert(transaction, new)?;
        return existing(transaction, new.identity.id);
    };
    if old.identity.name != new.identity.name {
        return Err(StoreErrorKind::NameTaken {
            existing: old.identity.name,
        }
        .into());
    }
    if !new.differs_from(&old) {
        return Ok(old);
    }
    transaction.execute(
        "UPDATE pod SET host = ?2, class = ?3, alias = ?4, runtime = ?5, spec = ?6, \
         runtime_dir = ?7, updated = ?8, revision = revision + 1 WHERE id = ?1",
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

fn insert(transaction: &Transaction<'_>, new: &NewPod) -> Result<(), Fault> {
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

fn by_folded_name(
    connection: &Connection,
    fleet: &FleetKey,
    name: &PodName,
) -> Result<Option<PodRecord>, Fault> {
    let sql = format!("SELECT {COLUMNS} FROM pod WHERE tenant = ?1 AND fleet = ?2 AND folded = ?3");
    let mut statement = connection.prepare_cached(&sql)?;
    let folded = name.as_str().to_ascii_lowercase();
    let mut rows = statement.query(params![fleet.tenant.as_str(), fleet.fleet.as_str(), folded])?;
    rows.next()?.map(decode).transpose()
}

pub(super) fn get(connection: &Connection, id: PodId) -> Result<Option<PodRecord>, Fault> {
    let sql = format!("SELECT {COLUMNS} FROM pod WHERE id = ?1");
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params![id.to_string()])?;
    rows.next()?.map(decode).transpose()
}

fn existing(connection: &Connection, id: PodId) -> Result<PodRecord, Fault> {
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
        "SELECT {COLUMNS}, oldest.accepted AS oldest_accepted, oldest.receipt AS oldest_receipt, \
           (SELECT count(*) FROM message WHERE message.pod = pod.id AND message.state <> 'settled') \
             AS undelivered \
         FROM pod LEFT JOIN message AS oldest ON oldest.sequence = \
           (SELECT min(sequence) FROM message WHERE message.pod = pod.id AND message.state <> 'settled') \
         WHERE pod.tenant = ?1 AND {place} ORDER BY pod.fleet, pod.folded LIMIT ?4"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let after = page.after.as_ref();
    let fleet = match &filter.fleet {
        Some(fleet) => fleet.as_str(),
        None => after.map_or("", |cursor| cursor.fleet.as_str()),
    };
    let folded = after.map_or("", |cursor| cursor.folded.as_str());
    let limit = i64::from(page.limit);
    let mut rows = statement.query(params![filter.tenant.as_str(), fleet, folded, limit])?;
    let mut listing = Listing::default();
    let (mut seen, mut last) = (0_u32, None);
    while let Some(row) = rows.next()? {
        seen += 1;
        last = Some(PodCursor {
            fleet: row.get("fleet")?,
            folded: row.get("folded")?,
        });
        match decode_summary(row) {
            Ok(summary) => listing.items.push(summary),
            Err(fault) => listing.corrupt.push(CorruptRecord {
                id: row.get("id")?,
                label: row.get("name")?,
                error: fault.account(),
            }),
        }
    }
    listing.next = last.filter(|_| seen == page.limit);
    Ok(listing)
}

fn decode_summary(row: &Row<'_>) -> Result<PodSummary, Fault> {
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
        "UPDATE pod SET generation = generation + 1, state = 'live', account = NULL, socket = ?2, \
         heartbeat = ?3, pid = ?4, build = ?5, updated = ?6 WHERE id = ?1",
        params![
            id.to_string(),
            path_bytes(&start.endpoint.socket),
            path_bytes(&start.endpoint.heartbeat),
            start.endpoint.pid,
            start.endpoint.build,
            start.at.0,
        ],
    )?;
    existing(transaction, id)
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

/// Deletes a pod with all that refers to it, and returns the body files that nobody names any more.
pub(super) fn forget(
    transaction: &Transaction<'_>,
    id: PodId,
) -> Result<(Forgotten, Vec<String>), Fault> {
    let id = id.to_string();
    let count = |sql: &str| -> Result<u64, Fault> {
        let number: i64 = transaction.query_row(sql, params![id], |row| row.get(0))?;
        Ok(number.unsigned_abs())
    };
    let forgotten = Forgotten {
        messages: count("SELECT count(*) FROM message WHERE pod = ?1")?,
        undelivered: count("SELECT count(*) FROM message WHERE pod = ?1 AND state <> 'settled'")?,
        sessions: count("SELECT count(*) FROM session WHERE pod = ?1")?,
        relations: count("SELECT count(*) FROM peer WHERE low = ?1 OR high = ?1")?
            + count("SELECT count(*) FROM child WHERE parent = ?1 OR child = ?1")?,
    };
    let files = transaction
        .prepare("SELECT body_file FROM message WHERE pod = ?1 AND body_file IS NOT NULL")?
        .query_map(params![id], |row| row.get("body_file"))?
        .collect::<Result<_, _>>()?;
    if transaction.execute("DELETE FROM pod WHERE id = ?1", params![id])? == 0 {
        return Err(StoreErrorKind::NotFound("pod").into());
    }
    Ok((forgotten, files))
}
