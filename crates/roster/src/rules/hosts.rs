//! Agents on other hosts.

use crate::catalog::Code;
use crate::finding::Finding;
use crate::known::Known;
use crate::outline::{AgentOutline, Outline};
use crate::secret::shown;

/// Notes how an agent on another host is reached, and keys that only such an agent has use for.
pub(super) fn remote_agents(outline: &Outline<'_>, known: &Known) -> Vec<Finding> {
    let notes = |agent: &AgentOutline<'_>| match agent.text("host") {
        Some(host) if !host.text.is_empty() && !known.is_this_host(host.text) => {
            let text = |key| agent.text(key).filter(|text| !text.text.is_empty());
            let message = format!("ssh is asked for `{}` by its name", shown(host.text));
            let note = Finding::new(Code::NoSsh, host.span, message)
                .help("add `ssh: user@host` if that is not enough");
            match text("ssh") {
                Some(_) => Vec::new(),
                None => vec![note],
            }
        }
        _ => ignored_keys(agent),
    };
    outline.agents.iter().flat_map(notes).collect()
}

fn ignored_keys(agent: &AgentOutline<'_>) -> Vec<Finding> {
    let keys = ["ssh", "socket"].into_iter();
    let said = |key: &&str| !matches!(agent.text(key), Some(text) if text.text.is_empty());
    keys.filter(said)
        .filter_map(|key| agent.tree.entry(agent.node, key))
        .map(|entry| {
            let message = format!(
                "`{}` has no effect: {} is hosted here",
                entry.key,
                agent.label()
            );
            Finding::new(Code::IgnoredKey, &entry.key_span, message)
                .help("it is for agents with a `host`")
        })
        .collect()
}
