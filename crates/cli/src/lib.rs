//! The `fleet` command: it reads arguments and the environment, calls one library function for
//! each verb, and renders what comes back. It owns no decisions.
//!
//! Without the feature `fleet` it is the work on rosters alone, as CI wants it.

#![cfg_attr(
    not(feature = "fleet"),
    expect(dead_code, reason = "what commands share, some use only with pods")
)]

mod cli;
mod commands;
mod completion;
mod context;
mod disk;
mod error;
mod exit;
mod input;
mod new_file;
mod output;
mod own_files;
mod panic;
mod render;
mod roster_file;

// What needs pods.
#[cfg(feature = "fleet")]
mod attach;
#[cfg(feature = "fleet")]
mod change;
#[cfg(feature = "hub")]
mod hub;
#[cfg(feature = "fleet")]
mod mcp;
#[cfg(feature = "fleet")]
mod runtime;

use std::process::ExitCode;

/// Runs the command of this process, and returns what it ends with.
#[must_use]
pub fn main() -> ExitCode {
    panic::install_hook(give_terminal_back);
    completion::answer_shell();
    cli::run().into()
}

#[cfg(feature = "fleet")]
use attach::restore as give_terminal_back;

/// Nothing takes the terminal in a build without pods.
#[cfg(not(feature = "fleet"))]
const fn give_terminal_back() {}
