//! A long text in two halves, which are read at the same time.
//!
//! Most of a long roster is its list of agents. An item of a block list ends whatever the items
//! before it have begun, so the text can be cut there, and the second half be read below a key of its
//! own. Where something only looks like an item, being part of a quoted text, say, the first half
//! is not complete; then, as with any other finding, the text has to be read as one.

use std::mem;

use super::builder::trimmed;
use super::{Syntax, read_whole};
use crate::beside::beside;
use crate::tree::{Entry, NodeId, NodeKind, Tree};

/// The key whose list is cut, with the end of its line.
const KEY: &str = "agents:\n";

/// The most keys at the top of a roster that are compared with each other.
const KEYS: usize = 64;

/// A text and where it can be cut.
pub(super) struct Halves<'t> {
    text: &'t str,
    /// Where the dash of the list's first item is.
    list: usize,
    /// Where the second half begins, with the line of an item.
    cut: usize,
}

impl<'t> Halves<'t> {
    /// Finds the item that is next to the middle of the text.
    pub(super) fn of(text: &'t str) -> Option<Self> {
        let key = text.find("\nagents:")? + 1;
        // A directive holds for all of a document.
        if text[..key].contains('%') {
            return None;
        }
        let list = first_item(text, key)?;
        // The indentation, with the end of the line before.
        let item = &text[text[..list].rfind('\n')?..list + "- ".len()];
        let middle = text.floor_char_boundary(text.len() / 2).max(list);
        let cut = middle + text[middle..].find(item)? + 1;
        let (first, second) = text.split_at(cut);
        // Behind the end of a document there is no item. What an alias stands for may be in the
        // first half, and all of them are counted.
        let apart = !first.contains("\n...") && !second.contains('*');
        apart.then_some(Self { text, list, cut })
    }

    /// Reads both halves and joins them; nothing if the text has to be read as one.
    pub(super) fn read(&self) -> Option<Syntax> {
        let second = format!("{KEY}{}", &self.text[self.cut..]);
        let (first, second) = beside(
            || read_whole(&self.text[..self.cut]),
            || read_whole(&second),
        );
        let sound = |half: &Syntax| half.complete && half.findings.is_empty();
        if !sound(&first) || !sound(&second) {
            return None;
        }
        let mut tree = first.tree;
        let root = tree.root()?;
        let list = tree.entries(root).last()?.value;
        // It goes on in the second half if it is that list, which the parser has begin at its first
        // dash or behind it, and if nothing follows it.
        let before = self.text.get(self.list..tree.node(list).span.start)?;
        if !matches!(before.trim_end_matches(' '), "" | "-") {
            return None;
        }
        let second = tree.adopt(second.tree, self.cut - KEY.len())?;
        self.join(&mut tree, root, list, second)?;
        Some(Syntax {
            tree,
            findings: Vec::new(),
            complete: true,
        })
    }

    /// Adds the items of the second half's only list, and its later keys, to those of the first half.
    fn join(&self, tree: &mut Tree, root: NodeId, list: NodeId, second: NodeId) -> Option<()> {
        let (NodeKind::Mapping(entries), end_of_root) = take(tree, second) else {
            return None;
        };
        let mut later = entries.into_iter();
        let (NodeKind::List(items), end_of_list) = take(tree, later.next()?.value) else {
            return None;
        };
        let known = tree.entries(root);
        let is_known = |entry: &Entry| known.iter().any(|known| known.key == entry.key);
        if known.len() + later.len() > KEYS || later.as_slice().iter().any(is_known) {
            return None;
        }
        let root = tree.node_mut(root);
        root.span = trimmed(self.text, root.span.start, end_of_root);
        if let NodeKind::Mapping(entries) = &mut root.kind {
            entries.extend(later);
        }
        let list = tree.node_mut(list);
        list.span = trimmed(self.text, list.span.start, end_of_list);
        if let NodeKind::List(all) = &mut list.kind {
            all.extend(items);
        }
        Some(())
    }
}

/// Finds the first item of a block list in the lines below that of its key.
fn first_item(text: &str, key: usize) -> Option<usize> {
    let mut at = key;
    let mut lines = text[key..].split_inclusive('\n');
    loop {
        at += lines.next()?.len();
        let content = text[at..].trim_start_matches(' ');
        match content.as_bytes() {
            [b'-', b' ', ..] => return Some(text.len() - content.len()),
            [b'#' | b'\r' | b'\n', ..] => {}
            _ => return None,
        }
    }
}

/// Takes a node's content out of the tree, with the byte where it ends.
fn take(tree: &mut Tree, id: NodeId) -> (NodeKind, usize) {
    let node = tree.node_mut(id);
    (mem::replace(&mut node.kind, NodeKind::Null), node.span.end)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ITEMS: &[&str] = &[
        "\n- a",
        "\n- {b: 'c',\n   d: e}",
        "\n- b: |\n    - x\n\n  c: d # e",
        "\n- - e\n  - f\n",
        "\n# - g",
        "\n-",
        "\n- \"h\n  - i\"",
        "\n- j\n  - k",
        "\n- &l m",
        "\n- ? n\n  : o",
        "\r\n- p: >+\n\n   q\n\n",
    ];

    /// Every value with its place.
    fn shown(tree: &Tree, id: NodeId) -> String {
        let node = tree.node(id);
        let inside: String = match &node.kind {
            NodeKind::List(items) => items.iter().map(|item| shown(tree, *item)).collect(),
            NodeKind::Mapping(entries) => entries
                .iter()
                .map(|entry| {
                    format!(
                        "{} {:?} {}",
                        entry.key,
                        entry.key_span,
                        shown(tree, entry.value)
                    )
                })
                .collect(),
            other => format!("{other:?}"),
        };
        format!("{:?} {inside}\n", node.span)
    }

    fn assert_same(text: &str) -> bool {
        let Some(halved) = Halves::of(text).and_then(|halves| halves.read()) else {
            return false;
        };
        let whole = read_whole(text);
        assert_eq!(whole.findings, []);
        assert!(whole.complete);
        let shown = |syntax: &Syntax| shown(&syntax.tree, syntax.tree.root().unwrap());
        assert_eq!(shown(&halved), shown(&whole), "{text}");
        true
    }

    #[test]
    fn halves_are_what_the_whole_is() {
        for text in [
            "version: 1\nagents:\n- a\n- b\n- c\n",
            "\u{feff}x: é\nagents: # here\n\n  # first\n  - {a: 1}\n  - b: |\n      - x\n\n  - c\n\n# end\n",
            "x: &x [1, 2]\nagents:\r\n  - *x\r\n  - a: b\r\n  - a: c\r\nlast: é # so\r\n",
            "---\nx: '\n\n  - '\nagents:\n - - a\n   - b\n - - c\n - - d\n...\n",
        ] {
            assert!(assert_same(text), "{text}");
        }
    }

    #[test]
    fn what_is_no_item_is_not_taken_for_one() {
        for text in [
            "x: 1\nagents: [a]\n- b\n- c\n- d\n",
            "x: 1\nagents:\n- a: 'b\n\n- c\n- d'\n",
            "x: 1\nagents:\n- a: {b: c,\n- d: e\n- f: g}\n",
            "x: 1\nagents:\n- a\nother:\n- b\n- c\n",
            "x: 1\nagents:\n- a\nother: b\n  - c\n- d\n",
            "x: 1\nagents:\n- a\nagents:\n- b\n- c\n",
            "x: |\n  1\nagents:\n- a\n- b\n- c\nx: 2\n",
            "x: 1\nagents:\n- &a b\n- c\n- d\n- *a\n",
            "x: 1\nagents:\n- a\n- b\n- c\n- ]\n",
            "x: 1\nagents:\n- a\n...\n- b\n- c\n",
            "%TAG !! tag:x,2000:\n---\nx: 1\nagents:\n- a\n- !!str b\n- c\n",
        ] {
            assert!(!assert_same(text), "{text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]

        #[test]
        fn items_of_every_kind_can_be_halved(
            indent in 0_usize..3,
            items in proptest::collection::vec(proptest::sample::select(ITEMS), 2..12),
            end in proptest::sample::select(&["", "# end\n", "b: {c: d}\n\n", "...\n"][..]),
        ) {
            let indented = " ".repeat(indent);
            let items: String = items.iter().map(|item| item.replace("\n", &format!("\n{indented}"))).collect();
            let text = format!("a: b\nagents:\n{indented}- é{items}\n{end}");
            prop_assume!(Halves::of(&text).is_some());
            prop_assert!(assert_same(&text));
        }

        #[test]
        fn any_text_that_can_be_halved_is_what_the_whole_is(
            head in "(a: [b1]\n|a: '?x\n|a: >\n|# c\n|---\n){0,2}",
            indent in 0_usize..3,
            lines in proptest::collection::vec(r#" {0,5}(- |a: |b: |- a: |# |\[|\{|\]|\}|'|"|\||>|&x |\? |---|\.\.\.|agents:|\t|\r)?(x|y'|é|,|: )?"#, 2..14),
        ) {
            let indent = " ".repeat(indent);
            let mut text = format!("{head}\nagents:\n{indent}- x\n");
            for line in lines {
                text.push_str(&format!("{indent}{line}\n"));
            }
            assert_same(&text);
        }
    }
}
