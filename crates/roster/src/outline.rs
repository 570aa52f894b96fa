//! A lenient view of the tree: what the rules look at, also where the schema found faults.

use std::cell::OnceCell;
use std::collections::HashMap;

use crate::finding::Span;
use crate::rules::are_apart;
use crate::secret::shown;
use crate::tree::{Entry, NodeId, NodeKind, Text, Tree};

/// What can be read of a roster, whatever else is wrong with it.
pub(crate) struct Outline<'t> {
    pub(crate) tree: &'t Tree,
    pub(crate) root: NodeId,
    /// The key `agents`, if its value is a list.
    agents_key: Option<&'t Entry>,
    pub(crate) agents: Vec<AgentOutline<'t>>,
    names_are_apart: OnceCell<bool>,
}

/// What can be read of one agent.
pub(crate) struct AgentOutline<'t> {
    pub(crate) tree: &'t Tree,
    pub(crate) node: NodeId,
    /// The name, if it is a text; not necessarily a valid one.
    pub(crate) name: Option<Text<'t>>,
}

impl<'t> Outline<'t> {
    pub(crate) fn new(tree: &'t Tree, root: NodeId) -> Self {
        let agents_key = tree
            .entry(root, "agents")
            .filter(|entry| matches!(tree.node(entry.value).kind, NodeKind::List(_)));
        let agents = agents_key
            .map_or(&[][..], |entry| tree.items(entry.value))
            .iter()
            .map(|node| AgentOutline {
                tree,
                node: *node,
                name: tree.text_of(*node, "name"),
            })
            .collect();
        Self {
            tree,
            root,
            agents_key,
            agents,
            names_are_apart: OnceCell::new(),
        }
    }

    /// The place of the key `agents`, if its value is a list.
    pub(crate) fn agents_span(&self) -> Option<&'t Span> {
        self.agents_key.map(|entry| &entry.key_span)
    }

    /// The agents whose name can be read, with that name.
    pub(crate) fn named(&self) -> impl Iterator<Item = (usize, &Text<'t>)> {
        let names = self.agents.iter().enumerate();
        names.filter_map(|(index, agent)| Some((index, agent.name.as_ref()?)))
    }

    /// Whether no names clash in any way, as in most rosters.
    pub(crate) fn names_are_apart(&self) -> bool {
        let apart = || are_apart(self.named().map(|(_, name)| name.text));
        *self.names_are_apart.get_or_init(apart)
    }

    /// The first agent of each name.
    pub(crate) fn by_name(&self) -> HashMap<&'t str, usize> {
        let mut by_name = HashMap::new();
        for (index, name) in self.named() {
            by_name.entry(name.text).or_insert(index);
        }
        by_name
    }

    /// The session that keeps the tmux server alive, with the default applied.
    pub(crate) fn holder_session(&self) -> &'t str {
        self.tree
            .get(self.root, "tmux")
            .and_then(|tmux| self.tree.text_of(tmux, "holder_session"))
            .map_or("_holder", |session| session.text)
    }

    /// The roster's own runtimes.
    pub(crate) fn runtimes(&self) -> &'t [Entry] {
        self.tree
            .get(self.root, "runtimes")
            .map_or(&[], |runtimes| self.tree.entries(runtimes))
    }
}

impl<'t> AgentOutline<'t> {
    /// The text of a key, which is given in `snake_case`.
    pub(crate) fn text(&self, key: &str) -> Option<Text<'t>> {
        self.tree.text_of(self.node, key)
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.tree.entry(self.node, key).is_some()
    }

    /// Whether a key is there and true.
    pub(crate) fn is_true(&self, key: &str) -> bool {
        let value = self.tree.get(self.node, key);
        value.is_some_and(|id| matches!(self.tree.node(id).kind, NodeKind::Boolean(true)))
    }

    /// The names in `depends_on` that can be read.
    pub(crate) fn depends_on(&self) -> impl Iterator<Item = Text<'t>> {
        let items = self.tree.get(self.node, "depends_on");
        let items = items.map_or(&[][..], |list| self.tree.items(list));
        items.iter().filter_map(|item| self.tree.text(*item))
    }

    /// What to call the agent in a message.
    pub(crate) fn label(&self) -> String {
        match &self.name {
            Some(name) => format!("`{}`", shown(name.text)),
            None => "an agent without a name".to_owned(),
        }
    }
}
