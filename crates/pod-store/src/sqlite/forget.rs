//! Statements that remove a pod with all that refers to it.

use podfleet_protocol::PodId;
use rusqlite::{Connection, params};

use super::columns::parsed;
use super::outbox;
use super::transaction::Transaction;
use super::{pods, sent};
use crate::error::{Fault, StoreErrorKind};
use crate::outbox::{Act, RelationChange};
use crate::record::Forgotten;

/// Counts what would go with a pod.
pub(super) fn preview(connection: &Connection, id: PodId) -> Result<Forgotten, Fault> {
    let there = connection
        .prepare_cached("SELECT 1 FROM pod WHERE id = ?1")?
        .exists(params![id.to_string()])?;
    if !there {
        return Err(StoreErrorKind::NotFound("pod").into());
    }
    let count = |sql: &str| -> Result<u64, Fault> {
        let number: i64 = connection.query_row(sql, params![id.to_string()], |row| row.get(0))?;
        Ok(number.unsigned_abs())
    };
    Ok(Forgotten {
        messages: count("SELECT count(*) FROM message WHERE pod = ?1")?,
        undelivered: count("SELECT count(*) FROM message WHERE pod = ?1 AND state <> 'settled'")?,
        sessions: count("SELECT count(*) FROM session WHERE pod = ?1")?,
        peers: count("SELECT count(*) FROM peer WHERE low = ?1 OR high = ?1")?,
        children: count("SELECT count(*) FROM child WHERE parent = ?1")?,
        parent: count("SELECT count(*) FROM child WHERE child = ?1")? > 0,
    })
}

/// Deletes a pod, and returns the body files that nobody names any more.
pub(super) fn forget(
    transaction: &Transaction<'_>,
    id: PodId,
    act: Act,
) -> Result<(Forgotten, Vec<String>), Fault> {
    let forgotten = preview(transaction, id)?;
    tell_relatives(transaction, id, act)?;
    outbox::drop_held(transaction, id)?;
    let id = id.to_string();
    let files = transaction
        .prepare("SELECT body_file FROM message WHERE pod = ?1 AND body_file IS NOT NULL")?
        .query_map(params![id], |row| row.get("body_file"))?
        .collect::<Result<_, _>>()?;
    transaction.execute("DELETE FROM pod WHERE id = ?1", params![id])?;
    Ok((forgotten, files))
}

fn tell_relatives(transaction: &Transaction<'_>, id: PodId, act: Act) -> Result<(), Fault> {
    // A pod whose label is damaged can be forgotten too, without a word to others.
    let Ok(label) = pods::label_of(transaction, id) else {
        return Ok(());
    };
    sent::tell_senders(transaction, &label)?;
    let tell = |sql: &str, change: &RelationChange| -> Result<(), Fault> {
        let related = related(transaction, sql, id)?;
        let mut related = related.into_iter();
        related.try_for_each(|pod| outbox::put(transaction, pod, change, act))
    };
    let (peer, parent, child) = (label.clone(), label.clone(), label);
    tell(PEERS, &RelationChange::PeerRemoved { peer })?;
    tell(CHILDREN, &RelationChange::ParentRemoved { parent })?;
    tell(PARENT, &RelationChange::ChildRemoved { child })
}

const PEERS: &str = "SELECT high AS related FROM peer WHERE low = ?1 \
     UNION ALL SELECT low FROM peer WHERE high = ?1";
const CHILDREN: &str = "SELECT child AS related FROM child WHERE parent = ?1 ORDER BY child";
const PARENT: &str = "SELECT parent AS related FROM child WHERE child = ?1";

fn related(connection: &Connection, sql: &str, id: PodId) -> Result<Vec<PodId>, Fault> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params![id.to_string()])?;
    let mut related = Vec::new();
    while let Some(row) = rows.next()? {
        related.push(parsed(row, "related")?);
    }
    Ok(related)
}
