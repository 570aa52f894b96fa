//! Whatever a roster looks like: an edit gives what the same edit of the value gives, and what is
//! outside of the agent that it is about is as it was.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::collections::HashMap;

use podfleet_roster::{AgentName, Document, EditErrorKind, Field, Known, NewAgent};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// How one agent is written.
#[derive(Debug, Clone)]
struct Look {
    /// In brackets, in one line.
    flow: bool,
    quotes: &'static str,
    above: String,
    behind: String,
    blank: bool,
    order: u8,
}

/// How the whole is written.
#[derive(Debug, Clone)]
struct Style {
    mark: bool,
    windows: bool,
    last_newline: bool,
    indent: usize,
    agents: Agents,
    tail: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Agents {
    Block,
    Flow,
    Json,
}

#[derive(Debug, Clone)]
enum Step {
    Add(String),
    Remove,
    Set(&'static str, Value),
    Clear(&'static str),
}

/// A roster's text in parts: what is before each agent's own lines, those, and what follows them all.
struct Written {
    head: String,
    agents: Vec<String>,
    tail: String,
    separator: &'static str,
}

impl Written {
    fn text(&self) -> String {
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

fn look() -> impl Strategy<Value = Look> {
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

fn style() -> impl Strategy<Value = Style> {
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

fn fields() -> impl Strategy<Value = Map<String, Value>> {
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

fn step() -> impl Strategy<Value = Step> {
    let value = "[ -~é漢字😀\n]{1,12}";
    prop_oneof![
        "[ -~é漢]{1,8}".prop_map(Step::Add),
        Just(Step::Remove),
        value.prop_map(|text| Step::Set("alias", text.into())),
        value.prop_map(|text| Step::Set("kickstart", text.into())),
        value.prop_map(|text| Step::Set("env.NEW", text.into())),
        value.prop_map(|text| Step::Set("command", json!([text, "b"]))),
        any::<bool>().prop_map(|flag| Step::Set("yolo", flag.into())),
        (1..99_u32).prop_map(|count| Step::Set("restart.max_restarts", count.into())),
        Just(Step::Set("resources.memory_max", "2G".into())),
        prop_oneof![
            Just("alias"),
            Just("kickstart"),
            Just("env"),
            Just("env.A"),
            Just("command"),
            Just("yolo"),
            Just("restart"),
            Just("restart.policy"),
        ]
        .prop_map(Step::Clear),
    ]
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

fn write(agents: &[(Map<String, Value>, Look)], style: &Style) -> Written {
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

/// What an independent reader makes of a text.
fn value(text: &str) -> Value {
    let body = text.strip_prefix('\u{feff}').unwrap_or(text);
    serde_yaml::from_str(body).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// The same step on the value.
fn apply(roster: &mut Value, index: usize, step: &Step) {
    let agents = roster["agents"].as_array_mut().unwrap();
    match step {
        Step::Add(class) => {
            agents.push(json!({ "name": "new", "runtime": "sim", "class": class }));
        }
        Step::Remove => {
            agents.remove(index);
        }
        Step::Set(path, value) => {
            let mut at = &mut agents[index];
            for key in path.split('.') {
                at = &mut at[key];
            }
            *at = value.clone();
        }
        Step::Clear(path) => {
            let agent = agents[index].as_object_mut().unwrap();
            match path.split_once('.') {
                None => {
                    agent.remove(*path);
                }
                Some((outer, inner)) => {
                    if let Some(Value::Object(fields)) = agent.get_mut(outer)
                        && fields.remove(inner).is_some()
                        && fields.is_empty()
                    {
                        agent.remove(outer);
                    }
                }
            }
        }
    }
}

fn edit(text: &str, index: usize, step: &Step) -> Result<String, EditErrorKind> {
    let known = Known::shipped();
    let mut edit = Document::read(text, "x").edit(&known).map_err(|error| {
        panic!("{:#?}\n{text}", error.findings());
    })?;
    let name = format!("agent{index}");
    let done = match step {
        Step::Add(class) => {
            let agent = NewAgent::new(AgentName::new("new").unwrap(), "sim");
            edit.add(&agent.with_class(class.as_str()))
        }
        Step::Remove => edit.remove(&name),
        Step::Set(path, value) => edit.set(&Field::of_agent(name, *path), value.clone()),
        Step::Clear(path) => edit.clear(&Field::of_agent(name, *path)),
    };
    done.map_err(|error| error.kind().clone())?;
    Ok(edit.text().to_owned())
}

/// Lines that say something, without the commas between agents and the comments behind those.
fn lines(text: &str) -> Vec<String> {
    let bare = |line: &str| {
        let line = line.trim_end().trim_end_matches("# next").trim_end();
        line.trim_end_matches(',').to_owned()
    };
    text.lines()
        .map(bare)
        .filter(|line| !line.is_empty())
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1500) })]

    #[test]
    fn an_edit_is_the_edit_of_the_value_and_leaves_the_rest(
        agents in proptest::collection::vec((fields(), look()), 1..4),
        style in style(),
        chosen in any::<prop::sample::Index>(),
        step in step(),
    ) {
        let index = chosen.index(agents.len());
        let written = write(&agents, &style);
        let text = written.text();
        let new = match edit(&text, index, &step) {
            Ok(new) => new,
            Err(EditErrorKind::LastAgent) if agents.len() == 1 => return Ok(()),
            Err(kind) => panic!("{kind:?} by {step:?} of agent{index}\n{text}"),
        };
        let mut expected = value(&text);
        apply(&mut expected, index, &step);
        prop_assert_eq!(value(&new), expected, "\n{}\n{}", &text, &new);
        prop_assert_eq!(new.ends_with('\n'), text.ends_with('\n'), "\n{}\n{}", &text, &new);
        if style.windows {
            prop_assert_eq!(new.matches('\n').count(), new.matches("\r\n").count());
        }
        let joined = |parts: &[String]| parts.join(written.separator);
        match step {
            Step::Remove => {
                let rest = [&written.agents[..index], &written.agents[index + 1..]].concat();
                let left = format!("{}{}{}", written.head, joined(&rest), written.tail);
                prop_assert_eq!(lines(&new), lines(&left), "\n{}\n{}", &text, &new);
            }
            Step::Add(_) => {
                prop_assert!(new.starts_with(&written.head));
                for agent in &written.agents {
                    prop_assert!(new.contains(agent.as_str()), "\n{}\n{}", &text, &new);
                }
                prop_assert!(new.ends_with(written.tail.trim_start()));
            }
            Step::Set(..) | Step::Clear(..) => {
                let head = written.agents[..index].join(written.separator);
                prop_assert!(new.starts_with(&format!("{}{head}", written.head)), "{}\n{}", &text, &new);
                let tail = written.agents[index + 1..].join(written.separator);
                prop_assert!(new.ends_with(&format!("{tail}{}", written.tail)), "{}\n{}", &text, &new);
            }
        }
    }

}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(500) })]

    #[test]
    fn a_printed_roster_reads_back_the_same(
        agents in proptest::collection::vec((fields(), look()), 1..4),
        style in style(),
    ) {
        let text = write(&agents, &style).text();
        let known = Known::shipped();
        let (roster, _) = podfleet_roster::Roster::parse(&text, "x", &known);
        let roster = roster.unwrap();
        for printed in [serde_json::to_string(&roster).unwrap(), serde_yaml::to_string(&roster).unwrap()] {
            let (again, findings) = podfleet_roster::Roster::parse(&printed, "x", &known);
            prop_assert_eq!(again.as_ref(), Some(&roster), "{:?}", findings);
        }
    }
}

/// An agent whose values may have anchors, or be aliases of what an agent above it has. No anchor is
/// given twice, since the independent reader mixes such up.
fn write_shared(
    index: usize,
    agent: &[(&'static str, u8)],
    anchors: &mut HashMap<&'static str, usize>,
) -> String {
    let mut text = match index % 2 {
        0 => format!("  - name: &name{index} agent{index}\n"),
        _ => format!("  - &agent{index} # one\n    name: agent{index}\n"),
    };
    text.push_str("    runtime: sim\n");
    for (key, kind) in agent {
        let value = match *key {
            "env" => format!("{{A: &deep{index} x, B: *deep{index}}}"),
            "command" => format!("\n    - &word{index} b\n    - *word{index}"),
            _ => "x y".to_owned(),
        };
        match (kind, anchors.get(key)) {
            (0, Some(above)) => text.push_str(&format!("    {key}: *{key}{above} # same\n")),
            (1, _) => {
                anchors.insert(key, index);
                text.push_str(&format!("    {key}: &{key}{index} {value} # own\n"));
            }
            _ => text.push_str(&format!("    {key}: {value}\n")),
        }
    }
    text
}

fn shared_fields() -> impl Strategy<Value = Vec<(&'static str, u8)>> {
    let keys = proptest::sample::subsequence(vec!["alias", "kickstart", "env", "command"], 0..=4);
    (keys, proptest::collection::vec(0..3_u8, 4))
        .prop_map(|(keys, kinds)| keys.into_iter().zip(kinds).collect())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1500) })]

    #[test]
    fn an_edit_beside_aliases_is_the_edit_of_the_value_or_is_refused(
        agents in proptest::collection::vec(shared_fields(), 2..4),
        chosen in any::<prop::sample::Index>(),
        step in step(),
    ) {
        let index = chosen.index(agents.len());
        let head = "version: 1\ntransport: tmux\nagents:\n";
        let mut anchors = HashMap::new();
        let written: Vec<String> = agents
            .iter()
            .enumerate()
            .map(|(index, agent)| write_shared(index, agent, &mut anchors))
            .collect();
        let text = format!("{head}{}", written.concat());
        let new = match edit(&text, index, &step) {
            Ok(new) => new,
            Err(EditErrorKind::Shared { .. }) if text.contains('*') => return Ok(()),
            Err(kind) => panic!("{kind:?} by {step:?} of agent{index}\n{text}"),
        };
        let mut expected = value(&text);
        apply(&mut expected, index, &step);
        prop_assert_eq!(value(&new), expected, "\n{}\n{}", &text, &new);
        let before = format!("{head}{}", written[..index].concat());
        let behind = written[index + 1..].concat();
        prop_assert!(new.starts_with(&before), "\n{}\n{}", &text, &new);
        match step {
            Step::Add(_) => prop_assert!(new.starts_with(&text), "\n{}\n{}", &text, &new),
            _ => prop_assert!(new.ends_with(&behind), "\n{}\n{}", &text, &new),
        }
    }
}
