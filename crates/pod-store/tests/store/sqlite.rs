//! What only a database on a disk can show: several users at once, old files, full disks.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use podfleet_pod_store::{
    CorruptRecord, DeliveryState, InboxStore as _, MAX_INLINE_BODY, Offer, Page, PeerPair,
    PodFilter, RecordStore as _, RelationChange, RelationStore as _, SqliteOptions, SqliteStore,
    StoreErrorKind, Writer,
};
use podfleet_protocol::{Kind, Message, MessageId, Outcome, PodId, PodName, Receipt};
use rusqlite::Connection;
use tempfile::TempDir;

use super::samples::{AT, add, fleet, message, pod, start};

pub(super) fn place() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state").join("store.db");
    (directory, path)
}

pub(super) fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// Changes a store behind its back, as another build or a fault would.
pub(super) fn tamper(path: &Path, sql: &str) {
    Connection::open(path).unwrap().execute_batch(sql).unwrap();
}

#[tokio::test]
async fn what_was_accepted_is_there_after_the_store_was_dropped() {
    let (_directory, path) = place();
    let (short, long) = (message("short"), message(&"x".repeat(MAX_INLINE_BODY + 1)));
    let store = SqliteStore::open(&path).unwrap();
    let id = add(&store, pod("coder")).await;
    store
        .accept(id, vec![short.clone().into(), long.clone().into()])
        .await
        .unwrap();
    drop(store);
    let store = SqliteStore::open(&path).unwrap();
    let items = store.undelivered(id, Page::all()).await.unwrap().items;
    let messages: Vec<_> = items.into_iter().map(|entry| entry.message).collect();
    assert_eq!(messages, [short, long]);
}

#[tokio::test]
async fn every_file_is_its_owners_alone() {
    let (_directory, path) = place();
    let store = SqliteStore::open(&path).unwrap();
    let id = add(&store, pod("coder")).await;
    store
        .accept(id, vec![message(&"x".repeat(100_000)).into()])
        .await
        .unwrap();
    let state = path.parent().unwrap();
    assert_eq!(mode(state), 0o700);
    assert_eq!(mode(&state.join("bodies")), 0o700);
    let files = fs::read_dir(state)
        .unwrap()
        .chain(fs::read_dir(state.join("bodies")).unwrap());
    let files: Vec<_> = files
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .collect();
    assert!(files.len() >= 3, "{files:?}");
    for file in files {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
}

#[test]
fn rights_of_others_to_the_database_are_taken_away() {
    let (_directory, path) = place();
    drop(SqliteStore::open(&path).unwrap());
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    drop(SqliteStore::open(&path).unwrap());
    assert_eq!(mode(&path), 0o600);
}

#[test]
fn a_directory_that_others_may_write_to_is_refused() {
    let (_directory, path) = place();
    let state = path.parent().unwrap();
    fs::create_dir(state).unwrap();
    fs::set_permissions(state, fs::Permissions::from_mode(0o777)).unwrap();
    let error = SqliteStore::open(&path).unwrap_err();
    assert!(
        matches!(error.kind(), StoreErrorKind::Permissions(_)),
        "{error}"
    );
    assert_eq!(error.path(), state);
    assert!(!path.exists());
}

#[test]
fn a_store_from_the_future_is_refused_and_left_alone() {
    let (_directory, path) = place();
    drop(SqliteStore::open(&path).unwrap());
    tamper(
        &path,
        "UPDATE schema_version SET version = 9, min_writer = 8",
    );
    let error = SqliteStore::open(&path).unwrap_err();
    assert_eq!(
        *error.kind(),
        StoreErrorKind::FromTheFuture {
            min_writer: 8,
            ours: 7
        }
    );
    let text = error
        .to_string()
        .replace(path.to_str().unwrap(), "store.db");
    insta::assert_snapshot!(text, @"open the store in store.db (read schema): it needs a build of schema 8 or newer, and this one has schema 7");
}

#[tokio::test]
async fn columns_of_a_newer_build_survive_this_one() {
    let (_directory, path) = place();
    let store = SqliteStore::open(&path).unwrap();
    let id = add(&store, pod("coder")).await;
    let sent = message("1");
    store.accept(id, vec![sent.clone().into()]).await.unwrap();
    drop(store);
    tamper(
        &path,
        "UPDATE schema_version SET version = 9;
         ALTER TABLE pod ADD COLUMN mood TEXT DEFAULT 'calm';
         ALTER TABLE message ADD COLUMN urgency INTEGER DEFAULT 0;
         UPDATE pod SET mood = 'merry', state = 'hibernating'; UPDATE message SET urgency = 7;",
    );
    let store = SqliteStore::open(&path).unwrap();
    let record = store.pod(id).await.unwrap().unwrap();
    assert_eq!(record.state.as_str(), "hibernating");
    let mut changed = pod("coder");
    changed.class = "other".to_owned();
    store.put_pod(changed).await.unwrap();
    let fence = store.begin_generation(id, &start(1)).await.unwrap().fence();
    let receipt = Receipt::accepted(sent.id, AT);
    store
        .set_delivery(fence, sent.id, DeliveryState::Delivering, &receipt)
        .await
        .unwrap();
    add(&store, pod("second")).await;
    drop(store);
    let read = |sql: &str| -> String {
        Connection::open(&path)
            .unwrap()
            .query_row(sql, [], |row| row.get(0))
            .unwrap()
    };
    assert_eq!(read("SELECT group_concat(mood) FROM pod"), "merry,calm");
    assert_eq!(read("SELECT CAST(urgency AS TEXT) FROM message"), "7");
    assert_eq!(
        read("SELECT CAST(version AS TEXT) FROM schema_version"),
        "9"
    );
}

#[test]
fn files_that_are_no_store_are_refused_and_left_alone() {
    let (_directory, path) = place();
    fs::create_dir(path.parent().unwrap()).unwrap();
    fs::set_permissions(path.parent().unwrap(), fs::Permissions::from_mode(0o700)).unwrap();
    fs::write(&path, "dear diary, ".repeat(100)).unwrap();
    let error = SqliteStore::open(&path).unwrap_err();
    assert!(
        matches!(error.kind(), StoreErrorKind::Corrupt(_)),
        "{error}"
    );
    assert_eq!(
        fs::read_to_string(&path).unwrap(),
        "dear diary, ".repeat(100)
    );

    fs::remove_file(&path).unwrap();
    tamper(&path, "CREATE TABLE recipe (name TEXT)");
    let error = SqliteStore::open(&path).unwrap_err();
    assert!(
        matches!(error.kind(), StoreErrorKind::Corrupt(_)),
        "{error}"
    );
}

#[tokio::test]
async fn one_damaged_record_does_not_hide_the_others() {
    let (_directory, path) = place();
    let store = SqliteStore::open(&path).unwrap();
    let id = add(&store, pod("a")).await;
    add(&store, pod("b")).await;
    let long = message(&"x".repeat(100_000));
    let sent = [message("1"), message("2"), long.clone(), message("3")];
    store
        .accept(id, sent.iter().cloned().map(Into::into).collect())
        .await
        .unwrap();
    let second = sent[1].id;
    tamper(
        &path,
        &format!(
            "UPDATE pod SET spec = '{{' WHERE name = 'b';
             UPDATE message SET receipt = 'gone' WHERE id = '{second}'"
        ),
    );
    fs::remove_dir_all(path.with_file_name("bodies")).unwrap();

    let pods = store
        .list_pods(&PodFilter::from(fleet("default")), Page::all())
        .await
        .unwrap();
    assert_eq!(pods.items.len(), 1);
    assert_eq!(pods.corrupt[0].label, "b");
    assert!(
        pods.corrupt[0].error.contains("`spec`"),
        "{:?}",
        pods.corrupt
    );
    let inbox = store.undelivered(id, Page::all()).await.unwrap();
    assert_eq!(inbox.items.len(), 2);
    let corrupt: Vec<_> = inbox
        .corrupt
        .iter()
        .map(|record| record.id.clone())
        .collect();
    assert_eq!(corrupt, [second.to_string(), long.id.to_string()]);

    // What is damaged can still be settled, so that it does not wait for ever.
    let fence = store.begin_generation(id, &start(1)).await.unwrap().fence();
    for id in [second, long.id] {
        let receipt = Receipt {
            settled: true,
            ..Receipt::accepted(id, AT)
        };
        store
            .set_delivery(fence, id, DeliveryState::Settled, &receipt)
            .await
            .unwrap();
    }
    assert!(
        store
            .undelivered(id, Page::all())
            .await
            .unwrap()
            .corrupt
            .is_empty()
    );
}

#[tokio::test]
async fn the_damage_of_one_pod_is_told_as_its_own_and_it_can_be_forgotten() {
    let (_directory, path) = place();
    let store = SqliteStore::open(&path).unwrap();
    let id = add(&store, pod("a")).await;
    add(&store, pod("b")).await;
    tamper(&path, "UPDATE pod SET spec = '{' WHERE name = 'a'");
    let name = PodName::new("a").unwrap();
    let found = store.find_pod(&fleet("default"), &name).await.unwrap_err();
    let asked = store.pod(id).await.unwrap_err();
    for error in [found, asked] {
        let StoreErrorKind::DamagedPod {
            id: told,
            name,
            what,
            ..
        } = error.kind()
        else {
            panic!("{error}");
        };
        assert_eq!((told, name.as_str()), (&id.to_string(), "a"));
        assert!(what.starts_with("column `spec`: "), "{what}");
    }
    store.forget_pod(id, AT).await.unwrap();
    assert_eq!(
        store.find_pod(&fleet("default"), &name).await.unwrap(),
        None
    );
}

#[tokio::test]
async fn a_text_that_is_no_utf_8_damages_its_own_record_alone() {
    let (_directory, path) = place();
    let store = SqliteStore::open(&path).unwrap();
    let id = add(&store, pod("a")).await;
    for name in ["b", "c"] {
        add(&store, pod(name)).await;
    }
    let sent = ["1", "2", "3"].map(message);
    let offers = sent.iter().cloned().map(Into::into).collect();
    store.accept(id, offers).await.unwrap();
    let second = sent[1].id;
    tamper(
        &path,
        &format!(
            "UPDATE pod SET name = CAST(x'62ff' AS TEXT) WHERE name = 'b';
             UPDATE message SET body = CAST(x'ff41' AS TEXT) WHERE id = '{second}'"
        ),
    );

    let filter = PodFilter::from(fleet("default"));
    let pods = store.list_pods(&filter, Page::all()).await.unwrap();
    assert_eq!(pods.items.len(), 2);
    assert_eq!(pods.corrupt[0].label, "b\u{fffd}");
    let inbox = store.undelivered(id, Page::all()).await.unwrap();
    assert_eq!(inbox.items.len(), 2);
    assert_eq!(inbox.corrupt[0].id, second.to_string());
    let check = store.check().await.unwrap();
    let damaged = check.findings.iter();
    let damaged = damaged.filter(|found| found.problem.contains("invalid utf-8"));
    let damaged: Vec<_> = damaged.map(|found| found.subject.as_str()).collect();
    assert_eq!(damaged, ["message", "pod"], "{:?}", check.findings);
}

#[tokio::test]
async fn a_damaged_message_is_withdrawn_by_its_id_alone() {
    let (_directory, path) = place();
    let store = SqliteStore::open(&path).unwrap();
    let (id, mate) = (add(&store, pod("a")).await, add(&store, pod("b")).await);
    let sent = ["1", "2", "3"].map(|body| Message {
        kind: Kind::Notify,
        ..message(body)
    });
    let offers = sent.iter().map(|sent| Offer::from_pod(mate, sent.clone()));
    store.accept(id, offers.collect()).await.unwrap();
    let [body, typing, state] = sent.map(|sent| sent.id);
    tamper(
        &path,
        &format!(
            "UPDATE message SET body = CAST(x'ff41' AS TEXT) WHERE id = '{body}';
             UPDATE message SET typing = '{{', state = 'delivering' WHERE id = '{typing}';
             UPDATE message SET state = CAST(x'ff' AS TEXT) WHERE id = '{state}'"
        ),
    );
    assert_eq!(waiting(&store, id).await, (0, 3));
    for (id_of, outcome) in [
        (body, Outcome::Cancelled),
        (typing, Outcome::Unknown),
        (state, Outcome::Unknown),
    ] {
        let receipt = store.cancel(id, id_of, AT).await.unwrap();
        assert_eq!((receipt.outcome, receipt.settled), (outcome, true));
        let reason = receipt.reason.clone().unwrap_or_default();
        assert!(reason.starts_with("its record was damaged: "), "{reason}");
        assert_eq!(store.cancel(id, id_of, AT).await.unwrap(), receipt);
    }
    assert_eq!(waiting(&store, id).await, (0, 0));
    let told = store.outbox(mate, Page::all()).await.unwrap().items;
    let told = told.iter().filter(|event| {
        matches!(
            event.change,
            RelationChange::MessageSettled {
                reason: Some(_),
                ..
            }
        )
    });
    assert_eq!(told.count(), 3);
}

/// Counts what waits, and what of it cannot be read: the same with bodies and without.
async fn waiting(store: &SqliteStore, pod: PodId) -> (usize, usize) {
    let listing = store.undelivered(pod, Page::all()).await.unwrap();
    let summaries = store.waiting(pod, None, Page::all()).await.unwrap();
    let named = |corrupt: &[CorruptRecord]| -> Vec<_> {
        corrupt.iter().map(|record| record.id.clone()).collect()
    };
    assert_eq!(named(&summaries.corrupt), named(&listing.corrupt));
    (listing.items.len(), listing.corrupt.len())
}

#[tokio::test]
async fn a_full_disk_refuses_the_message_and_keeps_the_rest() {
    let (_directory, path) = place();
    let store = SqliteStore::open(&path).unwrap();
    let id = add(&store, pod("coder")).await;
    let first = message("before");
    store.accept(id, vec![first.clone().into()]).await.unwrap();
    drop(store);
    // The database's own limit stands for the disk's: both end in SQLITE_FULL.
    let options = SqliteOptions {
        max_bytes: Some(1),
        ..SqliteOptions::default()
    };
    let small = SqliteStore::open_with(&path, &options).unwrap();
    let error = small
        .accept(id, vec![message(&"x".repeat(60_000)).into()])
        .await
        .unwrap_err();
    assert_eq!(
        (error.operation(), error.path()),
        ("accept messages", path.as_path())
    );
    let said = error.to_string();
    assert!(said.ends_with("): the disk is full"), "{said}");
    assert!(std::error::Error::source(&error).is_none());
    let items = small.undelivered(id, Page::all()).await.unwrap().items;
    assert_eq!(items.len(), 1);
    assert_eq!(items[0].message, first);
}

#[tokio::test]
async fn a_body_that_cannot_be_written_is_not_accepted() {
    let (_directory, path) = place();
    let store = SqliteStore::open(&path).unwrap();
    let id = add(&store, pod("coder")).await;
    fs::write(path.with_file_name("bodies"), "in the way").unwrap();
    let error = store
        .accept(id, vec![message(&"x".repeat(100_000)).into()])
        .await
        .unwrap_err();
    assert_eq!(
        (error.kind(), error.phase()),
        (&StoreErrorKind::Storage, Some("write body"))
    );
    assert!(error.path().starts_with(path.with_file_name("bodies")));
    assert!(
        store
            .undelivered(id, Page::all())
            .await
            .unwrap()
            .items
            .is_empty()
    );
}

#[tokio::test]
async fn bodies_of_refused_and_repeated_messages_leave_no_files() {
    let (_directory, path) = place();
    let store = SqliteStore::open(&path).unwrap();
    let id = add(&store, pod("coder")).await;
    let long = message(&"x".repeat(100_000));
    for to in [id, id, PodId::generate()] {
        store.accept(to, vec![long.clone().into()]).await.unwrap();
    }
    let bodies = || fs::read_dir(path.with_file_name("bodies")).unwrap().count();
    assert_eq!(bodies(), 1);
    store.forget_pod(id, AT).await.unwrap();
    assert_eq!(bodies(), 0);
}

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

#[tokio::test]
async fn whichever_write_fails_a_relation_stays_what_it_was() {
    let (_directory, path) = place();
    let store = SqliteStore::open(&path).unwrap();
    let pair = PeerPair::new(
        add(&store, pod("one")).await,
        add(&store, pod("other")).await,
    )
    .unwrap();
    for before in [false, true] {
        if before {
            store
                .register_peer(Writer::Operator, pair, AT)
                .await
                .unwrap();
        }
        let told = told(&store, pair).await;
        for failing in [pair.low(), pair.high()] {
            tamper(
                &path,
                &format!(
                    "CREATE TRIGGER fails BEFORE INSERT ON outbox WHEN NEW.pod = '{failing}' \
                     BEGIN SELECT RAISE(ABORT, 'it fails'); END;"
                ),
            );
            let failed = if before {
                store
                    .unregister_peer(Writer::Operator, pair, AT)
                    .await
                    .is_err()
            } else {
                store
                    .register_peer(Writer::Operator, pair, AT)
                    .await
                    .is_err()
            };
            tamper(&path, "DROP TRIGGER fails;");
            assert!(failed);
            let relation = store.relation(pair.low(), pair.high()).await.unwrap();
            assert_eq!(relation.peer, before);
            assert_eq!(self::told(&store, pair).await, told);
        }
    }
}

async fn told(store: &SqliteStore, pair: PeerPair) -> Vec<usize> {
    let mut told = Vec::new();
    for pod in [pair.low(), pair.high()] {
        told.push(store.outbox(pod, Page::all()).await.unwrap().items.len());
    }
    told
}
