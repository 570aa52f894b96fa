//! One agent of the fleet.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Serialize};

use crate::absent;
use crate::name::AgentName;
use crate::resources::Resources;
use crate::restart::RestartPolicy;
use crate::resume::Resume;
use crate::ssh_target::{self, SSH_TARGET_PATTERN};

/// One agent of the fleet, as the roster describes it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Agent {
    /// The agent's name: unique, also when case is ignored, and at once the name of its pod, its
    /// tmux session and its unit's instance.
    #[schemars(example = &"coder0")]
    pub name: AgentName,
    /// The harness that drives the agent: `claude`, `codex`, `pi`, `opencode`, `generic`, `sim`, one of the
    /// roster's runtimes or one of the user's harness files.
    #[schemars(length(min = 1), extend("examples" = crate::known::SHIPPED_RUNTIMES))]
    pub runtime: String,
    /// The agent's role. `orchestrator` and `enhancer` carry rules of their own.
    #[serde(default = "default_class")]
    #[schemars(length(min = 1), example = &"orchestrator", example = &"code")]
    pub class: String,
    /// A friendly name for chat and tables; the name stays the address. Absent: the name.
    #[serde(
        default,
        deserialize_with = "absent::if_empty",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(example = &"Ada")]
    pub alias: Option<String>,
    /// The host where a fleet mate really is; this machine's short host name means here. Absent:
    /// here.
    #[serde(
        default,
        deserialize_with = "ssh_target::if_any",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(regex(pattern = SSH_TARGET_PATTERN), example = &"build-box")]
    pub host: Option<String>,
    /// How ssh reaches that host, `user@host`. Absent: ssh goes to the host's name.
    #[serde(
        default,
        deserialize_with = "ssh_target::if_any",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(regex(pattern = SSH_TARGET_PATTERN), example = &"me@build-box")]
    pub ssh: Option<String>,
    /// The tmux socket of an agent that this roster does not host; ignored otherwise. Absent: tmux's
    /// own default socket.
    #[serde(
        default,
        deserialize_with = "absent::if_empty",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(example = &"podfleet")]
    pub socket: Option<String>,
    /// Where the agent works; a leading `~` is the home directory. Absent: the default's.
    #[serde(
        alias = "workingDirectory",
        default,
        deserialize_with = "absent::if_empty",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(example = &"~/src/project")]
    pub working_directory: Option<String>,
    /// The model, handed to the harness's model flag. Absent: whichever the program takes by itself.
    #[serde(
        alias = "modelHint",
        default,
        deserialize_with = "absent::if_empty",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(example = &"openai-codex/gpt-5.5:high", example = &"opus")]
    pub model_hint: Option<String>,
    /// A core, always-on seat: `down` leaves it alone unless it is named or `--all` is given.
    #[serde(alias = "persistentPersona", default)]
    pub persistent_persona: bool,
    /// A message sent with `--task` starts a task: the context is reset before it.
    #[serde(alias = "resetBetweenTasks", default)]
    pub reset_between_tasks: bool,
    /// Launch with the harness's skip-permissions flag.
    #[serde(default)]
    pub yolo: bool,
    /// Replaces the launch command: an argument vector, never a shell line, and nothing is added
    /// to it. Absent: the harness's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1), example = serde_json::json!(["claude", "--verbose"]))]
    pub command: Option<Vec<String>>,
    /// Extra environment. A value that looks like a secret is refused: name a file that holds it
    /// instead. Absent: nothing is added.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(transform = restrict_to_variable_names, example = serde_json::json!({"LANG": "C.UTF-8"}))]
    pub env: BTreeMap<String, String>,
    /// The first message after launch and after a reset. Absent: none is sent.
    #[serde(
        default,
        deserialize_with = "absent::if_empty",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(example = &"Read NOTES.md first.")]
    pub kickstart: Option<String>,
    /// Whether a restart, a boot or `up` continues the agent's conversation: `always`, `never`, or an
    /// age such as `8h`. Absent: `always`, but `never` with `reset_between_tasks`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"always", example = &"never", example = &"8h")]
    pub resume: Option<Resume>,
    /// An argument vector that is run in the working directory before each start; its failure
    /// stops the start and is shown. Absent: nothing is run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1), example = serde_json::json!(["git", "worktree", "add", "."]))]
    pub prepare: Option<Vec<String>>,
    /// The agents that are started before this one. Absent: none; order is then the roster's.
    #[serde(alias = "dependsOn", default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(example = serde_json::json!(["orchestrator"]))]
    pub depends_on: Vec<AgentName>,
    /// What happens when the agent ends by itself.
    #[serde(default)]
    #[schemars(example = serde_json::json!({"policy": "always", "max_restarts": 3, "window": "1h"}))]
    pub restart: RestartPolicy,
    /// Limits of the agent's unit; ignored with a notice where there is no systemd.
    #[serde(default)]
    #[schemars(example = serde_json::json!({"memory_max": "2G", "cpu_weight": 200}))]
    pub resources: Resources,
}

/// Allows only keys that can be names of environment variables. A pattern rather than a rule for
/// names, because validators report every key that has none, but only the first bad name.
fn restrict_to_variable_names(schema: &mut Schema) {
    if let Some(value) = schema.remove("additionalProperties") {
        let properties = serde_json::json!({ "^[A-Za-z_][A-Za-z0-9_]*$": value });
        schema.insert("patternProperties".to_owned(), properties);
        schema.insert("additionalProperties".to_owned(), false.into());
    }
}

fn default_class() -> String {
    "worker".to_owned()
}

impl Agent {
    /// Returns whether a start continues the conversation, with the default applied: always, but
    /// never where the context is reset between tasks.
    #[must_use]
    pub fn resume(&self) -> Resume {
        match self.resume {
            Some(resume) => resume,
            None if self.reset_between_tasks => Resume::Never,
            None => Resume::Always,
        }
    }

    /// Returns the name by which people know the agent: its alias, else its name.
    #[must_use]
    pub fn display_name(&self) -> &str {
        self.alias.as_deref().unwrap_or(self.name.as_str())
    }
}
