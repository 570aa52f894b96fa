//! The answers to requests.

use std::time::Duration;

use podfleet_pod_store::{Offer, Refusal};
use podfleet_protocol::method::{
    self, AcceptedResult, Call, MessageParams, Method, ReceiptParams, StatusParams, StatusUntil,
};
use podfleet_protocol::rpc::{ErrorCode, RpcError};
use podfleet_protocol::{
    Address, AgentPhase, Kind, Message, MessageId, Outcome, PodStatus, Receipt, clean_body,
};
use serde::Serialize;
use serde_json::Value;
use tokio::sync::oneshot;

use super::caller::Caller;
use crate::clock;
use crate::command::Command;
use crate::shared::Shared;

/// The methods that this pod has. The others of the protocol are answered as unknown ones are.
pub(super) const METHODS: &[&str] = &[
    method::Hello::NAME,
    method::Ping::NAME,
    method::Status::NAME,
    method::RunMessage::NAME,
    method::Notify::NAME,
    method::GetReceipt::NAME,
    method::GetScreen::NAME,
    method::Scrollback::NAME,
    method::Attach::NAME,
    method::Shutdown::NAME,
];

/// Reads a request's parameters.
///
/// # Errors
/// Fails when this pod does not have the method, or the parameters do not fit it.
pub(super) fn parse(method: &str, params: Value) -> Result<Call, RpcError> {
    if !METHODS.contains(&method) {
        return Err(RpcError::no_such_method(method));
    }
    Call::parse(method, params)
}

/// The longest that a request may wait.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

pub(super) async fn answer(
    shared: &Shared,
    caller: &Caller,
    call: Call,
) -> Result<Value, RpcError> {
    match call {
        Call::Ping(_) => Ok(Value::Object(serde_json::Map::new())),
        Call::Status(params) => json(status(shared, *params).await),
        Call::RunMessage(params) => json(accept(shared, caller, *params, Kind::Run).await?),
        Call::Notify(params) => json(accept(shared, caller, *params, Kind::Notify).await?),
        Call::GetReceipt(params) => json(receipt(shared, *params).await?),
        Call::GetScreen(_) => json(ask(shared, Command::Screen).await?),
        Call::Scrollback(params) => {
            json(ask(shared, |answer| Command::Scrollback(*params, answer)).await?)
        }
        Call::Shutdown(_) if !caller.may_stop => Err(RpcError::new(
            ErrorCode::Forbidden,
            "only the operator, the fleet's lead and the pod itself may end a pod",
        )),
        Call::Shutdown(params) => {
            let reason = format!("{}: {}", caller.name, params.reason);
            ask(shared, |answer| Command::Shutdown(reason, Some(answer))).await?;
            Ok(Value::Object(serde_json::Map::new()))
        }
        Call::Hello(_) => Err(RpcError::new(
            ErrorCode::InvalidRequest,
            "hello was said already",
        )),
        Call::Attach(_) => Err(RpcError::new(
            ErrorCode::Internal,
            "attach is no plain request",
        )),
        missing => Err(RpcError::no_such_method(missing.name())),
    }
}

fn json(result: impl Serialize) -> Result<Value, RpcError> {
    serde_json::to_value(result)
        .map_err(|error| RpcError::new(ErrorCode::Internal, error.to_string()))
}

/// Asks the controller.
async fn ask<T>(
    shared: &Shared,
    question: impl FnOnce(oneshot::Sender<T>) -> Command,
) -> Result<T, RpcError> {
    let (answer, answered) = oneshot::channel();
    shared.tell(question(answer));
    answered
        .await
        .map_err(|_| RpcError::new(ErrorCode::ShuttingDown, "the pod is ending"))
}

async fn status(shared: &Shared, params: StatusParams) -> PodStatus {
    let mut status = shared.status.subscribe();
    if params.until == Some(StatusUntil::Settled) {
        let patience = Duration::from_millis(params.timeout_ms).min(LONGEST_WAIT);
        let _ = tokio::time::timeout(patience, status.wait_for(is_settled)).await;
    }
    status.borrow().clone()
}

/// Returns whether waiting longer would show nothing new: the agent takes input, waits for a
/// person, or has ended.
fn is_settled(status: &PodStatus) -> bool {
    match status.agent {
        AgentPhase::Running { .. } => {
            !matches!(status.screen.state.as_str(), "starting" | "unknown")
        }
        AgentPhase::Idle => false,
        AgentPhase::BackingOff { .. }
        | AgentPhase::Ended { .. }
        | AgentPhase::Quarantined { .. } => true,
    }
}

async fn accept(
    shared: &Shared,
    caller: &Caller,
    params: MessageParams,
    kind: Kind,
) -> Result<AcceptedResult, RpcError> {
    let new = params.message;
    let clean = clean_body(&new.body);
    let message = Message {
        id: new.id,
        from: caller.address.clone(),
        to: Address::new(&shared.identity.host, shared.identity.name.as_str()),
        kind,
        class: new.class,
        thread: new.thread,
        body: clean.text,
        typing: new.typing,
        accepted: clock::wall(),
    };
    let offer = Offer {
        sender: caller.sender,
        message,
    };
    let accepted = shared.journal.accept(offer).await?;
    let accepted = accepted.map_err(|refusal| refusal_error(&refusal))?;
    if !accepted.duplicate {
        shared.tell(Command::Accepted(accepted.position));
    }
    Ok(AcceptedResult {
        id: new.id,
        position: accepted.position,
        duplicate: accepted.duplicate,
        stripped: clean.stripped,
    })
}

fn refusal_error(refusal: &Refusal) -> RpcError {
    let code = match refusal {
        Refusal::InboxFull { .. } => ErrorCode::InboxFull,
        Refusal::TooLarge { .. } => ErrorCode::BodyTooLong,
        Refusal::PairLimit { .. } => ErrorCode::PairLimit,
        Refusal::NoSuchPod | Refusal::NotItsOrders => ErrorCode::Forbidden,
        _ => ErrorCode::Refused,
    };
    RpcError::new(code, refusal.to_string())
}

async fn receipt(shared: &Shared, params: ReceiptParams) -> Result<Receipt, RpcError> {
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
    if !matches!(receipt.outcome, Outcome::Accepted | Outcome::Held) {
        return Ok(receipt);
    }
    // What it waits for now, not what it waited for when that was recorded.
    let hold = shared.status.borrow().hold.clone();
    let outcome = match hold {
        Some(_) => Outcome::Held,
        None => Outcome::Accepted,
    };
    Ok(Receipt {
        outcome,
        hold,
        ..receipt
    })
}

async fn stored_receipt(shared: &Shared, id: MessageId) -> Result<Receipt, RpcError> {
    let stored = shared.store.message(shared.identity.id, id).await;
    let stored = stored.map_err(|error| RpcError::new(ErrorCode::Storage, error.to_string()))?;
    stored.map(|entry| entry.receipt).ok_or_else(|| {
        RpcError::new(
            ErrorCode::NoSuchMessage,
            format!("no message {id} was accepted here"),
        )
    })
}
