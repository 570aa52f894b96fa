//! What holds, moves or ends the pod's own agent.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::geometry::Size;
use crate::id::MessageId;
use crate::status::{Paused, ScreenStatus};

/// Until when `status` waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StatusUntil {
    /// Until the agent's terminal is ready for input, or waits for a person, or the agent ended.
    Settled,
}

/// Parameters of `status`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StatusParams {
    /// Answers only when this holds, or the time is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<StatusUntil>,
    /// How long to wait in milliseconds; at most one hour.
    #[serde(default)]
    pub timeout_ms: u64,
}

/// Parameters of `pause`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PauseParams {
    /// Why, for people; at most 200 characters are kept.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// Result of `pause` and `resume`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PauseResult {
    /// The brake that holds now; absent when messages are delivered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<Paused>,
    /// Whether this call changed it.
    pub changed: bool,
}

/// Parameters of `drain`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DrainParams {
    /// How long to wait in milliseconds until nothing is under way; at most one hour.
    #[serde(default)]
    pub timeout_ms: u64,
}

/// Result of `drain`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DrainResult {
    /// Whether nothing is under way: the agent has its prompt, or does not run, and of no message it is
    /// still to be found out what came of it.
    pub idle: bool,
    /// What is on the screen.
    pub screen: ScreenStatus,
}

/// Result of `interrupt`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InterruptResult {
    /// Whether the key was pressed. It is not, unless the screen shows that the agent works: at any
    /// other moment it means something else to the agent.
    pub pressed: bool,
    /// Whether the agent still showed that it works some seconds after the key. Older pods do not
    /// look.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub works_on: bool,
    /// What was on the screen when the key was pressed or not.
    pub screen: ScreenStatus,
}

/// Parameters of `resize`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ResizeParams {
    /// The wanted size. It stays until a controller brings its own.
    pub size: Size,
}

/// Result of `resize`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ResizeResult {
    /// The size that the terminal has now: the wanted one, brought into bounds.
    pub size: Size,
}

/// Parameters of `shutdown`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ShutdownParams {
    /// Why, for the session log.
    #[serde(default)]
    pub reason: String,
    /// Whether the pod is started again at once. Its parent, which was told when its agent ended, is
    /// then not told that the pod did. Older pods tell.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub restarts: bool,
}

/// Result of `reset`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ResetResult {
    /// The message that types the agent's own command; `receipt` tells of it. Absent when the agent
    /// has no such command: then only a fresh start makes it forget.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<MessageId>,
}

/// Parameters of `report`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReportParams {
    /// What the agent gave its hook, as it is.
    pub payload: serde_json::Value,
}
