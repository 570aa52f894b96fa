//! Statements about how far a pod has read another's output.

use podfleet_protocol::{PodId, UnixMillis};
use rusqlite::{Connection, OptionalExtension as _, params};

use super::pods::check_fence;
use super::transaction::Transaction;
use crate::error::{Fault, StoreErrorKind};
use crate::record::Fence;

pub(super) fn get(
    connection: &Connection,
    reader: PodId,
    source: PodId,
) -> Result<Option<String>, Fault> {
    let cursor = connection
        .prepare_cached("SELECT cursor FROM read_cursor WHERE reader = ?1 AND source = ?2")?
        .query_row(params![reader.to_string(), source.to_string()], |row| {
            row.get("cursor")
        })
        .optional()?;
    Ok(cursor)
}

pub(super) fn set(
    transaction: &Transaction<'_>,
    fence: Fence,
    source: PodId,
    cursor: &str,
    at: UnixMillis,
) -> Result<(), Fault> {
    check_fence(transaction, fence)?;
    let set = transaction
        .prepare_cached(
            "INSERT INTO read_cursor (reader, source, cursor, updated) \
             SELECT ?1, id, ?3, ?4 FROM pod WHERE id = ?2 \
             ON CONFLICT (reader, source) DO UPDATE \
             SET cursor = excluded.cursor, updated = excluded.updated",
        )?
        .execute(params![
            fence.pod.to_string(),
            source.to_string(),
            cursor,
            at.0
        ])?;
    if set == 0 {
        return Err(StoreErrorKind::NotFound("pod").into());
    }
    Ok(())
}
