//! Messages that a live pod accepts: from one sender, and from eight whose messages share a flush.

use std::thread;
use std::time::{Duration, Instant};

use podfleet_protocol::MessageId;
use serde_json::json;

use crate::keys;
use crate::socket::{Connection, HELLO};
use crate::table::Row;
use crate::world::World;

const SENDERS: usize = 8;
const EACH: usize = 400;
const TARGET: f64 = 2.0;

pub(crate) fn rows() -> Vec<Row> {
    let world = World::new();
    let agent = "  - name: a\n    runtime: generic\n    command: [sh, -c, 'exec cat']\n";
    world.write_roster("default", agent);
    world.fleet(&["up"]).exits(0);
    // So that nothing is delivered meanwhile.
    world.fleet(&["pause", "a"]).exits(0);
    let one = rate(&world, 1);
    let many = rate(&world, SENDERS);
    vec![
        Row::new(
            format!("messages that a pod accepts a second from {SENDERS} senders; floor: from one"),
            format!("{many:.0}"),
        )
        .floor(format!("{one:.0}"), one / many)
        .target("at least 2 times the rate", many >= TARGET * one),
    ]
}

/// Returns how many messages a second are accepted from senders that each wait for their answers.
fn rate(world: &World, senders: usize) -> f64 {
    let socket = keys::socket(world);
    let begun = Instant::now();
    thread::scope(|scope| {
        for _ in 0..senders {
            scope.spawn(|| {
                let mut pod = Connection::open(&socket);
                pod.exchange(HELLO);
                for _ in 0..EACH {
                    pod.exchange(&message());
                }
            });
        }
    });
    per_second(senders * EACH, begun.elapsed())
}

fn message() -> String {
    let message = json!({"id": MessageId::generate(), "body": "please look at the failing test"});
    let request = json!({
        "jsonrpc": "2.0", "id": 1, "method": "run", "params": {"message": message},
    });
    format!("{request}\n")
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
fn per_second(count: usize, took: Duration) -> f64 {
    count as f64 / took.as_secs_f64()
}
