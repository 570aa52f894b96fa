//! What happens in a pod, as its subscribers are told.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use crate::cursor::EventCursor;
use crate::id::{MessageId, PodId, Run, UnixMillis};
use crate::name::PodName;
use crate::receipt::Receipt;
use crate::status::{PodStatus, RunEnd};

/// Something that happened. A subscriber skips types that it does not know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "type")]
#[non_exhaustive]
pub enum Event {
    /// What pod and agent do changed; times of the last output alone are no change.
    Status {
        /// The whole status.
        status: Box<PodStatus>,
    },
    /// Something was learnt of a message's fate, the first time that it is accepted.
    Message {
        /// What is known now.
        receipt: Receipt,
        /// The record of the session log that says so; absent if the log could not be written.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        log_seq: Option<u64>,
    },
    /// The agent has ended a turn and is idle.
    TurnEnded {
        /// The message that had started the turn, if one of ours had.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message: Option<MessageId>,
        /// The agent's last words, if they are known: from its transcript or its hooks, else as far
        /// as the screen shows them. At most [`MAX_ANSWER`](crate::limits::MAX_ANSWER) bytes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        answer: Option<String>,
    },
    /// The agent's turn failed, or the agent itself did.
    Errored {
        /// What is known of it.
        detail: String,
    },
    /// The agent waits for a person, or the pod can deliver nothing.
    Blocked {
        /// By what, such as `permission`, `trust`, `login` or `log`.
        kind: String,
        /// What is asked, or what failed; empty if nothing is known.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        detail: String,
    },
    /// The agent was started.
    AgentStarted {
        /// The number of this start.
        run: Run,
    },
    /// The agent ended.
    AgentEnded {
        /// The run that ended.
        run: Run,
        /// How.
        end: RunEnd,
    },
    /// The pod ends; this is its last event.
    ShutDown {
        /// Who asked for it, and why.
        reason: String,
    },
    /// A relation to a peer began or ended, or a notification went to another pod.
    Peer(Relative),
    /// A relation to a child or a parent began or ended, the child reported something, or an order
    /// went to another pod.
    Child(Relative),
    /// A type of a newer pod.
    #[serde(other)]
    Other,
}

/// What happened between the pod and another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Relative {
    /// The other pod.
    pub id: PodId,
    /// Its name.
    pub name: PodName,
    /// What happened: to a peer `registered` or `unregistered`; to a child `reserved`, `spawned`,
    /// `ended` or `removed`; by a parent `spawned_by` or `orphaned_by`; what a child reports, such as
    /// `turn_ended`, `errored`, `blocked` or `shut_down`; of a message `sent` or its `receipt`.
    pub event: String,
    /// More about it; empty if there is nothing to say.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

/// Parameters of the notification `event`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EventParams {
    /// Its place; a later `subscribe` goes on after it.
    pub cursor: EventCursor,
    /// Its number: one more than that of the event before.
    pub number: u64,
    /// When it happened.
    pub at: UnixMillis,
    /// What happened.
    pub event: Event,
}

/// Parameters of the notification `lagged`: the subscriber read too slowly, events that it has not
/// seen are gone, and the pod closes the connection. A new subscription begins with a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LaggedParams {
    /// The last event that was sent.
    pub from: EventCursor,
}

/// What a pod sends to a subscriber unasked.
#[derive(Debug, Clone, PartialEq)]
pub enum Push {
    /// Something happened.
    Event(EventParams),
    /// Events are gone; nothing follows.
    Lagged(LaggedParams),
    /// A notification of a newer pod, to be skipped.
    Other(String),
}

impl Push {
    /// The name of the notification of an event.
    pub const EVENT: &'static str = "event";
    /// The name of the notification of lost events.
    pub const LAGGED: &'static str = "lagged";
}
