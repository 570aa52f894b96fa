//! Removing messages that were delivered long ago.

use std::collections::BTreeSet;
use std::time::SystemTime;

use podfleet_protocol::{PodId, SessionId, UnixMillis};
use rusqlite::{Connection, params};

use super::bodies::Bodies;
use super::columns::{signed, to_json};
use super::connection::Database;
use super::maintenance::body_files;
use super::transaction::Transaction;
use crate::error::Fault;
use crate::maintenance::{Pruned, Retention, victims};

struct Old {
    sequence: i64,
    settled: UnixMillis,
    file: Option<String>,
    bytes: u64,
}

/// Looks what would go.
pub(super) fn preview(
    database: &Database,
    pod: PodId,
    retention: &Retention,
    now: UnixMillis,
) -> Result<Pruned, Fault> {
    let (_, pruned) = choose(database, pod, retention, now)?;
    Ok(pruned)
}

pub(super) fn messages(
    database: &mut Database,
    pod: PodId,
    retention: &Retention,
    now: UnixMillis,
) -> Result<Pruned, Fault> {
    let (gone, pruned) = choose(database, pod, retention, now)?;
    if gone.is_empty() {
        return Ok(pruned);
    }
    database.write(|transaction| {
        let mut statement = transaction
            .prepare_cached("DELETE FROM message WHERE sequence = ?1 AND state = 'settled'")?;
        for old in &gone {
            statement.execute(params![old.sequence])?;
        }
        Ok(())
    })?;
    let files = gone.iter().filter_map(|old| old.file.as_deref());
    files.for_each(|file| database.bodies.remove(file));
    Ok(pruned)
}

/// Removes files of bodies that no message names, and that nobody is about to name.
pub(super) fn stray_bodies(database: &Database, dry_run: bool) -> Result<Pruned, Fault> {
    let now = SystemTime::now();
    let mut pruned = Pruned::default();
    for name in stray(database)? {
        if database.bodies.is_left_over(&name, now) {
            pruned.removed += 1;
            pruned.bytes += database.bodies.size(&name);
            if !dry_run {
                database.bodies.remove(&name);
            }
        }
    }
    Ok(pruned)
}

/// Returns the names of body files that no message names.
pub(super) fn stray(database: &Database) -> Result<Vec<String>, Fault> {
    // In this order, what is written and named meanwhile is not among them.
    let mut names = database.bodies.names()?;
    let named: BTreeSet<String> = body_files(database.reader())?.into_iter().collect();
    names.retain(|name| !named.contains(name));
    Ok(names)
}

/// Removes the records of sessions that have no log any more. A crash between the two is made good
/// by the next call.
pub(super) fn sessions(
    transaction: &Transaction<'_>,
    pod: PodId,
    logged: &[SessionId],
) -> Result<u64, Fault> {
    let logged: Vec<_> = logged.iter().map(SessionId::to_string).collect();
    let gone = transaction.execute(
        "DELETE FROM session WHERE pod = ?1 AND id NOT IN (SELECT value FROM json_each(?2)) \
           AND id IS NOT (SELECT session FROM pod WHERE id = ?1)",
        params![pod.to_string(), to_json(&logged)?],
    )?;
    Ok(gone as u64)
}

/// What is read here can only become more before a transaction: settled messages stay so.
fn choose(
    database: &Database,
    pod: PodId,
    retention: &Retention,
    now: UnixMillis,
) -> Result<(Vec<Old>, Pruned), Fault> {
    let all = delivered(database.reader(), &database.bodies, pod)?;
    if is_being_spawned(database.reader(), pod)? {
        return Ok((Vec::new(), all));
    }
    let mut oldest = oldest(database.reader(), &database.bodies, pod, retention.batch)?;
    let sizes = oldest.iter().map(|old| (old.settled, old.bytes));
    let (count, pruned) = victims(sizes, all, retention, now);
    oldest.truncate(count);
    Ok((oldest, pruned))
}

/// Whether a pod's spawning is not confirmed: what has come of its task says how far that came.
fn is_being_spawned(connection: &Connection, pod: PodId) -> Result<bool, Fault> {
    let mut statement = connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM pod WHERE id = ?1 AND confirmed = 0)")?;
    Ok(statement.query_row([pod.to_string()], |row| row.get(0))?)
}

/// The oldest of the delivered messages and one more. Ids are made in the order of time, and have an
/// index.
fn oldest(
    connection: &Connection,
    bodies: &Bodies,
    pod: PodId,
    batch: u32,
) -> Result<Vec<Old>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT sequence, updated, body_file, ifnull(octet_length(body), 0) AS bytes FROM message \
         WHERE pod = ?1 AND state = 'settled' ORDER BY id LIMIT ?2",
    )?;
    let limit = signed(u64::from(batch) + 1);
    let rows = statement.query_map(params![pod.to_string(), limit], |row| {
        let file: Option<String> = row.get("body_file")?;
        let inline: i64 = row.get("bytes")?;
        Ok(Old {
            sequence: row.get("sequence")?,
            settled: UnixMillis(row.get("updated")?),
            bytes: inline.unsigned_abs() + file.as_deref().map_or(0, |file| bodies.size(file)),
            file,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// How many delivered messages there are, and how many bytes their bodies have.
fn delivered(connection: &Connection, bodies: &Bodies, pod: PodId) -> Result<Pruned, Fault> {
    let (count, inline): (i64, i64) = connection
        .prepare_cached(
            "SELECT count(*), ifnull(sum(octet_length(body)), 0) FROM message \
             WHERE pod = ?1 AND state = 'settled'",
        )?
        .query_row(params![pod.to_string()], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    let mut statement = connection.prepare_cached(
        "SELECT body_file FROM message \
         WHERE pod = ?1 AND state = 'settled' AND body_file IS NOT NULL",
    )?;
    let mut rows = statement.query(params![pod.to_string()])?;
    let mut bytes = inline.unsigned_abs();
    while let Some(row) = rows.next()? {
        bytes += bodies.size(&row.get::<_, String>("body_file")?);
    }
    Ok(Pruned::nothing_of(count.unsigned_abs(), bytes))
}
