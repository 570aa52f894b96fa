//! Removing messages that were delivered long ago.

use podfleet_protocol::{PodId, UnixMillis};
use rusqlite::{Connection, params};

use super::bodies::Bodies;
use super::columns::signed;
use super::connection::Database;
use crate::error::Fault;
use crate::maintenance::{Pruned, Retention, victims};

struct Old {
    sequence: i64,
    settled: UnixMillis,
    file: Option<String>,
    bytes: u64,
}

pub(super) fn messages(
    database: &mut Database,
    pod: PodId,
    retention: &Retention,
    now: UnixMillis,
) -> Result<Pruned, Fault> {
    // What is read here can only become more before the transaction: settled messages stay so.
    let total = total_bytes(database.reader(), &database.bodies, pod)?;
    let oldest = oldest(database.reader(), &database.bodies, pod, retention.batch)?;
    let sizes = oldest.iter().map(|old| (old.settled, old.bytes));
    let (count, pruned) = victims(sizes, total, retention, now);
    let gone = &oldest[..count];
    if gone.is_empty() {
        return Ok(pruned);
    }
    database.write(|transaction| {
        let mut statement = transaction
            .prepare_cached("DELETE FROM message WHERE sequence = ?1 AND state = 'settled'")?;
        for old in gone {
            statement.execute(params![old.sequence])?;
        }
        Ok(())
    })?;
    let files = gone.iter().filter_map(|old| old.file.as_deref());
    files.for_each(|file| database.bodies.remove(file));
    Ok(pruned)
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

/// How many bytes the bodies of the delivered messages have.
fn total_bytes(connection: &Connection, bodies: &Bodies, pod: PodId) -> Result<u64, Fault> {
    let inline: i64 = connection
        .prepare_cached(
            "SELECT ifnull(sum(octet_length(body)), 0) FROM message \
             WHERE pod = ?1 AND state = 'settled'",
        )?
        .query_row(params![pod.to_string()], |row| row.get(0))?;
    let mut statement = connection.prepare_cached(
        "SELECT body_file FROM message \
         WHERE pod = ?1 AND state = 'settled' AND body_file IS NOT NULL",
    )?;
    let mut rows = statement.query(params![pod.to_string()])?;
    let mut total = inline.unsigned_abs();
    while let Some(row) = rows.next()? {
        total += bodies.size(&row.get::<_, String>("body_file")?);
    }
    Ok(total)
}
