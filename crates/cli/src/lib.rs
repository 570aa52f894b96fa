//! The `fleet` command: it reads arguments and the environment, calls one library function for
//! each verb, and renders what comes back. It owns no decisions.

mod attach;
mod change;
mod cli;
mod commands;
mod completion;
mod context;
mod disk;
mod error;
mod exit;
mod output;
mod panic;
mod render;
mod roster_file;
mod runtime;

use std::process::ExitCode;

/// Runs the command of this process, and returns what it ends with.
#[must_use]
pub fn main() -> ExitCode {
    panic::install_hook();
    completion::answer_shell();
    cli::run().into()
}
