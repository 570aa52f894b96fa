//! `answer` and `reset`: dialogs of an agent, and its conversation.

use podfleet_pod::inspect::spec_of;
use podfleet_protocol::client::PodClient;
use podfleet_protocol::method::{
    Answer, AnswerParams, AnswerResult, DialogResult, GetDialog, GetReceipt, Nothing,
    ReceiptParams, Reset,
};
use podfleet_protocol::{Outcome, Receipt};

use super::Fleet;
use crate::error::{FleetError, FleetErrorKind};

/// How long a reset may take until its command has left the composer: the agent may be busy.
const RESET: std::time::Duration = std::time::Duration::from_secs(60);

/// What became of a reset.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ResetReport {
    /// The agent's own command was handed in; this is how far it came.
    Command(Receipt),
    /// The agent has no such command: only a fresh start makes it forget.
    NeedsRestart,
}

impl Fleet {
    /// Returns what dialog an agent shows, with its choices.
    ///
    /// # Errors
    /// Fails when the agent is unknown or does not run.
    pub async fn dialog(&self, agent: &str) -> Result<DialogResult, FleetError> {
        let mut client = self.running(agent).await?;
        let shown = client.call::<GetDialog>(Nothing {}).await;
        shown.map_err(|error| FleetError::pod(agent, error))
    }

    /// Picks a choice of a dialog, if the very same dialog still stands.
    ///
    /// # Errors
    /// Fails when the agent is unknown or does not run, or its pod refuses.
    pub async fn answer(
        &self,
        agent: &str,
        dialog: &str,
        key: &str,
    ) -> Result<AnswerResult, FleetError> {
        let mut client = self.running(agent).await?;
        let params = AnswerParams {
            dialog: dialog.to_owned(),
            key: key.to_owned(),
        };
        let answered = client.call::<Answer>(params).await;
        answered.map_err(|error| FleetError::pod(agent, error).of_order())
    }

    /// Returns the command by which an agent's program forgets its conversation, if it has one.
    ///
    /// # Errors
    /// Fails when the agent is unknown or was never started.
    pub async fn reset_command(&self, agent: &str) -> Result<Option<String>, FleetError> {
        let pod = self.started(agent).await?;
        let spec = spec_of(&pod);
        let harness = spec.and_then(|spec| spec.harness.load().ok());
        Ok(harness.and_then(|harness| harness.reset_command().map(str::to_owned)))
    }

    /// Has an agent forget its conversation by its own command, which is typed as a message is; then
    /// it gets its kickstart again.
    ///
    /// # Errors
    /// Fails when the agent is unknown or does not run, or its pod refuses.
    pub async fn reset(&self, agent: &str) -> Result<ResetReport, FleetError> {
        let mut client = self.running(agent).await?;
        let reset = client.call::<Reset>(Nothing {}).await;
        let reset = reset.map_err(|error| FleetError::pod(agent, error).of_order())?;
        let Some(id) = reset.message else {
            return Ok(ResetReport::NeedsRestart);
        };
        let params = ReceiptParams {
            id,
            until: Some(Outcome::Submitted),
            or_held: false,
            timeout_ms: u64::try_from(RESET.as_millis()).unwrap_or(u64::MAX),
        };
        let receipt = client.call::<GetReceipt>(params).await;
        let receipt = receipt.map_err(|error| FleetError::pod(agent, error))?;
        Ok(ResetReport::Command(receipt))
    }

    /// Connects to the pod of an agent that was started and runs.
    pub(super) async fn running(&self, agent: &str) -> Result<PodClient, FleetError> {
        let pod = self.started(agent).await?;
        let client = self.client_of(&pod).await?;
        client.ok_or_else(|| {
            FleetError::new(FleetErrorKind::NotRunning {
                agent: agent.to_owned(),
            })
        })
    }
}
