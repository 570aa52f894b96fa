//! The `fleet` command: it reads arguments and the environment, calls one library function for
//! each verb, and renders what comes back. It owns no decisions.

mod cli;
mod commands;
mod completion;
mod context;
mod error;
mod exit;
mod output;
mod panic;
mod render;

use std::process::ExitCode;

fn main() -> ExitCode {
    panic::install_hook();
    completion::answer_shell();
    cli::run().into()
}
