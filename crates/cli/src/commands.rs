//! The commands, one module each: its arguments, and what it does with them.

pub(crate) mod completions;
pub(crate) mod explain;
pub(crate) mod man;
pub(crate) mod version;
