//! The store and the session log: what durability costs beyond the transaction itself.

use std::path::Path;
use std::time::{Duration, Instant};

use podfleet_pod_store::session_log::{Entry, LogOptions, LogWriter, SessionFiles, SessionReader};
use podfleet_pod_store::{
    FleetKey, InboxStore as _, NewPod, Offer, Page, PeerPair, PodCursor, PodFilter,
    RecordStore as _, RelationStore as _, SpecText, SqliteStore, Writer,
};
use podfleet_protocol::{
    Address, Class, FleetName, Generation, Identity, Kind, Message, MessageId, PodId, PodName,
    SessionId, TenantId, Typing, UnixMillis,
};
use rusqlite::{Connection, TransactionBehavior, params};
use tokio::runtime::Runtime;

use crate::sample::{Sample, ms, ratio, side_by_side};
use crate::table::Row;

const ROUNDS: usize = 400;
const SENDERS: usize = 8;
const BODY: &str = "please look at the failing test in the parser, and tell me what you find";

/// Long ago, and a minute apart where pods write to each other: no limit of a minute is near.
fn at(minute: usize) -> UnixMillis {
    UnixMillis(1_767_225_600_000 + i64::try_from(minute).unwrap() * 60_000)
}

pub(crate) fn rows() -> Vec<Row> {
    // Not below the directory for temporary files, which may be memory.
    let scratch = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let mut rows = transactions(&scratch.path().join("writes"), &runtime);
    rows.push(listing(&scratch.path().join("many"), &runtime));
    rows.extend(log(&scratch.path().join("log")));
    rows
}

fn transactions(state: &Path, runtime: &Runtime) -> Vec<Row> {
    let by_thread = SqliteStore::open(&state.join("store.db")).unwrap();
    // As the journal of a pod has it.
    let store = by_thread.in_place();
    let mut bare = Bare::create(&state.join("bare.db"));
    let [coder, tester] = ["coder", "tester"].map(|name| add(&store, runtime, name));
    written_over(&state.join("bare.db-wal"), || {
        bare.write();
    });
    written_over(&state.join("store.db-wal"), || {
        add(&store, runtime, &format!("early{}", PodId::generate()));
    });
    let accept_by = |store: &SqliteStore, offers: Vec<Offer>| {
        let start = Instant::now();
        let answers = runtime.block_on(store.accept(coder, offers)).unwrap();
        assert!(answers.iter().all(Result::is_ok));
        start.elapsed()
    };
    let accept = |offers| accept_by(&store, offers);
    let (one, floor) = side_by_side(
        ROUNDS,
        || accept(vec![message(at(0)).into()]),
        || bare.write(),
    );
    let mut minute = 0;
    let (from_pod, floor_of_pod) = side_by_side(
        ROUNDS,
        || {
            minute += 1;
            let sent = Message {
                kind: Kind::Notify,
                ..message(at(minute))
            };
            accept(vec![Offer::from_pod(tester, sent)])
        },
        || bare.write(),
    );
    let (handed_over, floor_of_handed_over) = side_by_side(
        ROUNDS,
        || accept_by(&by_thread, vec![message(at(0)).into()]),
        || bare.write(),
    );
    let (batch, _) = side_by_side(
        ROUNDS / SENDERS,
        || accept((0..SENDERS).map(|_| message(at(0)).into()).collect()),
        || bare.write(),
    );
    let gain = one.median().as_secs_f64() * 8.0 / batch.median().as_secs_f64();
    let (peers, floor_of_peers) = peers(&store, runtime, &mut bare);
    let in_target = |measured: &Sample, floor: &Sample, limit| ratio(measured, floor) <= limit;
    vec![
        Row::new(
            "accept a message of the operator; floor: a transaction of one row",
            &one,
        )
        .floor(&floor, ratio(&one, &floor))
        .target("at most 1.3 times", in_target(&one, &floor, 1.3)),
        Row::new(
            "accept a message of a fleet mate; floor: the same",
            &from_pod,
        )
        .floor(&floor_of_pod, ratio(&from_pod, &floor_of_pod))
        .target(
            "at most 1.3 times",
            in_target(&from_pod, &floor_of_pod, 1.3),
        ),
        Row::new(
            "the same of the operator, through the store's own thread",
            &handed_over,
        )
        .floor(
            &floor_of_handed_over,
            ratio(&handed_over, &floor_of_handed_over),
        ),
        Row::new(
            format!("accept {SENDERS} messages in one batch; floor: one message"),
            &batch,
        )
        .floor(&one, ratio(&batch, &one))
        .target(
            format!("at least 2 times the rate ({gain:.1})"),
            gain >= 2.0,
        ),
        Row::new("register a peer; floor: a transaction of one row", &peers)
            .floor(&floor_of_peers, ratio(&peers, &floor_of_peers))
            .target("at most 1.5 times", in_target(&peers, &floor_of_peers, 1.5)),
    ]
}

fn peers(store: &SqliteStore, runtime: &Runtime, bare: &mut Bare) -> (Sample, Sample) {
    let hub = add(store, runtime, "hub");
    let others = (0..=ROUNDS).map(|number| add(store, runtime, &format!("peer{number}")));
    let mut others: Vec<_> = others.collect();
    side_by_side(
        ROUNDS,
        || {
            let pair = PeerPair::new(hub, others.pop().unwrap()).unwrap();
            let start = Instant::now();
            let registered = store.register_peer(Writer::Operator, pair, at(0));
            runtime.block_on(registered).unwrap();
            start.elapsed()
        },
        || bare.write(),
    )
}

/// Writes until the write-ahead log has its size: it is written over from its start then, as that of
/// every database that has been in use for a while. While it grows, a flush takes twice as long.
fn written_over(log: &Path, mut write: impl FnMut()) {
    const WRITES: usize = 50;
    let size = || std::fs::metadata(log).unwrap().len();
    let mut before = 0;
    while before != size() {
        before = size();
        (0..WRITES).for_each(|_| write());
    }
}

/// A database with one table, and nothing but the settings in common with the store.
struct Bare(Connection);

impl Bare {
    fn create(path: &Path) -> Self {
        let connection = Connection::open(path).unwrap();
        connection
            .pragma_update(None, "journal_mode", "WAL")
            .unwrap();
        connection
            .pragma_update(None, "synchronous", "FULL")
            .unwrap();
        connection.pragma_update(None, "cache_size", -256).unwrap();
        connection
            .execute("CREATE TABLE message (id TEXT, body TEXT) STRICT", [])
            .unwrap();
        Self(connection)
    }

    fn write(&mut self) -> Duration {
        let id = MessageId::generate().to_string();
        let start = Instant::now();
        let behavior = TransactionBehavior::Immediate;
        let transaction = self.0.transaction_with_behavior(behavior).unwrap();
        transaction
            .prepare_cached("INSERT INTO message (id, body) VALUES (?1, ?2)")
            .unwrap()
            .execute(params![id, BODY])
            .unwrap();
        transaction.commit().unwrap();
        start.elapsed()
    }
}

fn identity(name: &str) -> Identity {
    Identity {
        id: PodId::generate(),
        name: PodName::new(name).unwrap(),
        fleet: FleetName::default(),
        tenant_id: TenantId::new("me").unwrap(),
        host: "fern".to_owned(),
    }
}

fn add(store: &SqliteStore, runtime: &Runtime, name: &str) -> PodId {
    let pod = NewPod {
        identity: identity(name),
        class: "worker".to_owned(),
        alias: None,
        runtime: "sim".to_owned(),
        spec: SpecText::of(
            &serde_json::json!({ "working_directory": "/work", "argv": ["sim", "agent"] }),
        )
        .unwrap(),
        runtime_dir: "/run/user/1000/fleet".into(),
        at: at(0),
    };
    let record = runtime.block_on(store.put_pod(pod)).unwrap();
    record.identity.id
}

fn message(accepted: UnixMillis) -> Message {
    Message {
        id: MessageId::generate(),
        from: Address::operator("fern"),
        to: Address::new("fern", "coder"),
        kind: Kind::Run,
        class: Class::Actionable,
        thread: None,
        body: BODY.to_owned(),
        typing: Typing::default(),
        accepted,
    }
}

fn listing(state: &Path, runtime: &Runtime) -> Row {
    const PODS: usize = 10_000;
    let path = state.join("store.db");
    let store = SqliteStore::open(&path).unwrap();
    let first = add(&store, runtime, "p00000");
    let database = Connection::open(&path).unwrap();
    fill(&database, first, PODS);
    let tenant = TenantId::new("me").unwrap();
    let filter = PodFilter::from(FleetKey::new(tenant, FleetName::default()));
    let middle = PodCursor::at(&FleetName::default(), &PodName::new("p05000").unwrap());
    let page = Page::after(middle, 100);
    let times = (0..=50).map(|_| {
        let start = Instant::now();
        let listed = runtime.block_on(store.list_pods(&filter, page.clone()));
        assert_eq!(listed.unwrap().items.len(), 100);
        start.elapsed()
    });
    let sample = Sample::from(times.skip(1).collect::<Vec<_>>());
    let met = sample.median() < Duration::from_millis(2);
    Row::new("a page of 100 out of 10,000 pods, from the middle", &sample).target("under 2 ms", met)
}

/// Copies a pod under many names at once; one call for each would take minutes of flushes.
fn fill(database: &Connection, pattern: PodId, pods: usize) {
    let columns = "tenant, fleet, host, class, runtime, spec, runtime_dir, created, updated";
    database
        .execute(
            &format!(
                "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?2) \
                 INSERT INTO pod (id, name, folded, {columns}) \
                 SELECT substr(id, 1, 24) || printf('%012d', i), printf('p%05d', i), \
                   printf('p%05d', i), {columns} FROM n, pod WHERE id = ?1"
            ),
            params![pattern.to_string(), i64::try_from(pods).unwrap() - 1],
        )
        .unwrap();
}

fn log(state: &Path) -> Vec<Row> {
    const ENTRIES: usize = 1_000_000;
    let files = SessionFiles::new(state, PodId::generate(), SessionId::generate());
    let options = LogOptions::new(identity("coder"), Generation(1));
    let mut writer = LogWriter::open(files.clone(), options, at(0)).unwrap();
    for number in 0..ENTRIES / 1000 {
        let entries = (0..1000).map(|line| Entry::Status {
            state: "busy".to_owned(),
            rule: format!("round {number}, line {line} of what the screen showed"),
        });
        writer.append_all(at(number), entries.collect()).unwrap();
    }
    drop(writer);
    let times = (0..=20).map(|_| {
        let start = Instant::now();
        let reader = SessionReader::tail(files.clone(), 100).unwrap();
        assert_eq!(reader.count(), 100);
        start.elapsed()
    });
    let tail = Sample::from(times.skip(1).collect::<Vec<_>>());
    let met = tail.median() < Duration::from_millis(20);
    let times = (0..=20).map(|_| {
        let start = Instant::now();
        let options = LogOptions::new(identity("coder"), Generation(2));
        let writer = LogWriter::open(files.clone(), options, at(0)).unwrap();
        assert!(writer.sequence() > ENTRIES as u64);
        start.elapsed()
    });
    let opened = Sample::from(times.skip(1).collect::<Vec<_>>());
    vec![
        Row::new(
            "open a session of 1,000,000 entries and read the last 100",
            &tail,
        )
        .target("under 20 ms", met),
        Row::new(
            "open the same for writing, its entries counted",
            ms(opened.median()),
        ),
    ]
}
