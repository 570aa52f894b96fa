//! What pods are to each other, by the records of this moment.

use std::sync::LazyLock;

use podfleet_protocol::{PodId, UnixMillis};
use rusqlite::{Connection, OptionalExtension as _, Row, RowIndex, params};

use super::columns::parsed;
use super::schema::{BY_TIME, LOOKS};
use super::sent::{Telling, unless_damaged};
use super::transaction::Transaction;
use super::{listing, pods};
use crate::error::Fault;
use crate::inbox::{Offer, PAIR_WINDOW_MS, Refusal};
use crate::page::{Listing, Page};
use crate::record::{PodCursor, PodRecord};
use crate::relation::{Reasons, Relation, VisiblePod};

/// Checks whether the sender may send this message to `to`; the two may exchange `limit` messages
/// within the window. Returns how the sender is told that it is accepted.
pub(super) fn check(
    transaction: &Transaction<'_>,
    to: PodId,
    offer: &Offer,
    limit: u32,
) -> Result<Result<Telling, Refusal>, Fault> {
    let Some(sender) = offer.sender.pod() else {
        return Ok(Ok(Telling::Nobody));
    };
    let now = offer.message.accepted;
    let mut statement = transaction.prepare_cached(&RELATED)?;
    let mut rows = statement.query(params![sender.to_string(), to.to_string(), limit])?;
    let Some(row) = rows.next()? else {
        return Ok(Err(Refusal::NoSuchPod));
    };
    // Most that write to each other are mates, and nothing else has to be looked up for them.
    let mates = decode_mates(row, [0, 1, 2])?;
    let telling = Telling::of(mates.itself, row.get(3)?);
    let last: Option<i64> = row.get(4)?;
    if mates.allows(&offer.message).is_err()
        && let Err(refusal) = between(transaction, sender, to)?.allows(&offer.message)
    {
        return Ok(Err(refusal));
    }
    // Nor are they counted where all pods together have not exchanged so many.
    let may_be_many = last.is_some_and(|last| last > since(now)) || limit == 0;
    if may_be_many && exchanged(transaction, [sender, to], now)? >= limit {
        return Ok(Err(Refusal::PairLimit { limit }));
    }
    Ok(Ok(telling))
}

/// What two pods are by their records alone, whether they look for what is untold, and when the last
/// message was accepted that as many others followed as are asked for.
pub(super) static RELATED: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT {MATES}, {LOOKS} AS looks, (SELECT accepted FROM message \
           WHERE sequence <= (SELECT max(sequence) FROM message) - ?3 + 1 \
           ORDER BY sequence DESC LIMIT 1) AS last {BETWEEN}"
    )
});

fn since(now: UnixMillis) -> i64 {
    now.0 - PAIR_WINDOW_MS
}

/// Counts what two pods sent to each other within the window. What the clock, set back since, places
/// in the future is of no window.
fn exchanged(connection: &Connection, pair: [PodId; 2], now: UnixMillis) -> Result<u32, Fault> {
    let [one, other] = pair.map(|pod| pod.to_string());
    let count: u32 = connection
        .prepare_cached(&EXCHANGED)?
        .query_row(params![one, other, since(now), now.0], |row| row.get(0))?;
    // What a pod writes to itself was counted in both directions.
    Ok(if one == other { count / 2 } else { count })
}

/// How many messages two pods exchanged since a moment: six counts, of what one of them sent to the
/// other, and of what waits, is settled, or is recent.
pub(super) static EXCHANGED: LazyLock<String> = LazyLock::new(|| {
    let between = ["?1 AND pod = ?2", "?2 AND pod = ?1"];
    let sent = between.map(|between| {
        BY_TIME.map(|(messages, at)| {
            format!(
                "(SELECT count(*) FROM {messages} \
                  AND sender = {between} AND {at} > ?3 AND {at} <= ?4)"
            )
        })
    });
    format!("SELECT {} AS exchanged", sent.concat().join(" + "))
});

/// The columns of a relation from the pod `one` to the table's `pod` that their records tell.
const MATES: &str = "one.class AS class_of_one, one.id = pod.id AS itself, \
     one.tenant = pod.tenant AND one.fleet = pod.fleet AND one.member AND pod.member AS mate";

/// The other columns of it.
const OTHERS: &str = "\
     EXISTS (SELECT 1 FROM child WHERE parent = one.id AND child = pod.id) AS is_parent, \
     EXISTS (SELECT 1 FROM child WHERE parent = pod.id AND child = one.id) AS is_child, \
     EXISTS (SELECT 1 FROM peer WHERE low = min(one.id, pod.id) AND high = max(one.id, pod.id)) \
       AS is_peer";

const BETWEEN: &str = "FROM pod AS one JOIN pod WHERE one.id = ?1 AND pod.id = ?2";

/// Decodes the columns of [`MATES`], which are found by number the faster.
fn decode_mates(
    row: &Row<'_>,
    [class, itself, mate]: [impl RowIndex; 3],
) -> Result<Relation, Fault> {
    let (class, mate) = (row.get::<_, String>(class)?, row.get(mate)?);
    Ok(Relation {
        itself: row.get(itself)?,
        mate,
        lead: mate && class == PodRecord::ORCHESTRATOR,
        ..Relation::default()
    })
}

fn decode(row: &Row<'_>) -> Result<Relation, Fault> {
    Ok(Relation {
        parent: row.get("is_parent")?,
        child: row.get("is_child")?,
        peer: row.get("is_peer")?,
        ..decode_mates(row, ["class_of_one", "itself", "mate"])?
    })
}

pub(super) fn between(connection: &Connection, from: PodId, to: PodId) -> Result<Relation, Fault> {
    let sql = format!("SELECT {MATES}, {OTHERS} {BETWEEN}");
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params![from.to_string(), to.to_string()])?;
    rows.next()?.map_or_else(|| Ok(Relation::default()), decode)
}

struct Membership {
    tenant: String,
    fleet: String,
    member: bool,
}

impl Membership {
    fn of(connection: &Connection, pod: PodId) -> Result<Option<Self>, Fault> {
        let found = connection
            .prepare_cached("SELECT tenant, fleet, member FROM pod WHERE id = ?1")?
            .query_row(params![pod.to_string()], |row| {
                Ok(Self {
                    tenant: row.get("tenant")?,
                    fleet: row.get("fleet")?,
                    member: row.get("member")?,
                })
            })
            .optional()?;
        Ok(found)
    }
}

/// Lists what `viewer` may see.
pub(super) fn visible(
    connection: &Connection,
    viewer: PodId,
    page: &Page<PodCursor>,
) -> Result<Listing<VisiblePod, PodCursor>, Fault> {
    let Some(own) = Membership::of(connection, viewer)? else {
        return Ok(Listing::default());
    };
    let (fleet, folded) = page.after.as_ref().map_or(("", ""), |cursor| {
        (cursor.fleet.as_str(), cursor.folded.as_str())
    });
    // The mates come out of the index of names, from the cursor on and no more than one page of
    // them; the other relations are few.
    let mates_after = match fleet.cmp(own.fleet.as_str()) {
        _ if !own.member => None,
        std::cmp::Ordering::Less => Some(""),
        std::cmp::Ordering::Equal => Some(folded),
        std::cmp::Ordering::Greater => None,
    };
    let sql = format!(
        "{} WHERE pod.id IN ( \
           SELECT ?1 UNION SELECT child FROM child WHERE parent = ?1 \
           UNION SELECT high FROM peer WHERE low = ?1 UNION SELECT low FROM peer WHERE high = ?1 \
           UNION SELECT id FROM (SELECT id FROM pod WHERE tenant = ?2 AND fleet = ?3 \
             AND folded > ?4 AND member ORDER BY folded LIMIT ?7)) \
         AND (pod.fleet, pod.folded) > (?5, ?6) ORDER BY pod.fleet, pod.folded LIMIT ?7",
        pods::select_summaries(
            &format!("{MATES}, {OTHERS}"),
            "JOIN pod AS one ON one.id = ?1"
        )
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query(params![
        viewer.to_string(),
        own.tenant,
        own.fleet,
        mates_after,
        fleet,
        folded,
        i64::from(page.limit),
    ])?;
    listing::read(
        rows,
        page.limit,
        pods::cursor,
        |row| {
            Ok(VisiblePod {
                summary: pods::decode_summary(row)?,
                reasons: decode(row)?.reasons(),
            })
        },
        pods::name_of,
    )
}

/// Lists the children and peers of a pod whose records are gone, which the store itself never lets happen.
pub(super) fn missing(connection: &Connection, of: PodId) -> Result<Vec<(PodId, Reasons)>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT id, max(is_child) AS is_child, max(is_peer) AS is_peer FROM ( \
           SELECT child AS id, 1 AS is_child, 0 AS is_peer FROM child WHERE parent = ?1 \
           UNION ALL SELECT high, 0, 1 FROM peer WHERE low = ?1 \
           UNION ALL SELECT low, 0, 1 FROM peer WHERE high = ?1) \
         WHERE id NOT IN (SELECT id FROM pod) GROUP BY id",
    )?;
    let mut rows = statement.query(params![of.to_string()])?;
    let mut missing = Vec::new();
    while let Some(row) = rows.next()? {
        let reasons = Reasons {
            child: row.get("is_child")?,
            peer: row.get("is_peer")?,
            ..Reasons::default()
        };
        missing.extend(unless_damaged(parsed(row, "id"))?.map(|id| (id, reasons)));
    }
    Ok(missing)
}

#[cfg(test)]
mod tests {
    use super::super::connection::{Database, SqliteOptions};
    use super::*;

    #[test]
    fn the_messages_of_a_pair_are_counted_by_their_indexes() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("store.db");
        let database = Database::open(&path, &SqliteOptions::default()).unwrap();
        let sql = format!("EXPLAIN QUERY PLAN {}", *EXCHANGED);
        let mut statement = database.reader().prepare(&sql).unwrap();
        let steps = statement.query_map(params!["one", "other", 0, 1], |row| row.get("detail"));
        let steps: Vec<String> = steps.unwrap().map(Result::unwrap).collect();
        let counted = steps
            .iter()
            .filter(|step| step.contains("=? AND") || step.contains("rowid>"));
        let counted = counted.filter_map(|step| step.split_once("USING "));
        let counted: Vec<_> = counted.map(|(_, index)| index).collect();
        let waits = "INDEX message_undelivered (pod=? AND sender=? AND <expr>>? AND <expr><?)";
        let settled = "INDEX message_settled (pod=? AND sender=? AND accepted>? AND accepted<?)";
        let recent = "INTEGER PRIMARY KEY (rowid>?)";
        assert_eq!(counted, [waits, settled, recent, waits, settled, recent]);
    }
}
