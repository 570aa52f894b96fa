//! The agents' own programs: are they there, and which version.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use futures_util::future::join_all;
use podfleet_harness::Harness;
use podfleet_home::Env;

use super::{Check, Verdict};
use crate::desired::Desired;
use crate::error::FleetError;
use crate::fleet::Fleet;
use crate::views::find_program;

/// How long a program may take to tell its version.
const PATIENCE: Duration = Duration::from_secs(10);
/// Longer answers are no version.
const LONGEST: usize = 60;

impl Fleet {
    /// One check for each program that the roster's agents here are: for each runtime, unless an
    /// agent has a command or a `PATH` of its own.
    pub(super) async fn program_checks(&self) -> Result<Vec<Check>, FleetError> {
        let survey = self.survey().await?;
        let mut programs: BTreeMap<_, Vec<_>> = BTreeMap::new();
        let mut checks = Vec::new();
        for (agent, desired) in &survey.hosted {
            match desired {
                Ok(desired) => {
                    let program = desired.spec.argv.first();
                    let path = desired.spec.env.get("PATH");
                    let key = (agent.runtime.clone(), program, path);
                    let users = programs.entry(key).or_default();
                    users.push((agent.name.as_str(), desired));
                }
                Err(fault) => checks.push(
                    Check::new(
                        format!("agent {}", agent.name),
                        Verdict::Wrong,
                        fault.to_string(),
                    )
                    .remedy("mend its entry in the roster"),
                ),
            }
        }
        let several = |runtime: &str| {
            let of = programs.keys().filter(|(of, ..)| of == runtime);
            of.count() > 1
        };
        let asked = programs.iter().filter_map(|((runtime, ..), users)| {
            let check = match several(runtime) {
                true => format!("runtime {runtime} ({})", told(users)),
                false => format!("runtime {runtime}"),
            };
            let (_, desired) = users.first()?;
            Some(program(check, desired))
        });
        checks.extend(join_all(asked).await);
        Ok(checks)
    }
}

/// Names who a program is: the first agent, and how many more.
fn told(users: &[(&str, &Desired)]) -> String {
    let first = users.first().map_or("", |(name, _)| name);
    match users.len() {
        0 | 1 => first.to_owned(),
        several => format!("{first} and {} more", several - 1),
    }
}

async fn program(check: String, desired: &Desired) -> Check {
    let env: Env = desired.spec.env.clone().into_iter().collect();
    let Some(name) = desired.spec.argv.first() else {
        return Check::new(check, Verdict::Wrong, "there is no command");
    };
    let found = if name.contains('/') {
        Some(PathBuf::from(name)).filter(|path| path.is_file())
    } else {
        find_program(name, &env)
    };
    let Some(path) = found else {
        let found = format!("command not found: {name}");
        let remedy = "install it, or set its directory in the PATH of the roster's `env`";
        return Check::new(check, Verdict::Wrong, found).remedy(remedy);
    };
    let shown = path.display();
    let tried = Harness::shipped(&desired.spec.harness.name)
        .map(|harness| harness.versions().to_vec())
        .unwrap_or_default();
    if tried.is_empty() {
        // Of a program that is not known it is not known what `--version` does.
        return Check::new(check, Verdict::Ok, format!("{shown}"));
    }
    match version(&path, &desired.spec.env).await {
        Err(why) => Check::new(check, Verdict::Note, format!("{shown} {why}")),
        Ok(version) if tried.iter().any(|tried| version.contains(tried)) => {
            Check::new(check, Verdict::Ok, format!("{shown}: {version}"))
        }
        Ok(version) => {
            let tried = tried.join(", ");
            let found = format!("{shown}: {version}, tried with {tried}");
            Check::new(check, Verdict::Note, found)
                .remedy("nothing, unless its screen is not understood: `fleet ps --explain AGENT`")
        }
    }
}

/// Returns what a program says of its version, else why it is not known.
async fn version(program: &Path, env: &BTreeMap<String, String>) -> Result<String, String> {
    let running = tokio::process::Command::new(program)
        .arg("--version")
        .env_clear()
        .envs(env)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let ended = tokio::time::timeout(PATIENCE, running).await;
    let ended = ended.map_err(|_| {
        let seconds = PATIENCE.as_secs();
        format!("does not tell its version within {seconds} s")
    })?;
    let output = ended.map_err(|error| format!("cannot be run: {error}"))?;
    // Some tell it on standard error.
    let said = [&output.stdout, &output.stderr];
    let mut said = said.into_iter().map(|text| first_line(text));
    let line = said.find(|line| !line.is_empty()).unwrap_or_default();
    let usable = output.status.success() && !line.is_empty() && line.len() <= LONGEST;
    match usable && !line.contains(char::is_control) {
        true => Ok(line),
        false => Err("tells no version".to_owned()),
    }
}

fn first_line(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    text.lines().next().unwrap_or_default().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    async fn version_of(script: &str) -> Result<String, String> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("agent");
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        version(&path, &BTreeMap::new()).await
    }

    #[tokio::test]
    async fn a_version_is_read_wherever_the_program_tells_it() {
        for (script, told) in [
            ("echo 'agent 1.2'; echo a warning >&2", Some("agent 1.2")),
            ("echo 0.73.1 >&2", Some("0.73.1")),
            ("echo no such option >&2; exit 1", None),
            ("true", None),
        ] {
            let version = version_of(script).await.ok();
            assert_eq!(version.as_deref(), told, "{script}");
        }
    }
}
