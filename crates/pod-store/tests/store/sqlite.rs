//! What only a database on a disk can show: its files, old ones, full disks.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use podfleet_pod_store::session_log::Loss;
use podfleet_pod_store::{
    DeliveryState, InboxStore as _, MAX_INLINE_BODY, Page, PeerPair, RecordStore as _,
    RelationStore as _, SqliteOptions, SqliteStore, StoreErrorKind, Writer,
};
use podfleet_protocol::{PodId, Receipt};
use rusqlite::Connection;
use tempfile::TempDir;

use super::samples::{AT, add, message, pod, start};

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
        "UPDATE schema_version SET version = 10, min_writer = 9",
    );
    let error = SqliteStore::open(&path).unwrap_err();
    assert_eq!(
        *error.kind(),
        StoreErrorKind::FromTheFuture {
            min_writer: 9,
            ours: 8
        }
    );
    let text = error
        .to_string()
        .replace(path.to_str().unwrap(), "store.db");
    insta::assert_snapshot!(text, @"open the store in store.db (read schema): it needs a build of schema 9 or newer, and this one has schema 8");
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

#[tokio::test]
async fn a_store_that_is_moved_away_or_replaced_takes_nothing_until_it_is_back() {
    let (_directory, path) = place();
    let store = SqliteStore::open(&path).unwrap();
    let id = add(&store, pod("a")).await;
    store.check_place().await.unwrap();
    let (state, aside) = (path.parent().unwrap(), path.with_file_name("aside"));
    let elsewhere = state.with_file_name("elsewhere");
    for (loss, from, to) in [
        (Loss::Removed, state, elsewhere.as_path()),
        (Loss::Replaced, &path, &aside),
    ] {
        fs::rename(from, to).unwrap();
        if loss == Loss::Replaced {
            fs::copy(&aside, &path).unwrap();
        }
        let lost = StoreErrorKind::Lost(loss);
        let error = store.check_place().await.unwrap_err();
        assert_eq!(*error.kind(), lost);
        assert!(error.hint().unwrap().contains("put it back"));
        let error = store
            .accept(id, vec![message("x").into()])
            .await
            .unwrap_err();
        assert_eq!(*error.kind(), lost);
        fs::rename(to, from).unwrap();
        store.check_place().await.unwrap();
        store.accept(id, vec![message("x").into()]).await.unwrap();
    }
    assert_eq!(store.inbox(id, Page::all()).await.unwrap().items.len(), 2);
}

#[tokio::test]
async fn nothing_is_made_in_the_place_of_a_store_that_is_away_and_what_it_has_stays() {
    let (directory, _) = place();
    // What lies beside it goes by its whole name.
    let path = directory.path().join("state/records.v1");
    let store = SqliteStore::open(&path).unwrap();
    let id = add(&store, pod("a")).await;
    store.accept(id, vec![message("x").into()]).await.unwrap();
    let aside = path.with_file_name("aside");
    fs::rename(&path, &aside).unwrap();
    let error = SqliteStore::open(&path).unwrap_err();
    assert_eq!(*error.kind(), StoreErrorKind::Lost(Loss::Removed));
    assert!(!path.exists());
    fs::rename(&aside, &path).unwrap();
    let again = SqliteStore::open(&path).unwrap();
    assert_eq!(again.inbox(id, Page::all()).await.unwrap().items.len(), 1);
}

#[tokio::test]
async fn who_opens_what_has_to_be_there_makes_none() {
    let (_directory, path) = place();
    let error = SqliteStore::open_existing(&path).unwrap_err();
    assert_eq!(*error.kind(), StoreErrorKind::NotFound("store"));
    assert!(!path.parent().unwrap().exists());
    drop(SqliteStore::open(&path).unwrap());
    drop(SqliteStore::open_existing(&path).unwrap());
}
