//! The methods of the pod: which there are, and who answers them.

use podfleet_protocol::Kind;
use podfleet_protocol::method::{self, Call, Method};
use podfleet_protocol::rpc::{ErrorCode, RpcError};
use serde::Serialize;
use serde_json::{Map, Value};
use tokio::sync::oneshot;

use super::caller::{Caller, seated};
use super::{control, inbox, log, messages, pods, status};
use crate::command::Command;
use crate::rights;
use crate::shared::Shared;

/// The methods that this pod has. The others of the protocol are answered as unknown ones are.
pub(super) const METHODS: &[&str] = &[
    method::Hello::NAME,
    method::Ping::NAME,
    method::Refresh::NAME,
    method::Status::NAME,
    method::Subscribe::NAME,
    method::RunMessage::NAME,
    method::Notify::NAME,
    method::GetReceipt::NAME,
    method::Inbox::NAME,
    method::Cancel::NAME,
    method::Pause::NAME,
    method::Resume::NAME,
    method::Drain::NAME,
    method::Interrupt::NAME,
    method::GetDialog::NAME,
    method::Answer::NAME,
    method::Reset::NAME,
    method::Report::NAME,
    method::ReadLog::NAME,
    method::ListPods::NAME,
    method::Inspect::NAME,
    method::RestorePod::NAME,
    method::SpawnPod::NAME,
    method::SendToPod::NAME,
    method::ReadPodOutput::NAME,
    method::StopPod::NAME,
    method::RegisterPeer::NAME,
    method::UnregisterPeer::NAME,
    method::SendToPeer::NAME,
    method::GetScreen::NAME,
    method::Scrollback::NAME,
    method::Resize::NAME,
    method::Attach::NAME,
    method::Shutdown::NAME,
];

pub(super) async fn answer(
    shared: &Shared,
    caller: &Caller,
    call: Call,
) -> Result<Value, RpcError> {
    let caller = seated(shared, caller).await?;
    rights::check(caller.seat, &call)?;
    let caller = &*caller;
    match call {
        Call::Ping(_) => Ok(nothing()),
        Call::Status(params) => json(status::status(shared, *params).await),
        Call::RunMessage(params) => json(messages::run(shared, caller, *params).await?),
        Call::Notify(params) => json(messages::notify(shared, caller, *params).await?),
        Call::GetReceipt(params) => json(messages::receipt(shared, caller, *params).await?),
        Call::Inbox(params) => json(inbox::list(shared, caller, *params).await?),
        Call::Cancel(params) => json(inbox::cancel(shared, caller, params.id).await?),
        Call::Pause(params) => json(control::pause(shared, caller, *params).await?),
        Call::Resume(_) => json(control::resume(shared, caller).await?),
        Call::Drain(params) => json(control::drain(shared, *params).await?),
        Call::Interrupt(_) => json(control::interrupt(shared, caller).await?),
        Call::GetDialog(_) => json(ask(shared, Command::Dialog).await?),
        Call::Answer(params) => json(control::answer(shared, caller, *params).await?),
        Call::Reset(_) => json(control::reset(shared, caller).await?),
        Call::Report(params) => {
            shared.tell(Command::Reported(params.payload));
            // Who reports faster than it is taken waits.
            caught_up(shared).await;
            Ok(nothing())
        }
        Call::Resize(params) => json(control::resize(shared, *params).await?),
        Call::ReadLog(params) => json(log::read(shared, *params).await?),
        Call::GetScreen(_) => json(ask(shared, Command::Screen).await?),
        Call::Scrollback(params) => {
            json(ask(shared, |answer| Command::Scrollback(*params, answer)).await?)
        }
        Call::Refresh(_) => {
            shared.journal.copy_outbox();
            Ok(nothing())
        }
        Call::ListPods(params) => json(pods::list(shared, *params).await?),
        Call::Inspect(params) => json(pods::inspect(shared, *params).await?),
        Call::RestorePod(params) => json(pods::restore(shared, *params).await?),
        Call::SpawnPod(params) => json(pods::spawn(shared, *params).await?),
        Call::SendToPod(params) => json(pods::send(shared, *params, Kind::Run).await?),
        Call::ReadPodOutput(params) => json(pods::read_output(shared, *params).await?),
        Call::StopPod(params) => json(pods::stop(shared, *params).await?),
        Call::RegisterPeer(params) => json(pods::register_peer(shared, caller, *params).await?),
        Call::UnregisterPeer(params) => json(pods::unregister_peer(shared, caller, *params).await?),
        Call::SendToPeer(params) => json(pods::send(shared, *params, Kind::Notify).await?),
        Call::Shutdown(params) => {
            control::shut_down(shared, caller, *params).await?;
            Ok(nothing())
        }
        Call::Hello(_) => Err(RpcError::new(
            ErrorCode::InvalidRequest,
            "hello was said already",
        )),
        Call::Attach(_) | Call::Subscribe(_) => Err(RpcError::new(
            ErrorCode::Internal,
            "the connection was to answer this",
        )),
    }
}

/// Returns whether the answer to a call may be as long as a page.
pub(super) fn is_for_page(call: &Call) -> bool {
    matches!(
        call,
        Call::GetScreen(_)
            | Call::Scrollback(_)
            | Call::ReadLog(_)
            | Call::Inbox(_)
            | Call::ListPods(_)
            | Call::ReadPodOutput(_)
    )
}

fn nothing() -> Value {
    Value::Object(Map::new())
}

/// Writes a result as JSON.
pub(super) fn json(result: impl Serialize) -> Result<Value, RpcError> {
    serde_json::to_value(result)
        .map_err(|error| RpcError::new(ErrorCode::Internal, error.to_string()))
}

/// Asks the controller.
///
/// # Errors
/// Fails when the pod is ending.
pub(super) async fn ask<T>(
    shared: &Shared,
    question: impl FnOnce(oneshot::Sender<T>) -> Command,
) -> Result<T, RpcError> {
    let (answer, answered) = oneshot::channel();
    shared.tell(question(answer));
    answered
        .await
        .map_err(|_| RpcError::new(ErrorCode::ShuttingDown, "the pod is ending"))
}

/// Waits until the controller has done what it was told, so that a reply is not ahead of it. What
/// is durable stays so if the pod ends meanwhile.
pub(super) async fn caught_up(shared: &Shared) {
    let _ = ask(shared, Command::CaughtUp).await;
}
