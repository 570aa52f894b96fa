//! `down`: ending agents.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use podfleet_pod_store::CorruptRecord;

use super::gates::{Gate, Gates};
use super::settle::account;
use super::stop::StopTimeouts;
use super::survey::Survey;
use super::{Events, Fleet};
use crate::error::FleetError;
use crate::plan::{Action, Step};
use crate::report::{AgentReport, AgentResult, Progress, Report};
use crate::sighting::Sighting;

/// How [`Fleet::down`] works.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DownOptions {
    /// Ends core, always-on seats too, and lets go of the tmux server.
    pub all: bool,
    /// Tells what would be done, and does nothing.
    pub dry_run: bool,
    /// How long each way of ending may take.
    pub timeouts: StopTimeouts,
}

impl Fleet {
    /// Ends agents: the named ones, or all but the core seats, each before those that it depends
    /// on. Messages that wait for them are kept.
    ///
    /// The report has a line for each; that one of them fails is no error of the verb. Needs no
    /// usable roster.
    ///
    /// # Errors
    /// Fails for unknown agents, when the fleet is that of another roster, and when the store cannot be
    /// read.
    pub async fn down(
        &self,
        agents: &[String],
        options: &DownOptions,
        events: Events,
    ) -> Result<Report, FleetError> {
        self.check_claim().await?;
        for agent in agents {
            self.record(agent).await?;
        }
        if !self.others.is_empty() && self.summaries().await?.is_empty() {
            return Err(self.which_fleet());
        }
        if options.dry_run {
            return self.foresee_down(agents, options.all, &events).await;
        }
        let _lock = self.lock(&events).await?;
        let survey = self.survey_within_horizon().await?;
        let mut steps = self.down_steps(&survey, agents, options.all);
        let own = self.own_pod().await?;
        let own = own.map(|own| own.identity.name.to_string());
        // If we run in one of them, we end with it: it comes after everything else.
        let is_own = |agent: &str| own.as_deref() == Some(agent);
        steps.sort_by_key(|step| is_own(&step.agent));
        let order: Vec<_> = steps.iter().map(|step| step.agent.clone()).collect();
        let gates = Gates::new(&order, |agent| match is_own(agent) {
            true => order.clone(),
            false => followers(&survey, agent),
        });
        let ending = steps
            .into_iter()
            .map(|step| self.end_step(&survey, &gates, step, options.timeouts, &events));
        let ended = join_all(ending).await;
        let mut notes = self.remove_views(&survey, &ended, options.all).await;
        if agents.is_empty() && (options.all || self.is_left_by_all(&ended)) {
            notes.extend(self.end_bridge().await);
        }
        if options.all && agents.is_empty() {
            notes.extend(self.retire_former(&ended).await);
        }
        if agents.is_empty() {
            notes.extend(spawned_that_run(&survey));
            notes.extend(survey.damaged.iter().map(damaged_that_stays));
        }
        Ok(Report {
            agents: ended,
            notes,
        })
    }

    /// Whether the bridge runs on for nobody.
    fn is_left_by_all(&self, ended: &[AgentReport]) -> bool {
        self.bridge_place().runs() && ended.iter().all(is_down)
    }

    /// Lets a fleet that no roster names any more be started at boot no more; returns what did not work.
    /// Whoever runs on needs its unit.
    async fn retire_former(&self, ended: &[AgentReport]) -> Vec<String> {
        if !self.is_former {
            return Vec::new();
        }
        let mut warnings = Vec::from_iter(self.disable_bridge_at_boot().await);
        for it in ended.iter().filter(|it| is_down(it)) {
            warnings.extend(self.disable_at_boot(&it.agent).await);
        }
        warnings
    }

    /// Says what would be done, and what the rights would refuse.
    async fn foresee_down(
        &self,
        agents: &[String],
        all: bool,
        events: &Events,
    ) -> Result<Report, FleetError> {
        let survey = self.survey_within_horizon().await?;
        let mut reports = Vec::new();
        for step in self.down_steps(&survey, agents, all) {
            let ends = survey.sightings.get(&step.agent);
            let ends = ends.filter(|_| step.action == Action::Stop);
            let result = match ends {
                Some(sighting) => match self.check_may_stop(sighting.record()).await {
                    Ok(()) => AgentResult::Planned,
                    Err(failure) => AgentResult::Failed(failure),
                },
                None => AgentResult::Planned,
            };
            let report = report(step, result, Duration::ZERO);
            if report.result != AgentResult::Planned {
                let _ = events.send(Progress::Done(report.clone()));
            }
            reports.push(report);
        }
        Ok(Report {
            agents: reports,
            notes: Vec::new(),
        })
    }

    /// Looks at the agents that we may know of.
    async fn survey_within_horizon(&self) -> Result<Survey<'_>, FleetError> {
        let (survey, horizon) = tokio::join!(self.survey(), self.horizon());
        let mut survey = survey?;
        horizon?.narrow(&mut survey);
        Ok(survey)
    }

    /// Reverse start order; pods that the roster does not know come first.
    fn down_steps(&self, survey: &Survey<'_>, agents: &[String], all: bool) -> Vec<Step> {
        let mut order: Vec<_> = self
            .roster()
            .map(|roster| roster.start_order())
            .unwrap_or_default()
            .into_iter()
            .map(|agent| agent.name.to_string())
            .collect();
        let mut unknown: Vec<_> = survey.sightings.keys().cloned().collect();
        unknown.retain(|name| !order.contains(name));
        unknown.sort();
        order.extend(unknown);
        order.reverse();
        order
            .into_iter()
            .filter(|name| agents.is_empty() || agents.contains(name))
            .filter_map(|name| {
                let sighting = survey.sightings.get(&name)?;
                // Spawned pods are their parents' business, unless they are named.
                if agents.is_empty() && sighting.record().spawned.is_some() {
                    return None;
                }
                let kept = agents.is_empty() && !all && is_persistent(survey, &name);
                let idle = !sighting.is_up() && !sighting.record().expected;
                // What the roster dropped and is stopped is nobody's business any more.
                if idle && agents.is_empty() && self.roster.is_some() && !self.hosts(&name) {
                    return None;
                }
                let (action, why) = if idle {
                    (Action::Leave, "it is stopped")
                } else if kept {
                    (Action::Leave, "a core seat; name it, or give --all")
                } else {
                    (Action::Stop, "asked for")
                };
                Some(Step {
                    agent: name,
                    action,
                    why: why.to_owned(),
                })
            })
            .collect()
    }

    async fn end_step(
        &self,
        survey: &Survey<'_>,
        gates: &Gates,
        step: Step,
        timeouts: StopTimeouts,
        events: &Events,
    ) -> AgentReport {
        let begun = Instant::now();
        // An agent that cannot be ended is no reason to leave those that it depends on running.
        let _ = gates.wait(&step.agent).await;
        let sighting = survey.sightings.get(&step.agent);
        let result = match (&step.action, sighting) {
            (Action::Stop, Some(sighting)) => {
                // Nobody has to listen.
                let _ = events.send(Progress::Begun {
                    agent: step.agent.clone(),
                    action: step.action.clone(),
                });
                match self.stop(sighting.record(), &step.why, timeouts).await {
                    Ok(()) => AgentResult::Stopped,
                    Err(failure) => AgentResult::Failed(failure),
                }
            }
            (_, Some(sighting)) if sighting.is_up() => AgentResult::Kept,
            _ => AgentResult::Unchanged,
        };
        gates.pass(&step.agent, Gate::Open);
        let report = report(step, result, begun.elapsed());
        let _ = events.send(Progress::Done(report.clone()));
        report
    }

    async fn remove_views(
        &self,
        survey: &Survey<'_>,
        agents: &[AgentReport],
        release: bool,
    ) -> Vec<String> {
        let stopped: Vec<_> = agents
            .iter()
            .filter(|agent| agent.result == AgentResult::Stopped)
            .filter_map(|agent| survey.sightings.get(&agent.agent))
            .map(|sighting| sighting.record().identity.id)
            .collect();
        if stopped.is_empty() && !release {
            return Vec::new();
        }
        let mut notes = Vec::new();
        // Without tmux there is nothing to remove.
        let present = self.views().and_then(Result::ok);
        for views in present.into_iter().chain(self.former_views()) {
            if let Err(error) = views.remove(&stopped, release).await {
                notes.push(format!("views are left: {}", account(&error)));
            }
        }
        notes
    }
}

fn is_down(agent: &AgentReport) -> bool {
    matches!(agent.result, AgentResult::Stopped | AgentResult::Unchanged)
}

fn report(step: Step, result: AgentResult, elapsed: Duration) -> AgentReport {
    AgentReport {
        agent: step.agent,
        action: step.action,
        why: step.why,
        result,
        elapsed,
    }
}

/// Says of a pod whose record cannot be read that it is left: nobody who goes by it can end it.
fn damaged_that_stays(pod: &CorruptRecord) -> String {
    let name = match pod.label.as_str() {
        "" => &pod.id,
        label => label,
    };
    format!("the record of `{name}` is damaged, so it is left: `fleet pod forget {name}`")
}

/// Names the spawned pods that run; a `down` without names leaves them all.
fn spawned_that_run(survey: &Survey<'_>) -> Option<String> {
    let running = survey
        .sightings
        .values()
        .filter(|sighting| sighting.is_up() && sighting.record().spawned.is_some());
    let mut names: Vec<&str> = running.map(Sighting::name).collect();
    names.sort_unstable();
    let list = names.join(" ");
    (!names.is_empty()).then(|| format!("spawned pods run on; `fleet down {list}` ends them"))
}

fn is_persistent(survey: &Survey<'_>, agent: &str) -> bool {
    let found = survey.hosted.iter();
    found
        .clone()
        .any(|(hosted, _)| hosted.name.as_str() == agent && hosted.persistent_persona)
}

/// Those that depend on an agent; they end before it.
fn followers(survey: &Survey<'_>, agent: &str) -> Vec<String> {
    survey
        .hosted
        .iter()
        .filter(|(hosted, _)| {
            hosted
                .depends_on
                .iter()
                .any(|other| other.as_str() == agent)
        })
        .map(|(hosted, _)| hosted.name.to_string())
        .collect()
}
