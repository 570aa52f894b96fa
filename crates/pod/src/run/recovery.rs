//! What became of the messages that a crashed generation had on their way.
//!
//! The log wins: a text that it says was about to be typed may have been typed. Such a message is
//! never typed again in silence; its sender is told that its fate is unknown, unless the sender
//! asked for at least once.

use std::path::Path;

use podfleet_pod_store::session_log::{Entry, Interrupted, LogWriter, Recovery, SessionFiles};
use podfleet_pod_store::{
    DeliveryState, InboxEntry, Page, PodRecord, PodStore, StoreError, StoreErrorKind,
};
use podfleet_protocol::{OnCrash, Outcome, PodId, Receipt, SessionId};

use super::PodError;
use crate::clock;

/// How many messages are read at once.
const PAGE: u32 = 64;

/// Settles what the former generation left open: in the new log first, then in the store.
pub(super) async fn recover(
    store: &dyn PodStore,
    record: &PodRecord,
    state_dir: &Path,
    former: Option<SessionId>,
    log: &mut LogWriter,
) -> Result<(), PodError> {
    let Some(former) = former else {
        return Ok(());
    };
    let files = SessionFiles::new(state_dir, record.identity.id, former);
    let recovery = Recovery::read(&files)?;
    for interrupted in &recovery.interrupted {
        let stored = store.message(record.identity.id, interrupted.id).await?;
        if stored.as_ref().is_some_and(|entry| entry.receipt.settled) {
            continue;
        }
        let (receipt, state) = verdict(interrupted, stored.as_ref());
        log.append(
            clock::wall(),
            Entry::MessageReceipt {
                receipt: receipt.clone(),
            },
        )?;
        log.commit()?;
        write(store, record, &receipt, state).await?;
    }
    let known = |entry: &InboxEntry| {
        recovery
            .interrupted
            .iter()
            .any(|one| one.id == entry.message.id)
    };
    for entry in all(store, record.identity.id).await? {
        if entry.state != DeliveryState::Delivering || known(&entry) {
            continue;
        }
        // The log says that it was not typed, unless what it says cannot be read.
        let (receipt, state) = if recovery.damaged == 0 {
            let receipt = Receipt::accepted(entry.message.id, clock::wall());
            (receipt, DeliveryState::Accepted)
        } else {
            (unknown(&entry.receipt), DeliveryState::Settled)
        };
        write(store, record, &receipt, state).await?;
    }
    Ok(())
}

fn verdict(interrupted: &Interrupted, stored: Option<&InboxEntry>) -> (Receipt, DeliveryState) {
    let now = clock::wall();
    let last = interrupted.receipt.clone();
    let last = last.unwrap_or_else(|| Receipt::accepted(interrupted.id, now));
    if last.outcome.reaches(Outcome::Submitted) {
        let receipt = Receipt {
            settled: true,
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
    (unknown(&last), DeliveryState::Settled)
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
        // The pod's own messages are in the log alone.
        Err(error) if matches!(error.kind(), StoreErrorKind::NotFound(_)) => Ok(()),
        written => written,
    }
}

/// Returns how many messages wait.
pub(super) async fn waiting(store: &dyn PodStore, pod: PodId) -> Result<u32, StoreError> {
    let all = all(store, pod).await?;
    Ok(u32::try_from(all.len()).unwrap_or(u32::MAX))
}

async fn all(store: &dyn PodStore, pod: PodId) -> Result<Vec<InboxEntry>, StoreError> {
    let mut found = Vec::new();
    let mut page = Page::first(PAGE);
    loop {
        let listing = store.undelivered(pod, page).await?;
        found.extend(listing.items);
        match listing.next {
            Some(next) => page = Page::after(next, PAGE),
            None => return Ok(found),
        }
    }
}
