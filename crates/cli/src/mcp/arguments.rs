//! What the tools take.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

/// Takes nothing.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

/// Names a pod.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Pod {
    /// The pod's name, as `list_pods` gives it.
    pub(super) name: String,
}

/// Starts a pod again.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Restore {
    /// The pod's name, as `list_pods` gives it.
    pub(super) name: String,
    /// How long its agent may take until it is ready, in seconds; 60 if absent.
    #[schemars(range(min = 1, max = 3600))]
    pub(super) timeout_s: Option<u64>,
}

/// Makes a child.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Spawn {
    /// The name of the new pod: letters, digits, `_`, `.` and `-`, at most 64; it must be free.
    pub(super) name: String,
    /// The program that runs its agent, such as `claude`, `codex`, `pi` or `opencode`.
    pub(super) runtime: String,
    /// Its first order: all that it has to know to do its work.
    pub(super) task: String,
    /// Where it runs, an absolute path; your own directory if absent.
    pub(super) working_directory: Option<PathBuf>,
    /// The absolute paths that it may change, no more than you may; yours if absent, nothing if
    /// empty.
    pub(super) scope: Option<Vec<PathBuf>>,
    /// The model; the program's own choice if absent.
    pub(super) model: Option<String>,
    /// What it is told of its role, apart from the task.
    pub(super) role: Option<String>,
    /// How long it may take until it has its task, in seconds; 60 if absent.
    #[schemars(range(min = 1, max = 3600))]
    pub(super) timeout_s: Option<u64>,
}

/// Sends a message.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Send {
    /// The receiver's name, as `list_pods` gives it.
    pub(super) name: String,
    /// What it is to read.
    pub(super) message: String,
    /// A UUID for this message. An inbox takes one id once; a session without a pod knows none.
    pub(super) id: Option<String>,
}

/// Reads what a pod produced.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReadOutput {
    /// The pod's name, as `list_pods` gives it.
    pub(super) name: String,
    /// The `cursor` of the answer before, to get what came since; `last` for that of your last
    /// reading, also before a restart of yours; the beginning if absent.
    pub(super) cursor: Option<String>,
}

/// Ends a pod.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Stop {
    /// The pod's name, as `list_pods` gives it.
    pub(super) name: String,
    /// Why, for its log.
    #[serde(default)]
    pub(super) reason: String,
}

/// Looks at the end of something of an agent.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Last {
    /// The agent's name, as `fleet_ps` gives it.
    pub(super) agent: String,
    /// How much of it; 50 if absent.
    #[schemars(range(min = 1, max = 2000))]
    pub(super) lines: Option<u32>,
}

/// Names an agent.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Agent {
    /// The agent's name, as `fleet_ps` gives it.
    pub(super) agent: String,
}

/// Puts an agent into the roster.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Add {
    /// The new agent's name: letters, digits, `_`, `.` and `-`, at most 64; it must be free.
    pub(super) name: String,
    /// The program that runs it, such as `claude`, `codex`, `pi` or `opencode`, or one of the
    /// roster's runtimes.
    pub(super) runtime: String,
    /// Its class; `worker` if absent.
    pub(super) class: Option<String>,
    /// Its model; the program's own choice if absent.
    pub(super) model: Option<String>,
    /// Whether it is started; it is if absent.
    pub(super) start: Option<bool>,
}

/// Takes an agent out of the roster.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Remove {
    /// The agent's name, as `fleet_ps` gives it.
    pub(super) agent: String,
    /// Who takes over its class, and what depended on it; the only enhancer needs one.
    pub(super) successor: Option<String>,
    /// Whether its environment file and its pod's log stay.
    #[serde(default)]
    pub(super) keep_files: bool,
}

/// Says something to the fleet's human.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Say {
    /// The text, in Markdown; may be empty if something is attached.
    #[serde(default)]
    pub(super) text: String,
    /// The thread of the chat, as a message of it names it; in none if absent.
    pub(super) thread: Option<String>,
    /// The message of the chat that it answers, if it is to be marked so.
    pub(super) reply_to: Option<String>,
    /// Files that go with it, by absolute path.
    #[serde(default)]
    pub(super) attachments: Vec<String>,
}
