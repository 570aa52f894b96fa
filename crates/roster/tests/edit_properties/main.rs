//! Whatever a roster looks like: an edit gives what the same edit of the value gives, and what is
//! outside of the agent that it is about is as it was.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod written;

use std::collections::HashMap;

use podfleet_roster::{AgentName, Document, EditErrorKind, Field, Known, NewAgent};
use proptest::prelude::*;
use serde_json::{Value, json};

use written::{fields, look, style, write};

#[derive(Debug, Clone)]
enum Step {
    Add(String),
    Remove,
    Set(&'static str, Value),
    Clear(&'static str),
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
