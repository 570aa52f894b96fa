//! Settings of the agents' own programs that fight the environment that the fleet gives them.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use podfleet_harness::Harness;
use serde_json::Value;

use super::{Check, Verdict};
use crate::comms::elsewhere;
use crate::desired::{Desired, load_harness};
use crate::error::FleetError;
use crate::file_snapshot::FileSnapshot;
use crate::fleet::Fleet;
use crate::views::find_program;

/// The most that is read of a settings file, in bytes.
const MAX_BYTES: usize = 1 << 20;

impl Fleet {
    /// One check for each setting that takes away what a harness sets, and for what is wrong with the
    /// agents' files of variables.
    pub(super) async fn settings_checks(&self) -> Result<Vec<Check>, FleetError> {
        let survey = self.survey().await?;
        let home = self.env.get("HOME").unwrap_or("/");
        let mut checks = Vec::new();
        for (_, desired) in &survey.hosted {
            let Ok(desired) = desired else { continue };
            checks.extend(env_file_checks(desired));
            let name = &desired.spec.harness.name;
            let Ok((_, harness)) = load_harness(&self.dirs, name, &desired.runtime) else {
                continue;
            };
            for file in settings_files(&harness, Path::new(home), desired) {
                let fights = fights(&file, &harness, desired);
                checks.extend(fights.into_iter().map(|fight| fight.check(&file)));
            }
        }
        // Agents of one program share its settings.
        checks.dedup();
        Ok(checks)
    }

    /// Whether fleet mates on other machines can be reached at all; nobody is asked.
    pub(super) fn ssh_check(&self) -> Option<Check> {
        let mut agents = self.roster()?.agents.iter();
        agents.find(|agent| elsewhere(agent, &self.host).is_some())?;
        Some(match find_program("ssh", &self.env) {
            Some(path) => Check::new("ssh", Verdict::Ok, path.display().to_string()),
            None => Check::new(
                "ssh",
                Verdict::Wrong,
                "agents are on other machines, and no ssh",
            )
            .remedy("apt install openssh-client"),
        })
    }
}

/// What is wrong with an agent's file of variables, which may hold secrets.
fn env_file_checks(desired: &Desired) -> Vec<Check> {
    let mut checks = Vec::new();
    if let Some(fault) = desired.spec.read_env_file().fault {
        let remedy = "correct it; the agent is not started before";
        checks.push(Check::new("env file", Verdict::Wrong, fault.to_string()).remedy(remedy));
    }
    let path = desired.spec.env_file.iter();
    let open = path.filter(|path| {
        let mode = path.metadata().map(|file| file.permissions().mode());
        mode.is_ok_and(|mode| mode & 0o077 != 0)
    });
    checks.extend(open.map(|path| {
        let path = path.display();
        Check::new(
            "env file",
            Verdict::Note,
            format!("{path} can be read by others"),
        )
        .remedy(format!("chmod 600 {path}"))
    }));
    checks
}

/// Returns where the program reads settings that win over its environment.
fn settings_files(harness: &Harness, home: &Path, desired: &Desired) -> Vec<PathBuf> {
    let place = |template: &String| match template.strip_prefix("~/") {
        Some(below) => home.join(below),
        None => desired.spec.working_directory.join(template),
    };
    harness.launch().settings_files.iter().map(place).collect()
}

/// A variable that a settings file sets otherwise than the fleet.
#[derive(Debug, PartialEq, Eq)]
struct Fight {
    variable: String,
    theirs: String,
    ours: String,
}

impl Fight {
    fn check(self, file: &Path) -> Check {
        let Self {
            variable,
            theirs,
            ours,
        } = self;
        let file = file.display();
        let found = format!("{file} sets {variable}={theirs}, the fleet {ours}");
        Check::new("settings", Verdict::Note, found).remedy(format!(
            "take it out of that file, or set `env: {{{variable}: \"{theirs}\"}}` in the roster"
        ))
    }
}

/// A file that is not there or is no JSON sets nothing, as far as we can tell.
fn fights(file: &Path, harness: &Harness, desired: &Desired) -> Vec<Fight> {
    let snapshot = FileSnapshot::read(file, MAX_BYTES).ok();
    let text = snapshot.as_ref().and_then(FileSnapshot::bytes);
    let settings: Value = text
        .and_then(|text| serde_json::from_slice(text).ok())
        .unwrap_or_default();
    let ours = |name: &String| desired.spec.env.get(name);
    let theirs = |name: &String| Some(settings["env"].get(name)?.as_str()?.to_owned());
    let names = harness.launch().env.keys();
    names
        .filter_map(|name| {
            let (ours, theirs) = (ours(name)?.clone(), theirs(name)?);
            (ours != theirs).then(|| Fight {
                variable: name.clone(),
                theirs,
                ours,
            })
        })
        .collect()
}
