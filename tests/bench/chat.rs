//! The chat: how soon a person's message is in the orchestrator's inbox, how soon a backlog is, what
//! the bridge takes while nobody speaks, and how soon a subscription that is dropped has ended.

mod discord;
mod gateway_client;
mod matrix;
mod relay;

use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use podfleet_connectors::{ConnectorConfig, ConnectorRegistry, Environment};
use podfleet_pod_store::{InboxEntry, InboxStore as _};
use podfleet_protocol::MessageId;
use serde_json::Value;

use crate::idle::{memory, ticks};
use crate::inbox::Inbox;
use crate::operator::{Operator, Token};
use crate::sample::{Sample, ms, ratio, side_by_side};
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
/// How long a subscription may take to end.
const END_TARGET: Duration = Duration::from_millis(100);
/// How long a poll is left to itself before it is dropped.
const POLLING: Duration = Duration::from_millis(300);

pub(crate) fn rows() -> Vec<Row> {
    let mut rows = matrix::rows();
    rows.extend(discord::rows());
    rows
}

/// When messages of people came, one by one: to the inbox, and to another client.
#[derive(Default)]
struct OneByOne {
    accepted: Vec<Duration>,
    received: Vec<Duration>,
    later: Vec<Duration>,
}

impl OneByOne {
    /// Takes down a message that was said, accepted, and that the other client got, at these times
    /// of day.
    fn note(&mut self, said: Duration, accepted: Duration, received: Duration) {
        self.accepted.push(accepted.saturating_sub(said));
        self.received.push(received.saturating_sub(said));
        self.later.push(accepted.saturating_sub(received));
    }

    /// One round does not count.
    fn rows(self, way: &str, client: &str) -> Vec<Row> {
        let sample = |mut durations: Vec<Duration>| Sample::from(durations.split_off(1));
        let (accepted, received) = (sample(self.accepted), sample(self.received));
        let later = sample(self.later);
        let met = later.median() < LATER;
        let what = format!(
            "a person's message{way}, from its sending to the orchestrator's inbox; floor: to \
             another client, {client}"
        );
        vec![
            Row::new(what, &accepted).floor(&received, ratio(&accepted, &received)),
            Row::new("the same, later than that client", &later).target("under 150 ms", met),
        ]
    }
}

/// Returns the time of day.
fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap()
}

/// Waits until a message is in the inbox; returns when it was accepted.
fn accepted_at(inbox: &Inbox, kind: &str, event: &str) -> Duration {
    let id = MessageId::of_chat(kind, event);
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

fn idle(operator: &Operator, to: &str) -> Vec<Row> {
    let pid = operator.bridge_pid().unwrap();
    sleep(SETTLE);
    let before = ticks(pid);
    sleep(WATCH);
    // Of 10 ms each.
    let used = (ticks(pid) - before) as f64 / 100.0;
    let share = 100.0 * used / WATCH.as_secs_f64();
    let kib = memory(pid);
    vec![
        Row::new(
            format!("the bridge to {to} while nobody speaks: processor, in 120 s"),
            format!("{share:.2} % of a core"),
        )
        .target("under 0.2 %", share < 0.2),
        Row::new(
            format!("the bridge to {to}: private memory"),
            format!("{:.1} MiB", kib as f64 / 1024.0),
        )
        .target("under 30 MB", kib < MEMORY_TARGET_KIB),
    ]
}

/// Starts the bridge, and returns how long it takes until all of a backlog is in the inbox.
fn take_backlog(operator: &Operator) -> Duration {
    let begun = now();
    operator.fleet(&["bridge", "start"]).exits(0);
    let inbox = Inbox::of(&operator.world, "lead");
    let deadline = Instant::now() + Duration::from_secs(120);
    loop {
        let entries = inbox.entries();
        let of_it = entries
            .iter()
            .filter(|entry| entry.message.body.contains("backlog"));
        let times: Vec<Duration> = of_it.map(accepted).collect();
        if times.len() == BACKLOG {
            let last = times.into_iter().max().unwrap();
            return last.saturating_sub(begun);
        }
        assert!(Instant::now() < deadline, "{} came", times.len());
        sleep(Duration::from_millis(50));
    }
}

fn of_the_backlog() -> Vec<String> {
    let said = (0..BACKLOG).map(|number| format!("of the backlog {number}"));
    said.collect()
}

/// Subscribes, and drops that in the middle of its wait for news; returns how long it takes until
/// `ended` says that its connection has ended.
fn dropped(
    kind: &str,
    settings: &Value,
    token: &Token,
    ended: impl FnOnce(Instant) -> Duration,
) -> Duration {
    use futures_util::StreamExt as _;
    let config = serde_json::json!({"kind": kind, "settings": settings});
    let config: ConnectorConfig = serde_json::from_value(config).unwrap();
    let env: Environment = [(token.variable, &token.secret)].into_iter().collect();
    let connector = ConnectorRegistry::shipped().create(&config, &env).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let stream = runtime.block_on(async {
        let mut stream = connector.subscribe(None).await.unwrap();
        stream.next().await.unwrap().unwrap();
        let none = tokio::time::timeout(POLLING, stream.next()).await;
        assert!(none.is_err(), "nobody speaks");
        stream
    });
    let begun = Instant::now();
    drop(stream);
    ended(begun)
}

/// Measures the end of subscriptions beside that of bare sockets.
fn end_row(to: &str, dropped: impl FnMut() -> Duration, closed: impl FnMut() -> Duration) -> Row {
    let (ends, floor) = side_by_side(ROUNDS, dropped, closed);
    let met = ends.percentile(100) < END_TARGET;
    let what = format!(
        "a subscription to {to}, from its dropping to the server's end of its request; floor: \
         closing a bare socket"
    );
    let row = Row::new(what, &ends).floor(&floor, ratio(&ends, &floor));
    row.target("under 100 ms, each", met)
}

fn backlog_row(chat: &str, floor: &str, taken: Duration) -> Row {
    let what = format!(
        "1,000 messages in {chat} that came without a bridge, from its start to the last in the \
         inbox{floor}"
    );
    Row::new(what, ms(taken)).target("under 5 s", taken < BACKLOG_TARGET)
}
