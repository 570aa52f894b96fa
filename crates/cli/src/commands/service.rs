//! What the processes that supervisors start have in common: a word to whoever started them, and a
//! log on standard error.

use std::io::Write as _;

use sd_notify::NotifyState;
use tracing_subscriber::EnvFilter;

use crate::context::Context;
use crate::error::Error;

/// Leaves the session of whoever starts the process, if that is to be told by a `line`.
pub(super) fn detach(line: bool) {
    if line {
        // The terminal and the keys of whoever starts it are not for it. Who leads a group cannot
        // leave it, and has one of its own already.
        let _ = rustix::process::setsid();
    }
}

/// Says that the process is ready: to systemd, and in a line on standard output if `line` says so.
pub(super) fn ready(line: bool) {
    say(line, "ready");
    tell_systemd(NotifyState::Ready);
}

/// Says why the process cannot go on.
pub(super) fn complain(line: bool, error: &Error) {
    let complaint = format!("error: {}", error.in_one_line());
    say(line, &complaint);
    tell_systemd(NotifyState::Status(&complaint));
}

/// Nothing happens where no service manager listens; one that does not answer takes its own steps.
pub(super) fn tell_systemd(state: NotifyState<'_>) {
    let _ = sd_notify::notify(&[state]);
}

/// Tells whoever started us, who may have gone away already.
fn say(line: bool, text: &str) {
    if line {
        let _ = writeln!(std::io::stdout(), "{text}");
    }
}

/// The process's own log goes to standard error, which its supervisor keeps.
pub(super) fn log_to_stderr(context: &Context) {
    let filter = context.env.get("FLEET_LOG").unwrap_or("info");
    let _ = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(filter))
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .with_target(false)
        // On a full disk its complaint about itself would fail too, and end the thread.
        .log_internal_errors(false)
        .try_init();
}
