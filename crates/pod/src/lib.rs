//! The pod: the process that hosts one agent.
//!
//! This crate owns the agent's terminal, the delivery of messages into it, the heartbeat, the
//! socket and the attach streams. It does not own who should run (that is the roster's) or where
//! (the supervisor's), and it keeps durable truth only through the store. The client for it is
//! `podfleet_protocol::client`.
//!
//! Inside a pod process, data flows one way: connections (`server`) and the agent's
//! terminal send events to the controller; the controller decides, with the pure state machines of
//! delivery, attached clients and restarts; the journal makes it durable, log first.
//!
//! ```text
//! connections ──► commands ──► controller ──► journal ──► session log, then store
//!      ▲                        │      ▲         │
//!      └── status, receipts ◄───┘      └─────────┘ committed
//!                               │
//!                         guard ┴ terminal ──► agent
//! ```

mod account;
mod agent_process;
mod attach;
mod command;
mod controller;
mod delivery;
mod echoes;
mod events;
mod journal;
mod keeper;
mod lifecycle;
mod restart;
mod run;
mod server;
mod shared;
mod socket;
#[cfg(test)]
mod testing;
mod timer;
mod transcripts;
mod witness;

pub mod bare;
pub mod clock;
pub mod conversation;
pub mod env_file;
pub mod guard;
pub mod heartbeat;
pub mod host;
pub mod identity;
pub mod inspect;
pub mod living;
pub mod lock;
pub mod opening;
pub mod output;
pub mod paths;
pub mod post;
pub mod probe;
pub mod process;
pub mod pruning;
pub mod reader;
pub mod remains;
pub mod rights;
pub mod spec;
pub mod terminal;

pub use account::account;
pub use agent_process::split_places;
pub use guard::VIEWS_MARK;
pub use keeper::Keeper;
pub use run::{PodConfig, PodError, run};
pub use socket::Listening;
