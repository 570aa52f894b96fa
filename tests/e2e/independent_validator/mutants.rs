//! Rosters that are right, and rosters that chance made wrong, the same ones in every run.

use serde_json::{Map, Value, json};

/// Numbers that look random and are the same in every run (`SplitMix64`).
pub(super) struct Chance(u64);

impl Chance {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, most: usize) -> usize {
        (self.next() % most.max(1) as u64) as usize
    }

    fn one_in(&mut self, number: usize) -> bool {
        self.below(number) == 0
    }

    fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }
}

/// Returns a roster that the schema accepts, with each field there or not.
pub(super) fn roster(chance: &mut Chance) -> Value {
    let agents: Vec<Value> = (0..=chance.below(3)).map(|i| agent(i, chance)).collect();
    let mut roster = json!({ "version": 1, "transport": "tmux", "agents": agents });
    let optional = [
        ("fleet", json!("alpha")),
        ("tenant_id", json!("ops")),
        (
            "tmux",
            json!({ "socket_name": "x", "holder_session": "_h" }),
        ),
        ("defaults", json!({ "workingDirectory": "~/src" })),
        (
            "runtimes",
            json!({ "aider": { "harness": "generic", "resetCommand": "/new" } }),
        ),
        ("connector", chance.pick(&connectors()).clone()),
    ];
    add(&mut roster, &optional, chance);
    roster
}

fn connectors() -> [Value; 4] {
    let matrix = json!({
        "homeserver_url": "https://m.example.org", "userId": "@f:example.org", "room_id": "!r:example.org"
    });
    [
        json!({ "kind": "tmux" }),
        json!({ "kind": "discord", "discord": { "channel_id": "123" } }),
        json!({ "kind": "matrix", "matrix": matrix }),
        json!({ "kind": "x-irc", "settings": { "server": "irc.example.org", "port": 6697 } }),
    ]
}

fn agent(index: usize, chance: &mut Chance) -> Value {
    let mut agent = json!({ "name": format!("a{index}"), "runtime": "sim" });
    let optional = [
        ("class", json!("code")),
        ("alias", json!("Ada 🚀")),
        ("host", json!("box")),
        ("ssh", json!("me@box")),
        ("working_directory", json!("~/src/app")),
        ("modelHint", json!("gpt:high")),
        ("persistent_persona", json!(true)),
        ("reset_between_tasks", json!(false)),
        ("yolo", json!(true)),
        ("command", json!(["bash", "-i"])),
        ("env", json!({ "LANG": "C", "_X": "" })),
        ("kickstart", json!("read\nthe card")),
        ("resume", json!("8h")),
        ("prepare", json!(["git", "pull"])),
        ("depends_on", json!([])),
        (
            "restart",
            json!({ "policy": "always", "max_restarts": 3, "window": "10m" }),
        ),
        (
            "resources",
            json!({ "memory_max": "2G", "cpuWeight": 50, "tasks_max": 10 }),
        ),
    ];
    add(&mut agent, &optional, chance);
    agent
}

fn add(to: &mut Value, optional: &[(&str, Value)], chance: &mut Chance) {
    for (key, value) in optional {
        if chance.one_in(3) {
            to[*key] = value.clone();
        }
    }
}

/// Changes one place of a roster, be it that it stays right or not.
pub(super) fn mutate(value: &mut Value, chance: &mut Chance) {
    match value {
        Value::Object(fields) if !fields.is_empty() && !chance.one_in(8) => {
            mutate_object(fields, chance);
        }
        Value::Array(items) if !items.is_empty() && !chance.one_in(4) => {
            let index = chance.below(items.len());
            match chance.below(5) {
                0 => drop(items.remove(index)),
                1 => items.push(items[index].clone()),
                _ => mutate(&mut items[index], chance),
            }
        }
        other => *other = odd(other, chance),
    }
}

fn mutate_object(fields: &mut Map<String, Value>, chance: &mut Chance) {
    let keys: Vec<String> = fields.keys().cloned().collect();
    let key = chance.pick(&keys).clone();
    match chance.below(8) {
        0 => drop(fields.remove(&key)),
        1 => {
            let value = fields.remove(&key).unwrap_or_default();
            fields.insert(format!("{key}x"), value);
        }
        2 => {
            let keys = [
                "working_directory",
                "workingDirectory",
                "socketName",
                "settings",
                "matrix",
            ];
            fields.insert((*chance.pick(&keys)).to_owned(), json!("x"));
        }
        _ => {
            if let Some(value) = fields.get_mut(&key) {
                mutate(value, chance);
            }
        }
    }
}

/// Returns a value that is unlikely at its place.
fn odd(value: &Value, chance: &mut Chance) -> Value {
    let texts = [
        "",
        " ",
        "x y",
        "漢字",
        "a\n",
        "always",
        "10m",
        "-1",
        "@u:s",
        "#r:s",
        "https://x",
        "x-y",
    ];
    match chance.below(12) {
        0 => Value::Null,
        1 => json!(chance.one_in(2)),
        2 => json!(*chance.pick(&[0, 1, -1, 7, 10_001, 4_294_967_296_i64])),
        3 => json!(1.5),
        4 => json!([value]),
        5 => json!({ "x": value }),
        6 => json!([]),
        7 => json!({}),
        8 => json!("a".repeat(65)),
        _ => json!(*chance.pick(&texts)),
    }
}
