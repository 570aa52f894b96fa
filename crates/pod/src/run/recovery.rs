//! What became of the messages that a crashed generation had on their way.
//!
//! The log wins: a text that it says was about to be typed may have been typed. Such a message is
//! never typed again in silence. Where the agent's own transcript has that the text was said, it was;
//! else its sender is told that its fate is unknown, unless the sender asked for at least once.

use std::path::Path;

use podfleet_pod_store::session_log::{Entry, Interrupted, LogWriter, Recovery, SessionFiles};
use podfleet_pod_store::{
    CrashPoint, DeliveryState, InboxEntry, InboxSummary, Page, PodRecord, PodStore, StoreError,
    StoreErrorKind,
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
    /// The session of the former generation.
    pub(super) session: SessionId,
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

/// Settles what the former generation left open: in the new log first, then in the store.
pub(super) async fn recover(
    store: &dyn PodStore,
    record: &PodRecord,
    past: &Past<'_>,
    log: &mut LogWriter,
) -> Result<(), PodError> {
    let files = SessionFiles::new(past.state_dir, record.identity.id, past.session);
    let recovery = Recovery::read(&files)?;
    if let Some(copied) = recovery.copied {
        store.clear_outbox(record.fence(), copied).await?;
    }
    settle_known(store, record, &recovery.settled).await?;
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
        write(store, record, &receipt, state).await?;
        CrashPoint::RecoveryStored.reach();
    }
    let log_is_whole = recovery.damaged == 0 && !files.segments()?.is_empty();
    settle_unknown(store, record, &recovery.interrupted, log_is_whole).await
}

/// Tells the store the last receipts that the log has and it has not.
async fn settle_known(
    store: &dyn PodStore,
    record: &PodRecord,
    settled: &[Receipt],
) -> Result<(), PodError> {
    for receipt in settled.iter().rev() {
        match stored(store, record.identity.id, receipt.id).await? {
            // The store is told in the log's order.
            Ok(Some(stored)) if stored.receipt.settled => break,
            Ok(Some(_)) | Err(Unreadable) => {
                write(store, record, receipt, DeliveryState::Settled).await?;
            }
            // The pod's own messages are in the log alone.
            Ok(None) => {}
        }
    }
    Ok(())
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

/// Decides about what the store calls `delivering` and the log does not know of.
async fn settle_unknown(
    store: &dyn PodStore,
    record: &PodRecord,
    known: &[Interrupted],
    log_is_whole: bool,
) -> Result<(), PodError> {
    let mut delivering = Vec::new();
    each_undelivered(store, record.identity.id, |entry| {
        if entry.state == DeliveryState::Delivering
            && known.iter().all(|known| known.id != entry.row.id)
        {
            delivering.push(entry.row.receipt);
        }
    })
    .await?;
    for receipt in delivering {
        // The log says that it was not typed, unless what it says cannot be read.
        let (receipt, state) = if log_is_whole {
            let receipt = Receipt::accepted(receipt.id, clock::wall());
            (receipt, DeliveryState::Accepted)
        } else {
            (unknown(&receipt), DeliveryState::Settled)
        };
        write(store, record, &receipt, state).await?;
    }
    Ok(())
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

async fn write(
    store: &dyn PodStore,
    record: &PodRecord,
    receipt: &Receipt,
    state: DeliveryState,
) -> Result<(), StoreError> {
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
            Ok(())
        }
        written => written,
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
