//! Statements about sessions.

use podfleet_protocol::{Generation, SessionId, UnixMillis};
use rusqlite::{Connection, params};

use super::columns::{parsed, signed, unsigned};
use super::pods::check_fence;
use super::transaction::Transaction;
use crate::error::{Fault, StoreErrorKind};
use crate::record::{Fence, NewSession, SessionRecord};

pub(super) fn open(
    transaction: &Transaction<'_>,
    fence: Fence,
    session: &NewSession,
) -> Result<(), Fault> {
    check_fence(transaction, fence)?;
    let (id, pod) = (session.id.to_string(), fence.pod.to_string());
    transaction.execute(
        "INSERT INTO session (id, pod, generation, started) VALUES (?1, ?2, ?3, ?4)",
        params![id, pod, signed(fence.generation.0), session.started.0],
    )?;
    transaction.execute(
        "UPDATE pod SET session = ?2, updated = ?3 WHERE id = ?1",
        params![pod, id, session.started.0],
    )?;
    Ok(())
}

pub(super) fn close(
    transaction: &Transaction<'_>,
    fence: Fence,
    id: SessionId,
    ended: UnixMillis,
) -> Result<(), Fault> {
    check_fence(transaction, fence)?;
    let changed = transaction.execute(
        "UPDATE session SET ended = ?3 WHERE id = ?1 AND pod = ?2",
        params![id.to_string(), fence.pod.to_string(), ended.0],
    )?;
    if changed == 0 {
        return Err(StoreErrorKind::NotFound("session").into());
    }
    Ok(())
}

pub(super) fn get(connection: &Connection, id: SessionId) -> Result<Option<SessionRecord>, Fault> {
    let mut statement = connection
        .prepare_cached("SELECT id, pod, generation, started, ended FROM session WHERE id = ?1")?;
    let mut rows = statement.query(params![id.to_string()])?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    Ok(Some(SessionRecord {
        id: parsed(row, "id")?,
        pod: parsed(row, "pod")?,
        generation: Generation(unsigned(row, "generation")?),
        started: UnixMillis(row.get("started")?),
        ended: row.get::<_, Option<i64>>("ended")?.map(UnixMillis),
    }))
}
