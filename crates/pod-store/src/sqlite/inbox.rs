//! Statements about messages. How one is accepted stands in [`acceptance`](super::acceptance).

use podfleet_protocol::limits::PREVIEW;
use podfleet_protocol::method::InboxRow;
use podfleet_protocol::{
    Address, Class, Kind, Message, MessageId, Outcome, PodId, Receipt, Typing, UnixMillis,
};
use rusqlite::{Connection, Row, params};

use super::bodies::Bodies;
use super::columns::{json, parsed, parsed_optional, readable, signed, to_json, unsigned};
use super::connection::Database;
use super::pods::{self, check_fence};
use super::schema::WAITING;
use super::sent::Untold;
use super::transaction::Transaction;
use super::{listing, outbox};
use crate::error::{Fault, StoreErrorKind};
use crate::inbox::{DeliveryState, InboxEntry, InboxSummary, Sequence};
use crate::outbox::{Act, RelationChange, SentMessage};
use crate::page::{Listing, Page};
use crate::record::Fence;

const COLUMNS: &str = "sequence, id, sender, from_host, from_session, to_host, to_session, kind, \
     class, thread, body, body_file, typing, accepted, state, receipt, attempts";

/// Which messages of an inbox a listing shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Which {
    All,
    Undelivered,
}

fn decode(row: &Row<'_>, bodies: &Bodies) -> Result<InboxEntry, Fault> {
    Ok(InboxEntry {
        sequence: Sequence(unsigned(row, "sequence")?),
        message: decode_message(row, bodies)?,
        sender: parsed_optional(row, "sender")?,
        state: decode_state(row)?,
        receipt: json(row, "receipt")?,
        attempts: row.get("attempts")?,
    })
}

/// Decodes a message without its body. All that its delivery needs is read, a body too, so that damage
/// is named wherever it is; of the body only the beginning is kept.
fn decode_summary(row: &Row<'_>, bodies: &Bodies) -> Result<InboxSummary, Fault> {
    let (preview, bytes) = match row.get::<_, Option<String>>("body")? {
        Some(body) => (body.chars().take(PREVIEW).collect(), body.len() as u64),
        None => bodies.beginning(&row.get::<_, String>("body_file")?, PREVIEW)?,
    };
    json::<Typing>(row, "typing")?;
    decode_address(row, ["to_host", "to_session"])?;
    Ok(InboxSummary {
        sequence: Sequence(unsigned(row, "sequence")?),
        sender: parsed_optional(row, "sender")?,
        state: decode_state(row)?,
        row: InboxRow {
            id: parsed(row, "id")?,
            from: decode_address(row, ["from_host", "from_session"])?,
            kind: decode_kind(row)?,
            class: decode_class(row)?,
            thread: row.get("thread")?,
            preview,
            bytes,
            accepted: UnixMillis(row.get("accepted")?),
            attempts: row.get("attempts")?,
            receipt: json(row, "receipt")?,
        },
    })
}

fn decode_message(row: &Row<'_>, bodies: &Bodies) -> Result<Message, Fault> {
    Ok(Message {
        id: parsed(row, "id")?,
        from: decode_address(row, ["from_host", "from_session"])?,
        to: decode_address(row, ["to_host", "to_session"])?,
        kind: decode_kind(row)?,
        class: decode_class(row)?,
        thread: row.get("thread")?,
        body: decode_body(row, bodies)?,
        typing: json(row, "typing")?,
        accepted: UnixMillis(row.get("accepted")?),
    })
}

fn decode_state(row: &Row<'_>) -> Result<DeliveryState, Fault> {
    let state: String = row.get("state")?;
    DeliveryState::from_word(&state)
        .ok_or_else(|| Fault::corrupt(format!("column `state` is `{state}`")))
}

fn decode_address(row: &Row<'_>, [host, session]: [&str; 2]) -> Result<Address, Fault> {
    Ok(Address::new(
        row.get::<_, String>(host)?,
        row.get::<_, String>(session)?,
    ))
}

fn decode_class(row: &Row<'_>) -> Result<Class, Fault> {
    let class: String = row.get("class")?;
    class
        .parse()
        .map_err(|()| Fault::corrupt(format!("column `class` is `{class}`")))
}

pub(super) fn decode_kind(row: &Row<'_>) -> Result<Kind, Fault> {
    let kind: String = row.get("kind")?;
    [Kind::Run, Kind::Notify]
        .into_iter()
        .find(|known| known.as_str() == kind)
        .ok_or_else(|| Fault::corrupt(format!("column `kind` is `{kind}`")))
}

fn decode_body(row: &Row<'_>, bodies: &Bodies) -> Result<String, Fault> {
    if let Some(body) = row.get("body")? {
        return Ok(body);
    }
    let file: String = row.get("body_file")?;
    bodies.read(&file)
}

pub(super) fn find(
    connection: &Connection,
    bodies: &Bodies,
    pod: PodId,
    id: MessageId,
) -> Result<Option<InboxEntry>, Fault> {
    let sql = format!("SELECT {COLUMNS} FROM message WHERE pod = ?1 AND id = ?2");
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params![pod.to_string(), id.to_string()])?;
    rows.next()?.map(|row| decode(row, bodies)).transpose()
}

pub(super) fn get(
    database: &Database,
    pod: PodId,
    id: MessageId,
) -> Result<Option<InboxEntry>, Fault> {
    // Whoever asks for one message tells its damage from a failure of the store.
    find(database.reader(), &database.bodies, pod, id).map_err(|fault| {
        if fault.is_damage() {
            Fault::corrupt(fault.account())
        } else {
            fault
        }
    })
}

pub(super) fn list(
    database: &Database,
    pod: PodId,
    which: Which,
    page: &Page<Sequence>,
) -> Result<Listing<InboxEntry, Sequence>, Fault> {
    let chosen = match which {
        Which::All => first_of("message WHERE pod = ?1", "sequence"),
        Which::Undelivered => undelivered(),
    };
    let sql = format!(
        "SELECT {COLUMNS} FROM message WHERE sequence IN ({chosen}) ORDER BY sequence LIMIT ?3"
    );
    let mut statement = database.reader().prepare_cached(&sql)?;
    let after = page.after.map_or(0, |after| signed(after.0));
    let rows = statement.query(params![pod.to_string(), after, i64::from(page.limit)])?;
    listing::read(
        rows,
        page.limit,
        |row| Ok(Sequence(unsigned(row, "sequence")?)),
        |row| decode(row, &database.bodies),
        |row| Ok((readable(row, "id")?, String::new())),
    )
}

/// Lists what waits, without bodies.
pub(super) fn waiting(
    database: &Database,
    pod: PodId,
    sender: Option<PodId>,
    page: &Page<Sequence>,
) -> Result<Listing<InboxSummary, Sequence>, Fault> {
    let chosen = match sender {
        None => undelivered(),
        Some(_) => waiting_in(&[
            (
                "message WHERE pod = ?1 AND recent = 0 AND sender = ?4",
                "sequence",
            ),
            ("recent_message WHERE pod = ?1 AND sender = ?4", "sequence"),
        ]),
    };
    let sql = format!(
        "SELECT {COLUMNS} FROM message WHERE sequence IN ({chosen}) ORDER BY sequence LIMIT ?3"
    );
    let mut statement = database.reader().prepare_cached(&sql)?;
    let after = page.after.map_or(0, |after| signed(after.0));
    let (pod, limit) = (pod.to_string(), i64::from(page.limit));
    let rows = match sender {
        None => statement.query(params![pod, after, limit])?,
        Some(sender) => statement.query(params![pod, after, limit, sender.to_string()])?,
    };
    listing::read(
        rows,
        page.limit,
        |row| Ok(Sequence(unsigned(row, "sequence")?)),
        |row| decode_summary(row, &database.bodies),
        |row| Ok((readable(row, "id")?, String::new())),
    )
}

/// Selects what waits. The inner queries find numbers in an index, not whole messages.
fn undelivered() -> String {
    waiting_in(&[
        (
            "message WHERE pod = ?1 AND recent = 0 AND sender IS NULL",
            WAITING,
        ),
        (
            "message WHERE pod = ?1 AND recent = 0 AND sender > ''",
            "sequence",
        ),
        ("recent_message WHERE pod = ?1", "sequence"),
    ])
}

fn waiting_in(places: &[(&str, &str)]) -> String {
    let chosen = places
        .iter()
        .map(|(messages, order)| first_of(&format!("{messages} AND state <> 'settled'"), order));
    chosen.collect::<Vec<_>>().join(" UNION ALL ")
}

/// Selects the first of a pod's messages by what their order is known by. The condition must stand in
/// the text: the index is chosen by it.
fn first_of(messages: &str, order: &str) -> String {
    format!(
        "SELECT sequence FROM (SELECT sequence FROM {messages} \
           AND {order} > ?2 ORDER BY {order} LIMIT ?3)"
    )
}

/// The part of a message that decides what may still be written about it.
struct Fate {
    state: String,
    /// `None` if it is damaged; then any new one is better.
    receipt: Option<Receipt>,
    /// The pod that is to be told of it, and what of; nobody if that cannot be read.
    sender: Option<(PodId, SentMessage)>,
    /// That it is accepted, if the sender is still to be told.
    untold: Option<Untold>,
}

impl Fate {
    fn waits(&self) -> bool {
        self.state != DeliveryState::Settled.as_str()
    }
}

fn fate(transaction: &Transaction<'_>, pod: PodId, id: MessageId) -> Result<Fate, Fault> {
    let mut statement = transaction.prepare_cached(
        "SELECT state, receipt, sender, kind, untold, accepted FROM message \
         WHERE pod = ?1 AND id = ?2",
    )?;
    let mut rows = statement.query(params![pod.to_string(), id.to_string()])?;
    let row = rows.next()?.ok_or(StoreErrorKind::NotFound("message"))?;
    let sender = parsed_optional(row, "sender").ok().flatten();
    let sender = sender
        .filter(|sender| *sender != pod)
        .zip(decode_kind(row).ok().map(|kind| SentMessage { id, kind }));
    let (position, accepted) = (
        row.get::<_, Option<u32>>("untold").ok().flatten(),
        row.get("accepted")?,
    );
    Ok(Fate {
        state: readable(row, "state")?,
        receipt: json(row, "receipt").ok(),
        sender,
        untold: position
            .zip(sender)
            .map(|(position, (sender, message))| Untold {
                sender,
                message,
                position,
                accepted: UnixMillis(accepted),
            }),
    })
}

fn write_fate(
    transaction: &Transaction<'_>,
    pod: PodId,
    id: MessageId,
    old: &Fate,
    state: DeliveryState,
    receipt: &Receipt,
) -> Result<(), Fault> {
    // Nobody looks among what is settled for what is to be told.
    let settles = receipt.settled || state == DeliveryState::Settled;
    transaction
        .prepare_cached(
            "UPDATE message SET state = ?3, outcome = ?4, receipt = ?5, updated = ?6, \
             attempts = attempts + (?3 = 'delivering'), untold = iif(?7, NULL, untold), \
             recent = iif(?3 = 'settled' AND sender IS NULL, 0, recent) \
             WHERE pod = ?1 AND id = ?2",
        )?
        .execute(params![
            pod.to_string(),
            id.to_string(),
            state.as_str(),
            receipt.outcome.as_str(),
            to_json(receipt)?,
            receipt.at.0,
            settles,
        ])?;
    if let Some(untold) = old.untold.filter(|_| settles) {
        untold.tell(transaction, pods::label_of(transaction, pod)?)?;
    }
    let Some((sender, message)) = old.sender.filter(|_| receipt.settled) else {
        return Ok(());
    };
    let to = pods::label_of(transaction, pod)?;
    let act = Act {
        by: Some(pod),
        at: receipt.at,
    };
    let change = RelationChange::settled(to, message, receipt);
    outbox::put(transaction, sender, &change, act)
}

pub(super) fn set_delivery(
    database: &mut Database,
    fence: Fence,
    id: MessageId,
    state: DeliveryState,
    receipt: &Receipt,
) -> Result<(), Fault> {
    let known = database.waiting;
    let waited = database.write(|transaction| {
        check_fence(transaction, fence)?;
        let old = fate(transaction, fence.pod, id)?;
        if old.state == state.as_str() && old.receipt.as_ref() == Some(receipt) {
            return Ok(old.waits());
        }
        if let Some(settled) = old.receipt.as_ref().filter(|receipt| receipt.settled) {
            let outcome = settled.outcome.as_str().to_owned();
            return Err(StoreErrorKind::Settled { outcome }.into());
        }
        write_fate(transaction, fence.pod, id, &old, state, receipt)?;
        Ok(old.waits())
    })?;
    let waits = state != DeliveryState::Settled;
    database.waiting = known.and_then(|known| known.after(fence.pod, waited, waits));
    Ok(())
}

pub(super) fn cancel(
    transaction: &Transaction<'_>,
    bodies: &Bodies,
    pod: PodId,
    id: MessageId,
    at: UnixMillis,
) -> Result<Receipt, Fault> {
    let old = fate(transaction, pod, id)?;
    let damage = match find(transaction, bodies, pod, id) {
        Ok(_) => None,
        Err(fault) if fault.is_damage() => Some(fault.account()),
        Err(fault) => return Err(fault),
    };
    let outcome = match DeliveryState::from_word(&old.state) {
        Some(DeliveryState::Accepted) => Outcome::Cancelled,
        // It cannot be typed any more, and only its record could tell whether it was.
        Some(DeliveryState::Delivering) | None if damage.is_some() => Outcome::Unknown,
        _ => {
            return old
                .receipt
                .ok_or_else(|| Fault::corrupt("column `receipt`"));
        }
    };
    let receipt = Receipt {
        outcome,
        settled: true,
        reason: damage.map(|what| format!("its record was damaged: {what}")),
        ..Receipt::accepted(id, at)
    };
    write_fate(transaction, pod, id, &old, DeliveryState::Settled, &receipt)?;
    Ok(receipt)
}

#[cfg(test)]
mod tests {
    use rusqlite::StatementStatus;

    use super::super::connection::SqliteOptions;
    use super::*;

    #[test]
    fn what_waits_is_found_without_reading_what_was_settled() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("store.db");
        let database = Database::open(&path, &SqliteOptions::default()).unwrap();
        let connection = &database.connection;
        connection
            .execute_batch(
                "PRAGMA foreign_keys = OFF;
                 WITH RECURSIVE number (n) AS (
                   SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < 5000)
                 INSERT INTO message (pod, id, from_host, from_session, to_host, to_session, kind,
                   class, body, typing, accepted, state, outcome, receipt, updated, recent)
                 SELECT 'coder', n, '', '', '', '', 'run', '', '', '', n, 'settled', '', '', n, 0
                 FROM number;",
            )
            .unwrap();
        for after in [0, 4990] {
            let mut statement = connection.prepare(&undelivered()).unwrap();
            assert!(!statement.exists(params!["coder", after, 100]).unwrap());
            let steps = statement.get_status(StatementStatus::VmStep);
            assert!(steps < 2_000, "{steps} after {after}");
        }
    }
}
