//! End-to-end tests: the `fleet` command, real pods, real terminals, real tmux.
//!
//! Each test has a world of its own ([`world::World`]): directories, tmux server, environment.

mod bad_input;
mod bad_luck;
mod fault_matrix;
mod two_fleets;
mod verbs;
mod world;
