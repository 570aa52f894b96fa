//! One database and several processes, of which some are killed.

use std::collections::HashSet;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use podfleet_pod_store::{
    InboxStore as _, Page, PeerPair, RecordStore as _, RelationStore as _, SqliteStore, Writer,
};
use podfleet_protocol::{PodId, UnixMillis};

use super::samples::{AT, add, message, pod, start};

/// How long the bodies are: some go to files of their own.
const LENGTHS: [usize; 3] = [10, 5_000, 70_000];

/// A process that sends message after message and says which were accepted.
struct Sender {
    process: Child,
    output: BufReader<ChildStdout>,
}

impl Sender {
    /// Starts this test binary again, as the function [`sender`] with an argument for it.
    fn start(store: &Path, to: PodId) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args([
                "store::processes::sender",
                "--exact",
                "--nocapture",
                "--quiet",
            ])
            .arg(format!("{ARGUMENT}{to}:{}", store.display()))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(process.stdout.take().unwrap());
        Self { process, output }
    }

    /// Waits until `count` further messages are accepted and returns their ids.
    fn accepted(&mut self, count: usize) -> Vec<String> {
        let lines = self.output.by_ref().lines().map(Result::unwrap);
        lines
            .filter_map(|line| accepted_id(&line))
            .take(count)
            .collect()
    }

    /// Kills the process and returns what else it said.
    fn kill(&mut self) -> Vec<String> {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        let lines = self.output.by_ref().lines().map(Result::unwrap);
        lines.filter_map(|line| accepted_id(&line)).collect()
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        // Nothing stays behind when the test fails.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn accepted_id(line: &str) -> Option<String> {
    let id = line.rsplit_once("accepted ")?.1;
    // A process may be killed in the middle of a line.
    (id.len() == PodId::generate().to_string().len()).then(|| id.to_owned())
}

const ARGUMENT: &str = "send-to=";

/// Is no test of its own: does nothing unless a test started it as a process.
#[tokio::test]
async fn sender() {
    let argument = std::env::args().find_map(|text| text.strip_prefix(ARGUMENT).map(str::to_owned));
    let Some(argument) = argument else {
        return;
    };
    let (to, path) = argument.split_once(':').unwrap();
    let to: PodId = to.parse().unwrap();
    let store = SqliteStore::open(Path::new(path)).unwrap();
    for length in LENGTHS.into_iter().cycle() {
        let message = message(&"x".repeat(length));
        let id = message.id;
        store.accept(to, vec![message.into()]).await.unwrap()[0]
            .as_ref()
            .unwrap();
        println!("accepted {id}");
    }
}

#[tokio::test]
async fn killed_senders_lose_nothing_that_they_said_was_accepted() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    let store = SqliteStore::open(&path).unwrap();
    let to = add(&store, pod("coder")).await;
    let mut promised = Vec::new();
    for round in 0..4 {
        let mut senders: Vec<_> = (0..3).map(|_| Sender::start(&path, to)).collect();
        for sender in &mut senders {
            promised.extend(sender.accepted(3 + round));
        }
        promised.extend(senders.iter_mut().flat_map(Sender::kill));
    }
    let listing = store.undelivered(to, Page::all()).await.unwrap();
    assert_eq!(listing.corrupt, []);
    let bodies_are_whole = listing
        .items
        .iter()
        .all(|entry| LENGTHS.contains(&entry.message.body.len()));
    assert!(bodies_are_whole);
    let found: HashSet<_> = listing
        .items
        .iter()
        .map(|entry| entry.message.id.to_string())
        .collect();
    assert_eq!(found.len(), listing.items.len());
    let lost: Vec<_> = promised.iter().filter(|id| !found.contains(*id)).collect();
    assert!(lost.is_empty(), "{lost:?}");
    assert!(promised.len() >= 4 * 3 * 3);
}

/// How often each of the processes does each of the things.
const ROUNDS: usize = 500;
const WORK: &str = "work-on=";

/// Is no test of its own: does nothing unless a test started it as a process.
///
/// Registers a peer, sends a message and begins a generation, again and again, and says so.
#[tokio::test]
async fn worker() {
    let argument = std::env::args().find_map(|text| text.strip_prefix(WORK).map(str::to_owned));
    let Some(argument) = argument else {
        return;
    };
    let (ids, path) = argument.split_once(':').unwrap();
    let ids: Vec<PodId> = ids.split(',').map(|id| id.parse().unwrap()).collect();
    let [mine, shared] = [ids[0], ids[1]];
    let store = SqliteStore::open(Path::new(path)).unwrap();
    // All processes register the same pairs, half of them the other way round.
    let pairs = ids[2..].iter().cycle().take(ROUNDS);
    for (round, other) in pairs.enumerate() {
        let pair = match round % 2 {
            0 => PeerPair::new(shared, *other),
            _ => PeerPair::new(*other, shared),
        };
        let pair = pair.unwrap();
        store
            .register_peer(Writer::Operator, pair, AT)
            .await
            .unwrap();
        let sent = message(&format!("{mine} {round}"));
        let answers = store.accept(shared, vec![sent.into()]).await.unwrap();
        answers[0].as_ref().unwrap();
        let begun = store.begin_generation(shared, &start(1)).await.unwrap();
        println!("\ngeneration {}", begun.generation);
    }
}

fn work(store: &Path, ids: &[PodId]) -> Child {
    let ids: Vec<_> = ids.iter().map(ToString::to_string).collect();
    Command::new(std::env::current_exe().unwrap())
        .args([
            "store::processes::worker",
            "--exact",
            "--nocapture",
            "--quiet",
        ])
        .arg(format!("{WORK}{}:{}", ids.join(","), store.display()))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

#[tokio::test]
async fn four_processes_register_send_and_begin_without_losing_or_doubling_anything() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    let store = SqliteStore::open(&path).unwrap();
    let shared = add(&store, pod("shared")).await;
    let mut others = Vec::new();
    for number in 0..100 {
        others.push(add(&store, pod(&format!("other{number}"))).await);
    }
    let mut processes = Vec::new();
    for _ in 0..4 {
        let ids = [&[PodId::generate(), shared], others.as_slice()].concat();
        processes.push(work(&path, &ids));
    }
    let mut generations = Vec::new();
    for process in processes {
        let output = process.wait_with_output().unwrap();
        assert!(output.status.success());
        let text = String::from_utf8(output.stdout).unwrap();
        let numbers = text
            .lines()
            .filter_map(|line| line.strip_prefix("generation "));
        let numbers: Vec<u64> = numbers.map(|number| number.parse().unwrap()).collect();
        assert_eq!(numbers.len(), ROUNDS);
        assert!(
            numbers.is_sorted(),
            "a process sees its own generations in order"
        );
        generations.extend(numbers);
    }
    // No generation was given to two starts.
    generations.sort_unstable();
    let expected: Vec<u64> = (1..=4 * ROUNDS as u64).collect();
    assert_eq!(generations, expected);

    let events = store.outbox(shared, Page::all()).await.unwrap().items;
    assert_eq!(events.len(), others.len(), "each pair was new once");
    let inbox = store.inbox(shared, Page::all()).await.unwrap().items;
    assert_eq!(inbox.len(), 4 * ROUNDS);
    let mut last = std::collections::HashMap::new();
    for entry in inbox {
        let (sender, round) = entry.message.body.split_once(' ').unwrap();
        let round: i64 = round.parse().unwrap();
        let before = last.insert(sender.to_owned(), round).unwrap_or(-1);
        assert_eq!(round, before + 1, "of {sender}");
    }
    assert_eq!(store.check().await.unwrap().findings, []);
}

#[tokio::test]
async fn opposite_registrations_at_once_make_one_relation() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    let store = SqliteStore::open(&path).unwrap();
    let (one, other) = (
        add(&store, pod("one")).await,
        add(&store, pod("other")).await,
    );
    let register = |by: PodId, with: PodId| {
        let path = path.clone();
        tokio::task::spawn_blocking(move || {
            let store = SqliteStore::open(&path).unwrap();
            let runtime = tokio::runtime::Builder::new_current_thread()
                .build()
                .unwrap();
            runtime.block_on(async {
                let fence = store.pod(by).await.unwrap().unwrap().fence();
                let pair = PeerPair::new(by, with).unwrap();
                let mut found = Vec::new();
                for _ in 0..50 {
                    let writer = Writer::Pod(fence);
                    found.push(
                        store
                            .register_peer(writer, pair, UnixMillis(1))
                            .await
                            .unwrap(),
                    );
                }
                found
            })
        })
    };
    let (left, right) = tokio::join!(register(one, other), register(other, one));
    let new = left.unwrap().into_iter().chain(right.unwrap());
    let new = new.filter(|found| *found == podfleet_pod_store::Registered::New);
    assert_eq!(new.count(), 1);
    for pod in [one, other] {
        assert_eq!(store.outbox(pod, Page::all()).await.unwrap().items.len(), 1);
    }
}
