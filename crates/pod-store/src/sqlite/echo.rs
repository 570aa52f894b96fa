//! Messages that a pod sends again because it is in doubt of the first.

use std::sync::LazyLock;

use podfleet_protocol::{MessageId, Outcome, PodId};
use rusqlite::{Connection, Row, params};

use super::bodies::Bodies;
use super::columns::{parsed, readable, unsigned};
use super::schema::BY_TIME;
use super::sent::unless_damaged;
use crate::error::Fault;
use crate::inbox::{DeliveryState, MAX_INLINE_BODY, MAX_PAIR_MESSAGES, Offer, Sequence};

/// A message that was accepted before.
#[derive(Debug, Clone, Copy)]
pub(super) struct Earlier {
    pub(super) id: MessageId,
    pub(super) sequence: Sequence,
    pub(super) waits: bool,
}

/// Finds the last message in the inbox of `to` that `offer` repeats in other than its id: nothing if
/// it is there itself.
pub(super) fn find(
    connection: &Connection,
    bodies: &Bodies,
    to: PodId,
    offer: &Offer,
) -> Result<Option<Earlier>, Fault> {
    let Some(sender) = offer.sender.pod() else {
        return Ok(None);
    };
    let [since, now] = offer.echo_window();
    let mut statement = connection.prepare_cached(&RECENT)?;
    let (to, sender) = (to.to_string(), sender.to_string());
    let mut rows = statement.query(params![to, sender, since.0, now.0])?;
    let mut found = None;
    while let Some(row) = rows.next()? {
        let said = said(row, bodies, offer).transpose().map(unless_damaged);
        let Some(earlier) = said.transpose()?.flatten() else {
            continue;
        };
        if earlier.id == offer.message.id {
            return Ok(None);
        }
        found.get_or_insert(earlier);
    }
    Ok(found)
}

/// Returns the message of a row, if it says what is offered.
fn said(row: &Row<'_>, bodies: &Bodies, offer: &Offer) -> Result<Option<Earlier>, Fault> {
    let repeated = match row.get::<_, Option<String>>("body")? {
        Some(body) => offer.repeats(&body),
        // What is short is in no file, but for blanks that nobody sends.
        None if offer.message.body.len() <= MAX_INLINE_BODY => false,
        None => offer.repeats(&bodies.read(&row.get::<_, String>("body_file")?)?),
    };
    if !repeated {
        return Ok(None);
    }
    Ok(Some(Earlier {
        id: parsed(row, "id")?,
        sequence: Sequence(unsigned(row, "sequence")?),
        waits: readable(row, "state")? != DeliveryState::Settled.as_str(),
    }))
}

/// What a pod sent to another since a moment, the last one first. More than a pair may exchange are not
/// looked at.
static RECENT: LazyLock<String> = LazyLock::new(|| {
    let recent = BY_TIME.map(|(messages, at)| {
        format!(
            "SELECT sequence FROM {messages} \
             AND pod = ?1 AND sender = ?2 AND {at} > ?3 AND {at} <= ?4"
        )
    });
    format!(
        "SELECT sequence, id, state, body, body_file FROM message \
         WHERE sequence IN ({}) AND outcome <> '{}' ORDER BY sequence DESC LIMIT {MAX_PAIR_MESSAGES}",
        recent.join(" UNION ALL "),
        Outcome::Cancelled.as_str(),
    )
});

#[cfg(test)]
mod tests {
    use super::super::connection::{Database, SqliteOptions};
    use super::*;

    #[test]
    fn what_a_pod_just_sent_is_found_by_its_indexes() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("store.db");
        let database = Database::open(&path, &SqliteOptions::default()).unwrap();
        let sql = format!("EXPLAIN QUERY PLAN {}", *RECENT);
        let mut statement = database.reader().prepare(&sql).unwrap();
        let steps = statement.query_map(params!["one", "other", 0, 1], |row| row.get("detail"));
        let steps: Vec<String> = steps.unwrap().map(Result::unwrap).collect();
        let searched = steps.iter().filter(|step| step.contains(" message "));
        let searched: Vec<_> = searched
            .filter_map(|step| step.split_once("USING "))
            .map(|(_, index)| index)
            .collect();
        assert_eq!(
            searched,
            [
                "INTEGER PRIMARY KEY (rowid=?)",
                "INDEX message_undelivered (pod=? AND sender=? AND <expr>>? AND <expr><?)",
                "INDEX message_settled (pod=? AND sender=? AND accepted>? AND accepted<?)",
                "INTEGER PRIMARY KEY (rowid>?)",
            ]
        );
    }
}
