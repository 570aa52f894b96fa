//! Requests on a pod's socket.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use crate::keys;
use crate::sample::{Sample, us};
use crate::table::Row;
use crate::world::World;

const ROUND_TRIPS: usize = 5000;
const ROUND_TRIP_TARGET: Duration = Duration::from_micros(60);
/// How many requests are in flight at once, and how often so many are sent.
const WINDOW: usize = 64;
const WINDOWS: usize = 1000;
const RATE_TARGET: f64 = 20_000.0;
const PING: &str = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\n";
pub(crate) const HELLO: &str = "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"hello\",\"params\":{\"protocol\":1,\"min_protocol\":1,\"role\":\"command\",\"client\":\"bench\"}}\n";

pub(crate) fn rows() -> Vec<Row> {
    let world = World::new();
    let agent = "  - name: a\n    runtime: generic\n    command: [sh, -c, 'exec cat']\n";
    world.write_roster("default", agent);
    world.fleet(&["up"]).exits(0);
    let mut pod = Connection::open(&keys::socket(&world));
    pod.exchange(HELLO);
    let path = world.path("echo.sock");
    let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let echo = thread::spawn(move || echo(listener.accept().unwrap().0));
    let mut bare = Connection::open(&path);

    let (mut pod_times, mut bare_times) = (Vec::new(), Vec::new());
    for _ in 0..ROUND_TRIPS {
        pod_times.push(pod.exchange(PING));
        bare_times.push(bare.exchange(PING));
    }
    let (pod_times, bare_times) = (Sample::from(pod_times), Sample::from(bare_times));
    let rate = pod.rate();
    let floor = bare.rate();
    drop(bare);
    echo.join().unwrap();

    let (median, least) = (pod_times.median(), bare_times.median());
    vec![
        Row::new(
            "`ping` on the pod's socket, there and back, median; floor: a thread that echoes lines",
            us(median),
        )
        .floor(us(least), median.as_secs_f64() / least.as_secs_f64())
        .target("under 60 µs", median < ROUND_TRIP_TARGET),
        Row::new(
            "`ping` on one connection, 64 in flight, a second; floor: the same thread",
            format!("{rate:.0}"),
        )
        .floor(format!("{floor:.0}"), floor / rate)
        .target("at least 20,000", rate >= RATE_TARGET),
    ]
}

/// Answers each line with itself.
fn echo(stream: UnixStream) {
    let mut lines = BufReader::new(stream.try_clone().unwrap());
    let mut answers = stream;
    let mut line = String::new();
    while lines.read_line(&mut line).unwrap() > 0 {
        answers.write_all(line.as_bytes()).unwrap();
        line.clear();
    }
}

pub(crate) struct Connection {
    requests: UnixStream,
    answers: BufReader<UnixStream>,
    line: String,
}

impl Connection {
    pub(crate) fn open(path: &Path) -> Self {
        let requests = UnixStream::connect(path).unwrap();
        Self {
            answers: BufReader::new(requests.try_clone().unwrap()),
            requests,
            line: String::new(),
        }
    }

    /// Sends a line and waits for one.
    pub(crate) fn exchange(&mut self, line: &str) -> Duration {
        let start = Instant::now();
        self.requests.write_all(line.as_bytes()).unwrap();
        self.answer();
        start.elapsed()
    }

    fn answer(&mut self) {
        self.line.clear();
        assert_ne!(self.answers.read_line(&mut self.line).unwrap(), 0);
        assert!(!self.line.contains("\"error\""), "{}", self.line);
    }

    /// Returns how many requests a second are answered when many are in flight.
    fn rate(&mut self) -> f64 {
        let window = PING.repeat(WINDOW);
        let start = Instant::now();
        for _ in 0..WINDOWS {
            self.requests.write_all(window.as_bytes()).unwrap();
            for _ in 0..WINDOW {
                self.answer();
            }
        }
        #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
        let count = (WINDOW * WINDOWS) as f64;
        count / start.elapsed().as_secs_f64()
    }
}
