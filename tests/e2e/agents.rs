//! The real agent programs, each in its pod, with a model of ours behind it.
//!
//! They are installed by `scripts/setup.sh agents`, and run by `make test-full`.

mod answered;
mod keys;
mod killed;
mod lane;
mod lives;
mod narrow;
mod program;
mod stage;
