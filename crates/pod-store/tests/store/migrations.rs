//! Stores of older and newer builds.

use std::fs;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use podfleet_pod_store::{
    AcceptLimits, InboxStore as _, Offer, OutboxPlace, Page, PeerPair, PodFilter, RecordStore as _,
    Registered, RelationStore as _, SqliteOptions, SqliteStore, Writer,
};
use podfleet_protocol::{Kind, Message, Outcome, PodId};
use rusqlite::Connection;
use tempfile::TempDir;

use super::samples::{AT, fleet, message, start};

/// The store that a build of schema 1 left.
const V1: &str = include_str!("fixtures/v1.sql");
/// The store that a build of schema 5 left.
const V5: &str = include_str!("fixtures/v5.sql");
/// The store that a build of schema 6 left.
const V6: &str = include_str!("fixtures/v6.sql");
/// The store that a build of schema 7 left.
const V7: &str = include_str!("fixtures/v7.sql");

/// Writes a store that an older build left.
fn left(dump: &str) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let state = directory.path().join("state");
    fs::DirBuilder::new().mode(0o700).create(&state).unwrap();
    let path = state.join("store.db");
    let database = Connection::open(&path).unwrap();
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
    let (_directory, path) = left(V1);
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
    assert_eq!(number(&path, "SELECT version FROM schema_version"), 8);
    let min_writer = number(&path, "SELECT min_writer FROM schema_version");
    assert_eq!(min_writer, 1, "builds of schema 1 may still write");
}

#[tokio::test]
async fn a_build_of_the_first_schema_goes_on_working_beside_this_one() {
    let (_directory, path) = left(V1);
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

/// What a build of schema 5 asks of an inbox.
struct OldBuild(Connection);

impl OldBuild {
    fn beside(path: &Path) -> Self {
        let connection = Connection::open(path).unwrap();
        connection
            .pragma_update(None, "foreign_keys", true)
            .unwrap();
        Self(connection)
    }

    fn undelivered(&self, pod: PodId) -> Vec<i64> {
        let sql = "SELECT sequence FROM message WHERE sequence IN \
               (SELECT sequence FROM message WHERE pod = ?1 AND sequence > 0 \
                AND state <> 'settled' ORDER BY sequence LIMIT 100) ORDER BY sequence";
        let mut statement = self.0.prepare_cached(sql).unwrap();
        let rows = statement.query_map([pod.to_string()], |row| row.get(0));
        rows.unwrap().collect::<Result<_, _>>().unwrap()
    }

    fn accept(&self, pod: PodId) {
        let sql = "INSERT INTO message (pod, id, from_host, from_session, to_host, to_session, \
               kind, class, body, typing, accepted, outcome, receipt, updated) \
               SELECT pod, ?2, from_host, from_session, to_host, to_session, kind, class, 'old', \
                 typing, accepted, 'accepted', json_set(receipt, '$.id', ?2), updated \
               FROM message WHERE pod = ?1 AND sequence = 3";
        let id = PodId::generate().to_string();
        self.0.execute(sql, [pod.to_string(), id]).unwrap();
    }

    fn settle(&self, sequence: i64) {
        let sql = "UPDATE message SET state = 'settled', outcome = 'answered' WHERE sequence = ?1";
        self.0.execute(sql, [sequence]).unwrap();
    }

    fn exchanged(&self, one: PodId, other: PodId) -> u32 {
        let sql = "SELECT \
               (SELECT count(*) FROM message WHERE sender = ?1 AND pod = ?2 AND accepted > ?3) \
               + (SELECT count(*) FROM message WHERE sender = ?2 AND pod = ?1 AND accepted > ?3)";
        let mut statement = self.0.prepare_cached(sql).unwrap();
        let ids = [one, other].map(|id| id.to_string());
        let parameters = (&ids[0], &ids[1], AT.0 - 1);
        statement.query_row(parameters, |row| row.get(0)).unwrap()
    }

    fn outbox(&self, pod: PodId) -> Vec<i64> {
        let sql = "SELECT place FROM outbox WHERE pod = ?1 AND place > 0 ORDER BY place LIMIT 100";
        let mut statement = self.0.prepare_cached(sql).unwrap();
        let rows = statement.query_map([pod.to_string()], |row| row.get(0));
        rows.unwrap().collect::<Result<_, _>>().unwrap()
    }
}

async fn bodies(store: &SqliteStore, pod: PodId) -> Vec<String> {
    let listing = store.undelivered(pod, Page::all()).await.unwrap();
    assert_eq!(listing.corrupt, []);
    let bodies = listing.items.into_iter().map(|entry| entry.message.body);
    bodies.collect()
}

async fn id(store: &SqliteStore, name: &str) -> PodId {
    let name = super::samples::name(name);
    let found = store.find_pod(&fleet("default"), &name).await;
    found.unwrap().unwrap().identity.id
}

fn notify(body: &str) -> Message {
    Message {
        kind: Kind::Notify,
        ..message(body)
    }
}

#[tokio::test]
async fn a_store_of_schema_5_keeps_what_waits_what_counts_and_what_is_to_be_told() {
    let (_directory, path) = left(V5);
    let limits = AcceptLimits {
        pair: 4,
        ..AcceptLimits::default()
    };
    let options = SqliteOptions {
        limits,
        ..SqliteOptions::default()
    };
    let store = SqliteStore::open_with(&path, &options).unwrap();
    assert_eq!(store.check().await.unwrap().findings, []);
    let (coder, tester) = (id(&store, "coder").await, id(&store, "tester").await);
    assert_eq!(
        bodies(&store, coder).await,
        ["still waits", "an order of the lead", "waits too"]
    );
    let inbox = store.inbox(coder, Page::all()).await.unwrap().items;
    assert_eq!(inbox.len(), 5);
    let events = store.outbox(coder, Page::all()).await.unwrap().items;
    let places: Vec<_> = events.iter().map(|event| event.place.0).collect();
    assert_eq!(places, [17, 20, 21]);
    assert_eq!(store.outbox_end().await.unwrap(), OutboxPlace(21));

    // They exchanged three: one was delivered, one waits, one went the other way.
    for (body, taken) in [("the fourth", true), ("the fifth", false)] {
        let offer = Offer::from_pod(tester, notify(body));
        let answers = store.accept(coder, vec![offer]).await.unwrap();
        assert_eq!(answers[0].is_ok(), taken, "{body}: {answers:?}");
    }
}

#[tokio::test]
async fn a_build_of_schema_5_goes_on_working_beside_this_one() {
    let (_directory, path) = left(V5);
    let old = OldBuild::beside(&path);
    let probe = PodId::generate();
    assert_eq!(
        (old.exchanged(probe, probe), old.undelivered(probe)),
        (0, vec![])
    );
    let store = SqliteStore::open(&path).unwrap();
    let (coder, tester) = (id(&store, "coder").await, id(&store, "tester").await);
    assert_eq!(old.undelivered(coder), [3, 4, 5]);
    assert_eq!(old.exchanged(coder, tester), 3);
    assert_eq!(old.outbox(coder), [17, 20, 21]);

    let offer = Offer::from_pod(tester, notify("by the new build"));
    let answers = store.accept(coder, vec![offer]).await.unwrap();
    assert_eq!(answers[0].as_ref().unwrap().sequence.0, 7);
    assert_eq!(old.undelivered(coder), [3, 4, 5, 7]);
    assert_eq!(old.exchanged(coder, tester), 4);
    let pair = PeerPair::new(coder, tester).unwrap();
    let registered = store.register_peer(Writer::Operator, pair, AT).await;
    assert_eq!(registered.unwrap(), Registered::New);
    let told = old.outbox(coder);
    assert_eq!(told.len(), 4);

    old.0
        .execute_batch(&format!(
            "BEGIN IMMEDIATE;
             UPDATE message SET state = 'settled', outcome = 'answered' WHERE sequence IN (3, 7);
             DELETE FROM outbox WHERE pod = '{coder}' AND place <= {};
             INSERT INTO outbox (pod, change, by_pod, at)
               VALUES ('{coder}', '{{\"change\":\"of a build to come\"}}', NULL, 1);
             COMMIT;",
            told[3]
        ))
        .unwrap();
    assert_eq!(
        bodies(&store, coder).await,
        ["an order of the lead", "waits too"]
    );
    let events = store.outbox(coder, Page::all()).await.unwrap().items;
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].place, store.outbox_end().await.unwrap());
    assert!(events[0].place.0 > told[3].unsigned_abs());
    assert_eq!(old.exchanged(coder, tester), 4);
    assert_eq!(store.check().await.unwrap().findings, []);
}

#[tokio::test]
async fn who_is_run_by_a_build_of_schema_6_is_told_at_once_of_what_it_sent() {
    let (_directory, path) = left(V6);
    let old = OldBuild::beside(&path);
    let store = SqliteStore::open(&path).unwrap();
    assert_eq!(store.check().await.unwrap().findings, []);
    let (coder, tester) = (id(&store, "coder").await, id(&store, "tester").await);
    assert_eq!(old.outbox(coder), [17, 20, 21, 22]);
    let send = async |from, to, body| {
        let offer = Offer::from_pod(from, notify(body));
        let answers = store.accept(to, vec![offer]).await.unwrap();
        assert!(answers[0].is_ok(), "{answers:?}");
    };
    send(coder, tester, "by the pod of the old build").await;
    assert_eq!(old.outbox(coder), [17, 20, 21, 22, 23]);
    // To settle it the receiver's build would have to know that it was not told.
    send(tester, coder, "to the pod of the old build").await;
    assert_eq!(old.outbox(tester), [24]);

    let fence = store.begin_generation(coder, &start(2)).await.unwrap();
    let fence = fence.fence();
    assert_eq!(store.gather_sent(fence).await.unwrap(), 0);
    send(coder, tester, "by the pod of the new build").await;
    assert_eq!(old.outbox(coder).len(), 5);
    assert_eq!(store.gather_sent(fence).await.unwrap(), 1);
    assert_eq!(old.outbox(coder).len(), 6);
}

#[tokio::test]
async fn what_builds_of_schema_7_and_this_one_accept_by_turns_is_found_by_both() {
    let (_directory, path) = left(V7);
    let old = OldBuild::beside(&path);
    let store = SqliteStore::open(&path).unwrap();
    let (coder, tester) = (id(&store, "coder").await, id(&store, "tester").await);
    let mut waiting = old.undelivered(coder);
    assert_eq!(waiting, [3, 4, 5]);
    // Past the end of two blocks, each begun by another build.
    for number in 7..=140_u64 {
        let by_old = if number < 100 {
            number % 2 == 0
        } else {
            number % 2 == 1
        };
        if by_old {
            old.accept(coder);
        } else {
            let answers = store
                .accept(coder, vec![message("new").into()])
                .await
                .unwrap();
            assert_eq!(answers[0].as_ref().unwrap().sequence.0, number);
            let expected = u32::try_from(waiting.len() + 1).unwrap();
            assert_eq!(answers[0].as_ref().unwrap().position, expected);
        }
        waiting.push(number.cast_signed());
    }
    let found = async || {
        let listing = store.undelivered(coder, Page::first(200)).await.unwrap();
        let sequences = listing
            .items
            .iter()
            .map(|entry| entry.sequence.0.cast_signed());
        sequences.collect::<Vec<_>>()
    };
    assert_eq!(found().await, waiting);
    assert_eq!(old.undelivered(coder), waiting[..100]);
    for settled in [9, 10, 63, 64, 139, 140] {
        old.settle(settled);
        waiting.retain(|waits| *waits != settled);
    }
    assert_eq!(found().await, waiting);
    assert_eq!(store.check().await.unwrap().findings, []);

    let fence = store.begin_generation(coder, &start(2)).await.unwrap();
    assert_eq!(store.gather_sent(fence.fence()).await.unwrap(), 1);
    assert_eq!(old.exchanged(coder, tester), 3);
}

#[test]
fn a_migrated_store_has_the_tables_and_indexes_of_a_new_one() {
    let schema = |path: &Path| {
        let database = Connection::open(path).unwrap();
        let sql = "SELECT type || ' ' || name || ': ' || ifnull(sql, '') FROM sqlite_schema \
             ORDER BY name, type";
        let mut statement = database.prepare(sql).unwrap();
        let lines = statement.query_map([], |row| row.get::<_, String>(0));
        lines.unwrap().collect::<Result<Vec<_>, _>>().unwrap()
    };
    let directory = tempfile::tempdir().unwrap();
    let new = directory.path().join("state").join("store.db");
    drop(SqliteStore::open(&new).unwrap());
    for dump in [V1, V5, V6, V7] {
        let (_directory, path) = left(dump);
        drop(SqliteStore::open(&path).unwrap());
        assert_eq!(schema(&path), schema(&new));
    }
}
