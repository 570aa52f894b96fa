//! The join of `ps`: pure, from given facts to rows.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use podfleet_pod::heartbeat::Heartbeat;
use podfleet_pod::inspect::spec_of;
use podfleet_pod::spec::PodSpec;
use podfleet_pod::split_places;
use podfleet_pod_store::{CorruptRecord, PodRecord};
use podfleet_protocol::UnixMillis;
use podfleet_roster::Agent;
use podfleet_tmux::Pane;

use super::row::{Flag, FlagKind, PsRow, RowState};
use crate::bridge::BridgeGlance;
use crate::comms::elsewhere;
use crate::desired::{Desired, Impossible};
use crate::drift::drift;
use crate::readiness::{HeartbeatAge, Readiness};
use crate::sighting::{Head, Moment, Sighting};
use crate::supervisor::{Instance, UnitState, Units};
use crate::views::{self, is_ours};

/// Of a row that nothing is judged by.
const UNJUDGED: RowState = RowState::Judged(Readiness::Unknown);

/// Everything that the rows are made of. What could not be had is absent, and its columns with it.
pub(crate) struct Sources<'a> {
    pub(crate) now: Moment,
    pub(crate) tenant: &'a str,
    pub(crate) host: &'a str,
    pub(crate) build: &'a str,
    pub(crate) idle_threshold: Duration,
    /// The roster's agents in their order; nothing without a usable roster.
    pub(crate) agents: Option<&'a [Agent]>,
    /// What the hosted ones have to be.
    pub(crate) desired: &'a [(&'a Agent, Result<Desired, Impossible>)],
    pub(crate) sightings: Vec<Sighting>,
    /// The agents that are asked for by their names.
    pub(crate) named: &'a [String],
    /// The pods whose records cannot be read.
    pub(crate) damaged: &'a [CorruptRecord],
    /// The panes of the fleet's tmux server; nothing if it could not be asked.
    pub(crate) panes: Option<&'a [Pane]>,
    /// The session that keeps the tmux server alive.
    pub(crate) holder: &'a str,
    /// The units of the fleet's pods; nothing if there are none, or they could not be asked about.
    pub(crate) units: Option<&'a Units>,
    /// The bridge of the fleet's chat, if one runs or ought to.
    pub(crate) bridge: Option<BridgeGlance>,
}

/// Makes the rows: agents in roster order, pods that the roster does not host any more, then
/// sessions that no pod hosts.
pub(crate) fn join(sources: &Sources<'_>) -> Vec<PsRow> {
    Join::of(sources).rows()
}

/// The sources by what they are looked up by: a fleet may have hundreds of agents.
struct Join<'a> {
    sources: &'a Sources<'a>,
    seen: HashMap<&'a str, &'a Sighting>,
    /// The names of all the roster's agents.
    listed: HashSet<&'a str>,
    desired: HashMap<&'a str, &'a Result<Desired, Impossible>>,
    /// Panes by the tag of the pod that they show.
    views: HashMap<&'a str, &'a Pane>,
}

impl<'a> Join<'a> {
    fn of(sources: &'a Sources<'a>) -> Self {
        let agents = sources.agents.unwrap_or_default();
        let desired = sources.desired.iter();
        let panes = sources.panes.unwrap_or_default().iter();
        let sightings = sources.sightings.iter();
        Self {
            sources,
            seen: sightings.map(|seen| (seen.name(), seen)).collect(),
            listed: agents.iter().map(|agent| agent.name.as_str()).collect(),
            desired: desired
                .map(|(agent, desired)| (agent.name.as_str(), desired))
                .collect(),
            // Of two views of one pod the first counts.
            views: panes
                .rev()
                .filter_map(|pane| Some((pane.tag.as_deref()?, pane)))
                .collect(),
        }
    }

    fn rows(&self) -> Vec<PsRow> {
        let agents = self.sources.agents.unwrap_or_default();
        let mut rows: Vec<_> = agents
            .iter()
            .map(|agent| match self.seen.get(agent.name.as_str()) {
                _ if elsewhere(agent, self.sources.host).is_some() => self.remote(agent),
                Some(sighting) => self.pod(sighting),
                None => match self.damage_of(agent.name.as_str()) {
                    Some(record) => self.damaged(record, self.of_roster(agent, UNJUDGED)),
                    None => self.never_started(agent),
                },
            })
            .collect();
        let others = self.sources.sightings.iter().filter(|sighting| {
            // Without a roster every record counts; with one, what it dropped and is stopped counts
            // where it is named.
            let dropped = self.sources.agents.is_some();
            let named = || {
                self.sources
                    .named
                    .iter()
                    .any(|name| name == sighting.name())
            };
            !self.listed.contains(sighting.name())
                && (!dropped || sighting.is_up() || sighting.record().expected || named())
        });
        rows.extend(others.map(|sighting| self.pod(sighting)));
        let damaged = self.sources.damaged.iter();
        let damaged = damaged.filter(|record| !self.listed.contains(record.label.as_str()));
        rows.extend(
            damaged.map(|record| self.damaged(record, self.blank(&record.label, UNJUDGED))),
        );
        if let Some(lead) = rows.iter_mut().find(|row| self.is_lead_here(row)) {
            lead.bridge.clone_from(&self.sources.bridge);
        }
        rows.extend(self.unmanaged());
        rows
    }

    fn blank(&self, name: &str, readiness: RowState) -> PsRow {
        PsRow {
            name: name.to_owned(),
            alias: None,
            class: None,
            runtime: None,
            model: None,
            readiness,
            since: None,
            idle_seconds: None,
            heartbeat_age_seconds: None,
            agent_pid: None,
            pod_pid: None,
            generation: None,
            unit: None,
            inbox: None,
            flags: Vec::new(),
            managed: true,
            tenant_id: self.sources.tenant.to_owned(),
            host: self.sources.host.to_owned(),
            bridge: None,
            since_seconds: None,
            detail: None,
            socket: None,
            session: None,
            working_directory: None,
            fleet: None,
        }
    }

    /// Whether people who chat with the fleet speak with this one, on this host.
    fn is_lead_here(&self, row: &PsRow) -> bool {
        row.class.as_deref() == Some(PodRecord::ORCHESTRATOR) && row.host == self.sources.host
    }

    fn of_roster(&self, agent: &Agent, readiness: RowState) -> PsRow {
        PsRow {
            alias: agent.alias.clone(),
            class: Some(agent.class.clone()),
            runtime: Some(agent.runtime.clone()),
            model: agent.model_hint.clone(),
            ..self.blank(agent.name.as_str(), readiness)
        }
    }

    fn remote(&self, agent: &Agent) -> PsRow {
        PsRow {
            host: agent.host.clone().unwrap_or_default(),
            ..self.of_roster(agent, RowState::REMOTE)
        }
    }

    fn never_started(&self, agent: &Agent) -> PsRow {
        let desired = self.desired.get(agent.name.as_str());
        let fault = desired.and_then(|desired| desired.as_ref().err());
        PsRow {
            inbox: Some(0),
            detail: fault.map(ToString::to_string),
            flags: self
                .role_is_missing(agent.name.as_str())
                .into_iter()
                .collect(),
            ..self.of_roster(agent, RowState::Judged(Readiness::Stopped))
        }
    }

    fn damage_of(&self, agent: &str) -> Option<&'a CorruptRecord> {
        let mut damaged = self.sources.damaged.iter();
        damaged.find(|record| record.label == agent)
    }

    /// Completes the row of a pod whose record cannot be read: whether it runs is not known.
    fn damaged(&self, record: &CorruptRecord, row: PsRow) -> PsRow {
        PsRow {
            flags: vec![Flag {
                kind: FlagKind::Damaged,
                detail: record.error.clone(),
            }],
            ..row
        }
    }

    fn pod(&self, sighting: &Sighting) -> PsRow {
        let record = sighting.record();
        let spec = spec_of(record);
        let judgement = sighting.judge(&self.sources.now, self.sources.idle_threshold);
        let heartbeat = sighting.heartbeat.as_ref().filter(|_| sighting.is_up());
        let since = self.since(sighting, judgement.readiness);
        let idle = heartbeat
            .and(sighting.last_output())
            .and_then(|at| self.sources.now.since_boot(at));
        let age = match sighting.heartbeat_age(&self.sources.now) {
            HeartbeatAge::Known { age, .. } if sighting.is_up() => Some(age.as_secs()),
            _ => None,
        };
        let endpoint = record.endpoint.as_ref();
        PsRow {
            alias: record.alias.clone(),
            class: Some(record.class.clone()),
            runtime: Some(record.runtime.clone()),
            model: heartbeat
                .and_then(|heartbeat| heartbeat.model.clone())
                .or_else(|| spec.as_ref()?.model.clone()),
            since: since.and_then(rfc3339),
            idle_seconds: idle.map(|idle| idle.as_secs()),
            heartbeat_age_seconds: age,
            agent_pid: heartbeat.and_then(|heartbeat| heartbeat.agent_pid),
            pod_pid: endpoint
                .filter(|_| sighting.is_up())
                .map(|endpoint| endpoint.pid),
            generation: Some(record.generation.0),
            inbox: Some(sighting.summary.undelivered),
            flags: self.flags(sighting, spec.as_ref()),
            since_seconds: since.map(|since| self.sources.now.since_wall(since).as_secs()),
            detail: sighting
                .quarantine()
                .or_else(|| heartbeat.and_then(account))
                .or_else(|| heartbeat.and_then(draft))
                .or_else(|| self.unit_fault(record)),
            unit: self.unit_of(record).map(|unit| unit.id.clone()),
            socket: endpoint.map(|endpoint| endpoint.socket.clone()),
            session: self.view_of(record).map(|pane| pane.session_name.clone()),
            working_directory: spec.map(|spec| spec.working_directory),
            fleet: None,
            ..self.blank(sighting.name(), RowState::Judged(judgement.readiness))
        }
    }

    fn since(&self, sighting: &Sighting, readiness: Readiness) -> Option<UnixMillis> {
        let heartbeat = sighting
            .heartbeat
            .as_ref()
            .filter(|heartbeat| heartbeat.boot_id == self.sources.now.boot_id);
        let at = match readiness {
            Readiness::Quarantined | Readiness::Stopped => None,
            // When a pod died nobody saw.
            Readiness::Dead if !sighting.is_up() => return None,
            _ => heartbeat.map(|heartbeat| heartbeat.since),
        };
        let seen = at.and_then(|at| self.sources.now.wall_of(at));
        Some(seen.unwrap_or(sighting.record().updated))
    }

    fn flags(&self, sighting: &Sighting, spec: Option<&PodSpec>) -> Vec<Flag> {
        let record = sighting.record();
        let mut flags = Vec::new();
        let mut flag = |kind, detail: String| flags.push(Flag { kind, detail });
        if sighting.has_held(&self.sources.now) || sighting.has_fault() {
            flag(FlagKind::Held, held_by(sighting));
        }
        if let Some(paused) = &record.paused {
            flag(FlagKind::Paused, paused.to_string());
        }
        // What does not run cannot run other than the roster says.
        if sighting.is_up()
            && record.spawned.is_none()
            && let Some(fields) = self.drift(record, spec)
        {
            flag(FlagKind::Drift, fields);
        }
        // A spawned pod is in no roster, and has no view unless somebody makes one.
        let viewed = record.spawned.is_some() || self.view_of(record).is_some();
        if sighting.is_up() && self.sources.panes.is_some() && !viewed {
            flag(FlagKind::View, self.why_no_view(record));
        }
        let build = record.endpoint.as_ref().map(|endpoint| &endpoint.build);
        if sighting.is_up() && build.is_some_and(|build| build != self.sources.build) {
            flag(FlagKind::Old, build.cloned().unwrap_or_default());
        }
        if sighting.is_up()
            && let Some(fault) = self.boot_fault(record)
        {
            flag(FlagKind::Boot, fault.to_owned());
        }
        if let Some(account) = sighting.quarantine() {
            flag(FlagKind::Quarantined, account);
        }
        flags.extend(self.role_is_missing(record.identity.name.as_str()));
        flags
    }

    /// That the class which the roster gives an agent has no role.
    fn role_is_missing(&self, agent: &str) -> Option<Flag> {
        let desired = self.desired.get(agent)?.as_ref().ok()?;
        (!desired.has_role).then(|| Flag {
            kind: FlagKind::Role,
            detail: format!("the class `{}` has none", desired.class),
        })
    }

    /// Returns the unit of a pod, unless the pod that is up is another process.
    fn unit_of(&self, record: &PodRecord) -> Option<&UnitState> {
        let unit = self.sources.units?.of(&Instance::of(&record.identity))?;
        let pid = record.endpoint.as_ref().map(|endpoint| endpoint.pid);
        (unit.is_failed() || (unit.main_pid.is_some() && unit.main_pid == pid)).then_some(unit)
    }

    fn unit_fault(&self, record: &PodRecord) -> Option<String> {
        let unit = self.unit_of(record).filter(|unit| unit.is_failed())?;
        Some(format!("its unit failed: {}", unit.result))
    }

    fn boot_fault(&self, record: &PodRecord) -> Option<&'static str> {
        self.sources
            .units?
            .boot_fault(&Instance::of(&record.identity))
    }

    fn drift(&self, record: &PodRecord, spec: Option<&PodSpec>) -> Option<String> {
        let name = record.identity.name.as_str();
        self.sources.agents?;
        if !self.listed.contains(name) {
            return Some("not in the roster".to_owned());
        }
        match self.desired.get(name)? {
            Err(fault) => Some(fault.to_string()),
            Ok(desired) => {
                let drift = drift(record, spec, desired);
                let fields = [drift.restart, drift.at_start, drift.live].concat();
                (!fields.is_empty()).then(|| fields.join(", "))
            }
        }
    }

    fn view_of(&self, record: &PodRecord) -> Option<&Pane> {
        let tag = views::tag_of(record.identity.id);
        self.views.get(tag.as_str()).copied()
    }

    /// Says why the view of a pod cannot be made; nothing if it can.
    fn why_no_view(&self, record: &PodRecord) -> String {
        let session = views::session_of(&record.identity.name);
        let mut panes = self.sources.panes.unwrap_or_default().iter();
        let is_its = |pane: &Pane| {
            session
                .as_ref()
                .is_some_and(|name| name.as_str() == pane.session_name)
        };
        match panes.any(is_its) {
            true => "another tmux session has its name".to_owned(),
            false => String::new(),
        }
    }

    /// One row a session, whatever the number of its panes.
    fn unmanaged(&self) -> Vec<PsRow> {
        let mut sessions = HashSet::new();
        self.sources
            .panes
            .unwrap_or_default()
            .iter()
            .filter(|pane| !is_ours(pane, self.sources.holder) && sessions.insert(pane.session))
            .map(|pane| PsRow {
                managed: false,
                session: Some(pane.session_name.clone()),
                flags: vec![Flag {
                    kind: FlagKind::Unmanaged,
                    detail: String::new(),
                }],
                ..self.blank(&pane.session_name, UNJUDGED)
            })
            .collect()
    }
}

fn held_by(sighting: &Sighting) -> String {
    let why = match sighting.head {
        Head::Interrupted => {
            "its pod ended while it was typed; the next start tells what came of it"
        }
        _ if !sighting.is_up() => "stopped",
        Head::Damaged => "its record is damaged",
        Head::Sound => "it is typed, and not taken yet",
    };
    let told = sighting.hold().filter(|_| sighting.is_up());
    told.unwrap_or_else(|| why.to_owned())
}

/// Returns what the pod says of its agent's end; the places where a program was looked for are left to
/// its log.
fn account(heartbeat: &Heartbeat) -> Option<String> {
    let detail = heartbeat.detail.as_deref()?;
    Some(split_places(detail).0.to_owned())
}

/// Returns what a draft keeps waiting: the state says only that it waits for a person.
fn draft(heartbeat: &Heartbeat) -> Option<String> {
    let draft = heartbeat.screen == "draft";
    draft.then(|| "draft: text stands in its composer".to_owned())
}

fn rfc3339(at: UnixMillis) -> Option<String> {
    let at = jiff::Timestamp::from_second(at.0.div_euclid(1000)).ok()?;
    Some(at.to_string())
}

#[cfg(test)]
mod tests;
