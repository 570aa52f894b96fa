//! Kills at random moments while messages come in: what was accepted has one truthful end.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use podfleet_sim_agent::Kind;
use rustix::process::Signal;

use crate::truth::{Sent, judge, until_settled};
use crate::world::{World, parent_of, signal};

const SENDERS: usize = 4;
const EACH: usize = 15;
/// How long the killing goes on.
const STORM: Duration = Duration::from_secs(8);
/// A run is repeated by its seed.
const SEED: u64 = 0x5EED;

/// Marsaglia's xorshift64: the same moments for the same seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

#[test]
fn kills_at_random_moments_neither_lose_nor_double_nor_belie_a_message() {
    let seed = std::env::var("TORTURE_SEED")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(SEED);
    let world = World::new();
    let agent = world.entry("a", "sim", r#"{"turn_ms": 30}"#)
        + "    restart: {policy: always, max_restarts: 1000, window: 1s}\n";
    world.write_roster("default", &agent);
    world.fleet(&["up"]).exits(0);
    let over = AtomicBool::new(false);
    let sent: Vec<Sent> = std::thread::scope(|scope| {
        let senders: Vec<_> = (0..SENDERS)
            .map(|sender| {
                scope.spawn({
                    let world = &world;
                    move || send_all(world, sender)
                })
            })
            .collect();
        scope.spawn(|| {
            let begun = Instant::now();
            let mut dice = Dice(seed);
            while begun.elapsed() < STORM && !over.load(Ordering::Relaxed) {
                // The moments are the test: nothing tells when one is bad.
                std::thread::sleep(Duration::from_millis(dice.roll(500)));
                strike(&world, dice.roll(8));
            }
        });
        let sent = senders
            .into_iter()
            .flat_map(|sender| sender.join().unwrap());
        sent.collect()
    });
    over.store(true, Ordering::Relaxed);
    world.fleet(&["up"]);
    until_settled(&world, "a", Duration::from_secs(60));
    let wrong = judge(&world, "a", &sent);
    assert!(wrong.is_empty(), "seed {seed}:\n{}", wrong.join("\n"));
    let submitted = world.received("a", Kind::Submit).len();
    assert!(
        submitted > SENDERS * EACH / 2,
        "only {submitted} were submitted"
    );
}

/// Sends a sender's messages one after another, each again until it is accepted.
fn send_all(world: &World, sender: usize) -> Vec<Sent> {
    (0..EACH)
        .map(|number| Sent::new(format!("message {sender}/{number}.")).until_accepted(world, "a"))
        .collect()
}

/// Kills something.
fn strike(world: &World, what: u64) {
    let rows = world.fleet(&["ps", "--json"]).json();
    let pid = |field: &str| {
        rows[0][field]
            .as_u64()
            .and_then(|pid| u32::try_from(pid).ok())
    };
    match what {
        0..=2 => {
            if let Some(pod) = pid("pod_pid") {
                signal(pod, Signal::KILL);
            }
        }
        3 | 4 => {
            if let Some(agent) = pid("agent_pid") {
                signal(agent, Signal::KILL);
            }
        }
        5 => {
            if let Some(guard) = pid("agent_pid").and_then(parent_of) {
                signal(guard, Signal::KILL);
            }
        }
        6 => {
            world.tmux("default", &["kill-server"]);
        }
        _ => {
            world.fleet(&["restart", "a"]);
        }
    }
    world.fleet(&["up"]);
}
