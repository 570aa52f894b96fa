//! The commands, one module each: its arguments, and what it does with them.

pub(crate) mod completions;
mod connector_fields;
pub(crate) mod explain;
pub(crate) mod init;
mod json_flag;
pub(crate) mod man;
mod new_roster;
pub(crate) mod profile;
pub(crate) mod provision;
pub(crate) mod role;
pub(crate) mod schema;
pub(crate) mod validate;
pub(crate) mod version;

// What needs pods.
#[cfg(feature = "fleet")]
pub(crate) mod add;
#[cfg(feature = "fleet")]
pub(crate) mod answer;
#[cfg(feature = "fleet")]
pub(crate) mod attach;
#[cfg(feature = "fleet")]
pub(crate) mod body;
#[cfg(feature = "fleet")]
pub(crate) mod brake;
#[cfg(feature = "fleet")]
pub(crate) mod bridge;
#[cfg(feature = "fleet")]
pub(crate) mod chat;
#[cfg(feature = "fleet")]
pub(crate) mod comms;
#[cfg(feature = "fleet")]
pub(crate) mod connector;
#[cfg(feature = "fleet")]
pub(crate) mod doctor;
#[cfg(feature = "fleet")]
pub(crate) mod down;
#[cfg(feature = "fleet")]
pub(crate) mod edit;
#[cfg(feature = "hub")]
pub(crate) mod endpoint;
#[cfg(feature = "fleet")]
mod far;
#[cfg(feature = "hub")]
pub(crate) mod fs;
#[cfg(feature = "fleet")]
pub(crate) mod harness;
#[cfg(feature = "hub")]
pub(crate) mod hub;
#[cfg(feature = "fleet")]
pub(crate) mod inbox;
#[cfg(feature = "fleet")]
pub(crate) mod install;
#[cfg(feature = "fleet")]
pub(crate) mod interrupt;
#[cfg(feature = "fleet")]
pub(crate) mod log;
#[cfg(feature = "fleet")]
pub(crate) mod logs;
#[cfg(feature = "fleet")]
pub(crate) mod mcp;
#[cfg(feature = "hub")]
pub(crate) mod mount;
#[cfg(feature = "fleet")]
mod number;
#[cfg(feature = "fleet")]
pub(crate) mod peer;
#[cfg(feature = "fleet")]
pub(crate) mod plan;
#[cfg(feature = "fleet")]
pub(crate) mod pod;
#[cfg(feature = "fleet")]
pub(crate) mod pods;
#[cfg(feature = "fleet")]
mod progress;
#[cfg(feature = "fleet")]
pub(crate) mod prune;
#[cfg(feature = "fleet")]
pub(crate) mod ps;
#[cfg(feature = "hub")]
pub(crate) mod pty;
#[cfg(feature = "fleet")]
pub(crate) mod remove;
#[cfg(feature = "fleet")]
pub(crate) mod reset;
#[cfg(feature = "fleet")]
pub(crate) mod restart;
#[cfg(feature = "fleet")]
pub(crate) mod say;
#[cfg(feature = "fleet")]
pub(crate) mod scope;
#[cfg(feature = "fleet")]
pub(crate) mod send;
#[cfg(feature = "fleet")]
mod service;
#[cfg(feature = "fleet")]
pub(crate) mod set;
#[cfg(feature = "fleet")]
pub(crate) mod sim_agent;
#[cfg(feature = "fleet")]
pub(crate) mod spawn;
#[cfg(feature = "fleet")]
mod start;
#[cfg(feature = "fleet")]
pub(crate) mod status;
#[cfg(feature = "fleet")]
pub(crate) mod store;
#[cfg(feature = "fleet")]
pub(crate) mod supervise;
#[cfg(feature = "fleet")]
pub(crate) mod tail;
#[cfg(feature = "fleet")]
pub(crate) mod trust;
#[cfg(feature = "fleet")]
pub(crate) mod uninstall;
#[cfg(feature = "fleet")]
pub(crate) mod up;
#[cfg(feature = "fleet")]
pub(crate) mod update;
#[cfg(feature = "fleet")]
pub(crate) mod verify;
#[cfg(feature = "fleet")]
pub(crate) mod watch;
