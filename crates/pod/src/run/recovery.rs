//! What became of the messages that a crashed generation had on their way.
//!
//! The log wins: a text that it says was about to be typed may have been typed. Such a message is
//! never typed again in silence. Where the agent's own transcript has that the text was said, it was;
//! else its sender is told that its fate is unknown, unless the sender asked for at least once.
//!
//! Where an old copy of the store took its place, the logs of later sessions still tell what was
//! delivered since.

use std::collections::HashMap;
use std::path::Path;

use podfleet_pod_store::session_log::{
    Entry, Interrupted, LaterSessions, LogError, LogWriter, Recovery, SessionFiles,
};
use podfleet_pod_store::{
    CrashPoint, DeliveryState, InboxEntry, InboxSummary, OutboxEvent, Page, PodRecord, PodStore,
    StoreError, StoreErrorKind,
};
use podfleet_protocol::limits::PAGE;
use podfleet_protocol::{Evidence, MessageId, OnCrash, Outcome, PodId, Receipt, SessionId, Source};

use super::PodError;
use crate::clock;
use crate::transcripts::{Heard, PastTranscripts};

/// What there is to find out from.
#[derive(Debug)]
pub(super) struct Past<'a> {
    pub(super) state_dir: &'a Path,
    /// The session of the former generation, if there was one.
    pub(super) session: Option<SessionId>,
    /// Sessions that the store does not know.
    pub(super) later: LaterSessions,
    /// What its agent has written down, if we know how to read it.
    pub(super) transcripts: Option<PastTranscripts>,
}

impl Past<'_> {
    /// Files may be on a disk that takes its time, and nobody is served yet.
    fn heard(&self, interrupted: &Interrupted) -> Option<Heard> {
        let transcripts = self.transcripts.as_ref()?;
        transcripts.heard(&interrupted.text, interrupted.at)
    }
}

/// What the logs say, and how far they can be relied on.
struct Told {
    recovery: Recovery,
    /// Whether nothing of them is missing or damaged.
    whole: bool,
    /// Whether the store is older than they are.
    store_is_old: bool,
}

impl Told {
    fn read(past: &Past<'_>, pod: PodId) -> Result<Self, LogError> {
        let known = past
            .session
            .map(|session| SessionFiles::new(past.state_dir, pod, session));
        let recovery = Recovery::read_with_later(known.as_ref(), &past.later.files)?;
        let is_there = known.map_or(Ok(true), |known| Ok(!known.segments()?.is_empty()));
        Ok(Self {
            whole: recovery.damaged == 0 && is_there?,
            store_is_old: !past.later.is_empty(),
            recovery,
        })
    }
}

/// Settles what the former generation left open: in the new log first, then in the store.
pub(super) async fn recover(
    store: &dyn PodStore,
    record: &PodRecord,
    past: &Past<'_>,
    log: &mut LogWriter,
) -> Result<(), PodError> {
    let told = Told::read(past, record.identity.id)?;
    let recovery = &told.recovery;
    drop_copied(store, record, &told).await?;
    let mut settled = settle_known(store, record, &recovery.settled).await?;
    for interrupted in &recovery.interrupted {
        let stored = stored(store, record.identity.id, interrupted.id).await?;
        let stored = stored.unwrap_or_default();
        if stored.as_ref().is_some_and(|entry| entry.receipt.settled) {
            continue;
        }
        let heard = past.heard(interrupted);
        let (receipt, state) = verdict(interrupted, stored.as_ref(), heard);
        log.append(
            clock::wall(),
            Entry::MessageReceipt {
                receipt: receipt.clone(),
            },
        )?;
        log.commit()?;
        CrashPoint::RecoveryLogged.reach();
        settled += u64::from(write(store, record, &receipt, state).await?);
        CrashPoint::RecoveryStored.reach();
    }
    settled += settle_waiting(store, record, &told).await?;
    if told.store_is_old {
        let text = account(&past.later, settled);
        tracing::warn!("{text}");
        let origin = "store".into();
        log.append(clock::wall(), Entry::Error { origin, text })?;
    }
    Ok(())
}

/// Says what was learnt from sessions that the store does not know.
fn account(later: &LaterSessions, settled: u64) -> String {
    let [first, last] = later.generations;
    let generations = match first == last {
        true => format!("generation {first}"),
        false => format!("generations {first} to {last}"),
    };
    format!(
        "the store knows nothing of {generations}, whose session logs are there: an old copy of it \
         took its place; by these logs {settled} of the messages that waited in it are not typed \
         again"
    )
}

/// Drops from the outbox what the logs have.
async fn drop_copied(
    store: &dyn PodStore,
    record: &PodRecord,
    told: &Told,
) -> Result<(), PodError> {
    let Some(copied) = told.recovery.copied else {
        return Ok(());
    };
    // An old store has given numbers again: what is younger than the logs is in none of them.
    let again = told.store_is_old || copied > store.outbox_end().await?;
    let is_copied =
        |event: &&OutboxEvent| event.place <= copied && (!again || event.at <= told.recovery.until);
    let (mut page, mut last) = (Page::first(PAGE), None);
    loop {
        let listing = store.outbox(record.identity.id, page).await?;
        let count = listing.items.iter().take_while(is_copied).count();
        let (dropped, kept) = listing.items.split_at(count);
        last = dropped.last().map(|event| event.place).or(last);
        match listing.next.filter(|_| kept.is_empty()) {
            Some(next) => page = Page::after(next, PAGE),
            None => break,
        }
    }
    if let Some(last) = last {
        store.clear_outbox(record.fence(), last).await?;
    }
    Ok(())
}

/// Tells the store the last receipts that the log has and it has not; returns how many.
async fn settle_known(
    store: &dyn PodStore,
    record: &PodRecord,
    settled: &[Receipt],
) -> Result<u64, PodError> {
    let mut count = 0;
    for receipt in settled.iter().rev() {
        match stored(store, record.identity.id, receipt.id).await? {
            // The store is told in the log's order.
            Ok(Some(stored)) if stored.receipt.settled => break,
            Ok(Some(_)) | Err(Unreadable) => {
                count += u64::from(write(store, record, receipt, DeliveryState::Settled).await?);
            }
            // The pod's own messages are in the log alone.
            Ok(None) => {}
        }
    }
    Ok(count)
}

/// The store has the message, and its record cannot be read.
struct Unreadable;

/// Returns what the store has of a message. A damaged record says nothing, and keeps no pod from
/// starting: the log decides alone then.
async fn stored(
    store: &dyn PodStore,
    pod: PodId,
    id: MessageId,
) -> Result<Result<Option<InboxEntry>, Unreadable>, StoreError> {
    match store.message(pod, id).await {
        Err(error) if matches!(error.kind(), StoreErrorKind::Corrupt(_)) => {
            tracing::warn!(message = %id, %error, "cannot read a message of the former generation");
            Ok(Err(Unreadable))
        }
        read => read.map(Ok),
    }
}

/// Decides about what waits in the store, but for what was interrupted; returns how much is settled.
async fn settle_waiting(
    store: &dyn PodStore,
    record: &PodRecord,
    told: &Told,
) -> Result<u64, PodError> {
    let settled = told.recovery.settled.iter();
    let settled: HashMap<_, _> = settled.map(|receipt| (receipt.id, receipt)).collect();
    let mut fates = Vec::new();
    each_undelivered(store, record.identity.id, |entry| {
        let fate = match settled.get(&entry.row.id) {
            Some(receipt) => Some(((*receipt).clone(), DeliveryState::Settled)),
            None => fate(&entry, told),
        };
        fates.extend(fate);
    })
    .await?;
    let mut count = 0;
    for (receipt, state) in fates {
        let written = write(store, record, &receipt, state).await?;
        count += u64::from(written && state == DeliveryState::Settled);
    }
    Ok(count)
}

/// Decides about a waiting message of which the logs have no last word; nothing if it goes on waiting.
fn fate(entry: &InboxSummary, told: &Told) -> Option<(Receipt, DeliveryState)> {
    let (id, receipt) = (entry.row.id, &entry.row.receipt);
    if told.recovery.interrupted.iter().any(|known| known.id == id) {
        return None;
    }
    if entry.state == DeliveryState::Delivering {
        // The log says that it was not typed, unless what it says cannot be read.
        let (receipt, state) = match told.whole {
            true => (
                Receipt::accepted(id, clock::wall()),
                DeliveryState::Accepted,
            ),
            false => (unknown(receipt), DeliveryState::Settled),
        };
        return Some((receipt, state));
    }
    // What is missing in the logs may have been its delivery.
    let may_be_typed =
        told.store_is_old && !told.whole && entry.row.accepted <= told.recovery.until;
    let why = "the store is an old copy, and the session logs since then are not whole; the message \
               may have been typed, and is not typed again";
    let receipt = may_be_typed.then(|| Receipt {
        reason: Some(why.into()),
        ..unknown(receipt)
    })?;
    Some((receipt, DeliveryState::Settled))
}

fn verdict(
    interrupted: &Interrupted,
    stored: Option<&InboxEntry>,
    heard: Option<Heard>,
) -> (Receipt, DeliveryState) {
    let now = clock::wall();
    // A log that could not be written any more knows less than the store.
    let last = interrupted.receipt.clone();
    let last = last.or_else(|| stored.map(|entry| entry.receipt.clone()));
    let last = last.unwrap_or_else(|| Receipt::accepted(interrupted.id, now));
    let last = testified(last, heard);
    let queued = last.outcome == Outcome::QueuedByAgent;
    if !queued && last.outcome.reaches(Outcome::Submitted) {
        let receipt = Receipt {
            settled: true,
            hold: None,
            reason: Some("the pod ended before the end of the turn was seen".into()),
            at: now,
            ..last
        };
        return (receipt, DeliveryState::Settled);
    }
    let retry = stored.is_some_and(|entry| entry.message.typing.on_crash == OnCrash::Retry);
    if retry {
        return (
            Receipt::accepted(interrupted.id, now),
            DeliveryState::Accepted,
        );
    }
    let lost = unknown(&last);
    let why = "it stood in the agent's own queue, which ended with the pod";
    let reason = if queued {
        Some(why.into())
    } else {
        lost.reason
    };
    (Receipt { reason, ..lost }, DeliveryState::Settled)
}

/// Puts what the transcript tells into the place of less.
fn testified(last: Receipt, heard: Option<Heard>) -> Receipt {
    let outcome = match heard {
        Some(Heard::Said) => Outcome::Started,
        Some(Heard::Queued) => Outcome::QueuedByAgent,
        None => return last,
    };
    if last.outcome.reaches(outcome) {
        return last;
    }
    Receipt {
        outcome,
        evidence: Some(Evidence {
            source: Source::Transcript,
            detail: "read after the pod was started again".into(),
        }),
        ..last
    }
}

fn unknown(last: &Receipt) -> Receipt {
    Receipt {
        outcome: Outcome::Unknown,
        settled: true,
        evidence: None,
        hold: None,
        reason: Some("the pod crashed while the message was typed; it is not typed again".into()),
        at: clock::wall(),
        ..last.clone()
    }
}

/// Tells the store; returns whether it had to be told.
async fn write(
    store: &dyn PodStore,
    record: &PodRecord,
    receipt: &Receipt,
    state: DeliveryState,
) -> Result<bool, StoreError> {
    let written = store
        .set_delivery(record.fence(), receipt.id, state, receipt)
        .await;
    match written {
        // The pod's own messages are in the log alone; a settled one was withdrawn meanwhile.
        Err(error)
            if matches!(
                error.kind(),
                StoreErrorKind::NotFound(_) | StoreErrorKind::Settled { .. }
            ) =>
        {
            Ok(false)
        }
        written => written.map(|()| true),
    }
}

/// Returns how many messages wait.
pub(super) async fn waiting(store: &dyn PodStore, pod: PodId) -> Result<u32, StoreError> {
    let mut count = 0_u32;
    each_undelivered(store, pod, |_| count = count.saturating_add(1)).await?;
    Ok(count)
}

async fn each_undelivered(
    store: &dyn PodStore,
    pod: PodId,
    mut visit: impl FnMut(InboxSummary),
) -> Result<(), StoreError> {
    let mut page = Page::first(PAGE);
    loop {
        let listing = store.waiting(pod, None, page).await?;
        listing.items.into_iter().for_each(&mut visit);
        match listing.next {
            Some(next) => page = Page::after(next, PAGE),
            None => return Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
