//! Asking other pods how they are, all at once and not for long.

use std::time::Duration;

use podfleet_pod_store::{CorruptRecord, PodRecord, Reasons, VisiblePod};
use podfleet_protocol::method::{Status, StatusParams};
use podfleet_protocol::{
    AgentPhase, Availability, Glance, PodId, PodRow, PodStatus, Restorable, Visibility,
};

use crate::inspect::spec_of;
use crate::lock::is_held;
use crate::paths::StatePaths;
use crate::post::is_gone;
use podfleet_protocol::client::{Introduction, PodClient};

/// How long a pod may take to answer before it counts as unreachable.
const PATIENCE: Duration = Duration::from_millis(200);

/// What a pod that was asked is.
#[derive(Debug)]
pub struct Probed {
    /// Whether it can be had.
    pub availability: Availability,
    /// What it does, if it answered.
    pub status: Option<Glance>,
}

impl Probed {
    /// Makes the answer of a pod that is live.
    #[must_use]
    pub fn live(status: PodStatus) -> Self {
        Self {
            availability: Availability::Live,
            status: Some(Glance::from(status)),
        }
    }

    fn silent(availability: Availability) -> Self {
        Self {
            availability,
            status: None,
        }
    }
}

/// Asks a recorded pod how it is; takes at most 200 ms. One that does not answer is told so, never
/// left out. Where nobody answers, the pod's lock tells whether it lives.
pub async fn probe(record: &PodRecord, who: &Introduction, paths: &StatePaths) -> Probed {
    let Some(endpoint) = &record.endpoint else {
        return Probed::silent(Availability::Stopped);
    };
    let unreachable = |error| Probed::silent(Availability::Unreachable { error });
    let absent = || match is_held(&paths.lock(record.identity.id)) {
        true => unreachable("it lives, and nobody listens at its socket now".to_owned()),
        false => Probed::silent(Availability::Stopped),
    };
    let asking = async {
        let mut client = PodClient::connect(&endpoint.socket, who).await?;
        if client.hello().pod != record.identity.id {
            return Ok(None);
        }
        client
            .call::<Status>(StatusParams::default())
            .await
            .map(Some)
    };
    match tokio::time::timeout(PATIENCE, asking).await {
        Ok(Ok(Some(status))) => Probed::live(status),
        Ok(Ok(None)) => absent(),
        Ok(Err(error)) if is_gone(&error) => absent(),
        Ok(Err(error)) => unreachable(error.to_string()),
        Err(_) => unreachable(format!(
            "it listens and gave no answer within {} ms",
            PATIENCE.as_millis()
        )),
    }
}

/// What whoever looks at a pod may do with it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct May {
    /// Start it while it is stopped.
    pub restore: bool,
    /// End it, as has to be done where its agent has ended and it has not.
    pub stop: bool,
}

impl May {
    /// All of it, as the operator may.
    pub const ALL: Self = Self {
        restore: true,
        stop: true,
    };
}

/// Returns whether an agent has ended and is not started again by its pod.
#[must_use]
pub fn is_without_agent(agent: &AgentPhase) -> bool {
    matches!(
        agent,
        AgentPhase::Ended { .. } | AgentPhase::Quarantined { .. }
    )
}

/// Returns the row of a pod.
#[must_use]
pub fn row(visible: VisiblePod, probed: Probed, may: May) -> PodRow {
    let record = visible.summary.record;
    let restorable = restorable(&record, &probed, may);
    PodRow {
        name: record.identity.name.to_string(),
        class: Some(record.class),
        runtime: Some(record.runtime),
        identity: Some(record.identity),
        visibility: visibility(visible.reasons),
        availability: probed.availability,
        status: probed.status,
        restorable,
        inbox: visible.summary.undelivered,
    }
}

/// Returns the row of a record that cannot be read.
#[must_use]
pub fn corrupt_row(damaged: CorruptRecord, reasons: Reasons) -> PodRow {
    let CorruptRecord { id, label, error } = damaged;
    PodRow {
        restorable: Restorable::no(format!(
            "its record is damaged; `fleet pod forget {id}` removes it"
        )),
        name: if label.is_empty() { id } else { label },
        identity: None,
        class: None,
        runtime: None,
        visibility: visibility(reasons),
        availability: Availability::Corrupt { error },
        status: None,
        inbox: 0,
    }
}

/// Returns the row of a pod that a relation names, and that no record is there of.
#[must_use]
pub fn missing_row(id: PodId, reasons: Reasons) -> PodRow {
    let missing = CorruptRecord {
        id: id.to_string(),
        label: String::new(),
        error: String::new(),
    };
    PodRow {
        availability: Availability::Missing,
        restorable: Restorable::no("there is no record of it; `fleet store check` tells more"),
        ..corrupt_row(missing, reasons)
    }
}

fn visibility(reasons: Reasons) -> Vec<Visibility> {
    [
        (reasons.itself, Visibility::Itself),
        (reasons.child, Visibility::Child),
        (reasons.peer, Visibility::Peer),
        (reasons.fleet, Visibility::Fleet),
    ]
    .into_iter()
    .filter_map(|(holds, reason)| holds.then_some(reason))
    .collect()
}

fn restorable(record: &PodRecord, probed: &Probed, may: May) -> Restorable {
    let glance = probed.status.as_ref();
    match &probed.availability {
        Availability::Live if glance.is_some_and(|glance| is_without_agent(&glance.agent)) => {
            if !may.stop {
                let whose =
                    "its agent has ended; its parent, the lead and the operator start it again";
                return Restorable::no(whose);
            }
        }
        Availability::Live => return Restorable::no("it is live"),
        Availability::Unreachable { .. } => {
            return Restorable::no("it may still run");
        }
        Availability::Missing | Availability::Corrupt { .. } => {
            return Restorable::no("its record is missing or damaged");
        }
        Availability::Stopped => {}
    }
    if !may.restore {
        return Restorable::no("that is its parent's, its peers', the lead's and the operator's");
    }
    let Some(spec) = spec_of(record) else {
        return Restorable::no("its recorded specification cannot be read");
    };
    if let Some(why) = lacks_directory(record) {
        return Restorable::no(why);
    }
    let directory = spec.working_directory.display();
    Restorable::yes(format!("its agent starts again in {directory}"))
}

/// Returns why a pod cannot go on where it was, if that is gone: an agent in an empty directory
/// would not be restored.
#[must_use]
pub fn lacks_directory(record: &PodRecord) -> Option<String> {
    let directory = spec_of(record)?.working_directory;
    let what = match directory.metadata() {
        Ok(found) if found.is_dir() => return None,
        Ok(_) => "is no directory",
        Err(_) => "is not there",
    };
    Some(format!(
        "its working directory {} {what}",
        directory.display()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_reasons_are_told_in_one_order() {
        let reasons = Reasons {
            child: true,
            peer: true,
            ..Reasons::default()
        };
        assert_eq!(visibility(reasons), [Visibility::Child, Visibility::Peer]);
        assert_eq!(visibility(Reasons::default()), []);
    }
}
