//! End-to-end tests: the `fleet` command, real pods, real terminals, real tmux.
//!
//! Each test has a world of its own ([`world::World`]): directories, tmux server, environment.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by it"
)]

mod acting;
mod agents;
mod another_build;
mod bad_disk;
mod bad_input;
mod bad_luck;
mod chat;
mod children;
mod clock;
mod conversations;
#[cfg(feature = "crash-points")]
mod crash_points;
mod dependencies;
mod detached;
mod dialogs;
mod dice;
mod discord;
mod disk_full;
mod edits;
mod elsewhere;
mod far_agents;
mod far_host;
mod fault_matrix;
mod hosted;
mod hub;
mod inbox;
mod incidents;
mod independent_validator;
mod interrupted;
mod load;
mod looking;
mod matrix;
mod mcp;
mod older_pod;
mod operator;
mod page;
mod peers;
mod pruning;
mod real_programs;
mod reliability;
mod rights;
mod roster_writing;
mod small_disk;
mod soak;
mod socket;
mod store;
mod store_care;
mod storm;
mod supervise;
mod systemd;
mod torture;
mod truth;
mod two_fleets;
mod verbs;
mod world;
