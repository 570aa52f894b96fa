//! What the roster wants of one agent, in the terms of a pod.

pub(crate) mod child;

use std::cell::LazyCell;
use std::collections::{BTreeMap, HashMap};
use std::ops::Deref;
use std::path::{Path, PathBuf};

use podfleet_harness::{Harness, Invocation};
use podfleet_home::Env;
use podfleet_pod::spec::{
    ConversationPlace, HarnessRef, PodSpec, Resources, RestartPolicy, RestartWhen, Resume,
};
use podfleet_protocol::{PodName, Size};
use podfleet_roster::{Agent, Roster};

use crate::agent_env;
use crate::comms::{CommandReaders, Tools, elsewhere};
use crate::dirs::Dirs;
use crate::told::Texts;
use crate::tools::{Reporter, ToolServer};

/// What a pod has to be so that an agent is what the roster says.
#[derive(Debug, Clone, PartialEq)]
pub struct Desired {
    /// Its name.
    pub name: PodName,
    /// Its role.
    pub class: String,
    /// Its friendly name.
    pub alias: Option<String>,
    /// The runtime, as the roster names it.
    pub runtime: String,
    /// How its pod runs it.
    pub spec: PodSpec,
    /// The variables of the environment that the roster or the harness set.
    pub explicit_env: Vec<String>,
    /// The agents that are started before it.
    pub depends_on: Vec<String>,
    /// Whether `down` leaves it alone unless it is named.
    pub persistent: bool,
    /// Whether there is a role of its class, by which it learns its mandate.
    pub has_role: bool,
}

/// Why the roster's words about one agent cannot be followed. The others are not touched by it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Impossible {
    /// No harness of the runtime's name is known.
    #[error("unknown runtime `{0}`")]
    UnknownRuntime(String),
    /// The user's own harness file is wrong.
    #[error("{0}")]
    Harness(String),
    /// The harness starts no program by itself.
    #[error("runtime `{0}` starts no program of its own; give the agent a `command`")]
    NoCommand(String),
    /// The name is reserved or malformed.
    #[error("{0}")]
    Name(String),
    /// There is no home directory that `~` could mean.
    #[error("the working directory begins with `~`, and HOME is not set")]
    NoHome,
}

/// Whether an agent is told anything at its launch: by its command line or as its first message. A
/// command of the roster's own is left as it is.
pub(crate) fn is_told(agent: &Agent, harness: &Harness) -> bool {
    let launch = harness.launch();
    agent.command.is_none() && (launch.system_prompt.is_some() || launch.told_by_message)
}

/// Turns the agents of a roster into what their pods have to be.
#[derive(Debug)]
pub struct Recipe<'a> {
    /// The roster.
    pub roster: &'a Roster,
    /// The directory in which the roster is; relative working directories begin there.
    pub roster_dir: &'a Path,
    /// The fleet's directories.
    pub dirs: &'a Dirs,
    /// The user's environment.
    pub env: &'a Env,
    /// Our own binary.
    pub exe: &'a Path,
    /// This machine's short host name.
    pub host: &'a str,
    /// The variables by which programs inside the pod find this fleet.
    pub location: BTreeMap<String, String>,
}

impl<'a> Recipe<'a> {
    /// Returns the agents that this host has to run, in roster order, each with its pod or why it
    /// can have none.
    #[must_use]
    pub fn hosted(&self) -> Vec<(&'a Agent, Result<Desired, Impossible>)> {
        let mut harnesses = HashMap::new();
        for agent in &self.roster.agents {
            let name = self.roster.harness_of(agent);
            harnesses
                .entry(name)
                .or_insert_with(|| load_harness(self.dirs, name, &agent.runtime));
        }
        let texts = LazyCell::new(|| Texts::read(&self.dirs.config));
        let readers = CommandReaders::of(self.roster, |agent| {
            let harness = harnesses.get(self.roster.harness_of(agent))?.as_ref();
            harness.ok().map(|(_, harness)| harness)
        });
        let mut extra_path = agent_env::own_program_dirs(self.env);
        // Agents call `fleet` by its name.
        extra_path.extend(self.exe.parent().map(Path::to_owned));
        self.roster
            .agents
            .iter()
            .filter(|agent| elsewhere(agent, self.host).is_none())
            .map(|agent| {
                let desired = match harnesses.get(self.roster.harness_of(agent)) {
                    Some(Ok(program)) => {
                        self.desired(agent, program, &extra_path, &texts, &readers)
                    }
                    Some(Err(fault)) => Err(fault.clone()),
                    None => Err(Impossible::UnknownRuntime(agent.runtime.clone())),
                };
                (agent, desired)
            })
            .collect()
    }

    fn desired(
        &self,
        agent: &Agent,
        (reference, harness): &(HarnessRef, Harness),
        extra_path: &[PathBuf],
        texts: &impl Deref<Target = Texts>,
        readers: &CommandReaders,
    ) -> Result<Desired, Impossible> {
        let name = PodName::new(agent.name.as_str())
            .map_err(|error| Impossible::Name(error.to_string()))?;
        let (argv, told) = self.launch(agent, harness, texts, readers)?;
        let own_command = agent.command.is_some();
        let by_message = harness.launch().told_by_message && !told.is_empty();
        let harness_env = &harness.launch().env;
        let mut env = agent_env::agent_env(self.env, extra_path, harness_env, &agent.env);
        env.extend(self.location.clone());
        let explicit: BTreeMap<_, _> = harness_env.iter().chain(&agent.env).collect();
        let env_file = self.dirs.config.join("agents").join(format!("{name}.env"));
        let spec = PodSpec {
            harness: reference.clone(),
            argv,
            env,
            env_file: Some(env_file),
            working_directory: self.working_directory(agent)?,
            prepare: agent.prepare.clone().unwrap_or_default(),
            conversation: (!own_command).then(|| ConversationPlace {
                at: harness.launch().argv.len(),
                resume: resume(agent),
            }),
            first_message: by_message.then(|| told.clone()),
            told,
            kickstart: agent.kickstart.clone(),
            restart: restart_policy(agent),
            size: Size::DEFAULT,
            reset_between_tasks: agent.reset_between_tasks,
            model: agent.model_hint.clone(),
            resources: Resources {
                memory_max: agent.resources.memory_max.clone(),
                cpu_weight: agent.resources.cpu_weight,
                tasks_max: agent.resources.tasks_max,
            },
        };
        Ok(Desired {
            name,
            class: agent.class.clone(),
            alias: agent.alias.clone(),
            runtime: agent.runtime.clone(),
            spec,
            explicit_env: explicit.into_keys().cloned().collect(),
            depends_on: agent.depends_on.iter().map(ToString::to_string).collect(),
            persistent: agent.persistent_persona,
            has_role: texts.has_role(&agent.class),
        })
    }

    /// Returns the command line, and the text that the agent is told: by it, as system prompt, or as
    /// its first message.
    fn launch(
        &self,
        agent: &Agent,
        harness: &Harness,
        texts: &impl Deref<Target = Texts>,
        readers: &CommandReaders,
    ) -> Result<(Vec<String>, String), Impossible> {
        if let Some(command) = &agent.command {
            return Ok((command.clone(), String::new()));
        }
        let launch = harness.launch();
        let told = if is_told(agent, harness) {
            texts.told(self.roster, agent, self.host, Tools::of(harness), readers)
        } else {
            String::new()
        };
        let server = ToolServer::new(self.exe, &self.location);
        let reporter = Reporter::new(self.exe, harness);
        let argv = launch.command(&Invocation {
            tools: Some(server.tools()),
            calls: reporter.as_ref().map(Reporter::calls),
            fleet: &self.exe.to_string_lossy(),
            model: agent.model_hint.as_deref(),
            yolo: agent.yolo,
            system_prompt: Some(told.as_str()).filter(|text| !text.is_empty()),
            ..Invocation::default()
        });
        if argv.is_empty() {
            return Err(Impossible::NoCommand(agent.runtime.clone()));
        }
        Ok((argv, told))
    }

    fn working_directory(&self, agent: &Agent) -> Result<PathBuf, Impossible> {
        let text = self.roster.working_directory_of(agent);
        let below_home = match text.strip_prefix('~') {
            Some("") => Some(""),
            Some(rest) => rest.strip_prefix('/'),
            None => None,
        };
        match below_home {
            Some(rest) => {
                let home = self.env.get("HOME").ok_or(Impossible::NoHome)?;
                Ok(Path::new(home).join(rest).components().collect())
            }
            None => Ok(self.roster_dir.join(text)),
        }
    }
}

/// Reads the harness of a name, for what the roster or a wish calls `runtime`. A file of the user's
/// own wins over the shipped one of the same name.
pub(crate) fn load_harness(
    dirs: &Dirs,
    name: &str,
    runtime: &str,
) -> Result<(HarnessRef, Harness), Impossible> {
    let fault = |error: podfleet_harness::HarnessError| Impossible::Harness(error.to_string());
    // A runtime is free text, so it names a file only if it is a name.
    let file = PodName::new(name).ok().and_then(|name| {
        let path = dirs.config.join("harnesses").join(format!("{name}.toml"));
        std::fs::read_to_string(path).ok()
    });
    let harness = match &file {
        Some(text) => Harness::parse(name, text).map_err(fault)?,
        None => {
            Harness::shipped(name).ok_or_else(|| Impossible::UnknownRuntime(runtime.to_owned()))?
        }
    };
    let name = name.to_owned();
    Ok((HarnessRef { name, file }, harness))
}

fn resume(agent: &Agent) -> Resume {
    use podfleet_roster::Resume as Wish;
    match agent.resume() {
        Wish::Always => Resume::Always,
        Wish::Never => Resume::Never,
        Wish::Within(age) => Resume::Within {
            seconds: age.duration().as_secs(),
        },
    }
}

fn restart_policy(agent: &Agent) -> RestartPolicy {
    use podfleet_roster::RestartWhen as When;
    RestartPolicy {
        policy: match agent.restart.policy {
            When::Always => RestartWhen::Always,
            When::OnFailure => RestartWhen::OnFailure,
            When::Never => RestartWhen::Never,
        },
        max_restarts: agent.restart.max_restarts,
        window_s: agent.restart.window.duration().as_secs(),
    }
}

#[cfg(test)]
mod tests;
