//! Many messages for a pod whose agent streams: none is lost, doubled or reordered.

use std::collections::HashMap;
use std::fs;
use std::time::{Duration, Instant};

use podfleet_protocol::NewMessage;
use podfleet_protocol::client::{Introduction, PodClient};
use podfleet_protocol::method::{MessageParams, RunMessage};
use podfleet_sim_agent::Kind;

use crate::store::Inbox;
use crate::truth::until_settled;
use crate::world::World;

const SENDERS: usize = 8;
/// How many messages there are, unless `LOAD_MESSAGES` says otherwise.
const MESSAGES: usize = 40;
/// Every turn streams 20 MB/s from its beginning to its end.
const AGENT: &str = r#"{"turn_ms": 10, "flood": {"at": "turn", "bytes_per_second": 20000000}}"#;
/// What one message may take, with a turn of it, on a machine that is busy with others.
const PATIENCE: Duration = Duration::from_millis(500);

/// A world with an agent `a` whose program needs no time to be looked at: ten thousand messages are
/// to be through in minutes.
fn world() -> World {
    let world = World::new();
    world.write_harness("torrent", AGENT);
    let file = world.path("home/config/harnesses/torrent.toml");
    let text = fs::read_to_string(&file).unwrap();
    let hasty = text
        .replace("gap_ms = 20\n", "gap_ms = 1\n")
        .replace("quiet_ms = 30\n", "quiet_ms = 2\n");
    assert_ne!(hasty, text);
    fs::write(&file, hasty).unwrap();
    world.write_roster("default", "  - {name: a, runtime: torrent}\n");
    world
}

#[test]
fn messages_to_an_agent_that_streams_are_neither_lost_nor_doubled_nor_reordered() {
    let messages = std::env::var("LOAD_MESSAGES")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(MESSAGES);
    let world = world();
    world.fleet(&["up"]).exits(0);
    let socket = Inbox::of(&world, "a").socket();
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for sender in 0..SENDERS {
            let socket = &socket;
            scope.spawn(move || send(socket, sender, messages / SENDERS));
        }
    });
    let accepted = begun.elapsed();
    let patience = Duration::from_secs(120) + PATIENCE * u32::try_from(messages).unwrap();
    until_settled(&world, "a", patience);
    println!(
        "{messages} messages accepted in {accepted:?}, settled in {:?}",
        begun.elapsed()
    );
    let mut next: HashMap<usize, usize> = HashMap::new();
    for text in world.received("torrent", Kind::Submit) {
        let (_, body) = text.split_once("] ").unwrap();
        let (sender, number) = body.split_once('/').unwrap();
        let next = next.entry(sender.parse().unwrap()).or_default();
        assert_eq!(number.parse(), Ok(*next), "sender {sender}");
        *next += 1;
    }
    assert_eq!(next.len(), SENDERS);
    assert!(
        next.values().all(|count| *count == messages / SENDERS),
        "{next:?}"
    );
    world.fleet(&["down", "--all"]).exits(0);
}

fn send(socket: &std::path::Path, sender: usize, count: usize) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let who = Introduction {
            client: format!("sender {sender}"),
            credential: None,
        };
        let mut client = PodClient::connect(socket, &who).await.unwrap();
        for number in 0..count {
            let message = NewMessage::new(format!("{sender}/{number}"));
            client
                .call::<RunMessage>(MessageParams { message })
                .await
                .unwrap();
        }
    });
}
