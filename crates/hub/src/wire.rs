//! The frame around an operation: what stands in `POST /v1/invoke` and its answer.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::fault::Fault;

/// The version of the surface that this build speaks; it stands in `hub.info`.
pub const VERSION: u32 = 1;
/// The longest body of an invocation in bytes.
pub const MAX_BODY: usize = 4 << 20;
/// How long an operation may take where its caller does not say.
pub const DEADLINE: std::time::Duration = std::time::Duration::from_secs(60);
/// How long an operation may take at most.
pub const MAX_DEADLINE: std::time::Duration = std::time::Duration::from_secs(900);

/// An operation that is asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Invocation {
    /// Comes back in the answer.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub id: String,
    /// The operation's name.
    pub op: String,
    /// Its parameters.
    #[serde(default)]
    pub params: Value,
    /// How long the caller waits, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_ms: Option<u64>,
    /// The same key again means the same terminal, not another one; 1 to 256 bytes.
    #[schemars(length(min = 1, max = 256))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
    /// Does nothing, and answers with what would be done; for operations that change something.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
}

/// The answer to an invocation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Answer {
    /// The `id` of the invocation, if it had one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub id: String,
    /// Whether it was carried out.
    pub ok: bool,
    /// The result, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
    /// Why it was not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Fault>,
}

impl Answer {
    /// Makes the answer to an invocation.
    #[must_use]
    pub fn of(id: String, result: Result<Value, Fault>) -> Self {
        let (value, error) = match result {
            Ok(value) => (Some(value), None),
            Err(fault) => (None, Some(fault)),
        };
        Self {
            id,
            ok: error.is_none(),
            value,
            error,
        }
    }
}
