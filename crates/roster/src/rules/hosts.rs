//! Agents on other hosts.

use crate::catalog::Code;
use crate::finding::Finding;
use crate::known::Known;
use crate::outline::{AgentOutline, Outline};
use crate::secret::shown;
use crate::tree::{Stated, Text};

/// Where an agent is.
pub(super) enum Place<'t> {
    /// On the machine that the roster is read on.
    Here,
    /// On this host.
    There(Text<'t>),
    /// What the roster says of it cannot be read.
    Unclear,
}

/// Tells where an agent is: here, unless its host is another one.
pub(super) fn place<'t>(agent: &AgentOutline<'t>, known: &Known) -> Place<'t> {
    match agent.stated("host") {
        Stated::Text(host) if !host.text.is_empty() && !known.is_this_host(host.text) => {
            Place::There(host)
        }
        Stated::Text(_) | Stated::Absent => Place::Here,
        Stated::Unclear => Place::Unclear,
    }
}

/// Whether nothing is said, be it in so many words.
fn is_absent(stated: &Stated<'_>) -> bool {
    match stated {
        Stated::Absent => true,
        Stated::Text(text) => text.text.is_empty(),
        Stated::Unclear => false,
    }
}

/// Notes how an agent on another host is reached, and keys that only such an agent has use for.
pub(super) fn remote_agents(outline: &Outline<'_>, known: &Known) -> Vec<Finding> {
    let notes = |agent: &AgentOutline<'_>| match place(agent, known) {
        Place::Here => ignored_keys(agent),
        Place::There(host) if is_absent(&agent.stated("ssh")) => {
            let message = format!("ssh is asked for `{}` by its name", shown(host.text));
            let note = Finding::new(Code::NoSsh, host.span, message)
                .help("add `ssh: user@host` if that is not enough");
            vec![note]
        }
        Place::There(_) | Place::Unclear => Vec::new(),
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
