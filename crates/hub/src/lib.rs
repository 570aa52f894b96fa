//! Many machines, one place: endpoints, mounts, files, terminals and agents over HTTP.
//!
//! Every machine may run a hub. The one that a client talks to is **home**: it alone owns the
//! topology, which says what endpoints and mounts there are. The hubs of the endpoints are
//! **spokes**: they serve their own machine and know nothing of a topology. Both are the same
//! program; the same client speaks to both.
//!
//! This crate owns the topology, the way to endpoints, files below a mount, the routing of
//! terminals, tokens and the HTTP surface, and the [`client`] for all of it. It does not know how a
//! pod works, reads no environment and prints nothing.
//!
//! ```text
//!  client ──► server ─► hub  ──┬─► topology                      (home only)
//!                                 ├─► machine: files, agents, terminals   (this machine)
//!                                 └─► endpoint ──► client ──► the spoke's http …
//! ```
//!
//! | module | owns |
//! |---|---|
//! | [`op`] | the operations: names, parameters, results, and the right that each needs |
//! | [`fault`] | the one error of the wire, with its origin |
//! | [`topology`] | endpoints, mounts, tokens and routes of terminals in `SQLite` |
//! | [`path`] | paths below a mount |
//! | [`contained`] | files below a directory, whatever links there are |
//! | [`host`] | a hub as a process: its lock, its listeners, and finding the one that runs |
//! | [`machine`] | what this machine does itself |
//! | [`endpoint`] | one supervisor an endpoint: how it is, and calls to it |
//! | [`server`] | the HTTP server: authentication, limits, `/v1/…`, and the page for people |
//! | [`terminal`] | which terminal is meant, and what an attach to it gives |
//! | [`tls`] | the own key, and keys that are pinned |
//! | [`client`] | calling a hub |

pub mod address;
pub mod client;
pub mod contained;
pub mod endpoint;
pub mod fault;
pub mod host;
pub mod hub;
pub mod machine;
pub mod op;
pub mod path;
pub mod preview;
mod private_file;
pub mod secret;
pub mod server;
pub mod terminal;
pub mod tls;
pub mod token;
pub mod topology;
pub mod wire;
