//! What pods have sent, on its way from the inboxes of others into their own outboxes.

use podfleet_protocol::{PodId, UnixMillis};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::columns::{label, parsed, readable};
use super::connection::Database;
use super::pods::check_fence;
use super::transaction::Transaction;
use super::{inbox, outbox};
use crate::crash::CrashPoint;
use crate::error::Fault;
use crate::outbox::{Act, RelationChange, SentMessage};
use crate::record::Fence;
use crate::relation::PodLabel;

/// How the sender of a message is told that it is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Telling {
    /// Not at all: it is no pod, or the receiver itself.
    Nobody,
    /// The message's row keeps it until somebody puts it into the sender's outbox.
    ByInbox,
    /// In its outbox by the same transaction: a build runs one of the two that looks nowhere else.
    AtOnce,
}

impl Telling {
    pub(super) fn of(itself: bool, both_look: bool) -> Self {
        match (itself, both_look) {
            (true, _) => Self::Nobody,
            (false, true) => Self::ByInbox,
            (false, false) => Self::AtOnce,
        }
    }
}

/// A message that its sender is to be told of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Untold {
    pub(super) sender: PodId,
    pub(super) message: SentMessage,
    /// Its place among the undelivered, when it was accepted.
    pub(super) position: u32,
    pub(super) accepted: UnixMillis,
}

impl Untold {
    /// Puts it into the sender's outbox.
    pub(super) fn tell(self, transaction: &Transaction<'_>, to: PodLabel) -> Result<(), Fault> {
        let change = RelationChange::MessageSent {
            to,
            message: self.message,
            position: self.position,
        };
        let act = Act {
            by: Some(self.sender),
            at: self.accepted,
        };
        outbox::put(transaction, self.sender, &change, act)
    }

    /// Decodes the columns `id`, `kind`, `untold` and `accepted`.
    fn decode(row: &Row<'_>, sender: PodId) -> Result<Self, Fault> {
        Ok(Self {
            sender,
            message: SentMessage {
                id: parsed(row, "id")?,
                kind: inbox::decode_kind(row)?,
            },
            position: row.get("untold")?,
            accepted: UnixMillis(row.get("accepted")?),
        })
    }
}

/// Puts what a pod has sent, and nobody has told it of, into its outbox. Returns how much that was.
///
/// It is not looked for again before a further message is accepted.
pub(super) fn gather(database: &mut Database, fence: Fence) -> Result<u64, Fault> {
    // Numbers are used again when the last messages are gone, and ids never.
    let last = database
        .reader()
        .prepare_cached("SELECT id FROM message ORDER BY sequence DESC LIMIT 1")?
        .query_row([], |row| Ok(readable(row, "id")))
        .optional()?
        .transpose()?;
    if database.gathered.as_ref() == Some(&(fence.pod, last.clone())) {
        return Ok(0);
    }
    // Who has nothing to write takes nobody's time to write.
    let count = match find(database.reader(), fence.pod)?.len() {
        0 => 0,
        _ => database.write(|transaction| {
            check_fence(transaction, fence)?;
            gather_all(transaction, fence.pod)
        })?,
    };
    if count > 0 {
        CrashPoint::SentTold.reach();
    }
    database.gathered = Some((fence.pod, last));
    Ok(count)
}

fn gather_all(transaction: &Transaction<'_>, sender: PodId) -> Result<u64, Fault> {
    let found = find(transaction, sender)?;
    let count = found.len() as u64;
    for (sequence, untold, to) in found {
        untold.tell(transaction, to)?;
        transaction
            .prepare_cached("UPDATE message SET untold = NULL WHERE sequence = ?1")?
            .execute(params![sequence])?;
    }
    CrashPoint::SentWritten.reach();
    Ok(count)
}

/// Finds what a pod is to be told of, in order, with the receivers. What is settled is told already,
/// and what waits is in the order of inboxes, or recent: so those are looked into where anything waits,
/// one after the other, and then what is recent.
fn find(connection: &Connection, sender: PodId) -> Result<Vec<(i64, Untold, PodLabel)>, Fault> {
    let mut statement = connection.prepare_cached(UNTOLD)?;
    let mut rows = statement.query(params![sender.to_string()])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let read = || {
            let to = label(row, ["to_id", "to_fleet", "to_name"])?;
            Ok((row.get("sequence")?, Untold::decode(row, sender)?, to))
        };
        found.extend(unless_damaged(read())?);
    }
    Ok(found)
}

const UNTOLD: &str = "\
     WITH RECURSIVE inbox (pod) AS ( \
       SELECT min(pod) FROM message WHERE recent = 0 AND state <> 'settled' \
       UNION ALL SELECT \
         (SELECT min(pod) FROM message \
            WHERE recent = 0 AND state <> 'settled' AND message.pod > inbox.pod) \
         FROM inbox WHERE inbox.pod IS NOT NULL), \
     untold (sequence) AS ( \
       SELECT message.sequence FROM inbox CROSS JOIN message ON message.pod = inbox.pod \
         WHERE message.sender = ?1 AND recent = 0 AND state <> 'settled' AND untold IS NOT NULL \
       UNION ALL SELECT sequence FROM recent_message \
         WHERE sender = ?1 AND state <> 'settled' AND untold IS NOT NULL) \
     SELECT message.sequence, message.id, message.kind, message.untold, message.accepted, \
       pod.id AS to_id, pod.fleet AS to_fleet, pod.name AS to_name \
     FROM untold CROSS JOIN message ON message.sequence = untold.sequence \
       JOIN pod ON pod.id = message.pod \
     ORDER BY message.sequence";

/// Puts what pods have sent to this one into their outboxes, before its inbox goes.
pub(super) fn tell_senders(transaction: &Transaction<'_>, to: &PodLabel) -> Result<(), Fault> {
    let mut statement = transaction.prepare_cached(
        "SELECT id, sender, kind, untold, accepted FROM message \
         WHERE pod = ?1 AND state <> 'settled' AND untold IS NOT NULL ORDER BY sequence",
    )?;
    let mut rows = statement.query(params![to.id.to_string()])?;
    while let Some(row) = rows.next()? {
        let untold = parsed(row, "sender").and_then(|sender| Untold::decode(row, sender));
        if let Some(untold) = unless_damaged(untold)? {
            untold.tell(transaction, to.clone())?;
        }
    }
    Ok(())
}

/// Passes over a record that cannot be read: it must not keep the others back.
pub(super) fn unless_damaged<T>(read: Result<T, Fault>) -> Result<Option<T>, Fault> {
    match read {
        Err(fault) if fault.is_damage() => Ok(None),
        read => read.map(Some),
    }
}

#[cfg(test)]
mod tests {
    use super::super::connection::SqliteOptions;
    use super::*;

    #[test]
    fn what_is_to_be_told_is_found_without_reading_all_pods_or_all_that_waits() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("store.db");
        let database = Database::open(&path, &SqliteOptions::default()).unwrap();
        let sql = format!("EXPLAIN QUERY PLAN {UNTOLD}");
        let mut statement = database.reader().prepare(&sql).unwrap();
        let steps = statement.query_map(params!["one"], |row| row.get("detail"));
        let steps: Vec<String> = steps.unwrap().map(Result::unwrap).collect();
        let tables = [" message ", " pod "];
        let found = steps
            .iter()
            .filter(|step| tables.iter().any(|table| step.contains(table)));
        let found: Vec<_> = found.collect();
        let search = "SEARCH message USING";
        let waiting = format!("{search} INDEX message_undelivered");
        let row = format!("{search} INTEGER PRIMARY KEY (rowid=?)");
        let to = "SEARCH pod USING INDEX sqlite_autoindex_pod_1 (id=?)".to_owned();
        let recent = format!("{search} INTEGER PRIMARY KEY (rowid>?)");
        let expected = [
            waiting.clone(),
            format!("{waiting} (pod>?)"),
            format!("{waiting} (pod=? AND sender=?)"),
            row.clone(),
            to.clone(),
            recent,
            row,
            to,
        ];
        assert_eq!(found, expected.iter().collect::<Vec<_>>());
    }
}
