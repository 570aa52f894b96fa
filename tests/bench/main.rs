//! How fast and how small: each figure beside its floor, taken in the same run.
//!
//! A floor is the same work done by the barest means. Both sides alternate, so that whatever else
//! the machine does falls on both. Nothing here fails for being slow.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a measurement that goes wrong ends here"
)]
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this prints a table, and on standard error what it is at"
)]

mod accept;
mod agents;
mod bare;
mod by_ssh;
#[path = "../e2e/discord/channel.rs"]
mod channel;
mod chat;
#[expect(dead_code, reason = "the tests use the rest")]
#[path = "../e2e/far_host.rs"]
mod far_host;
mod flood;
#[path = "../e2e/matrix/homeserver.rs"]
mod homeserver;
mod hub;
#[expect(dead_code, reason = "the tests use the rest")]
#[path = "../e2e/hub/machine.rs"]
mod hub_machine;
#[expect(dead_code, reason = "the tests use the rest")]
#[path = "../e2e/matrix/human.rs"]
mod human;
mod idle;
#[expect(dead_code, reason = "the tests use the rest")]
#[path = "../e2e/store.rs"]
mod inbox;
mod keys;
mod machine;
#[expect(dead_code, reason = "the tests use the rest")]
#[path = "../e2e/operator.rs"]
mod operator;
#[path = "../e2e/agents/program.rs"]
mod program;
mod ps;
mod sample;
#[path = "../e2e/matrix/scene.rs"]
mod scene;
mod send;
mod socket;
#[expect(dead_code, reason = "the tests use the rest")]
#[path = "../e2e/agents/stage.rs"]
mod stage;
mod store;
mod table;
mod up;
mod validate;
mod version;
mod viewers;
mod whole;
#[expect(dead_code, reason = "the tests use the rest")]
#[path = "../e2e/world.rs"]
mod world;

use table::Row;

/// A measurement's name, and what takes it.
type Measurement = (&'static str, fn() -> Vec<Row>);

/// The measurements, quietest first: what starts many processes comes last.
const MEASUREMENTS: [Measurement; 16] = [
    ("version", version::rows),
    ("validate", validate::rows),
    ("store", store::rows),
    ("send", send::rows),
    ("socket", socket::rows),
    ("accept", accept::rows),
    ("keys", keys::rows),
    ("flood", flood::rows),
    ("hub", hub::rows),
    ("idle", idle::rows),
    ("up", up::rows),
    ("ps", ps::rows),
    ("chat", chat::rows),
    ("whole", whole::rows),
    ("viewers", viewers::rows),
    ("agents", agents::rows),
];

fn main() {
    // Cargo adds `--bench`; words name the measurements that are wanted.
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with('-'))
        .collect();
    println!("{}\n\n{}", machine::describe(), table::HEAD);
    for (name, measure) in MEASUREMENTS {
        if wanted.is_empty() || wanted.iter().any(|word| word == name) {
            eprintln!("measuring {name}");
            for row in measure() {
                println!("{row}");
            }
        }
    }
}
