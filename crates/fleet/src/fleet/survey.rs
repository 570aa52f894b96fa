//! A look at the whole fleet: what is wanted, recorded and seen.

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;

use podfleet_pod::inspect::spec_of;
use podfleet_pod_store::{
    CorruptRecord, DeliveryState, InboxEntry, Listing, Page, PodCursor, PodFilter, PodRecord,
    PodSummary,
};
use podfleet_protocol::Outcome;
use podfleet_roster::Agent;

use super::Fleet;
use super::former::FormerFleet;
use crate::comms::elsewhere;
use crate::desired::{Desired, Impossible};
use crate::drift::drift;
use crate::error::{FleetError, FleetErrorKind};
use crate::listeners::Listeners;
use crate::names::near;
use crate::plan::{Drift, Known, Plan, Wanted, plan};
use crate::readiness::{Decider, Readiness};
use crate::sighting::{Head, Moment, Sighting};

/// What is wanted and what was seen, at one moment.
pub(super) struct Survey<'a> {
    pub(super) now: Moment,
    /// The agents that this host has to run, in roster order.
    pub(super) hosted: Vec<(&'a Agent, Result<Desired, Impossible>)>,
    /// The recorded pods of the fleet by name.
    pub(super) sightings: HashMap<String, Sighting>,
    /// The pods of the fleet whose records cannot be read.
    pub(super) damaged: Vec<CorruptRecord>,
}

impl Survey<'_> {
    pub(super) fn desired(&self, agent: &str) -> Option<&Desired> {
        let (_, desired) = self
            .hosted
            .iter()
            .find(|(found, _)| found.name.as_str() == agent)?;
        desired.as_ref().ok()
    }

    /// Returns the record of a pod that was spawned.
    pub(super) fn spawned(&self, name: &str) -> Option<&PodRecord> {
        let record = self.sightings.get(name).map(Sighting::record);
        record.filter(|record| record.spawned.is_some())
    }
}

impl Fleet {
    pub(super) async fn summaries(&self) -> Result<Vec<PodSummary>, FleetError> {
        Ok(self.listing().await?.items)
    }

    async fn listing(&self) -> Result<Listing<PodSummary, PodCursor>, FleetError> {
        let filter = PodFilter::from(self.key.clone());
        Ok(self.store.list_pods(&filter, Page::all()).await?)
    }

    /// Reads the message that waits longest, where nobody knows what it waits for or its pod is gone.
    async fn head_of(&self, pod: &Sighting, now: &Moment) -> Result<Head, FleetError> {
        if !pod.has_held(now) || (pod.is_up() && pod.hold().is_some()) {
            return Ok(Head::Sound);
        }
        let id = pod.record().identity.id;
        let head = self.store.undelivered(id, Page::first(1)).await?;
        let is_begun = |entry: &InboxEntry| {
            let taken = entry.receipt.outcome.reaches(Outcome::Submitted);
            entry.state == DeliveryState::Delivering && !taken
        };
        Ok(match head.items.first() {
            _ if !head.corrupt.is_empty() => Head::Damaged,
            Some(entry) if !pod.is_up() && is_begun(entry) => Head::Interrupted,
            _ => Head::Sound,
        })
    }

    pub(super) async fn survey(&self) -> Result<Survey<'_>, FleetError> {
        let listing = self.listing().await?;
        let listeners = Listeners::now();
        let state = self.dirs.state_paths();
        let now = Moment::now();
        let mut sightings = HashMap::with_capacity(listing.items.len());
        for summary in listing.items {
            let mut sighting = Sighting::of(summary, &listeners, &state);
            sighting.head = self.head_of(&sighting, &now).await?;
            sightings.insert(sighting.name().to_owned(), sighting);
        }
        Ok(Survey {
            sightings,
            damaged: listing.corrupt,
            now,
            hosted: self
                .recipe()
                .map(|recipe| recipe.hosted())
                .unwrap_or_default(),
        })
    }

    /// Returns what [`up`](Self::up) would do.
    ///
    /// # Errors
    /// Fails without a usable roster, when the fleet is that of another one, for agents that it does not
    /// have, and when the store cannot be read.
    pub async fn plan(&self, agents: &[String]) -> Result<Plan, FleetError> {
        self.wanted_roster()?;
        self.check_claim().await?;
        let survey = self.survey().await?;
        let mut plan = self.plan_of(&survey, agents).await?;
        match self.views() {
            Some(Ok(views)) => match views.panes().await {
                Ok(panes) => plan.views = missing_views(&plan, &survey, &panes),
                Err(error) => plan.notes.push(format!("tmux cannot be asked: {error}")),
            },
            Some(Err(error)) => plan.notes.push(error.to_string()),
            None => {}
        }
        let former = self.former_fleets().await?;
        plan.notes.extend(former.iter().map(FormerFleet::note));
        Ok(plan)
    }

    /// Plans for the named agents, or for all and those that leave the fleet.
    pub(super) async fn plan_of(
        &self,
        survey: &Survey<'_>,
        agents: &[String],
    ) -> Result<Plan, FleetError> {
        let (roster, _) = self.wanted_roster()?;
        let mut spawned = Vec::new();
        // Who is named twice is meant once.
        for agent in agents.iter().collect::<BTreeSet<_>>() {
            match survey.spawned(agent).filter(|_| !self.hosts(agent)) {
                Some(pod) => {
                    self.unless_hidden(pod.clone()).await?;
                    spawned.push(Wanted::spawned(agent));
                }
                None => self.check_hosted(agent).await?,
            }
        }
        let selected = |name: &str| agents.is_empty() || agents.iter().any(|agent| agent == name);
        let wanted: Vec<_> = roster
            .start_order()
            .into_iter()
            .filter(|agent| selected(agent.name.as_str()))
            .filter_map(|agent| wanted(survey, agent))
            .chain(spawned)
            .collect();
        let known = |sighting: &Sighting| {
            let judged = sighting.judge(&survey.now, self.idle_threshold());
            Known {
                agent: sighting.name().to_owned(),
                state: sighting.observed(&survey.now),
                // That nothing moves on a screen that no rule knows shows nothing.
                idle: judged.readiness == Readiness::Available
                    && judged.decided_by == Decider::Screen,
            }
        };
        let all: Vec<_> = survey.sightings.values().map(known).collect();
        let mut leaving: Vec<_> = survey
            .sightings
            .values()
            .filter(|sighting| agents.is_empty() && !self.hosts(sighting.name()))
            .filter(|sighting| sighting.is_up() || sighting.record().expected)
            // Spawned pods are in no roster, and the fleet's business only where they are named.
            .filter(|sighting| sighting.record().spawned.is_none())
            .map(|sighting| sighting.name().to_owned())
            .collect();
        leaving.sort();
        let steps = plan(&wanted, &all, &leaving);
        let missing: BTreeSet<_> = steps
            .iter()
            .filter(|step| step.action.changes())
            .filter_map(|step| survey.desired(&step.agent))
            .map(|desired| &desired.spec.working_directory)
            .filter(|directory| !directory.exists())
            .collect();
        let created = |directory: &PathBuf| {
            format!(
                "the working directory {} will be created",
                directory.display()
            )
        };
        let notes = missing.into_iter().map(created).collect();
        Ok(Plan {
            steps,
            views: Vec::new(),
            notes,
        })
    }

    /// Returns the agents that are up and were told of other fleet mates than the roster has now, in the
    /// roster's order. They learn of these at their next start.
    ///
    /// # Errors
    /// Fails when the store cannot be read.
    pub async fn untold(&self) -> Result<Vec<String>, FleetError> {
        let survey = self.survey().await?;
        let is_up = |name: &str| survey.sightings.get(name).is_some_and(Sighting::is_up);
        let hosted = survey.hosted.iter().map(|(agent, _)| *agent);
        let wanted = hosted.filter_map(|agent| wanted(&survey, agent));
        Ok(wanted
            .filter(|wanted| !wanted.drift.at_start.is_empty() && is_up(&wanted.agent))
            .map(|wanted| wanted.agent)
            .collect())
    }

    /// Returns whether the roster wants an agent on this host.
    pub(super) fn hosts(&self, agent: &str) -> bool {
        let found = self.roster().and_then(|roster| roster.agent(agent));
        found.is_some_and(|agent| elsewhere(agent, &self.host).is_none())
    }

    async fn check_hosted(&self, agent: &str) -> Result<(), FleetError> {
        if self.hosts(agent) {
            return Ok(());
        }
        let found = self.roster().and_then(|roster| roster.agent(agent));
        match found.and_then(|agent| agent.host.clone()) {
            Some(host) => Err(FleetError::new(FleetErrorKind::Remote {
                agent: agent.to_owned(),
                host,
            })),
            None => Err(self.no_such(agent).await),
        }
    }

    /// Makes the error about an unknown agent, with the names that are nearly the same.
    pub(super) async fn no_such(&self, agent: &str) -> FleetError {
        let names = self.known_names().await;
        if names.is_empty() && !self.others.is_empty() {
            return self.which_fleet();
        }
        // Who is known and still not found would be told its own name.
        let is_known = names.iter().any(|name| name == agent);
        let error = FleetError::new(FleetErrorKind::NoSuchAgent {
            agent: agent.to_owned(),
            fleet: self.key.fleet.to_string(),
            near: if is_known {
                Vec::new()
            } else {
                near(agent, names)
            },
        });
        if is_known {
            return error.hint(self.where_it_is(agent));
        }
        match &self.lost_roster {
            _ if self.roster().is_some() => error,
            Some(lost) if lost.exists() => error.hint(format!(
                "the roster cannot be used; `fleet validate {}` tells why",
                lost.display()
            )),
            _ => error.hint("there is no roster here; `fleet init --write` makes one"),
        }
    }

    /// Says where an agent is that is known, and not where it was looked for.
    fn where_it_is(&self, agent: &str) -> String {
        match self.roster().and_then(|roster| roster.agent(agent)) {
            Some(found) => match elsewhere(found, &self.host) {
                Some(host) => format!("it is on another machine, `{host}`"),
                None => format!("it was never started; `fleet up {agent}` does that"),
            },
            None => format!(
                "no roster has it; its pod is recorded, and `fleet pod restore {agent}` starts it"
            ),
        }
    }

    /// Returns the error that tells which fleets may be meant.
    pub(super) fn which_fleet(&self) -> FleetError {
        FleetError::new(FleetErrorKind::WhichFleet {
            others: self.others.iter().map(ToString::to_string).collect(),
        })
    }
}

pub(super) fn wanted(survey: &Survey<'_>, agent: &Agent) -> Option<Wanted> {
    let name = agent.name.as_str();
    let (_, desired) = survey
        .hosted
        .iter()
        .find(|(found, _)| found.name == agent.name)?;
    let record = survey.sightings.get(name).map(Sighting::record);
    let (difference, fault) = match (desired, record) {
        (Err(fault), _) => (Drift::default(), Some(fault.to_string())),
        (Ok(_), None) => (Drift::default(), None),
        (Ok(desired), Some(record)) => {
            let spec = spec_of(record);
            (drift(record, spec.as_ref(), desired), None)
        }
    };
    Some(Wanted {
        agent: name.to_owned(),
        drift: difference,
        fault,
        spawned: false,
    })
}

/// Agents that are up, or will be, and have no view.
fn missing_views(plan: &Plan, survey: &Survey<'_>, panes: &[podfleet_tmux::Pane]) -> Vec<String> {
    use crate::plan::Action;
    let has_view = |agent: &str| {
        survey.sightings.get(agent).is_some_and(|sighting| {
            let tag = crate::views::tag_of(sighting.record().identity.id);
            panes.iter().any(|pane| pane.tag.as_deref() == Some(&tag))
        })
    };
    plan.steps
        .iter()
        .filter(|step| !matches!(step.action, Action::Stop | Action::Impossible))
        .filter(|step| {
            let up = survey
                .sightings
                .get(&step.agent)
                .is_some_and(Sighting::is_up);
            up || step.action.changes()
        })
        .filter(|step| !has_view(&step.agent))
        .map(|step| step.agent.clone())
        .collect()
}
