//! Messages to the agent: accepting them, and what became of them.

use std::time::Duration;

use podfleet_pod_store::{Offer, Refusal, Sender};
use podfleet_protocol::method::{AcceptedResult, MessageParams, ReceiptParams};
use podfleet_protocol::rpc::{ErrorCode, RpcError};
use podfleet_protocol::{Address, Kind, Message, MessageId, Outcome, Receipt, clean_body};

use super::caller::Caller;
use super::pods::storage;
use super::{LONGEST_WAIT, inbox};
use crate::clock;
use crate::command::Command;
use crate::echoes::Words;
use crate::shared::Shared;

pub(super) async fn run(
    shared: &Shared,
    caller: &Caller,
    params: MessageParams,
) -> Result<AcceptedResult, RpcError> {
    accept(shared, caller, params, Kind::Run).await
}

pub(super) async fn notify(
    shared: &Shared,
    caller: &Caller,
    params: MessageParams,
) -> Result<AcceptedResult, RpcError> {
    accept(shared, caller, params, Kind::Notify).await
}

async fn accept(
    shared: &Shared,
    caller: &Caller,
    params: MessageParams,
    kind: Kind,
) -> Result<AcceptedResult, RpcError> {
    let new = params.message;
    let clean = clean_body(&new.body);
    if clean.is_blank() {
        return Err(refusal_error(&Refusal::Empty));
    }
    let from = match new.chat {
        None => caller.address.clone(),
        Some(_) if caller.sender != Sender::Operator => {
            let rule = "only the operator's bridge hands in what is said in a chat";
            return Err(RpcError::new(ErrorCode::Forbidden, rule));
        }
        Some(person) => Address::chat(person),
    };
    let now = std::time::Instant::now();
    let pod = match caller.sender {
        Sender::Pod(pod) => Some(pod),
        _ => None,
    };
    let words = pod.map(|pod| Words::of(pod, &clean.text));
    let echo = words.is_some_and(|words| shared.echoes.say(words, now));
    let message = Message {
        id: new.id,
        from,
        to: Address::new(&shared.identity.host, shared.identity.name.as_str()),
        kind,
        class: new.class,
        thread: new.thread,
        body: clean.text,
        typing: new.typing,
        accepted: clock::wall(),
    };
    let refused = (shared.reader)
        .refuses(&*shared.store, caller.sender, shared.identity.id, &message)
        .await
        .map_err(|error| storage(&error))?;
    if let Some(refusal) = refused {
        return Err(refusal_error(&refusal));
    }
    let offer = Offer {
        sender: caller.sender,
        message,
        once: echo && !new.again,
    };
    let accepted = shared.journal.accept(offer).await?;
    let accepted = accepted.map_err(|refusal| refusal_error(&refusal))?;
    if !accepted.duplicate {
        shared.tell(Command::Accepted(accepted.position));
    }
    Ok(AcceptedResult {
        id: accepted.id,
        position: accepted.position,
        duplicate: accepted.duplicate,
        stripped: clean.stripped,
    })
}

pub(super) fn refusal_error(refusal: &Refusal) -> RpcError {
    let code = match refusal {
        Refusal::InboxFull { .. } => ErrorCode::InboxFull,
        Refusal::TooLarge { .. } => ErrorCode::BodyTooLong,
        Refusal::PairLimit { .. } => ErrorCode::PairLimit,
        Refusal::NoSuchPod
        | Refusal::NotItsOrders
        | Refusal::NotItsTyping
        | Refusal::ForgedHead => ErrorCode::Forbidden,
        _ => ErrorCode::Refused,
    };
    RpcError::new(code, refusal.to_string())
}

/// Tells what became of a message, once that is what is waited for. Its sender may ask, the pod
/// itself, and who commands it.
pub(super) async fn receipt(
    shared: &Shared,
    caller: &Caller,
    params: ReceiptParams,
) -> Result<Receipt, RpcError> {
    if !caller.seat.is_trusted() {
        inbox::check_sender(shared, caller, params.id).await?;
    }
    let patience = Duration::from_millis(params.timeout_ms).min(LONGEST_WAIT);
    let deadline = tokio::time::Instant::now() + patience;
    let mut changes = shared.receipts.subscribe();
    let mut status = shared.status.subscribe();
    loop {
        changes.borrow_and_update();
        status.borrow_and_update();
        let receipt = present_receipt(shared, &params).await?;
        let enough = params
            .until
            .is_none_or(|wanted| receipt.outcome.reaches(wanted));
        let held = params.or_held && receipt.outcome == Outcome::Held;
        if enough || held || receipt.settled {
            return Ok(receipt);
        }
        let changed = tokio::select! {
            changed = changes.changed() => changed,
            // What it waits for; only who asked for that is told at once.
            changed = status.changed(), if params.or_held => changed,
            () = tokio::time::sleep_until(deadline) => {
                return present_receipt(shared, &params).await;
            }
        };
        if changed.is_err() {
            return Ok(receipt);
        }
    }
}

async fn present_receipt(shared: &Shared, params: &ReceiptParams) -> Result<Receipt, RpcError> {
    let receipt = match shared.receipts.get(params.id) {
        Some(receipt) => receipt,
        None => stored_receipt(shared, params.id).await?,
    };
    Ok(presented(shared, receipt))
}

/// Returns a receipt as it is to be shown now.
pub(super) fn presented(shared: &Shared, receipt: Receipt) -> Receipt {
    if !matches!(receipt.outcome, Outcome::Accepted | Outcome::Held) {
        return receipt;
    }
    // What it waits for now, not what it waited for when that was recorded.
    let hold = shared.status.borrow().hold.clone();
    let outcome = match hold {
        Some(_) => Outcome::Held,
        None => Outcome::Accepted,
    };
    Receipt {
        outcome,
        hold,
        ..receipt
    }
}

pub(super) fn no_such_message(id: MessageId) -> RpcError {
    RpcError::new(
        ErrorCode::NoSuchMessage,
        format!("no message {id} was accepted here"),
    )
}

async fn stored_receipt(shared: &Shared, id: MessageId) -> Result<Receipt, RpcError> {
    let stored = shared.store.message(shared.identity.id, id).await;
    let stored = stored.map_err(|error| storage(&error))?;
    let entry = stored.ok_or_else(|| no_such_message(id))?;
    Ok(entry.receipt)
}
