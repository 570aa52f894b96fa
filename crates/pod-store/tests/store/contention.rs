//! Several users of one database at once.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use podfleet_pod_store::{
    DeliveryState, InboxStore as _, Page, RecordStore as _, SqliteOptions, SqliteStore,
    StoreErrorKind,
};
use podfleet_protocol::{MessageId, Receipt};
use rusqlite::Connection;

use super::samples::{AT, add, message, pod, start};
use super::sqlite::place;

#[test]
fn many_may_open_a_new_store_at_once() {
    let (_directory, path) = place();
    std::thread::scope(|scope| {
        let open = || SqliteStore::open(&path).map(drop);
        let all: Vec<_> = (0..8).map(|_| scope.spawn(open)).collect();
        for one in all {
            one.join().unwrap().unwrap();
        }
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parallel_senders_lose_nothing_and_keep_their_order() {
    const SENDERS: usize = 4;
    const EACH: usize = 50;
    let (_directory, path) = place();
    let id = add(&SqliteStore::open(&path).unwrap(), pod("coder")).await;
    // Stores of their own: to the database they are processes of their own.
    let senders = (0..SENDERS).map(|sender| {
        let store = Arc::new(SqliteStore::open(&path).unwrap());
        tokio::spawn(async move {
            let mut sent: Vec<(MessageId, u64)> = Vec::new();
            for number in 0..EACH {
                let message = message(&format!("{sender} {number}"));
                let key = message.id;
                let answer = store
                    .accept(id, vec![message.into()])
                    .await
                    .unwrap()
                    .remove(0);
                sent.push((key, answer.unwrap().sequence.0));
            }
            sent
        })
    });
    let mut promised = HashMap::new();
    for sender in senders.collect::<Vec<_>>() {
        let sent = sender.await.unwrap();
        assert!(sent.is_sorted_by_key(|(_, sequence)| *sequence));
        promised.extend(sent);
    }
    let store = SqliteStore::open(&path).unwrap();
    let items = store.undelivered(id, Page::all()).await.unwrap().items;
    let found: HashMap<_, _> = items
        .iter()
        .map(|entry| (entry.message.id, entry.sequence.0))
        .collect();
    assert_eq!(found.len(), SENDERS * EACH);
    assert_eq!(found, promised);
    assert!(items.is_sorted_by_key(|entry| entry.sequence));
}

#[tokio::test]
async fn a_call_that_is_given_up_leaves_the_store_usable() {
    let (_directory, path) = place();
    let store = SqliteStore::open(&path).unwrap();
    let id = add(&store, pod("coder")).await;
    tokio::select! {
        biased;
        _ = store.accept(id, vec![message("given up").into()]) => {}
        () = std::future::ready(()) => {}
    }
    store
        .accept(id, vec![message("kept").into()])
        .await
        .unwrap();
    let items = store.undelivered(id, Page::all()).await.unwrap().items;
    assert_eq!(items.last().unwrap().message.body, "kept");
}

#[tokio::test]
async fn a_store_that_another_process_holds_is_busy_after_the_timeout() {
    let (_directory, path) = place();
    let busy_timeout = Duration::from_millis(10);
    let options = SqliteOptions {
        busy_timeout,
        ..SqliteOptions::default()
    };
    let store = SqliteStore::open_with(&path, &options).unwrap();
    let id = add(&store, pod("coder")).await;
    let holder = Connection::open(&path).unwrap();
    holder.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = store
        .accept(id, vec![message("1").into()])
        .await
        .unwrap_err();
    assert_eq!(
        (error.kind(), error.phase()),
        (&StoreErrorKind::Busy, Some("begin"))
    );
    // Readers need nobody's leave.
    assert!(store.pod(id).await.unwrap().is_some());
    holder.execute_batch("ROLLBACK").unwrap();
    assert!(store.accept(id, vec![message("1").into()]).await.unwrap()[0].is_ok());
}

#[tokio::test]
async fn a_position_is_right_whoever_else_writes() {
    let (_directory, path) = place();
    let (pods, other) = (
        SqliteStore::open(&path).unwrap(),
        SqliteStore::open(&path).unwrap(),
    );
    let id = add(&pods, pod("coder")).await;
    let fence = pods.begin_generation(id, &start(1)).await.unwrap().fence();
    let position = async |store: &SqliteStore| {
        let sent = message("next");
        let answers = store.accept(id, vec![sent.clone().into()]).await.unwrap();
        (answers[0].as_ref().unwrap().position, sent.id)
    };
    let settle = async |store: &SqliteStore, message| {
        let receipt = Receipt::accepted(message, AT);
        let settled = DeliveryState::Settled;
        store
            .set_delivery(fence, message, settled, &receipt)
            .await
            .unwrap();
    };
    let (first, one) = position(&pods).await;
    let (second, two) = position(&pods).await;
    settle(&pods, one).await;
    let (third, three) = position(&pods).await;
    other.cancel(id, two, AT).await.unwrap();
    let (fourth, _) = position(&pods).await;
    let (by_the_other, _) = position(&other).await;
    settle(&pods, three).await;
    pods.cancel(id, one, AT).await.unwrap();
    let (last, _) = position(&pods).await;
    assert_eq!(
        (first, second, third, fourth, by_the_other, last),
        (1, 2, 2, 2, 3, 3)
    );
}
