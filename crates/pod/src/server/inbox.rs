//! The inbox: listing what waits, and withdrawing it.

use podfleet_pod_store::{InboxEntry, Page, Sender, Sequence, StoreErrorKind};
use podfleet_protocol::limits::{MAX_PAGE, PAGE};
use podfleet_protocol::method::{InboxParams, InboxResult, InboxRow};
use podfleet_protocol::rpc::{ErrorCode, RpcError};
use podfleet_protocol::{MessageId, Outcome, Receipt};

use super::caller::Caller;
use super::pods::storage;
use super::{messages, requests};
use crate::shared::Shared;

/// Lists a page of what waits. Who is neither the pod nor commands it sees its own messages only.
pub(super) async fn list(
    shared: &Shared,
    caller: &Caller,
    params: InboxParams,
) -> Result<InboxResult, RpcError> {
    let page = Page {
        after: params.after.map(Sequence),
        limit: page_size(params.limit),
    };
    let sender = match caller.sender {
        _ if caller.seat.is_trusted() => None,
        Sender::Pod(id) => Some(id),
        Sender::Operator | Sender::Report => return Ok(InboxResult::default()),
    };
    let listing = shared.store.waiting(shared.identity.id, sender, page).await;
    let listing = listing.map_err(|error| storage(&error))?;
    let waiting = listing.items.into_iter();
    let damaged = listing.corrupt.into_iter();
    Ok(InboxResult {
        messages: waiting
            .map(|waiting| presented(shared, waiting.row))
            .collect(),
        corrupt: damaged
            .filter(|_| caller.seat.is_trusted())
            .map(|record| format!("{}: {}", record.id, record.error))
            .collect(),
        next: listing.next.map(|place| place.0),
    })
}

/// Returns how many rows a page has.
pub(super) fn page_size(asked: Option<u32>) -> u32 {
    match asked {
        None | Some(0) => PAGE,
        Some(limit) => limit.min(MAX_PAGE),
    }
}

fn is_from(entry: &InboxEntry, caller: &Caller) -> bool {
    match caller.sender {
        Sender::Operator => entry.sender.is_none(),
        Sender::Pod(id) => entry.sender == Some(id),
        Sender::Report => false,
    }
}

fn presented(shared: &Shared, row: InboxRow) -> InboxRow {
    let receipt = shared.receipts.get(row.id).unwrap_or(row.receipt);
    let receipt = messages::presented(shared, receipt);
    InboxRow { receipt, ..row }
}

/// Checks that a message here is the caller's own: that of somebody else is none that it may know
/// of.
pub(super) async fn check_sender(
    shared: &Shared,
    caller: &Caller,
    id: MessageId,
) -> Result<(), RpcError> {
    let entry = shared.store.message(shared.identity.id, id).await;
    let entry = entry.map_err(|error| storage(&error))?;
    match entry.filter(|entry| is_from(entry, caller)) {
        Some(_) => Ok(()),
        None => Err(messages::no_such_message(id)),
    }
}

/// Withdraws a message. Its sender may, and who commands this pod.
pub(super) async fn cancel(
    shared: &Shared,
    caller: &Caller,
    id: MessageId,
) -> Result<Receipt, RpcError> {
    if !caller.seat.commands() {
        check_sender(shared, caller, id).await?;
    }
    match shared.journal.cancel(id).await? {
        Ok(receipt) if receipt.outcome == Outcome::Cancelled => {
            requests::caught_up(shared).await;
            Ok(receipt)
        }
        Ok(receipt) => {
            let newest = shared.receipts.get(id).unwrap_or(receipt);
            Err(too_late(&newest))
        }
        Err(error) if matches!(error.kind(), StoreErrorKind::NotFound(_)) => {
            Err(messages::no_such_message(id))
        }
        Err(error) => Err(storage(&error)),
    }
}

fn too_late(receipt: &Receipt) -> RpcError {
    let (id, outcome) = (receipt.id, receipt.outcome.as_str());
    let how_far = match receipt.outcome {
        Outcome::Accepted | Outcome::Held => "being typed",
        _ => outcome,
    };
    let message = format!("it is too late to withdraw message {id}: it is {how_far}");
    let mut error = RpcError::new(ErrorCode::TooLate, message);
    error.data = serde_json::to_value(receipt).ok();
    error
}
