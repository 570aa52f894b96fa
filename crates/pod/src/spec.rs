//! What a pod needs to know to run its agent, as its store row records it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use podfleet_harness::Harness;
use podfleet_protocol::Size;
use serde::{Deserialize, Serialize};

use crate::env_file::EnvFile;

/// Everything that decides how a pod runs its agent.
///
/// It is recorded in the store before the pod starts, so that the pod needs no roster: a broken
/// roster stops no restart. Values of secrets are never in it; they come from `env_file`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PodSpec {
    /// What is known about the agent's program.
    pub harness: HarnessRef,
    /// The agent's command line; never a shell line.
    pub argv: Vec<String>,
    /// Its environment, but for what the pod itself adds.
    pub env: BTreeMap<String, String>,
    /// A file of further `NAME=value` lines, read at each start; missing is no error.
    #[serde(default)]
    pub env_file: Option<PathBuf>,
    /// Where it runs; absolute.
    pub working_directory: PathBuf,
    /// Run in the working directory before each start; empty for nothing.
    #[serde(default)]
    pub prepare: Vec<String>,
    /// The role and comms text that the agent was told, for the session log.
    #[serde(default)]
    pub told: String,
    /// Where the arguments that choose a conversation go, and when an earlier one is gone on with;
    /// nothing for a command that the user gave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation: Option<ConversationPlace>,
    /// The text that the agent is told as the first message of a conversation, because its program
    /// takes none at its start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_message: Option<String>,
    /// The first message after a start and after a reset.
    #[serde(default)]
    pub kickstart: Option<String>,
    /// What happens when the agent ends.
    pub restart: RestartPolicy,
    /// Size of the terminal until a controller sets it.
    #[serde(default)]
    pub size: Size,
    /// Whether a message that starts a task is preceded by a reset.
    #[serde(default)]
    pub reset_between_tasks: bool,
    /// The model, for people.
    #[serde(default)]
    pub model: Option<String>,
    /// The limits of its unit; nothing holds a pod to them where there is no service manager.
    #[serde(default, skip_serializing_if = "Resources::is_unlimited")]
    pub resources: Resources,
}

impl PodSpec {
    /// Returns the agent's environment but for what its pod adds: the recorded one, then the
    /// operator's file as it is now.
    #[must_use]
    pub fn environment(&self) -> BTreeMap<String, String> {
        let mut env = self.env.clone();
        env.extend(self.read_env_file().variables);
        env
    }

    /// Takes up from a newer spec of the same pod what holds without a restart.
    pub(crate) fn take_up(&mut self, newer: Self) {
        if let (Some(ours), Some(newer)) = (&mut self.conversation, newer.conversation) {
            ours.resume = newer.resume;
        }
        if self.first_message.is_some() && newer.first_message.is_some() {
            self.first_message = newer.first_message;
            self.told = newer.told;
        }
        self.kickstart = newer.kickstart;
        self.restart = newer.restart;
    }

    /// Reads the operator's file as it is now.
    #[must_use]
    pub fn read_env_file(&self) -> EnvFile {
        self.env_file
            .as_deref()
            .map(EnvFile::read)
            .unwrap_or_default()
    }
}

/// How the conversation of an agent is chosen at its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConversationPlace {
    /// The index in `argv` at which arguments are put in.
    pub at: usize,
    /// When an earlier conversation is gone on with.
    pub resume: Resume,
}

/// When a start goes on with the conversation of an earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resume {
    /// Whenever there is one.
    Always,
    /// Never.
    Never,
    /// While something was said in it not longer ago.
    Within {
        /// So many seconds.
        seconds: u64,
    },
}

/// The limits of a pod, its agent and all that they start, in the words of systemd.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Resources {
    /// `MemoryMax=`: bytes with an optional `K`, `M`, `G` or `T`, a percentage, or `infinity`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_max: Option<String>,
    /// `CPUWeight=`: the share of the processor against other units.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_weight: Option<u32>,
    /// `TasksMax=`: the most processes and threads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tasks_max: Option<u32>,
}

impl Resources {
    /// Returns whether no limit is set.
    #[must_use]
    pub fn is_unlimited(&self) -> bool {
        *self == Self::default()
    }
}

/// Which harness drives the agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HarnessRef {
    /// Its name.
    pub name: String,
    /// The text of the user's own harness file, when it is not a shipped one.
    #[serde(default)]
    pub file: Option<String>,
}

/// A harness cannot be had.
#[derive(Debug, thiserror::Error)]
#[error("harness `{name}` cannot be used")]
pub struct HarnessRefError {
    name: String,
    #[source]
    source: Option<podfleet_harness::HarnessError>,
}

impl HarnessRef {
    /// Returns the harness: from the recorded file, else the shipped one of this name.
    ///
    /// # Errors
    /// Fails when the file is invalid, or no harness of this name ships.
    pub fn load(&self) -> Result<Harness, HarnessRefError> {
        let fault = |source| HarnessRefError {
            name: self.name.clone(),
            source,
        };
        match &self.file {
            Some(text) => Harness::parse(&self.name, text).map_err(|error| fault(Some(error))),
            None => Harness::shipped(&self.name).ok_or_else(|| fault(None)),
        }
    }
}

/// When an ended agent is started again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestartPolicy {
    /// After which ends.
    pub policy: RestartWhen,
    /// How many ends within `window_s` quarantine it.
    pub max_restarts: u32,
    /// The window in seconds.
    pub window_s: u64,
}

/// After which ends an agent is started again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RestartWhen {
    /// After every end.
    Always,
    /// After every end but exit status 0.
    OnFailure,
    /// Never.
    Never,
}

impl Default for RestartPolicy {
    fn default() -> Self {
        Self {
            policy: RestartWhen::OnFailure,
            max_restarts: 5,
            window_s: 600,
        }
    }
}
