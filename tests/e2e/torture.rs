//! Kills at random moments while messages and relations come and go: what was accepted has one
//! truthful end, and a relation is there for both or for neither.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use podfleet_pod_store::{PeerPair, RelationStore as _, Writer};
use podfleet_sim_agent::Kind;
use rustix::process::Signal;

use crate::dice::{Dice, setting};
use crate::store::Inbox;
use crate::truth::{Sent, judge, until_settled};
use crate::world::{World, parent_of, signal};

/// How long nothing is done at most between two strikes, messages or relations.
const LONGEST: Duration = Duration::from_millis(500);
const PODS: [&str; 3] = ["a", "b", "c"];
/// How often something is killed, unless `TORTURE_ROUNDS` says otherwise.
const ROUNDS: u64 = 12;
/// A run is repeated by its seed, which `TORTURE_SEED` can set.
const SEED: u64 = 0x5EED;

#[test]
fn kills_at_random_moments_neither_lose_nor_double_nor_belie_a_message() {
    let seed = setting("TORTURE_SEED", SEED);
    let rounds = setting("TORTURE_ROUNDS", ROUNDS);
    let world = World::new();
    let agents = PODS.map(|pod| {
        world.entry(pod, "sim", r#"{"turn_ms": 30}"#)
            + "    restart: {policy: always, max_restarts: 1000, window: 1s}\n"
    });
    world.write_roster("default", &agents.concat());
    world.fleet(&["up"]).exits(0);
    let over = AtomicBool::new(false);
    let sent = std::thread::scope(|scope| {
        let senders = PODS.map(|pod| {
            let world = &world;
            scope.spawn(move || send_all(world, pod, rounds, Dice::new(seed + 1)))
        });
        scope.spawn(|| relate_all(&world, &over, Dice::new(seed + 2)));
        let mut dice = Dice::new(seed);
        for _ in 0..rounds {
            dice.wait(LONGEST);
            strike(&world, &mut dice);
        }
        let sent = senders.map(|sender| sender.join().unwrap());
        over.store(true, Ordering::Relaxed);
        sent
    });
    world.fleet(&["up"]);
    for (pod, sent) in PODS.into_iter().zip(&sent) {
        let patience = Duration::from_secs(60 + rounds);
        until_settled(&world, pod, patience);
        let wrong = judge(&world, pod, sent);
        assert!(wrong.is_empty(), "seed {seed}:\n{}", wrong.join("\n"));
        let submitted = world.received(pod, Kind::Submit).len();
        assert!(
            submitted * 2 > sent.len(),
            "{pod}: only {submitted} were submitted"
        );
    }
}

/// Sends a pod's messages one after another, each again until it is accepted.
fn send_all(world: &World, pod: &str, count: u64, mut dice: Dice) -> Vec<Sent> {
    (0..count)
        .map(|number| {
            dice.wait(LONGEST);
            Sent::new(format!("message {pod}/{number}.")).until_accepted(world, pod)
        })
        .collect()
}

/// Begins and ends relations until the end; each is what was last said of it, for both.
fn relate_all(world: &World, over: &AtomicBool, mut dice: Dice) {
    let inboxes = PODS.map(|pod| Inbox::of(world, pod));
    let (store, runtime) = inboxes[0].store();
    while !over.load(Ordering::Relaxed) {
        dice.wait(LONGEST);
        let first = usize::try_from(dice.roll(3)).unwrap();
        let (one, other) = (inboxes[first].pod(), inboxes[(first + 1) % 3].pod());
        let pair = PeerPair::new(one, other).unwrap();
        let at = podfleet_pod::clock::wall();
        let wanted = dice.roll(2) == 0;
        runtime.block_on(async {
            if wanted {
                store
                    .register_peer(Writer::Operator, pair, at)
                    .await
                    .unwrap();
            } else {
                store
                    .unregister_peer(Writer::Operator, pair, at)
                    .await
                    .unwrap();
            }
            for (from, to) in [(one, other), (other, one)] {
                assert_eq!(store.relation(from, to).await.unwrap().peer, wanted);
            }
        });
    }
}

/// Kills something.
fn strike(world: &World, dice: &mut Dice) {
    let index = usize::try_from(dice.roll(3)).unwrap();
    let rows = world.fleet(&["ps", "--json"]).json();
    let pid = |field: &str| {
        rows[index][field]
            .as_u64()
            .and_then(|pid| u32::try_from(pid).ok())
    };
    match dice.roll(8) {
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
            world.fleet(&["restart", PODS[index]]);
        }
    }
    world.fleet(&["up"]);
}
