//! Rosters in every manner of writing.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// How one agent is written.
#[derive(Debug, Clone)]
pub(super) struct Look {
    /// In brackets, in one line.
    pub(super) flow: bool,
    pub(super) quotes: &'static str,
    pub(super) above: String,
    pub(super) behind: String,
    pub(super) blank: bool,
    pub(super) order: u8,
}

/// How the whole is written.
#[derive(Debug, Clone)]
pub(super) struct Style {
    pub(super) mark: bool,
    pub(super) windows: bool,
    pub(super) last_newline: bool,
    pub(super) indent: usize,
    pub(super) agents: Agents,
    pub(super) tail: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Agents {
    Block,
    Flow,
    Json,
}

/// A roster's text in parts: what is before each agent's own lines, those, and what follows them all.
pub(super) struct Written {
    pub(super) head: String,
    pub(super) agents: Vec<String>,
    pub(super) tail: String,
    pub(super) separator: &'static str,
}

impl Written {
    pub(super) fn text(&self) -> String {
        format!(
            "{}{}{}",
            self.head,
            self.agents.join(self.separator),
            self.tail
        )
    }
}

fn comment() -> impl Strategy<Value = String> {
    "[ a-z#:{}\\[\\],\\-\"'&*漢字😀é]{0,12}".prop_map(|text| format!("# {text}"))
}

pub(super) fn look() -> impl Strategy<Value = Look> {
    (
        any::<bool>(),
        prop_oneof![Just(""), Just("'"), Just("\"")],
        proptest::option::of(comment()),
        proptest::option::of(comment()),
        any::<bool>(),
        any::<u8>(),
    )
        .prop_map(|(flow, quotes, above, behind, blank, order)| Look {
            flow,
            quotes,
            above: above.unwrap_or_default(),
            behind: behind.unwrap_or_default(),
            blank,
            order,
        })
}

pub(super) fn style() -> impl Strategy<Value = Style> {
    (
        any::<bool>(),
        any::<bool>(),
        any::<bool>(),
        prop_oneof![Just(0_usize), Just(2), Just(4)],
        prop_oneof![
            Just(Agents::Block),
            Just(Agents::Block),
            Just(Agents::Flow),
            Just(Agents::Json)
        ],
        prop_oneof![
            Just(""),
            Just("# end\n"),
            Just("\n# about the chat\nconnector: {kind: tmux} # x\n"),
            Just("tmux:\n  socket_name: x # 漢字\n"),
        ],
    )
        .prop_map(
            |(mark, windows, last_newline, indent, agents, tail)| Style {
                mark,
                windows,
                last_newline,
                indent,
                agents,
                tail,
            },
        )
}

pub(super) fn fields() -> impl Strategy<Value = Map<String, Value>> {
    let text = prop_oneof![
        Just("x".to_owned()),
        Just("yes".to_owned()),
        Just("7".to_owned()),
        Just("it's: # \"odd\"".to_owned()),
        "[ -~é漢字😀]{1,10}",
        Just("one\ntwo\n".to_owned()),
        Just("one\n\n  two".to_owned()),
    ];
    (
        proptest::option::of(text.clone()),
        proptest::option::of(text.clone()),
        proptest::option::of(any::<bool>()),
        proptest::option::of(proptest::collection::btree_map(
            "[A-Z]{1,3}",
            text.clone(),
            1..3,
        )),
        proptest::option::of(proptest::collection::vec(text, 1..3)),
        proptest::option::of(1..9_u32),
    )
        .prop_map(|(alias, kickstart, yolo, env, command, restarts)| {
            let fields = [
                ("alias", alias.map(Value::from)),
                ("kickstart", kickstart.map(Value::from)),
                ("yolo", yolo.map(Value::from)),
                ("env", env.map(|env| json!(env))),
                ("command", command.map(Value::from)),
                (
                    "restart",
                    restarts.map(|count| json!({ "max_restarts": count, "policy": "never" })),
                ),
            ];
            let fields = fields.into_iter();
            fields
                .filter_map(|(key, value)| Some((key.to_owned(), value?)))
                .collect()
        })
}

fn scalar(value: &Value, quotes: &str) -> String {
    match value {
        Value::String(text) if quotes == "'" && !text.contains('\n') => {
            format!("'{}'", text.replace('\'', "''"))
        }
        Value::String(text) if quotes.is_empty() && text.chars().all(|c| c == 'x') => text.clone(),
        other => other.to_string(),
    }
}

fn inline(value: &Value, quotes: &str) -> String {
    match value {
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(|item| inline(item, quotes)).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(fields) => {
            let fields = fields.iter().map(|(key, value)| match quotes {
                "\"" => format!("\"{key}\": {}", inline(value, quotes)),
                _ => format!("{key}: {}", inline(value, quotes)),
            });
            format!("{{{}}}", fields.collect::<Vec<_>>().join(", "))
        }
        other => scalar(other, quotes),
    }
}

/// Writes a field in lines below each other, its own comments in them.
fn block(key: &str, value: &Value, look: &Look, column: usize) -> String {
    let pad = " ".repeat(column);
    let behind = if look.behind.is_empty() {
        String::new()
    } else {
        format!(" {}", look.behind)
    };
    match value {
        Value::Object(fields) if look.order.is_multiple_of(2) => {
            let fields = fields.iter().map(|(key, value)| {
                let value = scalar(value, look.quotes);
                format!("\n{pad}  {key}: {value}{behind}")
            });
            format!(
                "{key}:{behind}{}\n{pad}  # deep",
                fields.collect::<String>()
            )
        }
        Value::Array(items) if look.order.is_multiple_of(3) => {
            let items = items
                .iter()
                .map(|item| format!("\n{pad}- {}{behind}", scalar(item, look.quotes)));
            format!("{key}:{}", items.collect::<String>())
        }
        Value::String(text) if text == "one\ntwo\n" => {
            format!("{key}: |{behind}\n{pad}  one\n{pad}  two")
        }
        other => format!("{key}: {}{behind}", inline(other, look.quotes)),
    }
}

pub(super) fn write(agents: &[(Map<String, Value>, Look)], style: &Style) -> Written {
    let json = style.agents == Agents::Json;
    let head = match style.agents {
        Agents::Json => "{\"version\": 1, \"transport\": \"tmux\",\n  \"agents\": [\n".to_owned(),
        Agents::Flow => "# mine\nversion: 1\ntransport: tmux\nagents: [ # all\n".to_owned(),
        Agents::Block => {
            "# mine\nversion: 1\ntransport: tmux # \u{1f600}\nagents: # all\n".to_owned()
        }
    };
    let indent = if style.agents == Agents::Block {
        style.indent
    } else {
        4
    };
    let pad = " ".repeat(indent);
    let one = |(index, (fields, look)): (usize, &(Map<String, Value>, Look))| {
        let name = format!("agent{index}");
        let mut pairs: Vec<(&str, Value)> = vec![("name", name.into()), ("runtime", "sim".into())];
        pairs.extend(
            fields
                .iter()
                .map(|(key, value)| (key.as_str(), value.clone())),
        );
        let turn = usize::from(look.order) % pairs.len();
        pairs.rotate_left(turn);
        let quotes = if json { "\"" } else { look.quotes };
        let mut text = String::new();
        if !json {
            if look.blank {
                text.push('\n');
            }
            if !look.above.is_empty() {
                text.push_str(&format!("{pad}{}\n", look.above));
            }
        }
        text.push_str(&pad);
        if style.agents == Agents::Block {
            text.push_str("- ");
        }
        if style.agents == Agents::Block && !look.flow {
            let below = format!("\n{pad}  ");
            let lines: Vec<_> = pairs
                .iter()
                .map(|(key, value)| block(key, value, look, indent + 2))
                .collect();
            text.push_str(&lines.join(&below));
        } else {
            let whole = pairs
                .into_iter()
                .map(|(key, value)| (key.to_owned(), value));
            // In the order of the map, which is as good as any.
            text.push_str(&inline(&Value::Object(whole.collect()), quotes));
        }
        text
    };
    let written: Vec<String> = agents.iter().enumerate().map(one).collect();
    let (separator, mut tail) = match style.agents {
        Agents::Block => ("\n", format!("\n{}", style.tail)),
        Agents::Flow => (", # next\n", format!("\n]\n{}", style.tail)),
        Agents::Json => (",\n", "\n  ]}\n".to_owned()),
    };
    if !style.last_newline {
        // Readers do not agree on the last newline of a literal text that the text's end cuts off.
        if style.agents == Agents::Block && style.tail.is_empty() {
            tail.push_str("# end");
        }
        tail.truncate(tail.trim_end().len());
    }
    let endings = |text: String| {
        if style.windows {
            text.replace('\n', "\r\n")
        } else {
            text
        }
    };
    Written {
        head: format!(
            "{}{}",
            if style.mark { "\u{feff}" } else { "" },
            endings(head)
        ),
        agents: written.into_iter().map(endings).collect(),
        tail: endings(tail),
        separator: match (separator, style.windows) {
            ("\n", true) => "\r\n",
            (",\n", true) => ",\r\n",
            (", # next\n", true) => ", # next\r\n",
            (separator, _) => separator,
        },
    }
}
