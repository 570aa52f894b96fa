//! What is left of a subscription that was dropped: nothing.

use std::fs;
use std::time::Duration;

use futures_util::StreamExt as _;
use podfleet_connectors::conformance::Rig as _;
use tokio::runtime::Handle;

use super::fake::{Failure, Fake};

/// How many turns the end of a subscription may take; it takes a few.
const TURNS: usize = 5_000;

/// Returns how many tasks there are, and how many sockets this process has.
fn open() -> (usize, usize) {
    let links = fs::read_dir("/proc/self/fd").unwrap().flatten();
    let links = links.filter_map(|entry| fs::read_link(entry.path()).ok());
    let sockets = links.filter(|link| link.to_string_lossy().starts_with("socket:"));
    (
        Handle::current().metrics().num_alive_tasks(),
        sockets.count(),
    )
}

#[tokio::test]
async fn a_subscription_that_is_dropped_ends_its_poll_and_leaves_no_task_or_socket() {
    let fake = Fake::start().await;
    // The server is at its work, so that what comes later is of the connections alone.
    tokio::task::yield_now().await;
    let before = open();
    let connector = fake.connector();
    let mut stream = connector.subscribe(None).await.unwrap();
    stream.next().await.unwrap().unwrap();
    fake.fail("sync", Failure::Hang);
    let asked = fake.room().asked.len();
    let mut polling = std::pin::pin!(stream.next());
    while fake.room().asked.len() == asked {
        let none = tokio::time::timeout(Duration::from_millis(5), &mut polling).await;
        assert!(none.is_err(), "the poll hangs");
    }
    let during = open();
    assert!(
        during.0 > before.0 && during.1 > before.1,
        "{before:?} {during:?}"
    );
    drop(stream);
    drop(connector);
    // By turns of this thread and not by a clock, so that a busy machine is no excuse: connections end
    // in tasks of their own, and whatever waits for a timer takes many more turns.
    for _ in 0..TURNS {
        if open() == before {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("before {before:?}, now {:?}", open());
}
