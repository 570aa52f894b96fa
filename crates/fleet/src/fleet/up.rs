//! `up`: bringing agents to what they ought to be.

mod leave;
mod reconsider;
mod spawned;

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use podfleet_pod::inspect::spec_of;
use podfleet_pod::{clock, conversation};
use podfleet_pod_store::{PodRecord, PodState};
use podfleet_protocol::PodId;
use tokio::sync::mpsc;

use super::former::FormerFleet;
use super::gates::{Gate, Gates};
use super::make_views::view_of;
use super::settle::account;
use super::stop::StopTimeouts;
use super::survey::Survey;
use super::view_queue::make_views;
use super::{Events, Fleet};
use crate::error::FleetError;
use crate::plan::{Action, Step};
use crate::report::{AgentReport, AgentResult, Failure, Progress, Report};
use crate::sighting::Sighting;
use crate::supervisor::SupervisorKind;
use crate::views::{View, Views};

/// How [`Fleet::up`] works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UpOptions {
    /// How long an agent may take until its terminal is ready.
    pub timeout: Duration,
    /// Tells what would be done, and does nothing.
    pub dry_run: bool,
    /// How long agents that must restart may take to end.
    pub stop: StopTimeouts,
    /// Lets agents that are started begin new conversations, whatever the roster says.
    pub fresh: bool,
}

impl Default for UpOptions {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(60),
            dry_run: false,
            stop: StopTimeouts::default(),
            fresh: false,
        }
    }
}

/// What the tasks of one run share.
struct Run<'a> {
    survey: Survey<'a>,
    options: UpOptions,
    events: &'a Events,
    gates: Gates,
    /// The pod in whose agent we run, if we do.
    own: Option<PodId>,
    /// Takes the views of pods that answer.
    views: mpsc::UnboundedSender<View>,
}

impl Run<'_> {
    /// Fails for the pod in whose agent we run: we would end with it, halfway.
    fn spare_own_pod(&self, pod: &PodRecord) -> Result<(), Failure> {
        if self.own != Some(pod.identity.id) {
            return Ok(());
        }
        Err(Failure::new(format!(
            "this command runs in it and would end with it; `fleet restart {}` \
             elsewhere does it",
            pod.identity.name
        )))
    }
}

impl Fleet {
    /// Brings agents to what the roster says: the named ones, or all, and ends those that the
    /// roster does not host any more. A spawned pod that is named is started as it is recorded.
    /// Doing it again does nothing.
    ///
    /// Agents are started at the same time unless one depends on another. The report has a line
    /// for each; that one of them fails is no error of the verb.
    ///
    /// # Errors
    /// Fails before anything is started: in a pod that is not the fleet's lead, without a usable
    /// roster, for unknown agents, when tmux is missing or too old, when the runtime directory is
    /// not private, when another roster owns the fleet's name, and when the store cannot be read.
    pub async fn up(
        &self,
        agents: &[String],
        options: &UpOptions,
        events: Events,
    ) -> Result<Report, FleetError> {
        self.wanted_roster()?;
        let own = self.leading_pod().await?;
        if options.dry_run {
            let plan = self.plan(agents).await?;
            return Ok(planned(plan.steps, plan.notes));
        }
        self.supervisor.check().await?;
        let views = self.checked_views().await?;
        let _lock = self.lock(&events).await?;
        self.dirs.open_runtime()?;
        self.claim(&events).await?;
        self.settle_spawns(&events).await?;
        self.hold_tmux(views.as_ref(), &events).await;
        let survey = self.survey().await?;
        let plan = self.plan_of(&survey, agents).await?;
        self.check_spawned_are_ours(&survey, &plan).await?;
        let mut report = self
            .apply(own, survey, plan.steps, *options, &events, views)
            .await?;
        let former = self.former_fleets().await?;
        report.notes.extend(former.iter().map(FormerFleet::note));
        let boot_note = self.boot_note(&former, &report.agents).await;
        report.notes.extend(boot_note);
        // Who ended the bridge did not ask for it when one agent is brought up.
        if agents.is_empty() || !self.bridge_was_ended() {
            report.notes.extend(self.keep_bridge(&events).await);
        }
        Ok(report)
    }

    pub(super) async fn checked_views(&self) -> Result<Option<Views>, FleetError> {
        let views = self.views().transpose()?;
        if let Some(views) = &views {
            views.check_version().await?;
        }
        Ok(views)
    }

    /// Lets the tmux server be started apart from us where that can be, so that it ends with
    /// nobody's session and no pod's unit.
    pub(super) async fn hold_tmux(&self, views: Option<&Views>, events: &Events) {
        let Some(views) = views else { return };
        if views.panes().await.is_ok_and(|panes| !panes.is_empty()) {
            return;
        }
        if let Err(error) = self.supervisor.hold_tmux(views.socket()).await {
            let text = format!("the tmux server has no unit: {}", account(&error));
            // Nobody has to listen.
            let _ = events.send(Progress::Note { agent: None, text });
        }
    }

    /// Carries steps out, given in start order, for the pod in whose agent we run, if we do.
    pub(super) async fn apply(
        &self,
        own: Option<PodId>,
        survey: Survey<'_>,
        steps: Vec<Step>,
        options: UpOptions,
        events: &Events,
        views: Option<Views>,
    ) -> Result<Report, FleetError> {
        let order: Vec<_> = steps.iter().map(|step| step.agent.clone()).collect();
        let depends_on = |agent: &str| {
            let desired = survey.desired(agent);
            desired.map_or_else(Vec::new, |desired| desired.depends_on.clone())
        };
        let gates = Gates::new(&order, depends_on);
        let (wanted_views, queue) = mpsc::unbounded_channel();
        let run = Run {
            gates,
            own,
            survey,
            options,
            events,
            views: wanted_views,
        };
        let working = async {
            let reports = join_all(steps.iter().map(|step| self.carry_out(&run, step))).await;
            let gone = left_views(&run, &steps);
            // The queue of views ends here, and with it their making.
            drop(run);
            (reports, gone)
        };
        let is_left = |step: &&Step| matches!(step.action, Action::Leave | Action::Later { .. });
        let left = steps.iter().filter(is_left);
        let standing = left.map(|step| step.agent.as_str()).collect();
        let making = make_views(views.as_ref(), queue, standing);
        let ((agents, gone), mut notes) = tokio::join!(working, making);
        if let (Some(views), false) = (&views, gone.is_empty())
            && let Err(error) = views.remove(&gone, false).await
        {
            notes.push(format!("views are left: {}", account(&error)));
        }
        Ok(Report { agents, notes })
    }

    async fn carry_out(&self, run: &Run<'_>, step: &Step) -> AgentReport {
        let begun = Instant::now();
        let waited = run.gates.wait(&step.agent).await;
        let step = &self.reconsidered(run, step).await;
        let result = match waited {
            Ok(()) => self.act(run, step).await,
            Err(other) if step.action.changes() => AgentResult::Failed(Failure::new(format!(
                "not started: it depends on `{other}`, which failed"
            ))),
            Err(_) => AgentResult::Unchanged,
        };
        let failed = matches!(result, AgentResult::Failed(_));
        let gate = if failed { Gate::Failed } else { Gate::Open };
        run.gates.pass(&step.agent, gate);
        let report = AgentReport {
            agent: step.agent.clone(),
            action: step.action.clone(),
            why: step.why.clone(),
            result,
            elapsed: begun.elapsed(),
        };
        // Nobody has to listen.
        let _ = run.events.send(Progress::Done(report.clone()));
        report
    }

    async fn act(&self, run: &Run<'_>, step: &Step) -> AgentResult {
        if step.action.changes() {
            let _ = run.events.send(Progress::Begun {
                agent: step.agent.clone(),
                action: step.action.clone(),
            });
        }
        let sighting = run.survey.sightings.get(&step.agent);
        let recorded = sighting.map(Sighting::record);
        let done = match &step.action {
            Action::Leave => return self.leave(run, sighting).await,
            Action::Later { .. } => {
                return match self.leave(run, sighting).await {
                    AgentResult::Unchanged => AgentResult::Kept,
                    result => result,
                };
            }
            Action::Quarantined => {
                let account = format!(
                    "quarantined ({}); `fleet restart {}` lifts it",
                    step.why, step.agent
                );
                return AgentResult::Failed(Failure::new(account));
            }
            Action::Impossible => return AgentResult::Failed(Failure::new(step.why.clone())),
            Action::Reapply { .. } => self.reapply(run, step, recorded).await,
            Action::Stop => match recorded {
                Some(pod) => self.retire(run, pod, &step.why).await,
                None => Ok(AgentResult::Unchanged),
            },
            Action::Start | Action::Restart { .. } => self.begin(run, step, recorded).await,
        };
        done.unwrap_or_else(AgentResult::Failed)
    }

    /// Ends an agent that the roster does not host any more; nor does it come back at boot.
    async fn retire(
        &self,
        run: &Run<'_>,
        pod: &PodRecord,
        why: &str,
    ) -> Result<AgentResult, Failure> {
        run.spare_own_pod(pod)?;
        self.end(pod, why, run.options.stop).await?;
        let agent = pod.identity.name.as_str();
        if let Some(warning) = self.disable_at_boot(agent).await {
            // Nobody has to listen.
            let _ = run.events.send(Progress::Note {
                agent: Some(agent.to_owned()),
                text: warning,
            });
        }
        Ok(AgentResult::Stopped)
    }

    /// Lets what changed hold from now on. What the agent was told stays recorded as it was told: what
    /// it was not told yet, it is told at its next start.
    async fn reapply(
        &self,
        run: &Run<'_>,
        step: &Step,
        recorded: Option<&PodRecord>,
    ) -> Result<AgentResult, Failure> {
        if let Some(desired) = run.survey.desired(&step.agent) {
            let mut desired = desired.clone();
            if let Some(spec) = recorded.and_then(spec_of) {
                desired.spec.argv = spec.argv;
                desired.spec.told = spec.told;
                desired.spec.first_message = spec.first_message;
            }
            let put = self.put(&desired, recorded, true).await;
            let pod = put.map_err(|error| Failure::new(account(&error)))?;
            let limited = self.supervisor.limit(&pod).await;
            limited.map_err(|error| Failure::new(account(&error)))?;
            self.want_view(run, &pod);
        }
        Ok(AgentResult::Applied)
    }

    /// Starts a pod; ends it before if it is there in any form.
    async fn begin(
        &self,
        run: &Run<'_>,
        step: &Step,
        recorded: Option<&PodRecord>,
    ) -> Result<AgentResult, Failure> {
        if let Some(pod) = recorded {
            run.spare_own_pod(pod)?;
            spawned::check_place(pod)?;
            self.stop_to_start(pod, &step.why, run.options.stop).await?;
            self.lift_quarantine(pod).await?;
            if run.options.fresh {
                self.forget_conversation(pod)?;
            }
        }
        let pod = match (run.survey.desired(&step.agent), recorded) {
            (Some(desired), recorded) => self
                .put(desired, recorded, false)
                .await
                .map_err(|error| Failure::new(account(&error)))?,
            (None, Some(recorded)) => recorded.clone(),
            (None, None) => return Err(Failure::new("it was never started, and has no roster")),
        };
        self.tell_unheld_limits(run, &pod);
        let timeout = run.options.timeout;
        Ok(self
            .start(pod, timeout, run.events, |pod| self.want_view(run, pod))
            .await)
    }

    /// Limits that nothing holds a pod to must not be relied on.
    fn tell_unheld_limits(&self, run: &Run<'_>, pod: &PodRecord) {
        let limited = || spec_of(pod).is_some_and(|spec| !spec.resources.is_unlimited());
        if self.supervisor.kind() == SupervisorKind::Direct && limited() {
            // Nobody has to listen.
            let _ = run.events.send(Progress::Note {
                agent: Some(pod.identity.name.to_string()),
                text: "its `resources` are no limits here: systemd does not keep it".to_owned(),
            });
        }
    }

    /// A pod that ends in order lifts its quarantine itself; one that was killed cannot.
    pub(super) async fn lift_quarantine(&self, pod: &PodRecord) -> Result<(), Failure> {
        if !matches!(pod.state, PodState::Quarantined { .. }) {
            return Ok(());
        }
        let lifted = self
            .store
            .set_pod_state(pod.fence(), PodState::Stopped, clock::wall());
        lifted.await.map_err(|error| Failure::new(account(&error)))
    }

    /// Lets the next start of a pod that has ended begin a new conversation.
    fn forget_conversation(&self, pod: &PodRecord) -> Result<(), Failure> {
        let file = conversation::file(&self.dirs.state_paths(), pod.identity.id);
        conversation::forget(&file).map_err(|error| {
            let file = file.display();
            Failure::new(format!(
                "its conversation {file} cannot be removed: {error}"
            ))
        })
    }

    fn want_view(&self, run: &Run<'_>, pod: &PodRecord) {
        // Whoever makes the views may have given up; the note says so.
        let _ = run.views.send(view_of(pod));
    }
}

pub(super) fn planned(steps: Vec<Step>, notes: Vec<String>) -> Report {
    let agents = steps.into_iter().map(|step| AgentReport {
        agent: step.agent,
        action: step.action,
        why: step.why,
        result: AgentResult::Planned,
        elapsed: Duration::ZERO,
    });
    Report {
        agents: agents.collect(),
        notes,
    }
}

/// The pods whose views have nothing to show any more.
fn left_views(run: &Run<'_>, steps: &[Step]) -> Vec<PodId> {
    steps
        .iter()
        .filter(|step| step.action == Action::Stop)
        .filter_map(|step| run.survey.sightings.get(&step.agent))
        .map(|sighting| sighting.record().identity.id)
        .collect()
}
