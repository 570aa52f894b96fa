//! Limits of an agent's unit.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(crate) const MEMORY_PATTERN: &str = "^([1-9][0-9]*[KMGT]?|[1-9][0-9]?%|100%|infinity)$";

/// The limits of an agent's systemd unit; ignored with a notice where there is no systemd.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Resources {
    /// The most memory that the agent and its children may use, as systemd's `MemoryMax=` wants it:
    /// bytes with an optional suffix `K`, `M`, `G` or `T`, a percentage, or `infinity`. Absent: no limit.
    #[serde(alias = "memoryMax", skip_serializing_if = "Option::is_none")]
    #[schemars(
        regex(pattern = MEMORY_PATTERN),
        example = &"2G"
    )]
    pub memory_max: Option<String>,
    /// The share of the processor against other units, as systemd's `CPUWeight=`. Absent: systemd's own, 100.
    #[serde(alias = "cpuWeight", skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10000), example = 200)]
    pub cpu_weight: Option<u32>,
    /// The most processes and threads, as systemd's `TasksMax=`. Absent: systemd's own.
    #[serde(alias = "tasksMax", skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 4_194_304), example = 512)]
    pub tasks_max: Option<u32>,
}
