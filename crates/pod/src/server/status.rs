//! `status`: what pod and agent do, now or when they have settled.

use std::time::Duration;

use podfleet_protocol::method::{StatusParams, StatusUntil};
use podfleet_protocol::{AgentPhase, PodStatus};

use super::LONGEST_WAIT;
use crate::shared::Shared;

pub(super) async fn status(shared: &Shared, params: StatusParams) -> PodStatus {
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
