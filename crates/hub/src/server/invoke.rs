//! `POST /v1/invoke`.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};

use super::Shared;
use super::query::{Empty, Query};
use crate::fault::{Code, Fault};
use crate::hub::Order;
use crate::op::Call;
use crate::token::{Caller, Scope};
use crate::wire::{Answer, DEADLINE, Invocation, MAX_DEADLINE};

/// The longest idempotency key in bytes.
const MAX_KEY: usize = 256;

pub(super) async fn invoke(
    State(shared): State<Arc<Shared>>,
    // Who may not ask is refused before anything of the body is read.
    caller: Caller,
    _: Query<Empty>,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let body = match body {
        Ok(body) => body,
        Err(rejection) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            let fault = Fault::new(Code::FsTooLarge, "the body is longer than 4 MiB");
            return fault.into_response();
        }
        Err(_) => {
            return Fault::new(Code::RequestInvalid, "the body cannot be read").into_response();
        }
    };
    let mut invocation: Invocation = match serde_json::from_slice(&body) {
        Ok(invocation) => invocation,
        Err(error) => {
            let message = format!("the body is no invocation: {error}");
            return Fault::new(Code::RequestInvalid, message).into_response();
        }
    };
    let id = std::mem::take(&mut invocation.id);
    let op = invocation.op.clone();
    let result = carry_out(&shared, &caller, invocation).await;
    shared
        .metrics
        .count(&op, result.as_ref().err().map(|fault| fault.code));
    let status = match &result {
        Ok(_) => StatusCode::OK,
        Err(fault) => StatusCode::from_u16(fault.code.http_status())
            .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
    };
    (status, Json(Answer::of(id, result))).into_response()
}

async fn carry_out(
    shared: &Shared,
    caller: &Caller,
    invocation: Invocation,
) -> Result<serde_json::Value, Fault> {
    let call = Call::parse(&invocation.op, invocation.params)?;
    caller.needs(call.scope())?;
    let key = invocation.idempotency_key;
    if key
        .as_ref()
        .is_some_and(|key| key.is_empty() || key.len() > MAX_KEY)
    {
        let message = "an idempotency key has 1 to 256 bytes";
        return Err(Fault::new(Code::RequestInvalid, message));
    }
    let deadline = invocation
        .deadline_ms
        .map_or(DEADLINE, Duration::from_millis);
    let order = Order {
        deadline: deadline.min(MAX_DEADLINE),
        // One caller's key is not another's.
        key: key.map(|key| format!("{}\0{key}", caller.name)),
        dry_run: invocation.dry_run,
        may_type: caller.may(Scope::Pty),
    };
    shared.hub.carry_out(call, &order).await
}
