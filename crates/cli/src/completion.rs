//! Completion in the shell: the shell's script calls this program for candidates.

use std::ffi::OsStr;

use clap_complete::CompleteEnv;
use clap_complete::engine::CompletionCandidate;

use crate::cli;

/// The environment variable by which the shell's script asks for candidates.
pub(crate) const VARIABLE: &str = "FLEET_COMPLETE";

/// Answers the shell and ends the process, if it is the shell that asks.
pub(crate) fn answer_shell() {
    CompleteEnv::with_factory(cli::grammar)
        .var(VARIABLE)
        .bin("fleet")
        .completer("fleet")
        .complete();
}
