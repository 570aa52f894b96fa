//! A fleet of thirty for as long as one likes, while anything may be killed: no receipt says what
//! the agents' own journals deny, and no message is lost.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;

use crate::dice::{Dice, setting};
use crate::store::Inbox;
use crate::truth::{Sent, judge, until_settled};
use crate::world::{World, parent_of, signal};

/// How many agents, unless `SOAK_AGENTS` says otherwise.
const AGENTS: u64 = 30;
/// For how long, unless `SOAK_SECONDS` says otherwise.
const SECONDS: u64 = 60;
/// A run is repeated by its seed, which `SOAK_SEED` can set.
const SEED: u64 = 0x50A4;
const SENDERS: u64 = 3;
/// What agents are like, in turn: quick, slow, hard of hearing, slow to draw.
const HABITS: [&str; 4] = [
    r#"{"turn_ms": 30}"#,
    r#"{"turn_ms": 700}"#,
    r#"{"turn_ms": 100, "swallow_submits": 1}"#,
    r#"{"turn_ms": 60, "late_redraw_ms": 80}"#,
];

#[test]
fn whatever_is_killed_for_however_long_no_receipt_lies_and_no_message_is_lost() {
    let seed = setting("SOAK_SEED", SEED);
    let agents: Vec<_> = (0..setting("SOAK_AGENTS", AGENTS))
        .map(|n| format!("a{n}"))
        .collect();
    let world = World::new();
    let entry = |(agent, habit): (&String, &&str)| {
        let entry = world.entry(agent, "sim", habit);
        entry + "    restart: {policy: always, max_restarts: 1000, window: 1s}\n"
    };
    let entries = agents.iter().zip(HABITS.iter().cycle()).map(entry);
    world.write_roster("default", &entries.collect::<String>());
    world.fleet(&["up"]).exits(0);
    let end = Instant::now() + Duration::from_secs(setting("SOAK_SECONDS", SECONDS));
    let (sent, strikes) = std::thread::scope(|scope| {
        let senders: Vec<_> = (0..SENDERS)
            .map(|number| {
                let (world, agents) = (&world, &agents);
                scope.spawn(move || send_until(world, agents, number, end, seed))
            })
            .collect();
        let strikes = strike_until(&world, end, Dice::new(seed));
        let sent = senders
            .into_iter()
            .flat_map(|sender| sender.join().unwrap());
        (sent.collect::<Vec<_>>(), strikes)
    });
    world.fleet(&["up"]);
    let mut by_agent: BTreeMap<String, Vec<Sent>> = BTreeMap::new();
    for (agent, message) in sent {
        by_agent.entry(agent).or_default().push(message);
    }
    let mut outcomes: BTreeMap<&str, usize> = BTreeMap::new();
    let mut wrong = Vec::new();
    for (agent, sent) in &by_agent {
        until_settled(&world, agent, Duration::from_secs(300));
        wrong.extend(judge(&world, agent, sent));
        for entry in Inbox::of(&world, agent).entries() {
            *outcomes.entry(entry.receipt.outcome.as_str()).or_default() += 1;
        }
    }
    let account = format!("seed {seed}, struck {strikes:?}, receipts {outcomes:?}");
    report(&account);
    assert!(wrong.is_empty(), "{account}:\n{}", wrong.join("\n"));
    let all: usize = outcomes.values().sum();
    let shown = all - outcomes.get("unknown").copied().unwrap_or_default();
    assert!(shown * 2 > all, "{account}: most receipts know nothing");
}

#[expect(clippy::print_stdout, reason = "the account of a long run")]
fn report(account: &str) {
    println!("{account}");
}

fn send_until(
    world: &World,
    agents: &[String],
    number: u64,
    end: Instant,
    seed: u64,
) -> Vec<(String, Sent)> {
    let mut dice = Dice::new(seed + number + 1);
    let mut sent = Vec::new();
    while Instant::now() < end {
        dice.wait(Duration::from_millis(400));
        let agent = dice.choose(agents);
        let lines =
            "a line;\n漢字 and `more` of it\n".repeat(usize::try_from(dice.roll(40)).unwrap());
        let body = format!("{lines}message {number}/{}.", sent.len());
        sent.push((agent.clone(), Sent::new(body).until_accepted(world, agent)));
    }
    sent
}

/// Kills something every now and then; returns what, and how often.
fn strike_until(world: &World, end: Instant, mut dice: Dice) -> BTreeMap<&'static str, usize> {
    let mut strikes = BTreeMap::new();
    while Instant::now() < end {
        dice.wait(Duration::from_secs(2));
        let rows = world.fleet(&["ps", "--json"]).json();
        let rows: Vec<_> = rows.as_array().cloned().unwrap_or_default();
        if rows.is_empty() {
            continue;
        }
        let what = strike(world, dice.choose(&rows), &mut dice);
        *strikes.entry(what).or_default() += 1;
        world.fleet(&["up"]);
    }
    strikes
}

fn strike(world: &World, row: &Value, dice: &mut Dice) -> &'static str {
    let pid = |field: &str| row[field].as_u64().and_then(|pid| u32::try_from(pid).ok());
    let kill = |pid: Option<u32>| {
        if let Some(pid) = pid {
            signal(pid, Signal::KILL);
        }
    };
    let name = row["name"].as_str().unwrap_or_default();
    match dice.roll(10) {
        0..=2 => {
            kill(pid("pod_pid"));
            "pods"
        }
        3..=5 => {
            kill(pid("agent_pid"));
            "agents"
        }
        6 => {
            kill(pid("agent_pid").and_then(parent_of));
            "guards"
        }
        7 | 8 => {
            world.tmux("default", &["kill-session", "-t", &format!("={name}:")]);
            "views"
        }
        _ => {
            world.tmux("default", &["kill-server"]);
            "tmux"
        }
    }
}
