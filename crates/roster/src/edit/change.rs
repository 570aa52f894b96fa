//! One change, as a change of the text.

use granit_parser::ScalarStyle;
use serde_json::{Map, Value};

use super::error::EditErrorKind;
use super::layout::{Entry, Form, Layout, NodeIndex};
use super::splice::Splice;
use super::write::{self, Manner};
use super::{block, flow};
use crate::finding::Span;
use crate::source::Source;
use crate::spelling::is_key;

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
            Manner::Json
        } else if self.layout.is_flow(mapping) {
            Manner::Flow
        } else {
            let column = block::column(self.layout, mapping);
            let newline = self.layout.lines.newline();
            Manner::Block { column, newline }
        }
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
            let manner = if self.json {
                Manner::Json
            } else {
                Manner::Flow
            };
            let new = match last.filter(|last| layout.is_flow(*last)) {
                Some(last) => self.like(last, fields(), manner),
                None => write::inline_entries(fields(), manner),
            };
            return Ok(flow::insert(layout, agents, &new));
        }
        let dashes = self.dashes(agents)?;
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

    fn dashes(&self, list: NodeIndex) -> Result<Vec<usize>, EditErrorKind> {
        let root = self.layout.entries(self.layout.root());
        let head = root.iter().find(|entry| entry.value == list);
        head.and_then(|head| self.layout.dashes(list, head.colon))
            .ok_or(EditErrorKind::Unclear)
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
            flow::remove(layout, agents, index)
        } else {
            let dashes = self.dashes(agents)?;
            let removed = block::remove_item(layout, agents, &dashes, index);
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
        let new = write::entry(key, value, self.manner(mapping));
        if self.layout.is_flow(mapping) {
            flow::insert(self.layout, mapping, &new)
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
        let gap = if layout.text()[entry.colon..start].is_empty() {
            " "
        } else {
            ""
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
        let newline = lines.newline();
        match value {
            Value::Array(items) if !items.is_empty() && !layout.items(entry.value).is_empty() => {
                let dashes = layout.dashes(entry.value, entry.colon);
                let dash = *dashes
                    .as_deref()
                    .unwrap_or_default()
                    .first()
                    .ok_or(EditErrorKind::Unclear)?;
                let column = lines.column(dash);
                let inner = Manner::Block { column, newline };
                let items = items
                    .iter()
                    .map(|item| format!("- {}", write::inline(item, inner, ScalarStyle::Plain)));
                let between = format!("{newline}{}", " ".repeat(column));
                let new = items.collect::<Vec<_>>().join(&between);
                Ok(vec![Splice::replace(dash..old.end, new)])
            }
            Value::Object(fields)
                if !fields.is_empty() && !layout.entries(entry.value).is_empty() =>
            {
                let column = block::column(layout, entry.value);
                let inner = Manner::Block { column, newline };
                let new = write::entries(write::pairs(fields), inner);
                Ok(vec![Splice::replace(old, new)])
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
