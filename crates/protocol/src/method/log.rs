//! Reading the session log through the pod.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::cursor::LogCursor;
use crate::id::SessionId;

/// Parameters of `log`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LogParams {
    /// Goes on from here; absent begins at the front of the present session, or with its last
    /// records if `last` is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<LogCursor>,
    /// Begins with so many of the last records instead of the first; not together with `from`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<u32>,
    /// How many records at most; absent or 0 means 100, more than 1000 means 1000. A page also ends
    /// before it grows over 1 MiB, but for its first record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// Result of `log`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LogResult {
    /// The session.
    pub session: SessionId,
    /// Records in order, each as it stands in the log: `ts`, `seq`, `generation`, `type` and what
    /// belongs to that type.
    pub records: Vec<Map<String, Value>>,
    /// How many damaged or overlong records were left out among them; the files still have them.
    #[serde(default)]
    pub skipped: u64,
    /// Where the next page begins; it can be asked for again when the log has grown.
    pub next: LogCursor,
    /// Whether nothing more was there when this was read.
    pub end: bool,
}
