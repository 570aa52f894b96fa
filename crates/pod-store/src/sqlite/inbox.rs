//! Statements about messages.

use podfleet_protocol::limits::MAX_BODY;
use podfleet_protocol::{
    Address, Class, Kind, Message, MessageId, Outcome, PodId, Receipt, UnixMillis,
};
use rusqlite::{Connection, Row, Transaction, ffi, params};

use super::bodies::Bodies;
use super::columns::{json, parsed, parsed_optional, signed, to_json, unsigned};
use super::connection::Database;
use super::pods::check_fence;
use super::{listing, pods, relations};
use crate::crash::CrashPoint;
use crate::error::{Fault, StoreErrorKind};
use crate::inbox::{AcceptLimits, Accepted, DeliveryState, InboxEntry, Offer, Refusal, Sequence};
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
    let state: String = row.get("state")?;
    Ok(InboxEntry {
        sequence: Sequence(unsigned(row, "sequence")?),
        message: decode_message(row, bodies)?,
        sender: parsed_optional(row, "sender")?,
        state: DeliveryState::from_word(&state)
            .ok_or_else(|| Fault::corrupt(format!("column `state` is `{state}`")))?,
        receipt: json(row, "receipt")?,
        attempts: row.get("attempts")?,
    })
}

fn decode_message(row: &Row<'_>, bodies: &Bodies) -> Result<Message, Fault> {
    let kind: String = row.get("kind")?;
    let class: String = row.get("class")?;
    Ok(Message {
        id: parsed(row, "id")?,
        from: Address::new(
            row.get::<_, String>("from_host")?,
            row.get::<_, String>("from_session")?,
        ),
        to: Address::new(
            row.get::<_, String>("to_host")?,
            row.get::<_, String>("to_session")?,
        ),
        kind: [Kind::Run, Kind::Notify]
            .into_iter()
            .find(|known| known.as_str() == kind)
            .ok_or_else(|| Fault::corrupt(format!("column `kind` is `{kind}`")))?,
        class: class
            .parse::<Class>()
            .map_err(|()| Fault::corrupt(format!("column `class` is `{class}`")))?,
        thread: row.get("thread")?,
        body: decode_body(row, bodies)?,
        typing: json(row, "typing")?,
        accepted: UnixMillis(row.get("accepted")?),
    })
}

fn decode_body(row: &Row<'_>, bodies: &Bodies) -> Result<String, Fault> {
    if let Some(body) = row.get("body")? {
        return Ok(body);
    }
    let file: String = row.get("body_file")?;
    bodies.read(&file)
}

/// Accepts `offers` in one transaction; long bodies are on the disk before it begins.
pub(super) fn accept(
    database: &mut Database,
    to: PodId,
    offers: &[Offer],
) -> Result<Vec<Result<Accepted, Refusal>>, Fault> {
    let mut files = Vec::with_capacity(offers.len());
    let written = offers.iter().try_for_each(|offer| {
        let fits = offer.message.body.len() <= MAX_BODY;
        files.push(if fits {
            database.bodies.keep(&offer.message.body)?
        } else {
            None
        });
        CrashPoint::BodyWritten.reach();
        Ok(())
    });
    let answers = written.and_then(|()| take_all(database, to, offers, &files));
    CrashPoint::AcceptCommitted.reach();
    // After a commit that failed nobody knows whether it did: the file of a message that may be
    // accepted must stay.
    let uncertain = answers.as_ref().is_err_and(Fault::is_uncertain);
    for (index, file) in files.iter().enumerate() {
        let kept = answers.as_ref().is_ok_and(
            |answers| matches!(answers.get(index), Some(Ok(accepted)) if !accepted.duplicate),
        );
        if let (Some(file), false, false) = (file, kept, uncertain) {
            database.bodies.remove(file);
        }
    }
    answers
}

fn take_all(
    database: &mut Database,
    to: PodId,
    offers: &[Offer],
    files: &[Option<String>],
) -> Result<Vec<Result<Accepted, Refusal>>, Fault> {
    let (bodies, limits) = (Bodies::clone(&database.bodies), database.limits);
    let known = database.waiting;
    let (answers, waiting) = database.write(|transaction| {
        let mut receiver = Receiver {
            transaction,
            bodies: &bodies,
            limits,
            waiting: Waiting::now(transaction, to, known)?,
        };
        let answers = offers
            .iter()
            .zip(files)
            .map(|(offer, file)| receiver.take(offer, file.as_deref()))
            .collect::<Result<Vec<_>, Fault>>();
        CrashPoint::AcceptWritten.reach();
        Ok((answers?, receiver.waiting))
    })?;
    database.waiting = Some(waiting);
    Ok(answers)
}

/// How many messages of a pod wait.
///
/// To count them takes the longer the more there are. So the number of the last acceptance is kept,
/// and holds until another connection commits: what this one writes is added to it, or drops it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Waiting {
    pod: PodId,
    /// What `PRAGMA data_version` said.
    version: i64,
    count: u32,
}

impl Waiting {
    /// Takes what is known, if it still holds; within a transaction that nobody else writes beside.
    fn now(connection: &Connection, pod: PodId, known: Option<Self>) -> Result<Self, Fault> {
        let version = connection
            .prepare_cached("PRAGMA data_version")?
            .query_row([], |row| row.get(0))?;
        match known {
            Some(known) if (known.pod, known.version) == (pod, version) => Ok(known),
            _ => Ok(Self {
                pod,
                version,
                count: count_undelivered(connection, pod, i64::MAX)?,
            }),
        }
    }

    /// Returns what is known after a message of `pod` has changed.
    fn after(self, pod: PodId, waited: bool, waits: bool) -> Option<Self> {
        if pod != self.pod {
            return Some(self);
        }
        let count = match (waited, waits) {
            (true, false) => self.count.checked_sub(1)?,
            (false, true) => self.count + 1,
            _ => self.count,
        };
        Some(Self { count, ..self })
    }
}

/// The receiver of a batch, within its transaction.
struct Receiver<'a> {
    transaction: &'a Transaction<'a>,
    bodies: &'a Bodies,
    limits: AcceptLimits,
    waiting: Waiting,
}

impl Receiver<'_> {
    /// Accepts or refuses a message. What nearly always happens takes the fewest statements: that a
    /// message is new and its receiver there, the row itself finds out.
    fn take(
        &mut self,
        offer: &Offer,
        file: Option<&str>,
    ) -> Result<Result<Accepted, Refusal>, Fault> {
        if let Err(refusal) = self.check(offer)? {
            return self.refuse(offer, refusal);
        }
        match insert(self.transaction, self.waiting.pod, offer, file)? {
            Inserted::New(sequence) => {
                self.waiting.count += 1;
                Ok(Ok(Accepted {
                    position: self.waiting.count,
                    duplicate: false,
                    sequence,
                }))
            }
            Inserted::IdTaken => self.refuse(offer, Refusal::IdReused),
            Inserted::NoReceiver => Ok(Err(Refusal::NoSuchPod)),
        }
    }

    fn check(&self, offer: &Offer) -> Result<Result<(), Refusal>, Fault> {
        if offer.message.body.len() > MAX_BODY {
            return Ok(Err(Refusal::TooLarge { limit: MAX_BODY }));
        }
        let pod = self.waiting.pod;
        if let Err(refusal) = relations::check(self.transaction, pod, offer, self.limits.pair)? {
            return Ok(Err(refusal));
        }
        let limit = self.limits.inbox;
        Ok(if self.waiting.count >= limit {
            Err(Refusal::InboxFull { limit })
        } else {
            Ok(())
        })
    }

    /// Refuses a message, unless it was accepted before or has no receiver at all.
    fn refuse(&self, offer: &Offer, refusal: Refusal) -> Result<Result<Accepted, Refusal>, Fault> {
        let pod = self.waiting.pod;
        match find(self.transaction, self.bodies, pod, offer.message.id)? {
            Some(earlier) => self.answer_again(offer, &earlier),
            None if pods::is_there(self.transaction, pod)? => Ok(Err(refusal)),
            None => Ok(Err(Refusal::NoSuchPod)),
        }
    }

    fn answer_again(
        &self,
        offer: &Offer,
        earlier: &InboxEntry,
    ) -> Result<Result<Accepted, Refusal>, Fault> {
        if !earlier.is_repeated_by(offer) {
            return Ok(Err(Refusal::IdReused));
        }
        let sequence = earlier.sequence;
        let position = match earlier.state {
            DeliveryState::Settled => 0,
            _ => count_undelivered(self.transaction, self.waiting.pod, signed(sequence.0))?,
        };
        Ok(Ok(Accepted {
            position,
            duplicate: true,
            sequence,
        }))
    }
}

/// Counts the undelivered messages up to a place in the order.
fn count_undelivered(connection: &Connection, pod: PodId, up_to: i64) -> Result<u32, Fault> {
    let count = connection
        .prepare_cached(
            "SELECT count(*) FROM message WHERE pod = ?1 AND state <> 'settled' AND sequence <= ?2",
        )?
        .query_row(params![pod.to_string(), up_to], |row| row.get(0))?;
    Ok(count)
}

/// What became of a new row.
enum Inserted {
    New(Sequence),
    IdTaken,
    NoReceiver,
}

fn insert(
    transaction: &Transaction<'_>,
    to: PodId,
    offer: &Offer,
    file: Option<&str>,
) -> Result<Inserted, Fault> {
    let message = &offer.message;
    let receipt = Receipt::accepted(message.id, message.accepted);
    let sender = offer.sender.pod().map(|id| id.to_string());
    let inserted = transaction
        .prepare_cached(
            "INSERT INTO message (pod, id, sender, from_host, from_session, to_host, to_session, \
             kind, class, thread, body, body_file, typing, accepted, outcome, receipt, updated) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?14)",
        )?
        .execute(params![
            to.to_string(),
            message.id.to_string(),
            sender,
            message.from.host,
            message.from.session,
            message.to.host,
            message.to.session,
            message.kind.as_str(),
            message.class.as_str(),
            message.thread,
            file.is_none().then_some(&message.body),
            file,
            to_json(&message.typing)?,
            message.accepted.0,
            receipt.outcome.as_str(),
            to_json(&receipt)?,
        ]);
    match inserted {
        Ok(_) => {
            let sequence = transaction.last_insert_rowid().unsigned_abs();
            Ok(Inserted::New(Sequence(sequence)))
        }
        Err(error) => match error.sqlite_error().map(|error| error.extended_code) {
            Some(ffi::SQLITE_CONSTRAINT_UNIQUE) => Ok(Inserted::IdTaken),
            Some(ffi::SQLITE_CONSTRAINT_FOREIGNKEY) => Ok(Inserted::NoReceiver),
            _ => Err(error.into()),
        },
    }
}

fn find(
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
    find(database.reader(), &database.bodies, pod, id)
}

pub(super) fn list(
    database: &Database,
    pod: PodId,
    which: Which,
    page: &Page<Sequence>,
) -> Result<Listing<InboxEntry, Sequence>, Fault> {
    // The condition must stand in the text: the index of the undelivered is chosen by it.
    let condition = match which {
        Which::All => "",
        Which::Undelivered => "AND state <> 'settled'",
    };
    // The inner query sorts numbers out of an index, not whole messages.
    let sql = format!(
        "SELECT {COLUMNS} FROM message WHERE sequence IN \
           (SELECT sequence FROM message WHERE pod = ?1 AND sequence > ?2 {condition} \
            ORDER BY sequence LIMIT ?3) \
         ORDER BY sequence"
    );
    let mut statement = database.reader().prepare_cached(&sql)?;
    let after = page.after.map_or(0, |after| signed(after.0));
    let rows = statement.query(params![pod.to_string(), after, i64::from(page.limit)])?;
    listing::read(
        rows,
        page.limit,
        |row| Ok(Sequence(unsigned(row, "sequence")?)),
        |row| decode(row, &database.bodies),
        |row| Ok((row.get("id")?, String::new())),
    )
}

/// The part of a message that decides what may still be written about it.
struct Fate {
    state: String,
    /// `None` if it is damaged; then any new one is better.
    receipt: Option<Receipt>,
}

impl Fate {
    fn waits(&self) -> bool {
        self.state != DeliveryState::Settled.as_str()
    }
}

fn fate(transaction: &Transaction<'_>, pod: PodId, id: MessageId) -> Result<Fate, Fault> {
    let mut statement = transaction
        .prepare_cached("SELECT state, receipt FROM message WHERE pod = ?1 AND id = ?2")?;
    let mut rows = statement.query(params![pod.to_string(), id.to_string()])?;
    let row = rows.next()?.ok_or(StoreErrorKind::NotFound("message"))?;
    Ok(Fate {
        state: row.get("state")?,
        receipt: json(row, "receipt").ok(),
    })
}

fn write_fate(
    transaction: &Transaction<'_>,
    pod: PodId,
    id: MessageId,
    state: DeliveryState,
    receipt: &Receipt,
) -> Result<(), Fault> {
    transaction
        .prepare_cached(
            "UPDATE message SET state = ?3, outcome = ?4, receipt = ?5, updated = ?6, \
             attempts = attempts + (?3 = 'delivering') WHERE pod = ?1 AND id = ?2",
        )?
        .execute(params![
            pod.to_string(),
            id.to_string(),
            state.as_str(),
            receipt.outcome.as_str(),
            to_json(receipt)?,
            receipt.at.0,
        ])?;
    Ok(())
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
        if let Some(old) = old.receipt.as_ref().filter(|receipt| receipt.settled) {
            let outcome = old.outcome.as_str().to_owned();
            return Err(StoreErrorKind::Settled { outcome }.into());
        }
        write_fate(transaction, fence.pod, id, state, receipt)?;
        Ok(old.waits())
    })?;
    let waits = state != DeliveryState::Settled;
    database.waiting = known.and_then(|known| known.after(fence.pod, waited, waits));
    Ok(())
}

pub(super) fn cancel(
    transaction: &Transaction<'_>,
    pod: PodId,
    id: MessageId,
    at: UnixMillis,
) -> Result<Receipt, Fault> {
    let old = fate(transaction, pod, id)?;
    if old.state != DeliveryState::Accepted.as_str() {
        return old
            .receipt
            .ok_or_else(|| Fault::corrupt("column `receipt`"));
    }
    let receipt = Receipt {
        outcome: Outcome::Cancelled,
        settled: true,
        ..Receipt::accepted(id, at)
    };
    write_fate(transaction, pod, id, DeliveryState::Settled, &receipt)?;
    Ok(receipt)
}
