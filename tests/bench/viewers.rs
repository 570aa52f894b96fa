//! Many viewers of many terminals through two hubs, some of whom do not read; beside them as many
//! readers of bare sockets, which shows what the readers themselves and the machine add.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use podfleet_hub::client::{Frames, HubClient};
use podfleet_hub::op::AgentRef;
use podfleet_protocol::client::{AttachStream, Introduction, PodClient};
use podfleet_protocol::frame::{Frame, Header, kind};
use podfleet_protocol::method::{AttachParams, AttachRole};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::task::JoinSet;
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
/// A viewer acknowledges after so many bytes, as `fleet attach` does.
const ACK_EVERY: u64 = 32 << 10;
const TARGET: Duration = Duration::from_millis(50);
const MEMORY_TARGET_KIB: u64 = 128 << 10;
const PATIENCE: Duration = Duration::from_secs(120);

/// When each part had come, by the number of its last byte.
#[derive(Debug)]
struct Arrivals {
    start: u64,
    times: Vec<Instant>,
}

impl Arrivals {
    fn after(start: u64) -> Self {
        Self {
            start,
            times: Vec::with_capacity(PARTS),
        }
    }

    /// Takes note that the stream came up to there; returns whether all parts have come.
    fn up_to(&mut self, end: u64) -> bool {
        let whole = usize::try_from(end.saturating_sub(self.start)).unwrap() / PART;
        self.times
            .resize(whole.max(self.times.len()), Instant::now());
        self.times.len() >= PARTS
    }
}

pub(crate) fn rows() -> Vec<Row> {
    let names: Vec<String> = (0..SESSIONS).map(|number| format!("a{number}")).collect();
    let hubs = Hubs::with_agents(keys::ECHO, &names);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let floor = runtime.block_on(bare());
    runtime.block_on(measure(&hubs, &names, &floor))
}

/// Spreads the terminals' beats: agents write when they please, not all at once.
async fn until_own_beat(number: usize) {
    sleep(APART * u32::try_from(number).unwrap() / u32::try_from(SESSIONS).unwrap()).await;
}

/// As many readers as there are viewers that read, each of a socket that the parts are written to.
async fn bare() -> Sample {
    let mut readers = JoinSet::new();
    let mut writers = JoinSet::new();
    let part = Bytes::from(vec![b'x'; PART]);
    for number in 0..SESSIONS {
        let mut sinks = Vec::new();
        let sent = Arc::new(Mutex::new(Vec::with_capacity(PARTS)));
        for _ in 0..(VIEWERS - SLOW) / SESSIONS {
            let (near, mut far) = UnixStream::pair().unwrap();
            sinks.push(near);
            let sent = Arc::clone(&sent);
            readers.spawn(async move {
                let (mut arrivals, mut end) = (Arrivals::after(0), 0);
                let mut buffer = vec![0; 8 << 10];
                while let Ok(count @ 1..) = far.read(&mut buffer).await {
                    end += count as u64;
                    arrivals.up_to(end);
                }
                let sent = sent.lock().unwrap();
                added(&arrivals.times, &sent).collect::<Vec<_>>()
            });
        }
        let part = part.clone();
        writers.spawn(async move {
            until_own_beat(number).await;
            let mut beat = interval(APART);
            for _ in 0..PARTS {
                beat.tick().await;
                sent.lock().unwrap().push(Instant::now());
                for sink in &mut sinks {
                    sink.write_all(&part).await.unwrap();
                }
            }
        });
    }
    writers.join_all().await;
    Sample::from(readers.join_all().await.concat())
}

fn added<'a>(far: &'a [Instant], near: &'a [Instant]) -> impl Iterator<Item = Duration> + 'a {
    far.iter()
        .zip(near)
        .map(|(far, near)| far.saturating_duration_since(*near))
}

async fn measure(hubs: &Hubs, names: &[String], floor: &Sample) -> Vec<Row> {
    let before = hubs.memory();
    let direct = controllers(hubs).await;
    let (mut slow, mut others, mut near) = (Vec::new(), JoinSet::new(), JoinSet::new());
    for number in 0..VIEWERS {
        let name = names[number % SESSIONS].clone();
        let viewer = Viewer::of(&hubs.client, &format!("{name}@box")).await;
        if number < SLOW {
            // It is kept, and never read.
            slow.push(viewer);
        } else {
            others.spawn(async move { (name, viewer.read().await) });
        }
    }
    for (number, (name, (stream, start))) in direct.into_iter().enumerate() {
        near.spawn(async move { (name, write(number, stream, start).await) });
    }
    let all = async {
        let near: BTreeMap<_, _> = near.join_all().await.into_iter().collect();
        let others = others.join_all().await;
        others
            .iter()
            .flat_map(|(name, far)| added(&far.times, &near[name].times))
            .collect::<Vec<_>>()
    };
    let added = timeout(PATIENCE, all).await.unwrap_or_default();
    let held = hubs.memory().saturating_sub(before);
    drop(slow);
    table(added, floor, held)
}

fn table(added: Vec<Duration>, floor: &Sample, held: u64) -> Vec<Row> {
    let all_came = added.len() == (VIEWERS - SLOW) * PARTS;
    let what = format!(
        "added to what {} viewers of {SESSIONS} terminals see through home and spoke, beside {SLOW} that do not read, p99; floor: readers of bare sockets",
        VIEWERS - SLOW
    );
    let delay = if all_came {
        let added = Sample::from(added);
        let last = added.percentile(99);
        let shown = format!("{} (median {})", ms(last), ms(added.median()));
        Row::new(what, shown).target("under 50 ms, nothing missing", last < TARGET)
    } else {
        let shown = format!("{} of the parts came", added.len());
        Row::new(what, shown).target("under 50 ms, nothing missing", false)
    };
    let memory = f64::from(u32::try_from(held).unwrap()) / 1024.0;
    vec![
        delay.beside(ms(floor.percentile(99))),
        Row::new(
            "private memory that both hubs took for them",
            format!("{memory:.1} MiB"),
        )
        .target("under 128 MiB", held < MEMORY_TARGET_KIB),
    ]
}

/// One who looks through both hubs.
struct Viewer {
    frames: Frames,
    start: u64,
}

impl Viewer {
    async fn of(client: &HubClient, agent: &str) -> Self {
        let agent: AgentRef = agent.parse().unwrap();
        let params = AttachParams {
            role: AttachRole::Viewer,
            take: false,
            size: None,
            from: None,
        };
        let attached = client.attach_raw(&agent.into(), &params).await;
        let (attached, mut frames) = attached.unwrap();
        let first = next_end(&mut frames).await.unwrap();
        let start = first.max(attached.result.position.offset);
        Self { frames, start }
    }

    async fn read(mut self) -> Arrivals {
        let (mut arrivals, mut acked) = (Arrivals::after(self.start), self.start);
        while let Some(end) = next_end(&mut self.frames).await {
            if end.saturating_sub(acked) >= ACK_EVERY {
                acked = end;
                self.frames.send(&Frame::Ack(end)).await.unwrap();
            }
            if arrivals.up_to(end) {
                break;
            }
        }
        arrivals
    }
}

/// Returns where the stream is after the next frame that brings it further.
async fn next_end(frames: &mut Frames) -> Option<u64> {
    loop {
        let frame = frames.next().await?.ok()?;
        let header = Header::of(&frame)?;
        match header.kind {
            kind::OUTPUT => return Some(header.offset + header.length as u64),
            kind::RESET if !header.more => return Some(header.offset),
            _ => {}
        }
    }
}

/// Takes control of each terminal at its pod itself; returns where its stream is.
async fn controllers(hubs: &Hubs) -> BTreeMap<String, (AttachStream, u64)> {
    let who = Introduction {
        client: "bench".into(),
        credential: None,
    };
    let mut found = BTreeMap::new();
    for socket in keys::sockets(&hubs.spoke.world) {
        let pod = PodClient::connect(&socket, &who).await.unwrap();
        let name = pod.hello().name.to_string();
        let params = AttachParams {
            role: AttachRole::Controller,
            take: true,
            size: None,
            from: None,
        };
        let (result, mut stream) = PodClient::attach(&socket, &who, params).await.unwrap();
        let first = loop {
            match stream.next().await.unwrap().unwrap() {
                Frame::Reset {
                    offset,
                    more: false,
                    ..
                } => break offset,
                Frame::ResetPart {
                    offset,
                    more: false,
                    ..
                } => break offset,
                _ => {}
            }
        };
        found.insert(name, (stream, first.max(result.position.offset)));
    }
    // The programs have said that they are ready.
    sleep(Duration::from_millis(500)).await;
    found
}

/// Has a terminal write its parts, and notes when each is back at the pod itself.
async fn write(number: usize, stream: AttachStream, start: u64) -> Arrivals {
    let (mut sink, mut stream) = stream.split();
    let writing = async {
        until_own_beat(number).await;
        let mut beat = interval(APART);
        let part = Bytes::from(vec![b'x'; PART]);
        for _ in 0..PARTS {
            beat.tick().await;
            sink.send(Frame::Input(part.clone())).await.unwrap();
            // What is behind is acknowledged all the same: nobody waits for this one.
            sink.send(Frame::Ack(u64::MAX)).await.unwrap();
        }
    };
    let reading = async {
        let mut arrivals = Arrivals::after(start);
        while let Some(Ok(frame)) = stream.next().await {
            if let Frame::Output { offset, bytes } = frame
                && arrivals.up_to(offset + bytes.len() as u64)
            {
                break;
            }
        }
        arrivals
    };
    tokio::join!(writing, reading).1
}
