//! The commands, one module each: its arguments, and what it does with them.

pub(crate) mod attach;
pub(crate) mod completions;
pub(crate) mod down;
pub(crate) mod explain;
pub(crate) mod init;
pub(crate) mod log;
pub(crate) mod logs;
pub(crate) mod man;
pub(crate) mod plan;
pub(crate) mod pod;
mod progress;
pub(crate) mod ps;
pub(crate) mod restart;
pub(crate) mod schema;
pub(crate) mod scope;
pub(crate) mod send;
pub(crate) mod sim_agent;
pub(crate) mod status;
pub(crate) mod tail;
pub(crate) mod up;
pub(crate) mod validate;
pub(crate) mod verify;
pub(crate) mod version;
pub(crate) mod watch;
