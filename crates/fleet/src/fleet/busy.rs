//! Whether something is lost if an agent is ended now.

use podfleet_protocol::{AgentPhase, PodStatus};

use super::Fleet;

impl Fleet {
    /// Asks an agent's pod whether the agent does something. A pod that does not answer has nothing to
    /// be waited for.
    pub(super) async fn is_busy(&self, agent: &str) -> bool {
        let status = self.pod_status(agent).await;
        status.is_ok_and(|status| !is_idle(&status))
    }
}

fn is_idle(status: &PodStatus) -> bool {
    match status.agent {
        AgentPhase::Running { .. } => status.screen.state == "ready",
        _ => true,
    }
}
