//! Builds the tree from the parser's events.

mod entries;

use std::collections::HashMap;

use granit_parser::{Event, ScalarStyle, Tag};

use entries::Entries;

use super::{MAX_ALIASED_VALUES, MAX_DEPTH, Syntax, scalar, too_deep};
use crate::catalog::Code;
use crate::finding::{Finding, Span};
use crate::secret;
use crate::tree::{Entry, Node, NodeId, NodeKind, Tree};

/// A value that is complete, with what it costs to unfold it.
#[derive(Debug, Clone, Copy)]
struct Built {
    id: NodeId,
    /// Values in it, itself included, aliases unfolded.
    size: usize,
    /// Levels in it, aliases unfolded.
    height: usize,
}

/// A list or mapping that is still open.
struct Open {
    start: Span,
    anchor: usize,
    size: usize,
    height: usize,
    content: Content,
}

enum Content {
    List(Vec<NodeId>),
    Mapping { entries: Entries, key: Option<Key> },
}

/// What a key became.
enum Key {
    Text(String, Span),
    Merge(Span),
    /// Already reported; its value is read and left out.
    Refused,
}

pub(super) struct Builder<'t> {
    text: &'t str,
    tree: Tree,
    findings: Vec<Finding>,
    open: Vec<Open>,
    /// What each anchor names; `None` while that value is still open.
    anchors: HashMap<usize, Option<Built>>,
    aliased: usize,
}

impl<'t> Builder<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self {
            text,
            tree: Tree::default(),
            findings: Vec::new(),
            open: Vec::new(),
            anchors: HashMap::new(),
            aliased: 0,
        }
    }

    pub(super) fn report(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// Ends the building after the whole document was read.
    pub(super) fn finish(mut self) -> Syntax {
        let root = self.tree.root();
        let empty = root.is_none_or(|id| {
            let node = self.tree.node(id);
            matches!(node.kind, NodeKind::Null) && node.span.is_empty()
        });
        if empty {
            let message = "the roster is empty";
            let help = "`fleet init` prints one to begin with";
            self.report(Finding::new(Code::Empty, &(0..0), message).help(help));
        }
        Syntax {
            tree: self.tree,
            findings: self.findings,
            complete: !empty,
        }
    }

    /// Ends the building at a fault after which the rest cannot be read.
    pub(super) fn abandon(mut self, finding: Finding) -> Syntax {
        self.report(finding);
        Syntax {
            tree: Tree::default(),
            findings: self.findings,
            complete: false,
        }
    }

    pub(super) fn event(
        &mut self,
        event: Event<'_>,
        span: Span,
        tag_span: Option<Span>,
    ) -> Result<(), Finding> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let span = match style {
                    ScalarStyle::Literal | ScalarStyle::Folded => {
                        trimmed(self.text, span.start, span.end)
                    }
                    _ => span,
                };
                if text.contains('\0') {
                    // Texts that end at it are what the system hands to programs.
                    let message = "the character U+0000 cannot be part of any value";
                    self.report(Finding::new(Code::Syntax, &span, message).help("remove it"));
                }
                if anchor == 0 && tag.is_none() && self.awaits_key() && is_text(&text, style) {
                    self.take_text_key(text.into_owned(), span);
                    return Ok(());
                }
                let kind = self.scalar(&text, style, tag.as_deref(), tag_span);
                let built = self.leaf(span, kind);
                self.complete(built, anchor)
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.check_collection_tag(tag.as_deref(), "seq", tag_span);
                self.enter(span, anchor, Content::List(Vec::new()))
            }
            Event::MappingStart(_, anchor, tag) => {
                self.check_collection_tag(tag.as_deref(), "map", tag_span);
                let content = Content::Mapping {
                    entries: Entries::default(),
                    key: None,
                };
                self.enter(span, anchor, content)
            }
            Event::SequenceEnd | Event::MappingEnd => self.leave(&span),
            Event::Alias(anchor) => self.alias(anchor, span),
            Event::UnresolvedAlias(name) => {
                let message = format!(
                    "there is no anchor `&{}` before this alias",
                    secret::shown(&name)
                );
                self.report(Finding::new(Code::UnknownAlias, &span, message));
                let built = self.leaf(span, NodeKind::Null);
                self.complete(built, 0)
            }
            _ => Ok(()),
        }
    }

    fn leaf(&mut self, span: Span, kind: NodeKind) -> Built {
        Built {
            id: self.tree.push(Node { span, kind }),
            size: 1,
            height: 0,
        }
    }

    fn scalar(
        &mut self,
        text: &str,
        style: ScalarStyle,
        tag: Option<&Tag>,
        tag_span: Option<Span>,
    ) -> NodeKind {
        let as_text = || NodeKind::Text(text.to_owned());
        let Some(tag) = tag else {
            return match style {
                ScalarStyle::Plain => scalar::resolve(text),
                _ => as_text(),
            };
        };
        if tag.is_yaml_core_schema_tag("str") || tag.original() == "!" {
            return as_text();
        }
        let kind = scalar::resolve(text);
        let fits = match (tag.core_suffix(), &kind) {
            (Some("null"), NodeKind::Null) | (Some("bool"), NodeKind::Boolean(_)) => true,
            (Some("int"), NodeKind::Number(number)) => !number.is_f64(),
            (Some("float"), NodeKind::Number(_)) => true,
            _ => false,
        };
        if fits {
            return kind;
        }
        self.refuse_tag(tag, tag_span);
        // A value of the kind that was announced keeps the one fault from being reported twice.
        match tag.core_suffix() {
            Some("null") => NodeKind::Null,
            Some("bool") => NodeKind::Boolean(false),
            Some("int" | "float") => NodeKind::Number(0.into()),
            _ => kind,
        }
    }

    fn check_collection_tag(&mut self, tag: Option<&Tag>, fitting: &str, span: Option<Span>) {
        if let Some(tag) = tag.filter(|tag| !tag.is_yaml_core_schema_tag(fitting)) {
            self.refuse_tag(tag, span);
        }
    }

    fn refuse_tag(&mut self, tag: &Tag, span: Option<Span>) {
        let tag = tag.original();
        let message = format!("the tag `{}` is not supported here", secret::shown(&tag));
        let span = span.unwrap_or(0..0);
        let finding = Finding::new(Code::UnsupportedTag, &span, message);
        self.report(finding.help("remove the tag"));
    }

    fn enter(&mut self, start: Span, anchor: usize, content: Content) -> Result<(), Finding> {
        if self.open.len() >= MAX_DEPTH {
            return Err(too_deep(&start));
        }
        if anchor != 0 {
            self.anchors.insert(anchor, None);
        }
        self.open.push(Open {
            start,
            anchor,
            size: 1,
            height: 0,
            content,
        });
        Ok(())
    }

    fn leave(&mut self, end: &Span) -> Result<(), Finding> {
        let Some(open) = self.open.pop() else {
            return Ok(());
        };
        let kind = match open.content {
            Content::List(items) => NodeKind::List(items),
            Content::Mapping { entries, .. } => NodeKind::Mapping(entries.into_list()),
        };
        let span = trimmed(self.text, open.start.start, end.end);
        let built = Built {
            id: self.tree.push(Node { span, kind }),
            size: open.size,
            height: open.height + 1,
        };
        self.complete(built, open.anchor)
    }

    fn alias(&mut self, anchor: usize, span: Span) -> Result<(), Finding> {
        let Some(target) = self.anchors.get(&anchor).copied().flatten() else {
            let message = "this alias stands inside the value that it names";
            return Err(Finding::new(Code::RecursiveAlias, &span, message));
        };
        self.aliased = self.aliased.saturating_add(target.size);
        if self.aliased > MAX_ALIASED_VALUES {
            let message =
                format!("the aliases up to here stand for more than {MAX_ALIASED_VALUES} values");
            return Err(Finding::new(Code::TooManyAliases, &span, message));
        }
        if self.open.len() + target.height > MAX_DEPTH {
            return Err(too_deep(&span));
        }
        if self.awaits_key() {
            self.refuse_key(&span, "an alias", None);
            return Ok(());
        }
        self.complete(target, 0)
    }

    fn awaits_key(&self) -> bool {
        matches!(
            self.open.last().map(|open| &open.content),
            Some(Content::Mapping { key: None, .. })
        )
    }

    /// Puts a complete value where it belongs: as the root, an item, a key or a key's value.
    fn complete(&mut self, built: Built, anchor: usize) -> Result<(), Finding> {
        if anchor != 0 {
            self.anchors.insert(anchor, Some(built));
        }
        if self.awaits_key() {
            self.take_key(built.id);
            return Ok(());
        }
        let Some(open) = self.open.last_mut() else {
            self.tree.set_root(built.id);
            return Ok(());
        };
        open.size = open.size.saturating_add(built.size);
        open.height = open.height.max(built.height);
        match &mut open.content {
            Content::List(items) => items.push(built.id),
            Content::Mapping { entries, key } => match key.take() {
                Some(Key::Text(key, key_span)) => entries.put(Entry {
                    key,
                    key_span,
                    value: built.id,
                }),
                Some(Key::Merge(span)) => self.merge(built.id, &span),
                Some(Key::Refused) | None => {}
            },
        }
        Ok(())
    }

    fn take_key(&mut self, id: NodeId) {
        let node = self.tree.node(id);
        let span = node.span.clone();
        let written = self.text.get(span.clone()).unwrap_or_default();
        let key = match &node.kind {
            NodeKind::Text(key) => key.clone(),
            NodeKind::Null => return self.refuse_key(&span, "nothing", None),
            NodeKind::Boolean(_) => return self.refuse_key(&span, "a boolean", Some(written)),
            NodeKind::Number(_) => return self.refuse_key(&span, "a number", Some(written)),
            NodeKind::List(_) => return self.refuse_key(&span, "a list", None),
            NodeKind::Mapping(_) => return self.refuse_key(&span, "a mapping", None),
        };
        self.take_text_key(key, span);
    }

    fn take_text_key(&mut self, key: String, span: Span) {
        if key == "<<" && self.text.get(span.clone()) == Some("<<") {
            return self.merge_key(span);
        }
        let Some(Open {
            content: Content::Mapping { entries, key: slot },
            ..
        }) = self.open.last_mut()
        else {
            return;
        };
        let Some(first) = entries.written(&key).map(|entry| entry.key_span.clone()) else {
            *slot = Some(Key::Text(key, span));
            return;
        };
        *slot = Some(Key::Refused);
        let message = format!("the key `{}` is given twice", secret::shown(&key));
        let finding = Finding::new(Code::DuplicateKey, &span, message)
            .related(&first, "first given here")
            .help("keep one of the two");
        self.report(finding);
        // It is in no mapping, yet covered where it is shown, should it be a secret.
        self.leaf(span, NodeKind::Text(key));
    }

    fn set_key(&mut self, new: Key) {
        if let Some(Open {
            content: Content::Mapping { key, .. },
            ..
        }) = self.open.last_mut()
        {
            *key = Some(new);
        }
    }

    fn merge_key(&mut self, span: Span) {
        let message = "merge keys (`<<`) are not supported";
        let help = "write the keys out, or give an alias as the value of a key";
        self.report(Finding::new(Code::MergeKey, &span, message).help(help));
        self.set_key(Key::Merge(span));
    }

    fn refuse_key(&mut self, span: &Span, found: &str, written: Option<&str>) {
        let message = format!("a key must be a string, this one is {found}");
        let mut finding = Finding::new(Code::KeyType, span, message);
        if let Some(written) = written {
            finding = finding.help(format!("put it in quotes: `\"{written}\"`"));
        }
        self.report(finding);
        self.set_key(Key::Refused);
    }

    /// Does what the refused merge key meant, so that the one fault is not also reported as keys
    /// that are missing.
    fn merge(&mut self, from: NodeId, at: &Span) {
        let sources = match &self.tree.node(from).kind {
            NodeKind::List(items) => items.clone(),
            _ => vec![from],
        };
        let from_sources: Vec<Entry> = sources
            .iter()
            .flat_map(|source| self.tree.entries(*source))
            .cloned()
            .collect();
        let Some(Open {
            content: Content::Mapping { entries, .. },
            ..
        }) = self.open.last_mut()
        else {
            return;
        };
        for entry in from_sources {
            entries.merge(Entry {
                key_span: at.clone(),
                ..entry
            });
        }
    }
}

/// Whether a scalar without a tag is a text.
fn is_text(text: &str, style: ScalarStyle) -> bool {
    style != ScalarStyle::Plain || scalar::is_surely_text(text)
}

/// The place of a collection or a block scalar, without the blank lines that the parser counts to
/// the end of a block.
pub(super) fn trimmed(text: &str, start: usize, end: usize) -> Span {
    let inside = text.get(start..end).unwrap_or_default();
    start..start + inside.trim_end().len()
}
