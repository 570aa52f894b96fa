//! The chat in a Matrix room: how soon a person's message is in the orchestrator's inbox, and what the
//! bridge takes while nobody speaks.

use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use podfleet_pod_store::{InboxEntry, InboxStore as _};
use podfleet_protocol::MessageId;
use serde_json::json;

use crate::human::Human;
use crate::idle::{memory, ticks};
use crate::inbox::Inbox;
use crate::sample::{Sample, ms, ratio, timed};
use crate::scene::Chat;
use crate::table::Row;

const ROUNDS: usize = 40;
/// How much later than another client's own receipt a message may be in the inbox.
const LATER: Duration = Duration::from_millis(150);
const BACKLOG: usize = 1000;
const BACKLOG_TARGET: Duration = Duration::from_secs(5);
/// How long the bridge is left alone before it is watched, and how long it is watched.
const SETTLE: Duration = Duration::from_secs(30);
const WATCH: Duration = Duration::from_secs(120);
const MEMORY_TARGET_KIB: u64 = 30 << 10;

pub(crate) fn rows() -> Vec<Row> {
    let Some(mut chat) = Chat::new() else {
        return vec![Row::new(
            "the chat in Matrix: Synapse is missing",
            "not taken",
        )];
    };
    chat.operator.fleet(&["up"]).exits(0);
    // What is measured is the way into the inbox; the agent's turns would be on the same processors.
    chat.operator.fleet(&["pause", "lead"]).exits(0);
    let mut rows = one_by_one(&mut chat);
    rows.extend(idle(&chat));
    rows.push(backlog(&mut chat));
    rows
}

fn one_by_one(chat: &mut Chat) -> Vec<Row> {
    let mut bob = chat.join("bob");
    bob.order(&json!({"do": "listen"}));
    let inbox = Inbox::of(&chat.operator.world, "lead");
    let (mut accepted, mut received, mut later) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        let said = now();
        let event = chat.ada.say(&format!("message {round}"));
        let taken = accepted_at(&inbox, &event);
        let came = came_at(&mut bob, &event);
        accepted.push(taken.saturating_sub(said));
        received.push(came.saturating_sub(said));
        later.push(taken.saturating_sub(came));
    }
    let sample = |mut durations: Vec<Duration>| Sample::from(durations.split_off(1));
    let (accepted, received, later) = (sample(accepted), sample(received), sample(later));
    let met = later.median() < LATER;
    vec![
        Row::new(
            "a person's message, from its sending to the orchestrator's inbox; floor: to another \
             client, matrix-nio",
            &accepted,
        )
        .floor(&received, ratio(&accepted, &received)),
        Row::new("the same, later than that client", &later).target("under 150 ms", met),
    ]
}

/// Returns the time of day.
fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap()
}

/// Waits until a message is in the inbox; returns when it was accepted.
fn accepted_at(inbox: &Inbox, event: &str) -> Duration {
    let id = MessageId::of_chat("matrix", event);
    let (store, runtime) = inbox.store();
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let entry = runtime.block_on(store.message(inbox.pod(), id)).unwrap();
        if let Some(entry) = entry {
            return accepted(&entry);
        }
        assert!(Instant::now() < deadline, "{event} does not come");
        sleep(Duration::from_millis(5));
    }
}

fn accepted(entry: &InboxEntry) -> Duration {
    Duration::from_millis(u64::try_from(entry.message.accepted.0).unwrap())
}

fn came_at(listener: &mut Human, event: &str) -> Duration {
    let came = listener.order(&json!({"do": "came", "ids": [event]}));
    Duration::from_nanos(came["at"][0].as_u64().unwrap())
}

fn idle(chat: &Chat) -> Vec<Row> {
    let pid = u32::try_from(chat.operator.bridge()["status"]["pid"].as_u64().unwrap()).unwrap();
    sleep(SETTLE);
    let before = ticks(pid);
    sleep(WATCH);
    // Of 10 ms each.
    let used = (ticks(pid) - before) as f64 / 100.0;
    let share = 100.0 * used / WATCH.as_secs_f64();
    let kib = memory(pid);
    vec![
        Row::new(
            "the bridge to Matrix while nobody speaks: processor, in 120 s",
            format!("{share:.2} % of a core"),
        )
        .target("under 0.2 %", share < 0.2),
        Row::new(
            "the bridge to Matrix: private memory",
            format!("{:.1} MiB", kib as f64 / 1024.0),
        )
        .target("under 30 MB", kib < MEMORY_TARGET_KIB),
    ]
}

fn backlog(chat: &mut Chat) -> Row {
    chat.operator.fleet(&["bridge", "stop"]).exits(0);
    let said: Vec<String> = (0..BACKLOG)
        .map(|number| format!("of the backlog {number}"))
        .collect();
    chat.ada.order(&json!({"do": "say_many", "texts": said}));
    let read = timed(|| {
        chat.ada.order(&json!({"do": "history"}));
    });
    let begun = now();
    chat.operator.fleet(&["bridge", "start"]).exits(0);
    let inbox = Inbox::of(&chat.operator.world, "lead");
    let deadline = Instant::now() + Duration::from_secs(120);
    let last = loop {
        let entries = inbox.entries();
        let of_it = entries
            .iter()
            .filter(|entry| entry.message.body.contains("backlog"));
        let times: Vec<Duration> = of_it.map(accepted).collect();
        if times.len() == BACKLOG {
            break times.into_iter().max().unwrap();
        }
        assert!(Instant::now() < deadline, "{} came", times.len());
        sleep(Duration::from_millis(50));
    };
    let taken = last.saturating_sub(begun);
    Row::new(
        "1,000 messages that came without a bridge, from its start to the last in the inbox; floor: \
         matrix-nio reads as many",
        ms(taken),
    )
    .floor(ms(read), taken.as_secs_f64() / read.as_secs_f64())
    .target("under 5 s", taken < BACKLOG_TARGET)
}
