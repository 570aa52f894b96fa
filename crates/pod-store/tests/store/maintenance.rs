//! Checking, copying and moving a database.

use std::fs;
use std::io::Cursor;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use podfleet_pod_store::{
    AcceptLimits, ChatStore as _, Heard, InboxStore as _, MinWriter, NewChild, Offer, Page,
    PeerPair, PodFilter, PodState, RecordStore as _, Refusal, RelationStore as _, SqliteOptions,
    SqliteStore, StoreErrorKind, Writer,
};
use podfleet_protocol::{Kind, Message, PodId};
use rusqlite::Connection;

use super::samples::{AT, add, fleet, message, pod, saying, start, turn};
use super::sqlite::{mode, place, tamper};

/// A store with something of everything: two peers, a child, a session, and messages, one of them
/// long.
async fn furnished(path: &Path) -> (SqliteStore, [PodId; 3]) {
    let store = SqliteStore::open(path).unwrap();
    let key = fleet("default");
    store.claim_fleet(&key, Path::new("/r.yaml")).await.unwrap();
    let coder = add(&store, pod("coder")).await;
    let tester = add(&store, pod("tester")).await;
    let pair = PeerPair::new(coder, tester).unwrap();
    store
        .register_peer(Writer::Operator, pair, AT)
        .await
        .unwrap();
    let child = NewChild {
        pod: pod("helper"),
        parent: Some(coder),
        scope: serde_json::json!({ "write": [] }),
    };
    let child = store.reserve_child(Writer::Operator, child).await.unwrap();
    let fence = store
        .begin_generation(coder, &start(1))
        .await
        .unwrap()
        .fence();
    store.set_expected(coder, true, AT).await.unwrap();
    let cursor = store.set_read_cursor(fence, child.identity.id, "line:7", AT);
    cursor.await.unwrap();
    let long = message(&"x".repeat(100_000));
    let offers = vec![message("short").into(), long.into()];
    store.accept(coder, offers).await.unwrap();
    let heard = Heard {
        channel: "room".to_owned(),
        cursor: "s1".to_owned(),
        at: AT,
    };
    let turns = vec![turn(coder)];
    store.set_heard(&key, heard, turns).await.unwrap();
    store.say(&key, saying("hello")).await.unwrap().unwrap();
    (store, [coder, tester, child.identity.id])
}

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

async fn export(store: &SqliteStore) -> String {
    let out = Shared::default();
    let transfer = store.export(out.clone()).await.unwrap();
    assert_eq!(transfer.without_body, [""; 0]);
    String::from_utf8(out.0.lock().unwrap().clone()).unwrap()
}

/// The runtime directory of who imports.
const HERE: &str = "/run/here";

#[tokio::test]
async fn a_sound_store_has_no_findings() {
    let (_directory, path) = place();
    let (store, _) = furnished(&path).await;
    let check = store.check().await.unwrap();
    assert_eq!(check.findings, []);
    assert!(check.is_sound());
    assert_eq!((check.schema, check.min_writer, check.ours), (8, 1, 8));
    let records = check.records;
    assert_eq!((records.pods, records.messages, records.peers), (3, 2, 1));
    assert_eq!((records.children, records.fleets), (1, 1));
    assert_eq!(records.sayings, 1);
    assert_eq!(check.stray_bodies, 0);
}

#[tokio::test]
async fn a_check_names_every_damaged_record_and_breach() {
    let (_directory, path) = place();
    let (store, _) = furnished(&path).await;
    drop(store);
    tamper(
        &path,
        "PRAGMA foreign_keys = OFF;
         UPDATE pod SET spec = '{' WHERE name = 'tester';
         UPDATE pod SET session = 'gone' WHERE name = 'helper';
         UPDATE pod SET folded = 'x' WHERE name = 'helper';
         UPDATE message SET receipt = 'gone' WHERE sequence = 1;
         UPDATE outbox SET change = '!' WHERE place = 1;
         UPDATE saying SET attachments = '?';
         UPDATE chat_turn SET message = 'none';
         INSERT INTO session VALUES ('s', 'nobody', 9, 1, NULL);",
    );
    let bodies = path.with_file_name("bodies");
    let body = fs::read_dir(&bodies).unwrap().next().unwrap().unwrap();
    fs::rename(body.path(), bodies.join("stray")).unwrap();
    let store = SqliteStore::open(&path).unwrap();
    let check = store.check().await.unwrap();
    assert_eq!(check.stray_bodies, 1);
    // It may be that of a message which is being accepted, until it is an hour old.
    let would_go = async |dry_run| store.prune_stray_bodies(dry_run).await.unwrap().removed;
    assert_eq!(would_go(false).await, 0);
    let stray = fs::File::options().append(true).open(bodies.join("stray"));
    let written = SystemTime::now() - Duration::from_secs(60 * 60);
    let times = fs::FileTimes::new().set_modified(written);
    stray.unwrap().set_times(times).unwrap();
    assert_eq!((would_go(true).await, would_go(false).await), (1, 1));
    assert_eq!(would_go(false).await, 0);
    let found: Vec<_> = check
        .findings
        .iter()
        .map(|finding| format!("{} {}: {}", finding.subject, finding.label, finding.problem))
        .map(|line| match line.split_once(": /") {
            Some((head, rest)) => {
                let (_, cause) = rest.split_once(": ").unwrap();
                format!("{head}: FILE: {cause}")
            }
            None => line,
        })
        .collect();
    insta::assert_snapshot!(found.join("\n"), @"
    session : one refers to a pod that is not there
    pod helper: its folded name is not its name in lower case, so that it cannot be found
    pod helper: its present session is not recorded, or is another pod's
    message coder: damaged: column `receipt`: expected value at line 1 column 1
    message coder: FILE: No such file or directory (os error 2)
    pod tester: damaged: column `spec`: EOF while parsing an object at line 1 column 1
    pod helper: damaged: column `session`: invalid character: found `g` at 0
    outbox coder: damaged: column `change`: expected value at line 1 column 1
    saying default: damaged: column `attachments`: expected value at line 1 column 1
    chat turn default: damaged: column `message`: invalid character: found `n` at 0
    ");
}

#[tokio::test]
async fn a_backup_is_a_store_of_its_own_and_its_owners_alone() {
    let (directory, path) = place();
    let (store, [coder, tester, _]) = furnished(&path).await;
    let to = directory.path().join("safe").join("monday.db");
    let backup = store.backup(&to).await.unwrap();
    assert_eq!((backup.bodies, backup.missing), (1, 0));
    assert_eq!(mode(&to), 0o600);
    assert!(backup.bytes > 0);
    let beside = fs::read_dir(to.parent().unwrap()).unwrap();
    let mut beside: Vec<_> = beside.map(|entry| entry.unwrap().file_name()).collect();
    beside.sort();
    assert_eq!(beside, ["bodies", "monday.db"]);
    store
        .accept(coder, vec![message("later").into()])
        .await
        .unwrap();

    let error = store.backup(&to).await.unwrap_err();
    assert_eq!(*error.kind(), StoreErrorKind::Exists);
    store
        .backup(&to.with_file_name("tuesday.db"))
        .await
        .unwrap();

    let copy = SqliteStore::open(&to).unwrap();
    assert_eq!(copy.check().await.unwrap().findings, []);
    let inbox = copy.inbox(coder, Page::all()).await.unwrap();
    let lengths = inbox.items.iter().map(|entry| entry.message.body.len());
    let lengths: Vec<_> = lengths.collect();
    assert_eq!(lengths, [5, 100_000]);
    assert!(copy.relation(coder, tester).await.unwrap().peer);
}

#[tokio::test]
async fn what_is_exported_is_imported_again() {
    let (directory, path) = place();
    let (store, [coder, tester, helper]) = furnished(&path).await;
    let lines = export(&store).await;
    assert!(lines.starts_with(r#"{"head":{"format":1,"schema":8,"min_writer":1}}"#));
    let other = directory.path().join("other").join("store.db");
    let copy = SqliteStore::open(&other).unwrap();
    let read = copy
        .import(Cursor::new(lines.clone()), Path::new(HERE))
        .await
        .unwrap();
    assert_eq!(
        read.records,
        lines
            .lines()
            .filter(|line| line.contains("\"row\""))
            .count() as u64
            - 3
    );

    assert_eq!(copy.check().await.unwrap().findings, []);
    let record = copy.pod(coder).await.unwrap().unwrap();
    assert_eq!((record.state, record.expected), (PodState::Stopped, false));
    assert_eq!((record.generation.0, record.endpoint), (1, None));
    assert_eq!(record.runtime_dir, Path::new(HERE));
    assert!(copy.relation(coder, tester).await.unwrap().peer);
    assert_eq!(
        copy.children(coder, Page::all()).await.unwrap().items[0]
            .child
            .id,
        helper
    );
    let cursor = copy.read_cursor(coder, helper).await.unwrap();
    assert_eq!(cursor.as_deref(), Some("line:7"));
    let there = store.inbox(coder, Page::all()).await.unwrap();
    assert_eq!(copy.inbox(coder, Page::all()).await.unwrap(), there);
    let next = copy
        .accept(coder, vec![message("next").into()])
        .await
        .unwrap();
    assert_eq!(next[0].as_ref().unwrap().sequence.0, 3);

    let error = copy
        .import(Cursor::new(lines), Path::new(HERE))
        .await
        .unwrap_err();
    assert_eq!(*error.kind(), StoreErrorKind::NotEmpty);
}

#[tokio::test]
async fn a_preview_of_an_import_reads_all_and_makes_nothing() {
    let (directory, path) = place();
    let (store, _) = furnished(&path).await;
    let lines = export(&store).await;
    let other = directory.path().join("other").join("store.db");
    let look = async |path: &Path, lines: &str| {
        let lines = Cursor::new(lines.to_owned());
        SqliteStore::preview_import(path, lines).await
    };
    let preview = look(&other, &lines).await.unwrap();
    let cut = look(&other, &lines[..lines.len() / 2]).await.unwrap_err();
    assert!(matches!(cut.kind(), StoreErrorKind::BadExport(_)));
    assert!(!other.parent().unwrap().exists());
    let filled = look(&path, &lines).await.unwrap_err();
    assert_eq!(*filled.kind(), StoreErrorKind::NotEmpty);

    let copy = SqliteStore::open(&other).unwrap();
    assert_eq!(look(&other, &lines).await.unwrap(), preview);
    let read = copy
        .import(Cursor::new(lines), Path::new(HERE))
        .await
        .unwrap();
    assert_eq!(read, preview);
    assert_eq!(copy.check().await.unwrap().stray_bodies, 0);
}

#[tokio::test]
async fn an_import_that_makes_no_sense_changes_nothing() {
    let (directory, path) = place();
    let (store, _) = furnished(&path).await;
    let lines = export(&store).await;
    let other = directory.path().join("other").join("store.db");
    let copy = SqliteStore::open(&other).unwrap();
    let cut = lines.rsplit_once("{\"end\"").unwrap().0.to_owned();
    let half = lines[..lines.len() / 2].to_owned();
    let no_head = lines.split_once('\n').unwrap().1.to_owned();
    let alien = lines.replacen("\"class\":", "\"caste\":", 1);
    for damaged in [
        cut,
        half,
        no_head,
        alien,
        format!("{lines}junk\n"),
        String::new(),
        "hello\n".to_owned(),
    ] {
        let error = copy
            .import(Cursor::new(damaged), Path::new(HERE))
            .await
            .unwrap_err();
        let StoreErrorKind::BadExport(what) = error.kind() else {
            panic!("{error}");
        };
        assert!(what.starts_with("line "), "{what}");
    }
    let newer = lines.replace("\"schema\":8", "\"schema\":9");
    let error = copy
        .import(Cursor::new(newer), Path::new(HERE))
        .await
        .unwrap_err();
    let (min_writer, ours) = (9, 8);
    assert_eq!(
        *error.kind(),
        StoreErrorKind::FromTheFuture { min_writer, ours }
    );
    let newer = lines.replace("\"format\":1", "\"format\":2");
    let error = copy
        .import(Cursor::new(newer), Path::new(HERE))
        .await
        .unwrap_err();
    let (format, ours) = (2, 1);
    assert_eq!(*error.kind(), StoreErrorKind::NewerExport { format, ours });
    let filter = PodFilter::from(fleet("default"));
    assert_eq!(
        copy.list_pods(&filter, Page::all()).await.unwrap().items,
        []
    );
    assert_eq!(copy.check().await.unwrap().stray_bodies, 0);
}

#[tokio::test]
async fn a_store_that_an_import_makes_is_there_whole_or_not_at_all() {
    let (directory, path) = place();
    let (store, [coder, ..]) = furnished(&path).await;
    let lines = export(&store).await;
    let state = directory.path().join("other");
    let other = state.join("store.db");
    let import = async |lines: &str| {
        let lines = Cursor::new(lines.to_owned());
        SqliteStore::import_at(&other, lines, Path::new(HERE)).await
    };
    let there = || {
        let names = fs::read_dir(&state).unwrap();
        let mut names: Vec<_> = names.map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let (cut, _) = lines.rsplit_once("{\"end\"").unwrap();
    for bad in [cut, "", "hello\n"] {
        let error = import(bad).await.unwrap_err();
        assert!(matches!(error.kind(), StoreErrorKind::BadExport(_)));
        assert!(
            error.to_string().contains(other.to_str().unwrap()),
            "{error}"
        );
        assert!(there().iter().all(|name| name == "bodies"), "{:?}", there());
    }
    let read = import(&lines).await.unwrap();
    assert_eq!(there(), ["bodies", "store.db"]);
    assert_eq!(mode(&other), 0o600);
    let copy = SqliteStore::open(&other).unwrap();
    let check = copy.check().await.unwrap();
    assert_eq!((check.findings, check.stray_bodies), (vec![], 0));
    let inbox = store.inbox(coder, Page::all()).await.unwrap();
    assert_eq!(copy.inbox(coder, Page::all()).await.unwrap(), inbox);
    let again = import(&lines).await.unwrap_err();
    assert_eq!(*again.kind(), StoreErrorKind::NotEmpty);
    assert!(read.records > 0);
}

#[tokio::test]
async fn older_builds_are_locked_out_only_while_none_of_them_lives() {
    let (_directory, path) = place();
    let (store, [coder, tester, helper]) = furnished(&path).await;
    store.begin_generation(helper, &start(3)).await.unwrap();
    store.begin_generation(tester, &start(2)).await.unwrap();
    // A build of schema 1 begins a generation without a word of its schema.
    let begin = "UPDATE pod SET generation = generation + 1 WHERE name = 'tester'";
    tamper(&path, begin);
    let error = store.raise_min_writer(|_| true).await.unwrap_err();
    let text = error
        .to_string()
        .replace(path.to_str().unwrap(), "store.db");
    insta::assert_snapshot!(text, @"migrate in store.db (check): pods of an older build live: tester");
    assert!(error.hint().is_some());
    for before in [1, 8] {
        let raised = store.raise_min_writer(move |pod| pod == coder).await;
        assert_eq!(raised.unwrap(), MinWriter { before, now: 8 });
    }
    let database = Connection::open(&path).unwrap();
    let sql = "SELECT min_writer FROM schema_version";
    let raised: u32 = database.query_row(sql, [], |row| row.get(0)).unwrap();
    assert_eq!(raised, 8);
    // They stay so in a copy.
    let lines = export(&store).await;
    let (_other, other) = place();
    let copy = SqliteStore::open(&other).unwrap();
    assert_eq!(copy.check().await.unwrap().min_writer, 1);
    copy.import(Cursor::new(lines), Path::new(HERE))
        .await
        .unwrap();
    assert_eq!(copy.check().await.unwrap().min_writer, 8);
}

#[tokio::test]
async fn limits_are_what_the_store_was_opened_with() {
    let (_directory, path) = place();
    let limits = AcceptLimits { inbox: 3, pair: 2 };
    let options = SqliteOptions {
        limits,
        ..SqliteOptions::default()
    };
    let store = SqliteStore::open_with(&path, &options).unwrap();
    let (one, other) = (
        add(&store, pod("one")).await,
        add(&store, pod("other")).await,
    );
    let send = async || {
        let sent = Message {
            kind: Kind::Notify,
            ..message("hi")
        };
        let offers = vec![Offer::from_pod(one, sent)];
        store
            .accept(other, offers)
            .await
            .unwrap()
            .remove(0)
            .map(drop)
    };
    assert_eq!(send().await, Ok(()));
    assert_eq!(send().await, Ok(()));
    assert_eq!(send().await, Err(Refusal::PairLimit { limit: 2 }));
    let offers = vec![message("3").into(), message("4").into()];
    let answers = store.accept(other, offers).await.unwrap();
    assert_eq!(answers[1], Err(Refusal::InboxFull { limit: 3 }));
}
