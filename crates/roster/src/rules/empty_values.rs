//! Texts that are there and empty.

use crate::catalog::Code;
use crate::finding::Finding;
use crate::known::Known;
use crate::outline::{AgentOutline, Outline};
use crate::secret::shown;
use crate::tree::{Entry, NodeId, NodeKind, Tree};

/// The keys of an agent that count as absent when they are empty.
const OF_AGENTS: [&str; 7] = [
    "alias",
    "host",
    "ssh",
    "socket",
    "working_directory",
    "model_hint",
    "kickstart",
];

/// The keys of a runtime that count as absent when they are empty.
const OF_RUNTIMES: [&str; 2] = ["reset_command", "harness"];

/// No optional text is empty: whoever wrote it may believe that this says something. The name of a
/// tmux socket may be, which is how other programs write that there is none.
pub(super) fn empty_values(outline: &Outline<'_>, _: &Known) -> Vec<Finding> {
    let of_agents = outline.agents.iter().flat_map(|agent| {
        let empty = empty_keys(agent.tree, agent.node, &OF_AGENTS);
        empty.chain(nameless_programs(agent))
    });
    let runtimes = outline.runtimes().iter();
    let of_runtimes =
        runtimes.flat_map(|runtime| empty_keys(outline.tree, runtime.value, &OF_RUNTIMES));
    of_agents.chain(of_runtimes).collect()
}

fn empty_keys<'t>(
    tree: &'t Tree,
    mapping: NodeId,
    keys: &'static [&str],
) -> impl Iterator<Item = Finding> + 't {
    let entries = keys.iter().filter_map(move |key| tree.entry(mapping, key));
    entries.filter(|entry| is_empty(tree, entry)).map(|entry| {
        let span = &tree.node(entry.value).span;
        let message = format!("`{}` is empty, which counts as absent", shown(&entry.key));
        let help = "give it a value, or remove the key";
        Finding::new(Code::EmptyValue, span, message).help(help)
    })
}

fn is_empty(tree: &Tree, entry: &Entry) -> bool {
    matches!(&tree.node(entry.value).kind, NodeKind::Text(text) if text.is_empty())
}

/// An argument vector begins with the program.
fn nameless_programs<'t>(agent: &AgentOutline<'t>) -> impl Iterator<Item = Finding> + use<'t> {
    let (tree, node) = (agent.tree, agent.node);
    let vectors = ["command", "prepare"].into_iter();
    vectors.filter_map(move |key| {
        let first = *tree.items(tree.get(node, key)?).first()?;
        let text = tree.text(first).filter(|text| text.text.is_empty())?;
        let message = format!("`{key}` begins with an empty word, and no program has that name");
        let help = "the first item is the program";
        Some(Finding::new(Code::InvalidValue, text.span, message).help(help))
    })
}
