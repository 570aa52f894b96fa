//! Accepting messages: the one transaction that checks the right to send and writes the message.

use podfleet_protocol::{PodId, Receipt};
use rusqlite::{Connection, ffi, params};

use super::bodies::Bodies;
use super::columns::{signed, to_json};
use super::connection::Database;
use super::echo::{self, Earlier};
use super::inbox::find;
use super::sent::{Telling, Untold};
use super::transaction::Transaction;
use super::{pods, relations};
use crate::crash::CrashPoint;
use crate::error::Fault;
use crate::inbox::{AcceptLimits, Accepted, DeliveryState, InboxEntry, Offer, Refusal, Sequence};
use crate::outbox::SentMessage;

/// Accepts `offers` in one transaction; long bodies are on the disk before it begins.
pub(super) fn accept(
    database: &mut Database,
    to: PodId,
    offers: &[Offer],
) -> Result<Vec<Result<Accepted, Refusal>>, Fault> {
    let mut files = Vec::with_capacity(offers.len());
    let written = offers.iter().try_for_each(|offer| {
        files.push(if offer.check_size().is_ok() {
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
    pub(super) fn after(self, pod: PodId, waited: bool, waits: bool) -> Option<Self> {
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
        if offer.once
            && let Some(echoed) =
                echo::find(self.transaction, self.bodies, self.waiting.pod, offer)?
        {
            return self.answer_for(&echoed).map(Ok);
        }
        let telling = match self.check(offer)? {
            Ok(telling) => telling,
            Err(refusal) => return self.refuse(offer, refusal),
        };
        let (pod, position) = (self.waiting.pod, self.waiting.count + 1);
        let untold = (telling == Telling::ByInbox).then_some(position);
        match insert(self.transaction, pod, offer, file, untold)? {
            Inserted::New(sequence) => {
                self.waiting.count = position;
                if telling == Telling::AtOnce {
                    self.tell(offer, position)?;
                }
                Ok(Ok(Accepted {
                    id: offer.message.id,
                    position,
                    duplicate: false,
                    sequence,
                }))
            }
            Inserted::IdTaken => self.refuse(offer, Refusal::IdReused),
            Inserted::NoReceiver => Ok(Err(Refusal::NoSuchPod)),
        }
    }

    /// Tells another pod that its message is accepted.
    fn tell(&self, offer: &Offer, position: u32) -> Result<(), Fault> {
        let Some(sender) = offer.sender.pod() else {
            return Ok(());
        };
        let to = pods::label_of(self.transaction, self.waiting.pod)?;
        let sent = Untold {
            sender,
            message: SentMessage::of(&offer.message),
            position,
            accepted: offer.message.accepted,
        };
        sent.tell(self.transaction, to)
    }

    fn check(&self, offer: &Offer) -> Result<Result<Telling, Refusal>, Fault> {
        if let Err(refusal) = offer.check_size() {
            return Ok(Err(refusal));
        }
        let pod = self.waiting.pod;
        let right = relations::check(self.transaction, pod, offer, self.limits.pair)?;
        let limit = self.limits.inbox;
        Ok(match right {
            Ok(_) if self.waiting.count >= limit => Err(Refusal::InboxFull { limit }),
            right => right,
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
        let earlier = Earlier {
            id: earlier.message.id,
            sequence: earlier.sequence,
            waits: earlier.state != DeliveryState::Settled,
        };
        self.answer_for(&earlier).map(Ok)
    }

    fn answer_for(&self, earlier: &Earlier) -> Result<Accepted, Fault> {
        let Earlier {
            id,
            sequence,
            waits,
        } = *earlier;
        let position = match waits {
            true => count_undelivered(self.transaction, self.waiting.pod, signed(sequence.0))?,
            false => 0,
        };
        Ok(Accepted {
            id,
            position,
            duplicate: true,
            sequence,
        })
    }
}

/// Counts the undelivered messages up to a place in the order.
fn count_undelivered(connection: &Connection, pod: PodId, up_to: i64) -> Result<u32, Fault> {
    let count = connection
        .prepare_cached(
            "SELECT (SELECT count(*) FROM message \
                WHERE pod = ?1 AND recent = 0 AND state <> 'settled' AND sequence <= ?2) \
               + (SELECT count(*) FROM recent_message \
                WHERE pod = ?1 AND state <> 'settled' AND sequence <= ?2)",
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
    untold: Option<u32>,
) -> Result<Inserted, Fault> {
    let message = &offer.message;
    let receipt = Receipt::accepted(message.id, message.accepted);
    let sender = offer.sender.pod().map(|id| id.to_string());
    let inserted = transaction
        .prepare_cached(
            "INSERT INTO message (pod, id, sender, from_host, from_session, to_host, to_session, \
             kind, class, thread, body, body_file, typing, accepted, outcome, receipt, updated, \
             untold, recent) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?14, \
             ?17, 1)",
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
            untold,
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
