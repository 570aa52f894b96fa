//! Messages to the pod's own agent: handing one in, following it, listing and withdrawing.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::address::Address;
use crate::id::{MessageId, UnixMillis};
use crate::limits::PREVIEW;
use crate::message::{Class, Kind, Message, NewMessage};
use crate::receipt::{Outcome, Receipt};

/// Parameters of `run` and `notify`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MessageParams {
    /// The message.
    pub message: NewMessage,
}

/// Result of every method that hands a message in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AcceptedResult {
    /// The message.
    pub id: MessageId,
    /// Its place in the inbox, counted from 1.
    pub position: u32,
    /// Whether it had been accepted before, under the same id.
    pub duplicate: bool,
    /// How many characters were taken out of its body: control characters, and blanks of no width.
    #[serde(default)]
    pub stripped: usize,
}

/// Parameters of `receipt`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReceiptParams {
    /// The message.
    pub id: MessageId,
    /// Answers only when the outcome is at least this, or settled, or the time is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Outcome>,
    /// Answers also when the message is held.
    #[serde(default)]
    pub or_held: bool,
    /// How long to wait in milliseconds; at most one hour.
    #[serde(default)]
    pub timeout_ms: u64,
}

/// Parameters of `inbox`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InboxParams {
    /// Goes on after this place, which the page before gave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
    /// How many messages at most; absent or 0 means 100, more than 1000 means 1000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// Result of `inbox`: the messages that have not left it, in order of acceptance.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InboxResult {
    /// Those that the caller may see: all, or only its own.
    pub messages: Vec<InboxRow>,
    /// Records that could not be read, each with what is wrong with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub corrupt: Vec<String>,
    /// Where the next page begins; absent at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
}

/// A message that waits, without its body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InboxRow {
    /// The message.
    pub id: MessageId,
    /// Who sent it.
    pub from: Address,
    /// By what right.
    pub kind: Kind,
    /// What it asks for.
    pub class: Class,
    /// The conversation it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<String>,
    /// The beginning of its body, at most [`PREVIEW`] characters.
    pub preview: String,
    /// Length of its body in bytes.
    pub bytes: u64,
    /// When it was accepted.
    pub accepted: UnixMillis,
    /// How often its delivery was begun.
    pub attempts: u32,
    /// What is known of its fate.
    pub receipt: Receipt,
}

impl InboxRow {
    /// Shows a message of an inbox.
    #[must_use]
    pub fn new(message: &Message, attempts: u32, receipt: Receipt) -> Self {
        Self {
            id: message.id,
            from: message.from.clone(),
            kind: message.kind,
            class: message.class,
            thread: message.thread.clone(),
            preview: message.body.chars().take(PREVIEW).collect(),
            bytes: message.body.len() as u64,
            accepted: message.accepted,
            attempts,
            receipt,
        }
    }
}

/// Parameters of `cancel`, whose result is the receipt `cancelled`, also when the message was
/// cancelled before. One that has left the inbox is answered with the error
/// [`TooLate`](crate::rpc::ErrorCode::TooLate), and its receipt as the data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CancelParams {
    /// The message.
    pub id: MessageId,
}
