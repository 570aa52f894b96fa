//! `pause`, `resume` and `interrupt`: holding an agent, and stopping what it does.

use futures_util::future::join_all;
use podfleet_pod::clock;
use podfleet_pod_store::{PodRecord, PodSummary};
use podfleet_protocol::Paused;
use podfleet_protocol::method::{
    Call, Interrupt, InterruptResult, Nothing, Pause, PauseParams, PauseResult, Resume,
};
use serde::Serialize;

use super::Fleet;
use super::send::{Via, ended};
use super::settle::account;
use crate::error::{FleetError, FleetErrorKind};

/// What is to become of an agent's brake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Brake {
    /// Its messages are to wait.
    Pause {
        /// Why, for people; empty if nothing is said.
        reason: String,
    },
    /// Its messages are to be delivered.
    Resume,
}

/// What became of one agent's brake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BrakeReport {
    /// The agent.
    pub agent: String,
    /// The brake that holds now.
    pub paused: Option<Paused>,
    /// Whether that is new; of a dry run, whether it would be.
    pub changed: bool,
    /// Who recorded it: its pod, or in its absence we did. Absent if it failed or was a dry run.
    pub via: Option<Via>,
    /// Why it could not be done.
    pub error: Option<String>,
    /// Whether that is a right or a rule.
    #[serde(skip)]
    pub refused: bool,
}

impl Fleet {
    /// Holds the delivery of messages to agents, or lets it go on; without names, of all that are
    /// recorded and that we may see. It is durable: an agent that does not run is paused when it comes
    /// up, one that ends while it is paused is started again after the end of the pause. With `dry_run`
    /// it is only said what would change.
    ///
    /// # Errors
    /// Fails before anything is done when the fleet is that of another roster, or an agent is unknown.
    /// What fails for one agent stands in its report.
    pub async fn brake(
        &self,
        agents: &[String],
        brake: &Brake,
        dry_run: bool,
    ) -> Result<Vec<BrakeReport>, FleetError> {
        self.check_claim().await?;
        let mut pods = Vec::new();
        for agent in agents {
            pods.push(if dry_run {
                self.started(agent).await?
            } else {
                self.receiver(agent).await?
            });
        }
        if agents.is_empty() {
            let own = self.own_pod().await?.map(|own| own.identity.id);
            for PodSummary { record, .. } in self.summaries().await? {
                if !self.is_hidden(own, record.identity.id).await? {
                    pods.push(record);
                }
            }
        }
        if dry_run {
            return Ok(pods.into_iter().map(|pod| foreseen(pod, brake)).collect());
        }
        Ok(join_all(pods.iter().map(|pod| self.brake_one(pod, brake))).await)
    }

    async fn brake_one(&self, pod: &PodRecord, brake: &Brake) -> BrakeReport {
        let agent = pod.identity.name.to_string();
        match self.set_brake(pod, brake).await {
            Ok((result, via)) => BrakeReport {
                agent,
                paused: result.paused,
                changed: result.changed,
                via: Some(via),
                error: None,
                refused: false,
            },
            Err(error) => BrakeReport {
                agent,
                paused: pod.paused.clone(),
                changed: false,
                via: None,
                error: Some(with_remedy(&error)),
                refused: matches!(error.kind(), FleetErrorKind::OrderRefused { .. }),
            },
        }
    }

    async fn set_brake(
        &self,
        pod: &PodRecord,
        brake: &Brake,
    ) -> Result<(PauseResult, Via), FleetError> {
        if let Some(result) = self.ask_brake(pod, brake).await? {
            return Ok((result, Via::Socket));
        }
        let id = pod.identity.id;
        let right = self.check_right(pod, &call(brake)).await;
        right.map_err(FleetError::of_order)?;
        let wanted = match brake {
            Brake::Resume => None,
            Brake::Pause { reason } => Some(Paused {
                by: self.sender().await?.address,
                since: clock::wall(),
                reason: Paused::reason(reason),
            }),
        };
        let before = self
            .store
            .set_paused(id, wanted.clone(), clock::wall())
            .await?;
        let result = PauseResult {
            changed: before.is_some() != wanted.is_some(),
            paused: wanted.map(|wanted| before.unwrap_or(wanted)),
        };
        // A pod that came up meanwhile may have read its record before.
        self.ask_brake(pod, brake).await?;
        Ok((result, Via::Store))
    }

    /// Asks the pod; nothing if it does not listen.
    async fn ask_brake(
        &self,
        pod: &PodRecord,
        brake: &Brake,
    ) -> Result<Option<PauseResult>, FleetError> {
        let Some(mut client) = self.client_of(pod).await? else {
            return Ok(None);
        };
        let asked = match brake {
            Brake::Resume => client.call::<Resume>(Nothing {}).await,
            Brake::Pause { reason } => {
                let reason = reason.clone();
                client.call::<Pause>(PauseParams { reason }).await
            }
        };
        match asked {
            Ok(result) => Ok(Some(result)),
            Err(error) if ended(&error) => Ok(None),
            Err(error) => Err(FleetError::pod(pod.identity.name.as_str(), error).of_order()),
        }
    }

    /// Presses an agent's interrupt key, if it works.
    ///
    /// # Errors
    /// Fails when the agent is unknown or does not run, or its pod refuses.
    pub async fn interrupt(&self, agent: &str) -> Result<InterruptResult, FleetError> {
        let mut client = self.running(agent).await?;
        let pressed = client.call::<Interrupt>(Nothing {}).await;
        pressed.map_err(|error| FleetError::pod(agent, error).of_order())
    }
}

fn call(brake: &Brake) -> Call {
    match brake {
        Brake::Pause { reason } => {
            let reason = reason.clone();
            Call::Pause(Box::new(PauseParams { reason }))
        }
        Brake::Resume => Call::Resume(Box::new(Nothing {})),
    }
}

/// Returns an error and what may help, in one line.
fn with_remedy(error: &FleetError) -> String {
    let hints = error.hints().iter();
    let text = account(error);
    hints.fold(text, |text, hint| format!("{text}; {hint}"))
}

fn foreseen(pod: PodRecord, brake: &Brake) -> BrakeReport {
    let pause = matches!(brake, Brake::Pause { .. });
    BrakeReport {
        agent: pod.identity.name.to_string(),
        changed: pod.paused.is_some() != pause,
        paused: pod.paused,
        via: None,
        error: None,
        refused: false,
    }
}
