//! What an agent started and does not own: pods, and the tmux server of their views.
//!
//! An agent may bring its mates up. They are the fleet's, and end by its word alone; but their
//! processes are below the agent's, and a guard adopts whatever leaves its parents.

use super::calls_itself;
use crate::process::{ProcessRef, descendants_without};

/// The variable that marks the tmux server of a fleet's views, with any value. What the server
/// starts has it too and is below it.
pub const VIEWS_MARK: &str = "FLEET_TMUX_SERVER";

/// Returns the descendants of a process without pods and views, and what is below these.
pub(crate) fn belongings(root: u32) -> Vec<ProcessRef> {
    descendants_without(root, |process| is_pod(process) || is_view_server(process))
}

/// Returns whether a process says that it hosts a pod, by its command line.
pub(crate) fn is_pod(process: u32) -> bool {
    calls_itself(process, &["pod", "run"])
}

/// Returns whether a process is a tmux server, by the title that it gives itself, and a fleet's.
fn is_view_server(process: u32) -> bool {
    read(process, "comm").starts_with(b"tmux: server") && {
        let environment = read(process, "environ");
        let mut variables = environment.split(|byte| *byte == 0);
        variables.any(|variable| {
            let value = variable.strip_prefix(VIEWS_MARK.as_bytes());
            value.is_some_and(|value| value.starts_with(b"="))
        })
    }
}

/// A process that is gone has nothing to say.
fn read(process: u32, file: &str) -> Vec<u8> {
    std::fs::read(format!("/proc/{process}/{file}")).unwrap_or_default()
}
