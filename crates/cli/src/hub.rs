//! Hubs from the command line: which one, and how it is spoken to.

pub(crate) mod agents;
pub(crate) mod change;
pub(crate) mod connect;
pub(crate) mod error;
pub(crate) mod meant;
pub(crate) mod process;

pub(crate) use change::ChangeArgs;
pub(crate) use connect::HubArgs;
