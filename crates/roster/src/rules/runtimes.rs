//! The harnesses that agents name.

use std::cell::LazyCell;
use std::collections::HashSet;

use crate::catalog::Code;
use crate::finding::Finding;
use crate::known::Known;
use crate::outline::Outline;
use crate::secret::shown;
use crate::spelling::{list, nearest};
use crate::tree::{Stated, Text};

/// The runtime that stands for any program.
const ANY: &str = "generic";
/// The most names among which the nearest one is looked for.
const SUGGESTED: usize = 256;

/// Every agent's runtime has a harness, and so has every runtime that the roster defines.
pub(super) fn known_runtimes(outline: &Outline<'_>, known: &Known) -> Vec<Finding> {
    let defined = outline.runtimes();
    let own: HashSet<&str> = defined.iter().map(|runtime| runtime.key.as_str()).collect();
    let is_known = |name: &str| known.has_runtime(name) || own.contains(name);
    let runtimes = outline
        .agents
        .iter()
        .filter_map(|agent| agent.text("runtime"));
    let unclear = LazyCell::new(|| !outline.knows_runtimes());
    let of_agents = runtimes
        .filter(|runtime| !is_known(runtime.text) && !*unclear)
        .map(|runtime| {
            let names = defined.iter().map(|runtime| runtime.key.as_str());
            let all = known.runtimes().chain(names).take(SUGGESTED).collect();
            report("runtime", &runtime, all)
        });
    let of_runtimes = defined
        .iter()
        .filter_map(|runtime| match outline.harness(runtime) {
            Stated::Text(harness) => Some(harness),
            Stated::Absent | Stated::Unclear => None,
        })
        .filter(|harness| !known.has_runtime(harness.text))
        .map(|harness| report("harness", &harness, known.runtimes().collect()));
    of_agents.chain(of_runtimes).collect()
}

/// An agent of the runtime that stands for any program says which one.
pub(super) fn missing_commands(outline: &Outline<'_>, _: &Known) -> Vec<Finding> {
    let agents = outline.agents.iter();
    agents
        .filter_map(|agent| {
            let runtime = agent
                .text("runtime")
                .filter(|runtime| runtime.text == ANY && !agent.has_or_misspells("command"))?;
            let message = "the runtime `generic` is any program, and no `command` says which one";
            let help = "add a `command`, such as `command: [bash]`";
            Some(Finding::new(Code::MissingCommand, runtime.span, message).help(help))
        })
        .collect()
}

fn report(what: &str, found: &Text<'_>, known: Vec<&str>) -> Finding {
    let message = format!("there is no {what} `{}`", shown(found.text));
    let all = format!("known are {}", list(known.iter().copied(), "and"));
    let help = match nearest(found.text, known) {
        Some(near) => format!("did you mean `{near}`? {all}"),
        None => all,
    };
    Finding::new(Code::UnknownRuntime, found.span, message).help(help)
}
