//! A lenient view of the tree: what the rules look at, also where the schema found faults.

use std::cell::OnceCell;
use std::collections::HashMap;

use crate::finding::Span;
use crate::name::AgentName;
use crate::rules::are_apart;
use crate::secret::shown;
use crate::spelling::is_key;
use crate::tree::{Entry, NodeId, NodeKind, Stated, Text, Tree};

/// The keys of a roster.
const ROSTER_KEYS: [&str; 9] = [
    "version",
    "transport",
    "agents",
    "fleet",
    "tenant_id",
    "tmux",
    "defaults",
    "runtimes",
    "connector",
];

/// The keys of an agent; the usual ones first, since they are looked through in this order.
const AGENT_KEYS: [&str; 20] = [
    "name",
    "runtime",
    "class",
    "model_hint",
    "working_directory",
    "depends_on",
    "env",
    "alias",
    "command",
    "host",
    "ssh",
    "socket",
    "persistent_persona",
    "reset_between_tasks",
    "yolo",
    "kickstart",
    "resume",
    "prepare",
    "restart",
    "resources",
];

/// The keys of a runtime.
const RUNTIME_KEYS: [&str; 2] = ["reset_command", "harness"];

/// The keys of the defaults.
const DEFAULTS_KEYS: [&str; 1] = ["working_directory"];

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
    /// Whether it may misspell a key: it has one that agents do not have, or no keys at all.
    is_odd: OnceCell<bool>,
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
                is_odd: OnceCell::new(),
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

    /// Whether the name of every agent can be read and is one. Otherwise somebody may have meant an
    /// agent that is there.
    pub(crate) fn knows_all_names(&self) -> bool {
        let mut agents = self.agents.iter();
        agents.all(|agent| {
            let name = agent.name.as_ref();
            name.is_some_and(|name| AgentName::new(name.text).is_ok())
        })
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

    /// Whether the roster says which runtimes it has, be it none.
    pub(crate) fn knows_runtimes(&self) -> bool {
        let defaults = self.tree.get(self.root, "defaults");
        // As where they are indented too far.
        let is_inside = defaults.is_some_and(|at| self.tree.entry(at, "runtimes").is_some());
        match self.tree.get(self.root, "runtimes") {
            Some(runtimes) => self.tree.is_mapping(runtimes),
            None => !is_inside && !self.tree.misspells(self.root, "runtimes", &ROSTER_KEYS),
        }
    }

    /// The harness that a runtime of the roster's own names, be it by its own name.
    pub(crate) fn harness(&self, runtime: &'t Entry) -> Stated<'t> {
        let own_name = Text {
            text: &runtime.key,
            span: &runtime.key_span,
        };
        match self.tree.stated(runtime.value, "harness", &RUNTIME_KEYS) {
            Stated::Absent => Stated::Text(own_name),
            Stated::Text(harness) if harness.text.is_empty() => Stated::Text(own_name),
            stated => stated,
        }
    }

    /// The directory in which agents work that name none.
    pub(crate) fn default_directory(&self) -> Stated<'t> {
        match self.tree.entry(self.root, "defaults") {
            Some(defaults) => {
                let key = "working_directory";
                self.tree.stated(defaults.value, key, &DEFAULTS_KEYS)
            }
            None if self.tree.misspells(self.root, "defaults", &ROSTER_KEYS) => Stated::Unclear,
            None => Stated::Absent,
        }
    }
}

impl<'t> AgentOutline<'t> {
    /// The text of a key, which is given in `snake_case`.
    pub(crate) fn text(&self, key: &str) -> Option<Text<'t>> {
        self.tree.text_of(self.node, key)
    }

    /// What the agent says of a key that holds a text.
    pub(crate) fn stated(&self, key: &str) -> Stated<'t> {
        match self.tree.get(self.node, key) {
            None if !self.is_odd() => Stated::Absent,
            _ => self.tree.stated(self.node, key, &AGENT_KEYS),
        }
    }

    /// Whether a key is there, or another one that most likely means it.
    pub(crate) fn has_or_misspells(&self, key: &str) -> bool {
        self.has(key) || (self.is_odd() && self.tree.misspells(self.node, key, &AGENT_KEYS))
    }

    fn is_odd(&self) -> bool {
        let known = |entry: &Entry| AGENT_KEYS.iter().any(|key| is_key(&entry.key, key));
        *self.is_odd.get_or_init(|| {
            !self.tree.is_mapping(self.node) || !self.tree.entries(self.node).iter().all(known)
        })
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::published;

    #[test]
    fn the_keys_are_those_of_the_schema() {
        let known = |pointer: &str, keys: &[&str]| {
            let properties = published().pointer(pointer).unwrap().as_object().unwrap();
            let names = properties.keys().map(String::as_str);
            let mut names: Vec<&str> = names
                .filter(|name| !name.contains(char::is_uppercase))
                .collect();
            let mut keys = keys.to_vec();
            names.sort_unstable();
            keys.sort_unstable();
            assert_eq!(names, keys, "{pointer}");
        };
        known("/properties", &ROSTER_KEYS);
        known("/$defs/Agent/properties", &AGENT_KEYS);
        known("/$defs/Runtime/properties", &RUNTIME_KEYS);
        known("/$defs/Defaults/properties", &DEFAULTS_KEYS);
    }
}
