//! Many viewers of many terminals through two hubs, some of whom do not read.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use podfleet_hub::client::HubClient;
use podfleet_hub::op::AgentRef;
use podfleet_protocol::client::{AttachStream, Introduction, PodClient};
use podfleet_protocol::frame::Frame;
use podfleet_protocol::method::{AttachParams, AttachRole};
use tokio::time::{interval, sleep, timeout};

use crate::hub::Hubs;
use crate::keys;
use crate::sample::{Sample, ms};
use crate::table::Row;

const SESSIONS: usize = 50;
const VIEWERS: usize = 500;
/// How many of them stop reading.
const SLOW: usize = 20;
/// What each terminal writes, how often, and how far apart: about what a busy agent does.
const PART: usize = 2048;
const PARTS: usize = 100;
const APART: Duration = Duration::from_millis(100);
const TARGET: Duration = Duration::from_millis(50);
const MEMORY_TARGET_KIB: u64 = 128 << 10;

/// When each part had come, by the number of its last byte.
type Arrivals = Arc<Mutex<Vec<Instant>>>;

/// A client that notes when each part has come.
struct Reader {
    start: u64,
    arrivals: Arrivals,
}

impl Reader {
    /// Reads on until all parts are there.
    async fn read(self, stream: &mut (impl StreamOf + Unpin + Send)) {
        let mut seen = 0;
        while let Some(offset) = stream.next_end().await {
            let now = Instant::now();
            let whole = usize::try_from(offset.saturating_sub(self.start)).unwrap() / PART;
            if whole > seen {
                self.arrivals
                    .lock()
                    .unwrap()
                    .extend(vec![now; whole - seen]);
                seen = whole;
            }
            if seen >= PARTS {
                return;
            }
        }
    }
}

/// A stream of frames, of which only the ends of outputs matter.
trait StreamOf {
    async fn next_end(&mut self) -> Option<u64>;
}

impl StreamOf for AttachStream {
    async fn next_end(&mut self) -> Option<u64> {
        loop {
            match self.next().await?.ok()? {
                Frame::Output { offset, bytes } => {
                    let end = offset + bytes.len() as u64;
                    self.send(Frame::Ack(end)).await.ok()?;
                    return Some(end);
                }
                Frame::Reset { offset, .. } | Frame::ResetPart { offset, .. } => {
                    self.send(Frame::Ack(offset)).await.ok()?;
                    return Some(offset);
                }
                _ => {}
            }
        }
    }
}

pub(crate) fn rows() -> Vec<Row> {
    let names: Vec<String> = (0..SESSIONS).map(|number| format!("a{number}")).collect();
    let hubs = Hubs::with_agents(keys::ECHO, &names);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(measure(&hubs, &names))
}

async fn measure(hubs: &Hubs, names: &[String]) -> Vec<Row> {
    let before = hubs.memory();
    let direct = controllers(hubs).await;
    let (mut others, mut slow, mut readers) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..VIEWERS {
        let name = &names[number % SESSIONS];
        let (stream, start) = view(&hubs.client, &format!("{name}@box")).await;
        if number < SLOW {
            // It is kept, and never read.
            slow.push(stream);
            continue;
        }
        let arrivals = Arrivals::default();
        others.push((name.clone(), Arc::clone(&arrivals)));
        readers.push(tokio::spawn(async move {
            let mut stream = stream;
            Reader { start, arrivals }.read(&mut stream).await;
        }));
    }
    let mut near = BTreeMap::new();
    for (name, (stream, start)) in direct {
        let arrivals = Arrivals::default();
        near.insert(name, Arc::clone(&arrivals));
        let (mut sink, stream) = stream.split();
        let (ends, mut acks) = tokio::sync::mpsc::unbounded_channel();
        readers.push(tokio::spawn(async move {
            Reader { start, arrivals }
                .read(&mut Split { stream, ends })
                .await;
        }));
        readers.push(tokio::spawn(async move {
            let mut beat = interval(APART);
            let part = Bytes::from(vec![b'x'; PART]);
            let mut sent = 0;
            loop {
                let frame = tokio::select! {
                    _ = beat.tick(), if sent < PARTS => {
                        sent += 1;
                        Frame::Input(part.clone())
                    }
                    end = acks.recv() => match end {
                        Some(end) => Frame::Ack(end),
                        None => return,
                    },
                };
                if sink.send(frame).await.is_err() {
                    return;
                }
            }
        }));
    }
    let all = async {
        for reader in readers {
            reader.await.unwrap();
        }
    };
    let whole = timeout(Duration::from_secs(120), all).await.is_ok();
    let held = hubs.memory().saturating_sub(before);
    drop(slow);
    table(&near, &others, whole, held)
}

fn table(
    near: &BTreeMap<String, Arrivals>,
    others: &[(String, Arrivals)],
    whole: bool,
    held: u64,
) -> Vec<Row> {
    let mut added = Vec::new();
    for (name, arrivals) in others {
        let (near, far) = (near[name].lock().unwrap(), arrivals.lock().unwrap());
        added.extend(
            far.iter()
                .zip(&*near)
                .map(|(far, near)| far.saturating_duration_since(*near)),
        );
    }
    let wanted = others.len() * PARTS;
    let got = added.len();
    let added = Sample::from(added);
    let (median, last) = (added.median(), added.percentile(99));
    let memory = f64::from(u32::try_from(held).unwrap()) / 1024.0;
    vec![
        Row::new(
            format!(
                "added to what {} viewers of {SESSIONS} terminals see through home and spoke, beside {SLOW} that do not read, p99",
                VIEWERS - SLOW
            ),
            ms(last),
        )
        .beside(format!("{} in the median", ms(median)))
        .target("under 50 ms, nothing missing", whole && got == wanted && last < TARGET),
        Row::new(
            "private memory that both hubs took for them",
            format!("{memory:.1} MiB"),
        )
        .target("under 128 MiB", held < MEMORY_TARGET_KIB),
    ]
}

/// The reading half of a controller, whose acknowledgements its writing half sends.
struct Split {
    stream: futures_util::stream::SplitStream<AttachStream>,
    ends: tokio::sync::mpsc::UnboundedSender<u64>,
}

impl StreamOf for Split {
    async fn next_end(&mut self) -> Option<u64> {
        loop {
            let end = match self.stream.next().await?.ok()? {
                Frame::Output { offset, bytes } => offset + bytes.len() as u64,
                Frame::Reset { offset, .. } | Frame::ResetPart { offset, .. } => offset,
                _ => continue,
            };
            self.ends.send(end).ok()?;
            return Some(end);
        }
    }
}

/// Attaches as a viewer; returns where its stream begins.
async fn view(client: &HubClient, agent: &str) -> (AttachStream, u64) {
    let agent: AgentRef = agent.parse().unwrap();
    let params = AttachParams {
        role: AttachRole::Viewer,
        take: false,
        size: None,
        from: None,
    };
    let (result, mut stream) = client.attach(&agent, &params).await.unwrap();
    let first = stream.next_end().await.unwrap();
    (stream, first.max(result.position.offset))
}

/// Takes control of each terminal at its pod itself.
async fn controllers(hubs: &Hubs) -> BTreeMap<String, (AttachStream, u64)> {
    let who = Introduction {
        client: "bench".into(),
        credential: None,
    };
    let mut found = BTreeMap::new();
    let files = std::fs::read_dir(hubs.spoke.path("run")).unwrap().flatten();
    for socket in files.map(|file| file.path()) {
        if socket.extension() != Some("sock".as_ref()) || socket.ends_with("hub.sock") {
            continue;
        }
        let name = PodClient::connect(&socket, &who)
            .await
            .unwrap()
            .hello()
            .name
            .to_string();
        let params = AttachParams {
            role: AttachRole::Controller,
            take: true,
            size: None,
            from: None,
        };
        let (result, mut stream) = PodClient::attach(&socket, &who, params).await.unwrap();
        let first = stream.next_end().await.unwrap();
        found.insert(name, (stream, first.max(result.position.offset)));
    }
    // The programs have said that they are ready.
    sleep(Duration::from_millis(500)).await;
    found
}
