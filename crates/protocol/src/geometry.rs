//! The size of a terminal.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The size of a terminal in character cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Size {
    /// Width in columns, at least 1.
    pub columns: u16,
    /// Height in rows, at least 1.
    pub rows: u16,
}

impl Size {
    /// The size of a pod's terminal until a controller or the roster says otherwise.
    pub const DEFAULT: Self = Self {
        columns: 120,
        rows: 40,
    };
    /// The largest size that a pod accepts.
    pub const MAX: Self = Self {
        columns: 1000,
        rows: 1000,
    };

    /// Returns this size with both sides brought into `1..=1000`.
    #[must_use]
    pub fn clamped(self) -> Self {
        Self {
            columns: self.columns.clamp(1, Self::MAX.columns),
            rows: self.rows.clamp(1, Self::MAX.rows),
        }
    }
}

impl Default for Size {
    fn default() -> Self {
        Self::DEFAULT
    }
}
