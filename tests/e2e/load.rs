//! Many messages for a pod whose agent streams: none is lost, doubled or reordered.

use std::collections::HashMap;
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
const AGENT: &str = r#"{"turn_ms": 20, "flood": {"at": "turn", "bytes_per_second": 20000000}}"#;

#[test]
fn messages_to_an_agent_that_streams_are_neither_lost_nor_doubled_nor_reordered() {
    let messages = std::env::var("LOAD_MESSAGES")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(MESSAGES);
    let world = World::with_agents(&[("a", AGENT)]);
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
    let patience =
        Duration::from_secs(60) + Duration::from_secs(2) * u32::try_from(messages).unwrap();
    until_settled(&world, "a", patience);
    println!(
        "{messages} messages accepted in {accepted:?}, settled in {:?}",
        begun.elapsed()
    );
    let mut next: HashMap<usize, usize> = HashMap::new();
    for text in world.received("a", Kind::Submit) {
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
