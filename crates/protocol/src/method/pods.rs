//! Other pods: seeing, restoring, and having children.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::cursor::{OutputCursor, PodListCursor};
use crate::id::{Generation, PodId, SessionId, UnixMillis};
use crate::message::NewMessage;
use crate::name::PodName;
use crate::receipt::Receipt;
use crate::row::PodRow;
use crate::scope::Scope;
use crate::status::RunEnd;

/// Parameters of methods about one other pod.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NameParams {
    /// Its name. A pod that is not seen and one that does not exist give the same error.
    pub name: PodName,
}

/// Parameters of `list_pods`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ListPodsParams {
    /// Goes on after this place, which the page before gave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<PodListCursor>,
    /// How many pods at most; absent or 0 means 100, more than 1000 means 1000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// Result of `list_pods`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ListPodsResult {
    /// The pods that are seen, this one among them, by fleet and name. One that does not
    /// answer or whose record is damaged stays listed.
    pub pods: Vec<PodRow>,
    /// Where the next page begins; absent at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<PodListCursor>,
}

/// Result of `inspect`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InspectResult {
    /// What a listing says of it.
    pub pod: PodRow,
    /// Counts its starts; 0 before the first.
    pub generation: Generation,
    /// The session that its agent is in, or was in last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    /// Where its agent runs. This and what follows is told only to who may read its output.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub working_directory: Option<PathBuf>,
    /// Where its pod listens while it runs, or did last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub socket: Option<PathBuf>,
    /// Its agent's command line; secrets are never in it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub argv: Vec<String>,
    /// What it may change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<Scope>,
    /// The pod that spawned it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<PodName>,
    /// The pods that it spawned.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub children: Vec<PodName>,
    /// Its peers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub peers: Vec<PodName>,
    /// When it was first recorded.
    pub created: UnixMillis,
}

/// Parameters of `restore_pod`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RestoreParams {
    /// The pod's name.
    pub name: PodName,
    /// How long its agent may take to be ready, in milliseconds; 0 leaves that to the pod.
    #[serde(default)]
    pub timeout_ms: u64,
}

/// What a successful restore found or did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Restored {
    /// It was live; nothing was done.
    AlreadyLive,
    /// It was started and its agent is ready.
    Restored,
}

/// Result of `restore_pod`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RestoreResult {
    /// What was found or done.
    pub outcome: Restored,
    /// The start of the pod that is live now.
    pub generation: Generation,
    /// Whether the agent took its former conversation up again.
    pub resumed: bool,
}

/// Data of the error [`StartFailed`](crate::rpc::ErrorCode::StartFailed): why a pod could not be
/// restored or spawned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StartFailure {
    /// The cause, as far as it is known.
    pub cause: String,
    /// The last lines of the pod's own log, oldest first.
    pub log_tail: Vec<String>,
}

/// Parameters of `spawn_pod`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SpawnParams {
    /// The child's name; it must be free.
    pub name: PodName,
    /// The child's identity, chosen by the caller; the same spawn again under the same id is
    /// answered and not done twice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<PodId>,
    /// The name of the harness that runs its agent.
    pub runtime: String,
    /// The first order that its agent gets.
    pub task: String,
    /// Where its agent runs; absent is the parent's directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub working_directory: Option<PathBuf>,
    /// What it may change; absent is the parent's scope. It is never wider than that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<Scope>,
    /// The model; absent is the harness's own choice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// What its agent is told about its role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// How long its agent may take to be ready and to take the task, in milliseconds; 0 leaves that
    /// to the pod.
    #[serde(default)]
    pub timeout_ms: u64,
}

/// Result of `spawn_pod`: the child lives and its task is submitted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SpawnResult {
    /// The child.
    pub id: PodId,
    /// Its name.
    pub name: PodName,
    /// Its first start.
    pub generation: Generation,
    /// What it may change.
    pub scope: Scope,
    /// What became of the task.
    pub task: Receipt,
    /// How many characters were taken out of it: control characters, and blanks of no width.
    #[serde(default)]
    pub stripped: usize,
}

/// Parameters of `send_to_pod` and `send_to_peer`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SendParams {
    /// The receiver's name.
    pub name: PodName,
    /// The message.
    pub message: NewMessage,
}

/// Parameters of `read_pod_output`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReadOutputParams {
    /// The child's name.
    pub name: PodName,
    /// Gives what came after this; `last` means where this pod's last reading of it ended; absent
    /// begins with what there is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<OutputCursor>,
    /// How many bytes of text at most; absent or 0 means 64 KiB, more than 1 MiB means 1 MiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// Result of `read_pod_output`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReadOutputResult {
    /// What the child's agent produced since the cursor.
    pub text: String,
    /// Where the next call goes on; it outlives restarts of both pods.
    pub cursor: OutputCursor,
    /// Whether the text was taken from the terminal, where a line can be repeated or missing. Of an
    /// agent that writes a transcript it is the last words of each turn, exactly.
    pub approximate: bool,
    /// Whether there is more already.
    pub more: bool,
}

/// Parameters of `stop_pod`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StopParams {
    /// The pod's name.
    pub name: PodName,
    /// Why, for the session logs.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// Result of `stop_pod`, which answers when the pod is gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StopResult {
    /// Whether it had stopped before; nothing was done then.
    pub already_stopped: bool,
    /// How its agent ended, if that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<RunEnd>,
}
