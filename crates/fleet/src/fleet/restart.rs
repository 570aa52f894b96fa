//! `restart`: ending agents and starting them again, whatever they do.

use std::collections::HashMap;

use super::survey::Survey;
use super::up::planned;
use super::{Events, Fleet, UpOptions};
use crate::error::FleetError;
use crate::plan::{Action, Step};
use crate::report::Report;
use crate::sighting::Sighting;

/// How [`Fleet::restart`] works; the same choices as for `up`.
pub type RestartOptions = UpOptions;

impl Fleet {
    /// Ends agents and starts them again, whatever they do; this lifts a quarantine. Agents that
    /// are stopped are started.
    ///
    /// Without a usable roster, agents are started as they are recorded.
    ///
    /// # Errors
    /// Fails before anything is done, as [`up`](Self::up) does; a roster is not needed.
    pub async fn restart(
        &self,
        agents: &[String],
        options: &RestartOptions,
        events: Events,
    ) -> Result<Report, FleetError> {
        let own = self.own_pod().await?.map(|own| own.identity.id);
        let mut named = Vec::with_capacity(agents.len());
        for agent in agents {
            match self.record(agent).await? {
                Some(pod) => self.check_may_end(&pod).await?,
                None => self.check_leads().await?,
            }
            named.push(agent.clone());
        }
        let survey = self.survey().await?;
        if named.is_empty() {
            self.check_leads().await?;
            named = self.everybody(&survey);
        }
        let steps = named.into_iter().map(|agent| Step {
            action: Action::Restart { fields: Vec::new() },
            why: "asked for".to_owned(),
            agent,
        });
        let steps = self.in_start_order(steps.collect());
        if options.dry_run {
            return Ok(planned(steps, Vec::new()));
        }
        self.supervisor.check().await?;
        let views = match self.roster {
            Some(_) => self.checked_views().await?,
            None => None,
        };
        let _lock = self.lock(&events).await?;
        self.dirs.open_runtime()?;
        self.claim(&events).await?;
        self.hold_tmux(views.as_ref(), &events).await;
        let survey = self.survey().await?;
        self.apply(own, survey, steps, *options, &events, views)
            .await
    }

    /// All agents that the roster hosts, or without one all that are recorded.
    fn everybody(&self, survey: &Survey<'_>) -> Vec<String> {
        if self.roster.is_some() {
            let hosted = survey.hosted.iter();
            return hosted.map(|(agent, _)| agent.name.to_string()).collect();
        }
        let recorded = survey.sightings.values().map(Sighting::record);
        let mut names: Vec<_> = recorded
            .filter(|record| record.spawned.is_none())
            .map(|record| record.identity.name.to_string())
            .collect();
        names.sort();
        names
    }

    fn in_start_order(&self, mut steps: Vec<Step>) -> Vec<Step> {
        let order: HashMap<_, _> = self
            .roster()
            .map(|roster| roster.start_order())
            .unwrap_or_default()
            .into_iter()
            .map(|agent| agent.name.to_string())
            .zip(0_usize..)
            .collect();
        steps.sort_by_key(|step| order.get(&step.agent).copied().unwrap_or(usize::MAX));
        steps
    }
}
