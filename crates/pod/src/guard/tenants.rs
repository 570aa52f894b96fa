//! What an agent started and does not own: pods, and the tmux server of their views.
//!
//! An agent may bring its mates up. They are the fleet's, and end by its word alone; but their
//! processes are below the agent's, and a guard adopts whatever leaves its parents.

use podfleet_protocol::PodId;

use super::calls_itself;
use crate::process::{ProcessRef, all, ancestors, descendants_without};

/// The variable that says in whose name an agent and its descendants speak: a pod's id, a colon, and the
/// credential of a generation.
pub(crate) const CREDENTIAL: &str = "FLEET_POD_CREDENTIAL";

/// The variable that marks the tmux server of a fleet's views, with any value. What the server
/// starts has it too and is below it.
pub const VIEWS_MARK: &str = "FLEET_TMUX_SERVER";

/// Returns the descendants of a process without pods and views, and what is below these.
pub(crate) fn belongings(root: u32) -> Vec<ProcessRef> {
    descendants_without(root, is_tenant)
}

/// Returns what an agent of a pod started and left behind, whoever has adopted it, by the pod's credential in
/// its environment: without tenants and what is below these, and without this process and those above it.
///
/// What was started with another environment is not among it.
pub(crate) fn left_behind(pod: PodId) -> Vec<ProcessRef> {
    let own: Vec<_> = ancestors(std::process::id()).collect();
    let name = format!("{CREDENTIAL}={pod}:");
    let carries =
        |process: u32| has_variable(process, |variable| variable.starts_with(name.as_bytes()));
    let left = all().filter(|process| {
        carries(*process)
            && !own.contains(process)
            // Who has adopted it may be another pod, which makes it none of that pod's.
            && !ancestors(*process).take_while(|above| carries(*above)).any(is_tenant)
    });
    left.filter_map(ProcessRef::of).collect()
}

fn is_tenant(process: u32) -> bool {
    is_pod(process) || is_view_server(process)
}

/// Returns whether a process says that it hosts a pod, by its command line.
pub(crate) fn is_pod(process: u32) -> bool {
    calls_itself(process, &["pod", "run"])
}

/// Returns whether a process is a tmux server, by the title that it gives itself, and a fleet's.
fn is_view_server(process: u32) -> bool {
    read(process, "comm").starts_with(b"tmux: server")
        && has_variable(process, |variable| {
            let value = variable.strip_prefix(VIEWS_MARK.as_bytes());
            value.is_some_and(|value| value.starts_with(b"="))
        })
}

/// Returns whether a process was given a variable, with its value, that `is_it` is true for.
fn has_variable(process: u32, is_it: impl Fn(&[u8]) -> bool) -> bool {
    read(process, "environ").split(|byte| *byte == 0).any(is_it)
}

/// A process that is gone has nothing to say.
fn read(process: u32, file: &str) -> Vec<u8> {
    std::fs::read(format!("/proc/{process}/{file}")).unwrap_or_default()
}
