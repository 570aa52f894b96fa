//! One database and several processes, of which some are killed.

use std::collections::HashSet;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use podfleet_pod_store::{Page, PodStore, SqliteStore};
use podfleet_protocol::PodId;

use super::samples::{add, message, pod};

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
