//! `hello` and `subscribe`: what a connection is for, and how its events begin.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::event::EventCursor;
use crate::id::{Generation, PodId, SessionId};
use crate::name::PodName;
use crate::row::Glance;
use crate::status::PodStatus;

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConnectionRole {
    /// Requests and their replies, nothing else.
    Command,
    /// Requests and their replies, and events once `subscribe` was called.
    Subscribe,
    /// An attach stream.
    Attach,
}

/// A pod's proof of who it is: known only to the pod and its agent.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Credential {
    /// The pod that the caller is, or whose agent it is.
    pub pod: PodId,
    /// 64 hexadecimal digits, new each generation.
    pub secret: String,
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credential")
            .field("pod", &self.pod)
            .finish_non_exhaustive()
    }
}

/// Parameters of `hello`, the first request of every connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HelloParams {
    /// The newest version that the client speaks.
    pub protocol: u32,
    /// The oldest version that the client understands.
    pub min_protocol: u32,
    /// What the connection is for.
    pub role: ConnectionRole,
    /// The client's name for people, such as `fleet send`, of at most
    /// [`MAX_LABEL`](crate::limits::MAX_LABEL) bytes.
    #[serde(deserialize_with = "crate::bounded::label")]
    pub client: String,
    /// Who the caller is, if it is a pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<Credential>,
}

/// Result of `hello`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HelloResult {
    /// The version that both will speak.
    pub protocol: u32,
    /// The pod.
    pub pod: PodId,
    /// Its name.
    pub name: PodName,
    /// The number of this start of the pod.
    pub generation: Generation,
    /// The build that it runs.
    pub build: String,
    /// The methods that it has.
    pub capabilities: Vec<String>,
    /// What it does now; absent where the caller may not see that, and of older builds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Glance>,
}

/// Parameters of `subscribe`, once on a connection with the role `subscribe`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SubscribeParams {
    /// Goes on after this event if the pod still has those that follow it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<EventCursor>,
}

/// Result of `subscribe`: the events after `cursor` follow as notifications, without a gap and
/// without a duplicate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SubscribeResult {
    /// The last event that the client has seen, or that the snapshot contains.
    pub cursor: EventCursor,
    /// All that the events so far led to; absent when the subscription goes on where the client
    /// asked it to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<Snapshot>,
    /// The place that the client asked for and the pod no longer has. What happened between it and
    /// the snapshot is in the session log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lagged: Option<EventCursor>,
}

/// The state of a pod at one event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Snapshot {
    /// What pod and agent do.
    pub status: PodStatus,
    /// The session that the pod writes its log of.
    pub session: SessionId,
    /// The last record of that log whose event the snapshot contains; 0 before the first.
    pub log_seq: u64,
}
