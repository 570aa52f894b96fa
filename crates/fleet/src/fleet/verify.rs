//! `verify`: whether everything that the roster promises is there.

use podfleet_roster::Agent;
use serde::Serialize;

use super::Fleet;
use super::former::FormerFleet;
use crate::bridge::BridgeGlance;
use crate::comms::elsewhere;
use crate::drift::MATES;
use crate::error::FleetError;
use crate::ps::{FlagKind, PsRow, RowState};
use crate::readiness::Readiness;
use crate::supervisor::Units;

/// What of the roster's promises is not there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verification {
    /// How many agents were looked at.
    pub agents: usize,
    /// What is missing, in roster order.
    pub misses: Vec<Miss>,
}

/// Something that the roster promises and that is not there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Miss {
    /// The agent.
    pub agent: String,
    /// What is not there, or not as it should be.
    pub what: String,
    /// What to do about it.
    pub remedy: String,
}

impl Fleet {
    /// Looks whether everything that the roster promises for this host is there: each pod answers,
    /// each agent can work, each view stands, and all run as the roster says; where systemd keeps the
    /// pods, each is in its unit, and once the fleet is installed each comes back at boot.
    ///
    /// # Errors
    /// Fails without a usable roster, for unknown agents, and when the store cannot be read.
    pub async fn verify(&self, agents: &[String]) -> Result<Verification, FleetError> {
        let (roster, _) = self.wanted_roster()?;
        let (rows, units) = self.rows_and_units(agents).await?;
        let here = |row: &&PsRow| {
            let agent = roster.agent(&row.name);
            agent.is_none_or(|agent: &Agent| elsewhere(agent, &self.host).is_none())
        };
        let rows: Vec<_> = rows.iter().filter(|row| row.managed).filter(here).collect();
        let former = self.former_fleets().await?;
        let listed = |row: &PsRow| roster.agent(&row.name).is_some();
        let misses = rows
            .iter()
            .flat_map(|row| misses(row, listed(row), units.as_ref(), &former));
        let glance = self.bridge_glance().filter(|_| agents.is_empty());
        let settings = self.chat_settings();
        Ok(Verification {
            agents: rows.len(),
            misses: former
                .iter()
                .filter(|_| agents.is_empty())
                .map(former_miss)
                .chain(misses)
                .chain(
                    glance
                        .as_ref()
                        .and_then(|glance| bridge_miss(glance, settings.as_deref())),
                )
                .collect(),
        })
    }
}

/// A fleet that the roster does not name any more stands in the place of an agent; none has a name of
/// this form.
fn former_miss(former: &FormerFleet) -> Miss {
    Miss {
        agent: format!("(fleet {})", former.fleet),
        what: former.account(),
        remedy: former.remedy(),
    }
}

/// The bridge stands in the place of an agent; no agent has a name of this form.
fn bridge_miss(glance: &BridgeGlance, settings: Option<&str>) -> Option<Miss> {
    let began_with = glance
        .status
        .as_ref()
        .map(|status| status.settings.as_deref());
    let (what, remedy) = match glance.is_well() {
        true if began_with == Some(settings) => return None,
        true => (
            "it goes by what an earlier roster says of the chat".to_owned(),
            "`fleet bridge start` starts it anew",
        ),
        false => (
            format!("it is {}", glance.word()),
            "`fleet doctor` says why; `fleet bridge start` starts it",
        ),
    };
    Some(Miss {
        agent: "(bridge)".to_owned(),
        what,
        remedy: remedy.to_owned(),
    })
}

/// `listed` says whether it is in the roster.
fn misses(row: &PsRow, listed: bool, units: Option<&Units>, former: &[FormerFleet]) -> Vec<Miss> {
    let agent = &row.name;
    let miss = |what: String, remedy: String| Miss {
        agent: agent.clone(),
        what,
        remedy,
    };
    let detail = row
        .detail
        .as_ref()
        .map(|detail| format!(": {detail}"))
        .unwrap_or_default();
    let damaged = row.flags.iter().any(|flag| flag.kind == FlagKind::Damaged);
    let state = match row.readiness {
        RowState::Judged(_) if damaged => None,
        // What has a detail before it was ever started is what the roster asks for and cannot be.
        RowState::Judged(_) if row.generation.is_none() && row.detail.is_some() => {
            Some("mend its entry in the roster".to_owned())
        }
        // Its pod starts it again by itself, and `up` has no more to do than to wait for it.
        RowState::Judged(Readiness::Dead) if row.pod_pid.is_some() => Some(format!(
            "mend the cause (fleet log {agent}), then fleet restart {agent}"
        )),
        RowState::Judged(Readiness::Blocked)
            if row
                .detail
                .as_ref()
                .is_some_and(|why| why.starts_with("draft")) =>
        {
            Some(format!("submit or clear its draft: fleet attach {agent}"))
        }
        RowState::Judged(Readiness::Stopped | Readiness::Dead) if !listed => {
            Some(format!("fleet pod restore {agent}"))
        }
        RowState::Judged(readiness) => state_remedy(readiness, agent),
        RowState::Elsewhere(_) => None,
    };
    let mut misses: Vec<_> = state
        .map(|remedy| miss(format!("it is {}{detail}", row.readiness), remedy))
        .into_iter()
        .collect();
    if units.is_some() && row.pod_pid.is_some() && row.unit.is_none() {
        let what = "its pod runs, but no unit keeps it".to_owned();
        misses.push(miss(what, format!("fleet restart {agent}")));
    }
    let is_bare = |unit: &String| units.is_some_and(|units| units.bare.contains(unit));
    if row.unit.as_ref().is_some_and(is_bare) {
        let what = "its pod runs, but the files of its unit are gone".to_owned();
        misses.push(miss(what, format!("fleet up {agent}")));
    }
    misses.extend(row.flags.iter().filter_map(|flag| {
        let detail = &flag.detail;
        match flag.kind {
            FlagKind::View if detail.is_empty() => Some(miss(
                "its tmux view is missing".to_owned(),
                format!("fleet up {agent}"),
            )),
            FlagKind::View => Some(miss(
                format!("its tmux view is missing ({detail})"),
                match former.first() {
                    Some(former) => format!("{}, then fleet up {agent}", former.remedy()),
                    None => format!("end or rename that session, then fleet up {agent}"),
                },
            )),
            FlagKind::Drift if detail == MATES => Some(miss(
                "it was told of other fleet mates than it has".to_owned(),
                "fleet up, once it is idle".to_owned(),
            )),
            FlagKind::Drift => Some(miss(
                format!("it does not run as the roster says ({detail})"),
                "fleet up".to_owned(),
            )),
            // Until `install`, nothing promises that anybody comes back at boot.
            FlagKind::Boot if units.is_some_and(|units| units.target) => Some(miss(
                format!("it would not come back at boot ({detail})"),
                boot_remedy(detail).to_owned(),
            )),
            FlagKind::Damaged => Some(miss(
                format!("the record of its pod is damaged ({detail})"),
                format!("fleet pod forget {agent}, then fleet up {agent}"),
            )),
            FlagKind::Old => Some(miss(
                format!("its pod runs another build ({detail})"),
                format!("fleet restart {agent}"),
            )),
            _ => None,
        }
    }));
    misses
}

/// What to do about a pod that is not started at boot.
fn boot_remedy(fault: &str) -> &'static str {
    match fault {
        "no linger" => "loginctl enable-linger",
        _ => "fleet install",
    }
}

/// What to do about a state; nothing for one in which the agent can work.
fn state_remedy(readiness: Readiness, agent: &str) -> Option<String> {
    match readiness {
        Readiness::Working | Readiness::Available => None,
        Readiness::Stopped | Readiness::Dead => Some(format!("fleet up {agent}")),
        Readiness::Quarantined => Some(format!(
            "mend the cause (fleet log {agent}), then fleet restart {agent}"
        )),
        Readiness::Unknown | Readiness::Stale => Some(format!("fleet restart {agent}")),
        Readiness::Starting => Some(format!("wait, or look: fleet watch {agent}")),
        Readiness::Blocked => Some(format!("answer it: fleet attach {agent}")),
    }
}
