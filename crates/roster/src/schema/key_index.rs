//! Finds entries of mappings by key, quickly also where a mapping is huge.

use std::cell::RefCell;
use std::collections::HashMap;

use crate::tree::{Entry, NodeId, Tree};

/// Mappings that are smaller are searched as they are.
const WORTH_AN_INDEX: usize = 64;

/// The keys of the large mappings that were asked about.
#[derive(Default)]
pub(super) struct KeyIndex<'t> {
    mappings: RefCell<HashMap<NodeId, HashMap<&'t str, &'t Entry>>>,
}

impl<'t> KeyIndex<'t> {
    pub(super) fn entry(&self, tree: &'t Tree, mapping: NodeId, key: &str) -> Option<&'t Entry> {
        let entries = tree.entries(mapping);
        if entries.len() < WORTH_AN_INDEX {
            return entries.iter().find(|entry| entry.key == key);
        }
        let mut mappings = self.mappings.borrow_mut();
        let by_key = mappings.entry(mapping).or_insert_with(|| {
            let keys = entries.iter().map(|entry| entry.key.as_str());
            keys.zip(entries).collect()
        });
        by_key.get(key).copied()
    }
}
