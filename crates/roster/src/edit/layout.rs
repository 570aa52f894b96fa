//! Where everything of a roster stands in its text, with what only an edit has to know: quoting,
//! flow or block, anchors and aliases.

use std::collections::HashMap;

use granit_parser::{Event, Parser, ScalarStyle, StructureStyle};

use super::lines::Lines;
use crate::finding::Span;
use crate::source::BYTE_ORDER_MARK;

/// The index of a node in its [`Layout`].
pub(super) type NodeIndex = usize;

/// The nodes of a text that has no syntax error.
#[derive(Debug)]
pub(super) struct Layout<'t> {
    pub(super) lines: Lines<'t>,
    nodes: Vec<Node>,
    root: NodeIndex,
    /// Where the aliases of each anchor stand.
    aliases: HashMap<usize, Vec<usize>>,
}

#[derive(Debug)]
pub(super) struct Node {
    /// The content, without anchor and tag; of a block, from its first entry to its last.
    pub(super) span: Span,
    pub(super) form: Form,
    /// The number of its anchor; 0 for none.
    anchor: usize,
}

#[derive(Debug)]
pub(super) enum Form {
    Scalar { style: ScalarStyle, text: String },
    Alias,
    List { flow: bool, items: Vec<NodeIndex> },
    Mapping { flow: bool, entries: Vec<Entry> },
}

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) key_span: Span,
    /// Just behind the colon.
    pub(super) colon: usize,
    pub(super) value: NodeIndex,
}

/// A list or mapping that is still open.
struct Open {
    start: usize,
    anchor: usize,
    flow: bool,
    mapping: bool,
    children: Vec<NodeIndex>,
}

impl<'t> Layout<'t> {
    /// Reads a text; nothing if it has a syntax error.
    pub(super) fn read(text: &'t str) -> Option<Self> {
        let body = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
        let offset = text.len() - body.len();
        let mut layout = Self {
            lines: Lines::new(text),
            nodes: Vec::new(),
            root: 0,
            aliases: HashMap::new(),
        };
        let mut open: Vec<Open> = Vec::new();
        for event in Parser::new_from_str(body) {
            let (event, at) = event.ok()?;
            let range = at.byte_range().unwrap_or(0..0);
            let span = range.start + offset..range.end + offset;
            let done = match event {
                Event::Scalar(text, style, anchor, _) => {
                    let span = layout.scalar_span(span, style);
                    let text = text.into_owned();
                    layout.push(span, Form::Scalar { style, text }, anchor)
                }
                Event::Alias(anchor) => {
                    layout.aliases.entry(anchor).or_default().push(span.start);
                    layout.push(span, Form::Alias, 0)
                }
                Event::SequenceStart(style, anchor, _) => {
                    open.push(Open::new(&span, style, anchor, false));
                    continue;
                }
                Event::MappingStart(style, anchor, _) => {
                    open.push(Open::new(&span, style, anchor, true));
                    continue;
                }
                Event::SequenceEnd | Event::MappingEnd => layout.close(open.pop()?, span.end),
                _ => continue,
            };
            match open.last_mut() {
                Some(parent) => parent.children.push(done),
                None => layout.root = done,
            }
        }
        Some(layout)
    }

    fn push(&mut self, span: Span, form: Form, anchor: usize) -> NodeIndex {
        self.nodes.push(Node { span, form, anchor });
        self.nodes.len() - 1
    }

    fn close(&mut self, open: Open, end: usize) -> NodeIndex {
        let Open {
            start,
            anchor,
            flow,
            mapping,
            children,
        } = open;
        let last = children.last().map(|last| self.nodes[*last].span.end);
        let mut end = if flow { end } else { last.unwrap_or(start) };
        let form = if mapping {
            let pairs = children.chunks_exact(2);
            let entries: Vec<_> = pairs.map(|pair| self.entry(pair[0], pair[1])).collect();
            if let Some(entry) = entries.last().filter(|_| !flow) {
                end = end.max(entry.colon);
            }
            Form::Mapping { flow, entries }
        } else {
            Form::List {
                flow,
                items: children,
            }
        };
        self.push(start..end, form, anchor)
    }

    fn entry(&self, key: NodeIndex, value: NodeIndex) -> Entry {
        let key_span = self.nodes[key].span.clone();
        let text = self.lines.text();
        let key = match &self.nodes[key].form {
            Form::Scalar { text, .. } => text.clone(),
            // Such keys are errors, and nothing is edited then.
            _ => String::new(),
        };
        let colon = self.lines.skip_blank(key_span.end);
        let colon = match text[colon..].starts_with(':') {
            true => colon + 1,
            // A key of a flow mapping may stand alone.
            false => key_span.end,
        };
        Entry {
            key,
            key_span,
            colon,
            value,
        }
    }

    /// The parser leaves out the header of a block scalar, and counts what follows it to it.
    fn scalar_span(&self, span: Span, style: ScalarStyle) -> Span {
        if !matches!(style, ScalarStyle::Literal | ScalarStyle::Folded) {
            return span;
        }
        let text = self.lines.text();
        let before = text[..span.start].trim_end();
        let line = self.lines.start(before.len());
        let mut header = before.len();
        let mut keeps = false;
        for (at, _) in text[line..before.len()].match_indices(['|', '>']) {
            let rest = &text[line + at + 1..before.len()];
            let end = rest.find([' ', '\t']).unwrap_or(rest.len());
            if rest[..end]
                .bytes()
                .all(|byte| b"+-123456789".contains(&byte))
            {
                header = line + at;
                keeps = rest[..end].contains('+');
                break;
            }
        }
        let inside = &text[span.clone()];
        let end = if keeps {
            span.start + inside.rfind('\n').map_or(0, |at| at)
        } else {
            span.start + inside.trim_end().len()
        };
        header..end.max(before.len())
    }

    pub(super) fn text(&self) -> &'t str {
        self.lines.text()
    }

    pub(super) const fn root(&self) -> NodeIndex {
        self.root
    }

    pub(super) fn node(&self, index: NodeIndex) -> &Node {
        &self.nodes[index]
    }

    pub(super) fn entries(&self, index: NodeIndex) -> &[Entry] {
        match &self.node(index).form {
            Form::Mapping { entries, .. } => entries,
            _ => &[],
        }
    }

    pub(super) fn items(&self, index: NodeIndex) -> &[NodeIndex] {
        match &self.node(index).form {
            Form::List { items, .. } => items,
            _ => &[],
        }
    }

    pub(super) fn is_flow(&self, index: NodeIndex) -> bool {
        matches!(
            self.node(index).form,
            Form::List { flow: true, .. } | Form::Mapping { flow: true, .. }
        )
    }

    /// The places of a collection's children: of items their content, of entries key and value.
    pub(super) fn children(&self, index: NodeIndex) -> Vec<Span> {
        match &self.node(index).form {
            Form::List { items, .. } => items
                .iter()
                .map(|item| self.node(*item).span.clone())
                .collect(),
            Form::Mapping { entries, .. } => entries.iter().map(|one| self.place(one)).collect(),
            Form::Scalar { .. } | Form::Alias => Vec::new(),
        }
    }

    pub(super) fn place(&self, entry: &Entry) -> Span {
        let value = &self.node(entry.value).span;
        entry.key_span.start..value.end.max(entry.colon)
    }

    /// Where the aliases of this very node stand.
    pub(super) fn aliases_of(&self, index: NodeIndex) -> &[usize] {
        match self.node(index).anchor {
            0 => &[],
            anchor => self.aliases.get(&anchor).map_or(&[], Vec::as_slice),
        }
    }

    /// An alias outside of a part of the text to something that is in it.
    pub(super) fn alias_into(&self, part: &Span) -> Option<usize> {
        (0..self.nodes.len())
            .filter(|index| part.contains(&self.node(*index).span.start))
            .flat_map(|index| self.aliases_of(index))
            .copied()
            .find(|alias| !part.contains(alias))
    }

    /// The places of a block list's dashes.
    pub(super) fn dashes(&self, list: NodeIndex, after: usize) -> Option<Vec<usize>> {
        let mut from = after;
        let mut dashes = Vec::new();
        for item in self.items(list) {
            let dash = self.lines.dash(from)?;
            dashes.push(dash);
            from = self.node(*item).span.end.max(dash + 1);
        }
        Some(dashes)
    }
}

impl Open {
    fn new(span: &Span, style: StructureStyle, anchor: usize, mapping: bool) -> Self {
        Self {
            start: span.start,
            anchor,
            flow: style == StructureStyle::Flow,
            mapping,
            children: Vec::new(),
        }
    }
}
