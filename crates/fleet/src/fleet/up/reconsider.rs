//! A second look at an agent, just before its step.

use std::time::Duration;

use super::super::Fleet;
use super::super::survey::wanted;
use super::Run;
use crate::plan::{Action, Step, converge};

impl Fleet {
    /// Returns a step as it is now: what was planned for an idle agent is left for later if that began
    /// something while others were started.
    pub(super) async fn reconsidered(&self, run: &Run<'_>, step: &Step) -> Step {
        let roster = self.roster();
        let wanted = match &step.action {
            Action::Restart { fields } if !fields.is_empty() => roster
                .and_then(|roster| roster.agent(&step.agent))
                .and_then(|agent| wanted(&run.survey, agent)),
            _ => None,
        };
        match wanted {
            Some(wanted)
                if wanted.drift.restart.is_empty()
                    && self.is_busy_after(&step.agent, Duration::ZERO).await =>
            {
                let (action, why) = converge(&wanted.drift, false);
                Step {
                    agent: step.agent.clone(),
                    action,
                    why,
                }
            }
            _ => step.clone(),
        }
    }
}
