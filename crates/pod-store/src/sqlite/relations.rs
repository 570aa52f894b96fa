//! What pods are to each other, by the records of this moment.

use podfleet_protocol::PodId;
use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params};

use super::{listing, pods};
use crate::error::Fault;
use crate::inbox::{Offer, PAIR_WINDOW_MS, Refusal};
use crate::page::{Listing, Page};
use crate::record::{PodCursor, PodRecord};
use crate::relation::{Relation, VisiblePod};

/// Checks whether the sender may send this message to `to`; the two may exchange `limit` messages
/// within the window.
pub(super) fn check(
    transaction: &Transaction<'_>,
    to: PodId,
    offer: &Offer,
    limit: u32,
) -> Result<Result<(), Refusal>, Fault> {
    let Some(sender) = offer.sender.pod() else {
        return Ok(Ok(()));
    };
    let since = offer.message.accepted.0 - PAIR_WINDOW_MS;
    let sql = exchanged_sql();
    let mut statement = transaction.prepare_cached(&sql)?;
    let mut rows = statement.query(params![sender.to_string(), to.to_string(), since])?;
    let Some(row) = rows.next()? else {
        return Ok(Err(Refusal::NoSuchPod));
    };
    if let Err(refusal) = decode(row)?.allows(offer.message.kind) {
        return Ok(Err(refusal));
    }
    if sender != to && row.get::<_, u32>("exchanged")? >= limit {
        return Ok(Err(Refusal::PairLimit { limit }));
    }
    Ok(Ok(()))
}

/// The relation of two pods, and how many messages they exchanged since a moment.
pub(super) fn exchanged_sql() -> String {
    format!(
        "SELECT {RELATION}, \
           (SELECT count(*) FROM message WHERE sender = ?1 AND pod = ?2 AND accepted > ?3) \
           + (SELECT count(*) FROM message WHERE sender = ?2 AND pod = ?1 AND accepted > ?3) \
           AS exchanged {BETWEEN}"
    )
}

/// The columns of a relation from the pod `one` to the table's `pod`.
const RELATION: &str = "one.class AS class_of_one, one.id = pod.id AS itself, \
     one.tenant = pod.tenant AND one.fleet = pod.fleet AND one.member AND pod.member AS mate, \
     EXISTS (SELECT 1 FROM child WHERE parent = one.id AND child = pod.id) AS is_parent, \
     EXISTS (SELECT 1 FROM child WHERE parent = pod.id AND child = one.id) AS is_child, \
     EXISTS (SELECT 1 FROM peer WHERE low = min(one.id, pod.id) AND high = max(one.id, pod.id)) \
       AS is_peer";

const BETWEEN: &str = "FROM pod AS one JOIN pod WHERE one.id = ?1 AND pod.id = ?2";

fn decode(row: &Row<'_>) -> Result<Relation, Fault> {
    let mate = row.get("mate")?;
    let class: String = row.get("class_of_one")?;
    Ok(Relation {
        itself: row.get("itself")?,
        mate,
        lead: mate && class == PodRecord::ORCHESTRATOR,
        parent: row.get("is_parent")?,
        child: row.get("is_child")?,
        peer: row.get("is_peer")?,
    })
}

pub(super) fn between(connection: &Connection, from: PodId, to: PodId) -> Result<Relation, Fault> {
    let sql = format!("SELECT {RELATION} {BETWEEN}");
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
        pods::select_summaries(RELATION, "JOIN pod AS one ON one.id = ?1")
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
