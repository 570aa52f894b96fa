//! How what is recorded of a pod differs from what the roster wants.

use podfleet_pod::spec::PodSpec;
use podfleet_pod_store::PodRecord;

use crate::agent_env::is_captured;
use crate::desired::Desired;
use crate::plan::Drift;

/// Returns the fields that differ, by the names of the roster's keys where there is one.
///
/// Variables that come from the user's shell by themselves (`PATH`, `SSH_AUTH_SOCK`, …) differ
/// from one login to the next; they are taken up at a start and are no difference before it.
#[must_use]
pub fn drift(record: &PodRecord, desired: &Desired) -> Drift {
    let Ok(spec) = serde_json::from_value::<PodSpec>(record.spec.clone()) else {
        return Drift {
            restart: vec!["record".to_owned()],
            live: Vec::new(),
        };
    };
    let mut drift = Drift::default();
    let wanted = &desired.spec;
    let mut restart = |field: &str, differs: bool| {
        if differs {
            drift.restart.push(field.to_owned());
        }
    };
    restart(
        "runtime",
        record.runtime != desired.runtime || spec.harness != wanted.harness,
    );
    restart("class", record.class != desired.class);
    restart("model_hint", spec.model != wanted.model);
    // The text it is told and the model are part of the command line, and named for themselves.
    let same_words = spec.told == wanted.told && spec.model == wanted.model;
    restart("command", spec.argv != wanted.argv && same_words);
    restart("role text", spec.told != wanted.told);
    restart("env", env_differs(&spec, desired));
    restart("env file", spec.env_file != wanted.env_file);
    restart(
        "working_directory",
        spec.working_directory != wanted.working_directory,
    );
    restart("prepare", spec.prepare != wanted.prepare);
    restart("size", spec.size != wanted.size);
    restart(
        "reset_between_tasks",
        spec.reset_between_tasks != wanted.reset_between_tasks,
    );
    let mut live = |field: &str, differs: bool| {
        if differs {
            drift.live.push(field.to_owned());
        }
    };
    live("alias", record.alias != desired.alias);
    live("kickstart", spec.kickstart != wanted.kickstart);
    live("restart", spec.restart != wanted.restart);
    drift
}

fn env_differs(spec: &PodSpec, desired: &Desired) -> bool {
    let counts = |name: &String| !is_captured(name) || desired.explicit_env.contains(name);
    let recorded = spec.env.iter().filter(|(name, _)| counts(name));
    let wanted = desired.spec.env.iter().filter(|(name, _)| counts(name));
    !recorded.eq(wanted)
}
