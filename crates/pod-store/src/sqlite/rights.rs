//! Who may send to whom, by the receiver's records.

use podfleet_protocol::{Kind, PodId};
use rusqlite::{Transaction, params};

use crate::error::Fault;
use crate::inbox::{MAX_PAIR_MESSAGES, Offer, PAIR_WINDOW_MS, Refusal};
use crate::record::PodRecord;
use crate::rights::Relation;

/// Checks whether the sender may send this message to `to`.
pub(super) fn check(
    transaction: &Transaction<'_>,
    to: PodId,
    offer: &Offer,
) -> Result<Result<(), Refusal>, Fault> {
    let Some(sender) = offer.sender.pod() else {
        return Ok(Ok(()));
    };
    let relation = relation(transaction, sender, to)?;
    if let Err(refusal) = relation.allows(offer.message.kind) {
        return Ok(Err(refusal));
    }
    if offer.message.kind == Kind::Notify && sender != to {
        let recent = exchanged(
            transaction,
            sender,
            to,
            offer.message.accepted.0 - PAIR_WINDOW_MS,
        )?;
        if recent >= MAX_PAIR_MESSAGES {
            return Ok(Err(Refusal::PairLimit {
                limit: MAX_PAIR_MESSAGES,
            }));
        }
    }
    Ok(Ok(()))
}

fn relation(transaction: &Transaction<'_>, sender: PodId, to: PodId) -> Result<Relation, Fault> {
    let (sender, to) = (sender.to_string(), to.to_string());
    let mut statement = transaction.prepare_cached(
        "SELECT s.class AS class, s.id = r.id AS itself, \
           s.fleet = r.fleet AND NOT EXISTS (SELECT 1 FROM child WHERE child IN (s.id, r.id)) AS mate, \
           EXISTS (SELECT 1 FROM child WHERE parent = s.id AND child = r.id) AS parent, \
           EXISTS (SELECT 1 FROM child WHERE parent = r.id AND child = s.id) AS child, \
           EXISTS (SELECT 1 FROM peer WHERE low = min(s.id, r.id) AND high = max(s.id, r.id)) AS peer \
         FROM pod AS s JOIN pod AS r ON s.tenant = r.tenant WHERE s.id = ?1 AND r.id = ?2",
    )?;
    let mut rows = statement.query(params![sender, to])?;
    let Some(row) = rows.next()? else {
        return Ok(Relation::default());
    };
    let mate = row.get("mate")?;
    let class: String = row.get("class")?;
    Ok(Relation {
        itself: row.get("itself")?,
        mate,
        lead: mate && class == PodRecord::ORCHESTRATOR,
        parent: row.get("parent")?,
        child: row.get("child")?,
        peer: row.get("peer")?,
    })
}

fn exchanged(
    transaction: &Transaction<'_>,
    one: PodId,
    other: PodId,
    since: i64,
) -> Result<u32, Fault> {
    let count = transaction
        .prepare_cached(
            "SELECT (SELECT count(*) FROM message WHERE sender = ?1 AND pod = ?2 AND accepted > ?3) \
                  + (SELECT count(*) FROM message WHERE sender = ?2 AND pod = ?1 AND accepted > ?3)",
        )?
        .query_row(params![one.to_string(), other.to_string(), since], |row| row.get(0))?;
    Ok(count)
}
