//! The pod: the process that hosts one agent, and the client for it.
//!
//! This crate owns the agent's terminal, the delivery of messages into it, the heartbeat, the
//! socket and the attach streams. It does not own who should run (that is the roster's) or where
//! (the supervisor's), and it keeps durable truth only through the store.

mod agent_process;
pub mod client;
pub mod clock;
mod delivery;
pub mod guard;
pub mod heartbeat;
pub mod paths;
pub mod process;
pub mod spec;
pub mod terminal;
