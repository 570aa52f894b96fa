//! How what is recorded of a pod differs from what the roster wants.

use podfleet_pod::spec::{PodSpec, Resume};
use podfleet_pod_store::PodRecord;

use crate::agent_env::is_captured;
use crate::comms;
use crate::desired::Desired;
use crate::plan::Drift;

/// How it is called that an agent was told of other fleet mates than it has.
pub(crate) const MATES: &str = "fleet mates";

/// Returns the fields that differ, by the names of the roster's keys where there is one; `spec` is
/// the record's, if it can be read.
///
/// Variables that come from the user's shell by themselves (`PATH`, `SSH_AUTH_SOCK`, …) differ
/// from one login to the next; they are taken up at a start and are no difference before it.
#[must_use]
pub fn drift(record: &PodRecord, spec: Option<&PodSpec>, desired: &Desired) -> Drift {
    let Some(spec) = spec else {
        return Drift {
            restart: vec!["record".to_owned()],
            ..Drift::default()
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
    let comparable = spec.told.is_empty() == wanted.told.is_empty() && spec.model == wanted.model;
    restart(
        "command",
        comparable && untold_command(spec) != untold_command(wanted),
    );
    let (own, mates) = told_parts(spec);
    let (wanted_own, wanted_mates) = told_parts(wanted);
    restart("role text", own != wanted_own);
    restart("env", env_differs(spec, desired));
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
    // Who is told by the first message of a conversation, and goes on with one, learns of nothing by a
    // restart.
    let by_message = wanted.first_message.is_some() && resumes(wanted);
    if mates != wanted_mates && !by_message {
        drift.at_start.push(MATES.to_owned());
    }
    let mut live = |field: &str, differs: bool| {
        if differs {
            drift.live.push(field.to_owned());
        }
    };
    live("alias", record.alias != desired.alias);
    live("resume", spec.conversation != wanted.conversation);
    live("kickstart", spec.kickstart != wanted.kickstart);
    live("restart", spec.restart != wanted.restart);
    live("resources", spec.resources != wanted.resources);
    live(MATES, mates != wanted_mates && by_message);
    drift
}

fn resumes(spec: &PodSpec) -> bool {
    let place = spec.conversation.as_ref();
    place.is_some_and(|place| place.resume != Resume::Never)
}

/// Tells what an agent is told for itself from what it is told of its fleet mates, which changes with
/// every one of them.
fn told_parts(spec: &PodSpec) -> (&str, &str) {
    let told = spec.told.as_str();
    let (own, mates) = told.split_at(comms::begin(told).unwrap_or(told.len()));
    (own.trim_end(), mates)
}

/// Returns the command line without the text that the agent is told by it.
fn untold_command(spec: &PodSpec) -> Vec<String> {
    let without = |argument: &String| match spec.told.as_str() {
        "" => argument.clone(),
        told => argument.replace(told, ""),
    };
    spec.argv.iter().map(without).collect()
}

fn env_differs(spec: &PodSpec, desired: &Desired) -> bool {
    let counts = |name: &String| !is_captured(name) || desired.explicit_env.contains(name);
    let recorded = spec.env.iter().filter(|(name, _)| counts(name));
    let wanted = desired.spec.env.iter().filter(|(name, _)| counts(name));
    !recorded.eq(wanted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    use podfleet_pod::inspect::spec_of;
    use podfleet_pod::spec::{HarnessRef, Resources, RestartPolicy, RestartWhen};
    use podfleet_pod_store::{PodState, SpecText};
    use podfleet_protocol::{
        FleetName, Generation, Identity, PodId, PodName, Size, TenantId, UnixMillis,
    };

    fn desired() -> Desired {
        let variables = [
            ("PATH", "/usr/bin"),
            ("SSH_AUTH_SOCK", "/tmp/1"),
            ("A", "1"),
        ];
        let text = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        Desired {
            name: PodName::new("coder").unwrap(),
            class: "code".into(),
            alias: None,
            runtime: "sim".into(),
            spec: PodSpec {
                harness: HarnessRef {
                    name: "sim".into(),
                    file: None,
                },
                argv: vec!["fleet".into(), "sim-agent".into()],
                env: variables.map(text).into(),
                env_file: None,
                working_directory: "/work".into(),
                prepare: Vec::new(),
                told: String::new(),
                conversation: None,
                first_message: None,
                kickstart: None,
                restart: RestartPolicy::default(),
                size: Size::DEFAULT,
                reset_between_tasks: false,
                model: None,
                resources: Resources::default(),
            },
            explicit_env: vec!["A".into()],
            depends_on: Vec::new(),
            persistent: false,
            has_role: true,
        }
    }

    fn record(desired: &Desired) -> PodRecord {
        PodRecord {
            identity: Identity {
                id: PodId::generate(),
                name: desired.name.clone(),
                fleet: FleetName::default(),
                tenant_id: TenantId::new("ada").unwrap(),
                host: "fern".into(),
            },
            class: desired.class.clone(),
            alias: desired.alias.clone(),
            runtime: desired.runtime.clone(),
            spec: SpecText::of(&desired.spec).unwrap(),
            runtime_dir: PathBuf::from("/r"),
            generation: Generation(1),
            endpoint: None,
            state: PodState::Live,
            expected: true,
            member: true,
            spawned: None,
            paused: None,
            session: None,
            created: UnixMillis(0),
            updated: UnixMillis(0),
            revision: 1,
        }
    }

    fn drift_of(recorded: &PodRecord, wanted: &Desired) -> Drift {
        drift(recorded, spec_of(recorded).as_ref(), wanted)
    }

    fn after(change: impl FnOnce(&mut Desired)) -> (String, String) {
        let recorded = record(&desired());
        let mut wanted = desired();
        change(&mut wanted);
        let drift = drift_of(&recorded, &wanted);
        (drift.restart.join(" "), drift.live.join(" "))
    }

    #[test]
    fn what_was_recorded_from_the_roster_is_as_the_roster_says() {
        assert_eq!(after(|_| {}), (String::new(), String::new()));
    }

    #[test]
    fn another_login_is_no_change_of_the_roster() {
        let unchanged = after(|wanted| {
            wanted
                .spec
                .env
                .insert("PATH".into(), "/opt/venv/bin".into());
            wanted.spec.env.remove("SSH_AUTH_SOCK");
        });
        assert_eq!(unchanged, (String::new(), String::new()));
    }

    #[test]
    fn a_variable_that_the_roster_sets_counts_even_if_shells_set_it_too() {
        let changed = after(|wanted| {
            wanted.spec.env.insert("PATH".into(), "/opt/bin".into());
            wanted.explicit_env.push("PATH".into());
        });
        assert_eq!(changed.0, "env");
        let other = after(|wanted| drop(wanted.spec.env.insert("A".into(), "2".into())));
        assert_eq!(other.0, "env");
    }

    #[test]
    fn what_holds_at_once_is_told_from_what_needs_a_restart() {
        let live = after(|wanted| {
            wanted.alias = Some("Cody".into());
            wanted.spec.kickstart = Some("Go.".into());
            wanted.spec.restart.policy = RestartWhen::Always;
        });
        assert_eq!(live, (String::new(), "alias kickstart restart".into()));
        let both = after(|wanted| {
            wanted.class = "review".into();
            wanted.spec.argv.push("--fast".into());
            wanted.alias = Some("Cody".into());
        });
        assert_eq!(both, ("class command".into(), "alias".into()));
    }

    #[test]
    fn another_mate_changes_nothing_of_an_agents_own() {
        let told = |wanted: &mut Desired, text: &str| {
            wanted.spec.told = text.to_owned();
            wanted
                .spec
                .argv
                .extend(["--told".to_owned(), format!("text={text}")]);
        };
        let block = "# Your fleet\n\nYou are `[fern:coder]`, class code";
        let mut before = desired();
        told(&mut before, &format!("Role.\n\n{block}: one."));
        let recorded = record(&before);
        let after = |text: &str, change: fn(&mut Desired)| {
            let mut wanted = desired();
            told(&mut wanted, text);
            change(&mut wanted);
            let drift = drift_of(&recorded, &wanted);
            (drift.restart.join(" "), drift.at_start.join(" "))
        };
        let mates = || MATES.to_owned();
        let two = format!("Role.\n\n{block}: two.");
        assert_eq!(after(&two, |_| {}), (String::new(), mates()));
        // The last mate is gone.
        assert_eq!(after("Role.", |_| {}), (String::new(), mates()));
        let other = format!("Other role.\n\n{block}: one.");
        assert_eq!(after(&other, |_| {}), ("role text".into(), String::new()));
        let flag = after(&two, |wanted| wanted.spec.argv.push("--yolo".into()));
        assert_eq!(flag, ("command".into(), mates()));
    }

    #[test]
    fn a_model_is_named_and_not_the_command_line_that_carries_it() {
        let changed = after(|wanted| {
            wanted.spec.model = Some("opus".into());
            wanted.spec.argv.extend(["--model".into(), "opus".into()]);
        });
        assert_eq!(changed.0, "model_hint");
    }

    #[test]
    fn a_record_that_cannot_be_read_is_made_again() {
        let mut recorded = record(&desired());
        recorded.spec = SpecText::of(&["of another time"]).unwrap();
        assert_eq!(drift_of(&recorded, &desired()).restart, ["record"]);
    }
}
