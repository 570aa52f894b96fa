//! Whether something is lost if an agent is ended now.

use std::time::Duration;

use podfleet_protocol::client::ClientError;
use podfleet_protocol::method::{Drain, DrainParams};
use podfleet_protocol::rpc::ErrorCode;
use podfleet_protocol::{AgentPhase, PodStatus};

use super::Fleet;
use super::pods::millis;

/// How much longer an answer may take than was asked for.
const SLACK: Duration = Duration::from_secs(5);

impl Fleet {
    /// Has an agent's pod begin no message, and waits so long until nothing is under way; returns
    /// whether something still is. For some seconds more the pod begins none, so that it can be ended.
    /// Where nobody listens there is nothing to be waited for.
    pub(super) async fn is_busy_after(&self, agent: &str, patience: Duration) -> bool {
        let Ok(mut client) = self.running(agent).await else {
            return false;
        };
        let timeout_ms = millis(patience);
        let asked = client.call::<Drain>(DrainParams { timeout_ms });
        let Ok(answer) = tokio::time::timeout(patience + SLACK, asked).await else {
            return true;
        };
        match answer {
            Ok(drained) => !drained.idle,
            // A pod of an older build tells its screen, and goes on meanwhile.
            Err(error) if is_unknown(&error) => {
                let status = self.pod_status(agent).await;
                status.is_ok_and(|status| !is_idle(&status))
            }
            Err(_) => false,
        }
    }
}

fn is_unknown(error: &ClientError) -> bool {
    let answer = error.answer();
    answer.is_some_and(|answer| answer.code == ErrorCode::MethodNotFound)
}

fn is_idle(status: &PodStatus) -> bool {
    match status.agent {
        AgentPhase::Running { .. } => {
            // What waits without a reason is about to be typed.
            status.screen.state == "ready" && (status.inbox == 0 || status.hold.is_some())
        }
        _ => true,
    }
}
