//! Holding, driving and ending the agent, for callers whose right to it has been checked.

use std::time::{Duration, Instant};

use podfleet_pod_store::session_log::Entry;
use podfleet_protocol::method::{
    AnswerParams, AnswerResult, DialogResult, DrainParams, DrainResult, InterruptResult,
    PauseParams, PauseResult, ResetResult, ResizeParams, ResizeResult, ShutdownParams,
};
use podfleet_protocol::rpc::RpcError;
use podfleet_protocol::{AgentPhase, Paused};

use super::LONGEST_WAIT;
use super::caller::Caller;
use super::requests::{self, ask};
use crate::clock;
use crate::command::Command;
use crate::journal::Attempt;
use crate::shared::Shared;

/// How often is looked whether a message is still under way.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// Holds delivery, durably.
pub(super) async fn pause(
    shared: &Shared,
    caller: &Caller,
    params: PauseParams,
) -> Result<PauseResult, RpcError> {
    let paused = Paused {
        by: caller.address.clone(),
        since: clock::wall(),
        reason: Paused::reason(&params.reason),
    };
    let result = shared.journal.pause(Some(paused), &caller.address).await?;
    requests::caught_up(shared).await;
    Ok(result)
}

/// Lets delivery go on.
pub(super) async fn resume(shared: &Shared, caller: &Caller) -> Result<PauseResult, RpcError> {
    let result = shared.journal.pause(None, &caller.address).await?;
    requests::caught_up(shared).await;
    Ok(result)
}

/// Waits until nothing is under way, and has nothing begun meanwhile and a while longer.
pub(super) async fn drain(shared: &Shared, params: DrainParams) -> Result<DrainResult, RpcError> {
    let patience = Duration::from_millis(params.timeout_ms).min(LONGEST_WAIT);
    let deadline = Instant::now() + patience;
    let mut status = shared.status.subscribe();
    loop {
        status.mark_unchanged();
        let drained = ask(shared, Command::Drain).await?;
        let left = deadline.saturating_duration_since(Instant::now());
        if drained.idle || left.is_zero() {
            return Ok(drained);
        }
        // What came of a message may be found out without anything else that changes.
        let _ = tokio::time::timeout(left.min(LOOK_AGAIN), status.changed()).await;
    }
}

/// Presses the interrupt key if the agent works, and looks what comes of it. The order is in the log
/// before the key is pressed.
pub(super) async fn interrupt(
    shared: &Shared,
    caller: &Caller,
) -> Result<InterruptResult, RpcError> {
    let screen = {
        let status = shared.status.borrow();
        let works =
            matches!(status.agent, AgentPhase::Running { .. }) && status.screen.state == "busy";
        (!works).then(|| status.screen.clone())
    };
    if let Some(screen) = screen {
        return Ok(InterruptResult {
            pressed: false,
            works_on: false,
            screen,
        });
    }
    let order = Entry::Control {
        action: "interrupt".into(),
        by: caller.address.clone(),
        detail: String::new(),
    };
    shared.journal.order(order).await?;
    ask(shared, Command::Interrupt).await
}

/// Answers a dialog, if the very same one still stands. The order is in the log before the key is
/// pressed; if that is given up, the log says so, too.
pub(super) async fn answer(
    shared: &Shared,
    caller: &Caller,
    params: AnswerParams,
) -> Result<AnswerResult, RpcError> {
    let DialogResult { dialog, screen } = ask(shared, Command::Dialog).await?;
    let same = dialog.as_ref().filter(|dialog| dialog.id == params.dialog);
    let choice = same.and_then(|dialog| {
        let mut choices = dialog.choices.iter();
        let choice = choices.find(|choice| choice.key == params.key)?;
        let question = dialog.text.last().cloned().unwrap_or_default();
        Some(format!("{}. {}: {question}", choice.key, choice.label))
    });
    let Some(detail) = choice else {
        return Ok(AnswerResult {
            pressed: false,
            dialog,
            screen,
        });
    };
    let entry = |action: &str| Entry::Control {
        action: action.into(),
        by: caller.address.clone(),
        detail: detail.clone(),
    };
    let attempt = Attempt::new(&shared.journal, entry("answer-given-up"));
    if let Err(error) = shared.journal.order(entry("answer")).await {
        attempt.forget();
        return Err(error);
    }
    ask(shared, |answer| Command::Answer(params, attempt, answer)).await
}

/// Has the agent forget its conversation.
pub(super) async fn reset(shared: &Shared, caller: &Caller) -> Result<ResetResult, RpcError> {
    let order = Entry::Control {
        action: "reset".into(),
        by: caller.address.clone(),
        detail: String::new(),
    };
    shared.journal.order(order).await?;
    ask(shared, Command::Reset).await
}

/// Sets the terminal's size, unless a controller does.
pub(super) async fn resize(
    shared: &Shared,
    params: ResizeParams,
) -> Result<ResizeResult, RpcError> {
    let size = ask(shared, |answer| Command::Resize(params.size, answer)).await??;
    Ok(ResizeResult { size })
}

/// Ends the agent, then the pod.
pub(super) async fn shut_down(
    shared: &Shared,
    caller: &Caller,
    mut params: ShutdownParams,
) -> Result<(), RpcError> {
    params.reason = format!("{}: {}", caller.name, params.reason);
    ask(shared, |answer| Command::Shutdown(params, Some(answer))).await
}
