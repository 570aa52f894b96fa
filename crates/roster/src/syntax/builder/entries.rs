//! The entries of a mapping while it is read.

use std::collections::HashMap;

use crate::tree::Entry;

/// Smaller mappings are searched as they are.
const WORTH_AN_INDEX: usize = 16;

/// Entries in the order of the text, each key once.
#[derive(Default)]
pub(super) struct Entries {
    list: Vec<Entry>,
    /// The place of each key in the list, once there are many.
    index: HashMap<String, usize>,
    /// Whether an entry came from a merge key, for as many entries as that was known of last.
    merged: Vec<bool>,
}

impl Entries {
    /// The entry whose key is written out in this mapping.
    pub(super) fn written(&self, key: &str) -> Option<&Entry> {
        let at = self.position(key)?;
        (!self.is_merged(at)).then(|| &self.list[at])
    }

    /// Adds an entry that is written out; it replaces a merged one.
    pub(super) fn put(&mut self, entry: Entry) {
        match self.position(&entry.key) {
            Some(at) => {
                self.list[at] = entry;
                if let Some(merged) = self.merged.get_mut(at) {
                    *merged = false;
                }
            }
            None => self.push(entry),
        }
    }

    /// Adds what a merge key put in; what is written out, or was merged first, wins.
    pub(super) fn merge(&mut self, entry: Entry) {
        if self.position(&entry.key).is_none() {
            self.merged.resize(self.list.len(), false);
            self.merged.push(true);
            self.push(entry);
        }
    }

    pub(super) fn into_list(mut self) -> Vec<Entry> {
        self.list.shrink_to_fit();
        self.list
    }

    fn is_merged(&self, at: usize) -> bool {
        self.merged.get(at).copied().unwrap_or(false)
    }

    fn push(&mut self, entry: Entry) {
        if self.list.len() >= WORTH_AN_INDEX {
            for (at, known) in self.list.iter().enumerate().skip(self.index.len()) {
                self.index.insert(known.key.clone(), at);
            }
            self.index.insert(entry.key.clone(), self.list.len());
        }
        self.list.push(entry);
    }

    fn position(&self, key: &str) -> Option<usize> {
        if self.index.is_empty() {
            return self.list.iter().position(|entry| entry.key == key);
        }
        self.index.get(key).copied()
    }
}
