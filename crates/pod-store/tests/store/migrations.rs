//! Stores of older and newer builds.

use std::fs;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

use podfleet_pod_store::{
    InboxStore as _, Page, PeerPair, PodFilter, RecordStore as _, Registered, RelationStore as _,
    SqliteStore, Writer,
};
use podfleet_protocol::{Outcome, PodId};
use rusqlite::Connection;
use tempfile::TempDir;

use super::samples::{AT, fleet, message};

/// Writes the store that a build of schema 1 left.
fn first_schema() -> (TempDir, std::path::PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let state = directory.path().join("state");
    fs::DirBuilder::new().mode(0o700).create(&state).unwrap();
    let path = state.join("store.db");
    let database = Connection::open(&path).unwrap();
    let dump = include_str!("fixtures/v1.sql");
    database.execute_batch(dump).unwrap();
    (directory, path)
}

fn number(path: &Path, sql: &str) -> i64 {
    let database = Connection::open(path).unwrap();
    database.query_row(sql, [], |row| row.get(0)).unwrap()
}

async fn ids(store: &SqliteStore) -> [PodId; 2] {
    let filter = PodFilter::from(fleet("default"));
    let pods = store.list_pods(&filter, Page::all()).await.unwrap();
    assert_eq!(pods.corrupt, []);
    let ids: Vec<_> = pods
        .items
        .iter()
        .map(|pod| pod.record.identity.id)
        .collect();
    ids.try_into().unwrap()
}

#[tokio::test]
async fn a_store_of_the_first_schema_keeps_everything_and_gains_relations() {
    let (_directory, path) = first_schema();
    let store = SqliteStore::open(&path).unwrap();
    let [coder, lead] = ids(&store).await;
    let record = store.pod(coder).await.unwrap().unwrap();
    assert_eq!((record.generation.0, record.spawned.is_none()), (1, true));
    assert!(record.member && record.session.is_some());
    let inbox = store.inbox(coder, Page::all()).await.unwrap().items;
    let bodies: Vec<_> = inbox
        .iter()
        .map(|entry| entry.message.body.as_str())
        .collect();
    assert_eq!(bodies, ["done long ago", "still waits", "from the lead"]);
    assert_eq!(inbox[0].receipt.outcome, Outcome::Answered);
    assert!(store.relation(lead, coder).await.unwrap().lead);

    let pair = PeerPair::new(coder, lead).unwrap();
    let registered = store.register_peer(Writer::Operator, pair, AT).await;
    assert_eq!(registered.unwrap(), Registered::New);
    assert_eq!(
        store.outbox(coder, Page::all()).await.unwrap().items.len(),
        1
    );
    drop(store);
    assert_eq!(number(&path, "SELECT version FROM schema_version"), 5);
    let min_writer = number(&path, "SELECT min_writer FROM schema_version");
    assert_eq!(min_writer, 1, "builds of schema 1 may still write");
}

#[tokio::test]
async fn a_build_of_the_first_schema_goes_on_working_beside_this_one() {
    let (_directory, path) = first_schema();
    let old = Connection::open(&path).unwrap();
    old.pragma_update(None, "foreign_keys", true).unwrap();
    let store = SqliteStore::open(&path).unwrap();
    let [coder, lead] = ids(&store).await;
    let pair = PeerPair::new(coder, lead).unwrap();
    store
        .register_peer(Writer::Operator, pair, AT)
        .await
        .unwrap();
    let (new, gone) = (PodId::generate(), lead);
    let accepted = store.accept(coder, vec![message("by the new build").into()]);
    let number = accepted.await.unwrap()[0].as_ref().unwrap().sequence.0;
    old.execute_batch(&format!(
        "BEGIN IMMEDIATE;
         INSERT INTO message (pod, id, from_host, from_session, to_host, to_session, kind, class,
           body, typing, accepted, outcome, receipt, updated)
           SELECT pod, '{new}', from_host, from_session, to_host, to_session, kind, class,
             'by the old build', typing, accepted, 'accepted',
             json_set(receipt, '$.id', '{new}'), updated
           FROM message WHERE sequence = {number};
         INSERT INTO pod (id, tenant, fleet, name, folded, host, class, alias, runtime, spec,
           runtime_dir, created, updated) VALUES ('{new}', 'me', 'default', 'new', 'new', 'fern',
           'member', NULL, 'sim', '{{}}', X'2f', 1, 1);
         UPDATE pod SET class = 'reviewer', updated = 2 WHERE id = '{coder}';
         DELETE FROM pod WHERE id = '{gone}';
         COMMIT;"
    ))
    .unwrap();
    assert_eq!(ids(&store).await, [coder, new]);
    let inbox = store.undelivered(coder, Page::all()).await.unwrap();
    assert_eq!(inbox.corrupt, []);
    let last: Vec<_> = inbox.items.iter().rev().take(2).collect();
    assert_eq!(last[0].message.body, "by the old build");
    assert_eq!(
        (last[0].sequence.0, last[1].sequence.0),
        (number + 1, number)
    );
    assert!(store.relation(new, coder).await.unwrap().mate);
    let tenant = fleet("default").tenant;
    let peers = store.peers(&tenant, None, Page::all());
    assert_eq!(peers.await.unwrap().items, []);
}
