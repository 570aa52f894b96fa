//! What happens when an agent's program ends by itself.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::timespan::Timespan;

/// When an agent that ended by itself is started again, and how often before it is quarantined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct RestartPolicy {
    /// When to start the agent again: `always`, `on-failure` (a non-zero exit status or a signal) or
    /// `never`.
    pub policy: RestartWhen,
    /// How many restarts within the window are tried before the agent is quarantined.
    #[serde(alias = "maxRestarts")]
    #[schemars(range(max = 1000), example = 5)]
    pub max_restarts: u32,
    /// The window in which restarts are counted, such as `10m`.
    #[schemars(example = &"10m")]
    pub window: Timespan,
}

/// When an agent that ended by itself is started again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub enum RestartWhen {
    /// Whatever its exit status was.
    Always,
    /// Only when it failed: a non-zero exit status or a signal.
    #[default]
    OnFailure,
    /// Not at all.
    Never,
}

impl Default for RestartPolicy {
    fn default() -> Self {
        Self {
            policy: RestartWhen::OnFailure,
            max_restarts: 5,
            window: Timespan::minutes(10),
        }
    }
}
