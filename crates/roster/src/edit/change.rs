//! One change, as a change of the text.

use granit_parser::ScalarStyle;
use serde_json::{Map, Value};

use super::block::{self, Block};
use super::error::EditErrorKind;
use super::flow;
use super::layout::{Entry, Form, Layout, NodeIndex};
use super::splice::Splice;
use super::write::{self, Manner};
use crate::finding::Span;
use crate::source::Source;
use crate::spelling::is_key;
use crate::syntax::resolves_to_text;

/// One change of a roster.
#[derive(Debug, Clone)]
pub(super) enum Change {
    /// Fields in the order in which they are written.
    Add(Vec<(String, Value)>),
    Remove(String),
    Set(Target, Value),
    Clear(Target),
}

/// A field of an agent, or of the roster itself.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) agent: Option<String>,
    /// Keys in `snake_case`, from the outside in; at least one.
    pub(super) path: Vec<String>,
}

/// Plans a change on the text.
pub(super) struct Planner<'l, 't> {
    pub(super) layout: &'l Layout<'t>,
    /// Whether the text is JSON, and has to stay so.
    pub(super) json: bool,
}

type Planned = Result<Vec<Splice>, EditErrorKind>;

impl Planner<'_, '_> {
    /// Returns what has to change in the text. The index is that of the agent which the change is
    /// about.
    pub(super) fn plan(&self, change: &Change, agent: Option<usize>) -> Planned {
        match change {
            Change::Add(fields) => self.add(fields),
            Change::Remove(_) => self.remove(agent.unwrap_or_default()),
            Change::Set(target, value) => {
                let mapping = self.mapping(agent)?;
                self.set(mapping, &target.path, value)
            }
            Change::Clear(target) => {
                let mapping = self.mapping(agent)?;
                self.clear(mapping, &target.path)
            }
        }
    }

    fn manner(&self, mapping: NodeIndex) -> Manner<'_> {
        if self.json {
            self.json_manner(mapping)
        } else if self.layout.is_flow(mapping) {
            Manner::Flow
        } else {
            let column = block::column(self.layout, mapping);
            let newline = self.layout.lines.newline();
            Manner::Block { column, newline }
        }
    }

    /// The manner of JSON in which a mapping is written.
    fn json_manner(&self, mapping: NodeIndex) -> Manner<'static> {
        let last = self.layout.entries(mapping).last();
        let compact =
            last.is_some_and(|last| last.colon == self.layout.node(last.value).span.start);
        Manner::Json { compact }
    }

    /// The mapping that has the fields: the roster's, or an agent's.
    fn mapping(&self, agent: Option<usize>) -> Result<NodeIndex, EditErrorKind> {
        let root = self.layout.root();
        let Some(index) = agent else {
            return Ok(root);
        };
        let agents = self.agents()?;
        let agent = self.layout.items(agents).get(index);
        let agent = *agent.ok_or(EditErrorKind::Unclear)?;
        self.own(agent)?;
        Ok(agent)
    }

    fn agents(&self) -> Result<NodeIndex, EditErrorKind> {
        let root = self.layout.root();
        let (_, entry) = self.find(root, "agents").ok_or(EditErrorKind::Unclear)?;
        self.own(entry.value)?;
        Ok(entry.value)
    }

    fn find(&self, mapping: NodeIndex, key: &str) -> Option<(usize, &Entry)> {
        let entries = self.layout.entries(mapping).iter().enumerate();
        entries
            .into_iter()
            .find(|(_, entry)| is_key(&entry.key, key))
    }

    /// Refuses what is written once and meant in several places.
    fn own(&self, node: NodeIndex) -> Result<(), EditErrorKind> {
        let shared = match self.layout.node(node).form {
            Form::Alias => Some(self.layout.node(node).span.start),
            _ => self.layout.aliases_of(node).first().copied(),
        };
        shared.map_or(Ok(()), |at| Err(self.shared(at)))
    }

    /// Refuses to take away what an alias elsewhere stands for.
    fn unshared(&self, part: &Span) -> Result<(), EditErrorKind> {
        let alias = self.layout.alias_into(part);
        alias.map_or(Ok(()), |at| Err(self.shared(at)))
    }

    fn shared(&self, at: usize) -> EditErrorKind {
        let place = Source::new("", self.layout.text()).place(at);
        EditErrorKind::Shared { line: place.line }
    }

    fn add(&self, fields: &[(String, Value)]) -> Planned {
        let layout = self.layout;
        let agents = self.agents()?;
        let fields = || fields.iter().map(|(key, value)| (key.as_str(), value));
        let last = layout.items(agents).last().copied();
        if layout.is_flow(agents) {
            let manner = match last {
                Some(last) if self.json => self.json_manner(last),
                _ => Manner::Flow,
            };
            let new = match last.filter(|last| layout.is_flow(*last)) {
                Some(last) => self.like(last, fields(), manner),
                None => write::inline_entries(fields(), manner),
            };
            return Ok(flow::insert(layout, agents, &new, manner.between()));
        }
        let (_, dashes) = self.dashes(agents)?;
        let dash = *dashes.last().ok_or(EditErrorKind::Unclear)?;
        let column = layout.lines.column(dash);
        let new = match last.filter(|last| layout.is_flow(*last)) {
            Some(last) => format!("- {}", self.like(last, fields(), Manner::Flow)),
            None => {
                let first = last.and_then(|last| layout.entries(last).first());
                let first = first.map(|entry| layout.lines.column(entry.key_span.start));
                let inner = first.filter(|inner| *inner > column).unwrap_or(column + 2);
                let manner = Manner::Block {
                    column: inner,
                    newline: layout.lines.newline(),
                };
                let blanks = " ".repeat(inner - column - 1);
                format!("-{blanks}{}", write::entries(fields(), manner))
            }
        };
        Ok(vec![block::insert_item(layout, agents, &dashes, &new)])
    }

    /// Writes a mapping in brackets in as many lines as another one.
    fn like<'f>(
        &self,
        model: NodeIndex,
        fields: impl Iterator<Item = (&'f str, &'f Value)>,
        manner: Manner<'_>,
    ) -> String {
        let (lines, text) = (&self.layout.lines, self.layout.text());
        let span = &self.layout.node(model).span;
        let Some(first) = self.layout.entries(model).first() else {
            return write::inline_entries(fields, manner);
        };
        let opening = &text[span.start + 1..first.key_span.start];
        if !opening.contains('\n') || !lines.is_first(first.key_span.start) {
            let inline = write::inline_entries(fields, manner);
            let padded = !opening.is_empty() && opening.trim().is_empty();
            return match inline
                .strip_prefix('{')
                .and_then(|rest| rest.strip_suffix('}'))
            {
                Some(inside) if padded => format!("{{ {inside} }}"),
                _ => inline,
            };
        }
        let indentation = |at: usize| {
            let line = lines.line(at);
            &line[..line.len() - line.trim_start().len()]
        };
        let newline = lines.newline();
        let (inner, outer) = (indentation(first.key_span.start), indentation(span.end - 1));
        let fields = fields.map(|(key, value)| write::entry(key, value, manner));
        let between = format!(",{newline}{inner}");
        let fields = fields.collect::<Vec<_>>().join(&between);
        format!("{{{newline}{inner}{fields}{newline}{outer}}}")
    }

    /// Where the key of a list at the top ends, and where its dashes are.
    fn dashes(&self, list: NodeIndex) -> Result<(usize, Vec<usize>), EditErrorKind> {
        let mut root = self.layout.entries(self.layout.root()).iter();
        let head = root.find(|entry| entry.value == list);
        let head = head.ok_or(EditErrorKind::Unclear)?.colon;
        let dashes = self.layout.dashes(list, head);
        Ok((head, dashes.ok_or(EditErrorKind::Unclear)?))
    }

    fn remove(&self, index: usize) -> Planned {
        let layout = self.layout;
        let agents = self.agents()?;
        if layout.items(agents).len() == 1 {
            return Err(EditErrorKind::LastAgent);
        }
        let item = *layout
            .items(agents)
            .get(index)
            .ok_or(EditErrorKind::Unclear)?;
        let splices = if layout.is_flow(agents) {
            flow::remove_item(layout, agents, index)
        } else {
            let (head, dashes) = self.dashes(agents)?;
            let block = Block {
                list: agents,
                head,
                dashes: &dashes,
            };
            let removed = block::remove_items(layout, block, &(index..index + 1));
            vec![removed.ok_or(EditErrorKind::Unclear)?]
        };
        self.unshared(&layout.node(item).span)?;
        for splice in &splices {
            self.unshared(&splice.part)?;
        }
        Ok(splices)
    }

    fn set(&self, mapping: NodeIndex, path: &[String], value: &Value) -> Planned {
        let Some((key, rest)) = path.split_first() else {
            return Err(EditErrorKind::Unclear);
        };
        let Some((_, entry)) = self.find(mapping, key) else {
            let nested = rest.iter().rev().fold(value.clone(), |inner, key| {
                Value::Object(Map::from_iter([(key.clone(), inner)]))
            });
            return Ok(self.insert(mapping, key, &nested));
        };
        if rest.is_empty() {
            return self.replace(mapping, entry, value);
        }
        self.own(entry.value)?;
        match self.layout.node(entry.value).form {
            Form::Mapping { .. } => self.set(entry.value, rest, value),
            _ => Err(EditErrorKind::Unclear),
        }
    }

    fn insert(&self, mapping: NodeIndex, key: &str, value: &Value) -> Vec<Splice> {
        let manner = self.manner(mapping);
        let new = write::entry(key, value, manner);
        if self.layout.is_flow(mapping) {
            flow::insert(self.layout, mapping, &new, manner.between())
        } else {
            vec![block::insert_entry(self.layout, mapping, &new)]
        }
    }

    fn replace(&self, mapping: NodeIndex, entry: &Entry, value: &Value) -> Planned {
        let layout = self.layout;
        let old = layout.node(entry.value);
        self.unshared(&(entry.colon..old.span.end.max(entry.colon)))?;
        let manner = self.manner(mapping);
        if matches!(
            old.form,
            Form::List { flow: false, .. } | Form::Mapping { flow: false, .. }
        ) {
            return self.replace_block(entry, value, manner);
        }
        let keep = self.header_comment(entry.value);
        let behind = &layout.text()[old.span.end..layout.lines.end(old.span.end)];
        // A text of several lines stays in quotes, and is put there where a comment follows.
        let followed = !keep.is_empty() || !behind.trim().is_empty();
        let (quoting, manner) = match &old.form {
            Form::Scalar { style, .. } if is_quoted(*style) || followed => {
                (*style, manner.inside())
            }
            Form::Scalar { style, .. } => (*style, manner),
            _ => (ScalarStyle::Plain, manner.inside()),
        };
        let new = write::inline(value, manner, quoting);
        let properties = layout.lines.skip_blank(entry.colon).min(old.span.start);
        let tagged = layout.text()[properties..old.span.start.max(properties)].contains('!');
        if old.span.is_empty() {
            return Ok(vec![Splice::insert(entry.colon, format!(" {new}"))]);
        }
        let start = if tagged { properties } else { old.span.start };
        // JSON needs no blank behind a colon.
        let gap = match layout.text()[entry.colon..start].is_empty() && !self.json {
            true => " ",
            false => "",
        };
        Ok(vec![Splice::replace(
            start..old.span.end,
            format!("{gap}{new}{keep}"),
        )])
    }

    /// The comment in the header of a block scalar, with the blanks before it.
    fn header_comment(&self, node: NodeIndex) -> &str {
        let node = self.layout.node(node);
        let Form::Scalar { style, .. } = &node.form else {
            return "";
        };
        if is_quoted(*style) || *style == ScalarStyle::Plain {
            return "";
        }
        let line = self.layout.lines.line(node.span.start);
        let header = &line[node.span.start - self.layout.lines.start(node.span.start)..];
        header.find(" #").map_or("", |at| &header[at..])
    }

    fn replace_block(&self, entry: &Entry, value: &Value, manner: Manner<'_>) -> Planned {
        let (layout, lines) = (self.layout, &self.layout.lines);
        let old = layout.node(entry.value).span.clone();
        match value {
            Value::Array(items) if !items.is_empty() && !layout.items(entry.value).is_empty() => {
                self.replace_items(entry, items)
            }
            Value::Object(fields)
                if !fields.is_empty() && !layout.entries(entry.value).is_empty() =>
            {
                self.replace_fields(entry.value, fields)
            }
            _ => {
                let new = write::inline(value, manner, ScalarStyle::Plain);
                let head = lines.end(entry.colon).min(old.start);
                Ok(vec![
                    Splice::insert(entry.colon, format!(" {new}")),
                    Splice::remove(head..old.end),
                ])
            }
        }
    }

    /// Makes a block list have other items. Those that stay at its beginning and at its end are left
    /// as they are, with their comments; one that alone is another keeps the comments of its place.
    fn replace_items(&self, entry: &Entry, new: &[Value]) -> Planned {
        let (layout, lines) = (self.layout, &self.layout.lines);
        let old = layout.items(entry.value);
        let dashes = layout.dashes(entry.value, entry.colon);
        let dashes = dashes.ok_or(EditErrorKind::Unclear)?;
        let column = lines.column(*dashes.first().ok_or(EditErrorKind::Unclear)?);
        let manner = Manner::Block {
            column,
            newline: lines.newline(),
        };
        let same = |(old, new): (&NodeIndex, &Value)| self.says(*old, new);
        let before = old.iter().zip(new).take_while(|pair| same(*pair)).count();
        let rest = old[before..].iter().rev().zip(new[before..].iter().rev());
        let behind = rest.take_while(|pair| same(*pair)).count();
        let changed = before..old.len() - behind;
        let new = &new[before..new.len() - behind];
        let is_scalar = |node: NodeIndex| matches!(layout.node(node).form, Form::Scalar { .. });
        if let ([old], [new]) = (&old[changed.clone()], new)
            && is_scalar(*old)
        {
            let span = layout.node(*old).span.clone();
            let new = write::inline(new, manner.inside(), ScalarStyle::Plain);
            return Ok(vec![Splice::replace(span, new)]);
        }
        let written = |item| format!("- {}", write::inline(item, manner, ScalarStyle::Plain));
        let new: Vec<String> = new.iter().map(written).collect();
        let block = Block {
            list: entry.value,
            head: entry.colon,
            dashes: &dashes,
        };
        let replaced = block::replace_items(layout, block, &changed, &new);
        Ok(vec![replaced.ok_or(EditErrorKind::Unclear)?])
    }

    /// Makes a block mapping have other fields. Those that stay are left as they are, with their
    /// comments, and those that have another value keep their place.
    fn replace_fields(&self, mapping: NodeIndex, new: &Map<String, Value>) -> Planned {
        let layout = self.layout;
        let entries = layout.entries(mapping);
        let named = |key: &str| new.get(key);
        if !entries.iter().any(|entry| named(&entry.key).is_some()) {
            let old = layout.node(mapping).span.clone();
            let inner = self.manner(mapping);
            let text = write::entries(write::pairs(new), inner);
            let end = self.with_comment(old.end);
            return Ok(vec![Splice::replace(old.start..end, text)]);
        }
        let mut splices = Vec::new();
        for (index, entry) in entries.iter().enumerate() {
            match named(&entry.key) {
                Some(value) if self.says(entry.value, value) => {}
                Some(value) => splices.extend(self.replace(mapping, entry, value)?),
                None => splices.push(block::remove_entry(layout, mapping, index)),
            }
        }
        let is_new = |key: &str| !entries.iter().any(|entry| entry.key == key);
        let added = write::pairs(new).filter(|(key, _)| is_new(key));
        splices.extend(added.flat_map(|(key, value)| self.insert(mapping, key, value)));
        Ok(splices)
    }

    /// The end of a place, or of the comment behind it in its line.
    fn with_comment(&self, end: usize) -> usize {
        let line_end = self.layout.lines.end(end);
        match self.layout.text()[end..line_end]
            .trim_start()
            .starts_with('#')
        {
            true => line_end,
            false => end,
        }
    }

    /// Whether a scalar is this value; of all else that is not told.
    fn says(&self, node: NodeIndex, value: &Value) -> bool {
        let Form::Scalar { style, text } = &self.layout.node(node).form else {
            return false;
        };
        match value {
            Value::String(value) => {
                text == value && (*style != ScalarStyle::Plain || resolves_to_text(text))
            }
            other => {
                let written = other.to_string();
                *style == ScalarStyle::Plain && *text == written
            }
        }
    }

    fn clear(&self, mapping: NodeIndex, path: &[String]) -> Planned {
        let Some((key, rest)) = path.split_first() else {
            return Err(EditErrorKind::Unclear);
        };
        let Some((index, entry)) = self.find(mapping, key) else {
            return Ok(Vec::new());
        };
        let last = self.layout.entries(entry.value).len() <= 1;
        if rest.is_empty() || (last && self.find(entry.value, &rest[0]).is_some()) {
            self.unshared(&self.layout.place(entry))?;
            return Ok(if self.layout.is_flow(mapping) {
                flow::remove(self.layout, mapping, index)
            } else {
                vec![block::remove_entry(self.layout, mapping, index)]
            });
        }
        self.own(entry.value)?;
        self.clear(entry.value, rest)
    }
}

const fn is_quoted(style: ScalarStyle) -> bool {
    matches!(style, ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted)
}
