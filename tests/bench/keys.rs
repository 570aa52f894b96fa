//! A key typed in an attached terminal, until its echo is back.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use podfleet_protocol::client::{AttachStream, Introduction, PodClient};
use podfleet_protocol::frame::Frame;
use podfleet_protocol::method::{AttachParams, AttachRole};
use tokio::time::{sleep, timeout};

use crate::bare::Bare;
use crate::sample::{Sample, ms};
use crate::table::Row;
use crate::world::World;

/// A program that writes what it reads at once.
pub(crate) const ECHO: &str = "stty raw -echo && printf ready && exec cat";
const KEYS: usize = 3000;
/// How far apart keys are.
const APART: Duration = Duration::from_millis(3);
/// First keys after a pause, and the pause: the pod's log notes that somebody types.
const FIRST_KEYS: usize = 20;
const PAUSE: Duration = Duration::from_millis(1050);
const TARGET: Duration = Duration::from_millis(2);

/// Echo times through a pod, and without one.
struct Echoes {
    pod: Sample,
    bare: Sample,
}

pub(crate) fn rows() -> Vec<Row> {
    let world = World::new();
    let agent = format!("  - name: a\n    runtime: generic\n    command: [sh, -c, '{ECHO}']\n");
    world.write_roster("default", &agent);
    world.fleet(&["up"]).exits(0);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let (keys, first) = runtime.block_on(async {
        let mut attached = attach(&world).await;
        let mut bare = Bare::start(&["sh", "-c", ECHO]);
        bare.until(b"ready").await;
        let keys = measure(&mut attached, &mut bare, KEYS, APART).await;
        let first = measure(&mut attached, &mut bare, FIRST_KEYS, PAUSE).await;
        (keys, first)
    });
    let over = keys.pod.percentile(99).saturating_sub(keys.bare.median());
    vec![
        keys.row(
            "key to echo in `attach`, p99; floor: the same program on a bare terminal, p99",
            99,
        ),
        Row::new("the same over the floor's median, p99", ms(over))
            .target("under 2 ms", over < TARGET),
        keys.row("the same, median", 50),
        first.row("the same, first key after a second without, median", 50),
    ]
}

impl Echoes {
    fn row(&self, what: &str, percent: usize) -> Row {
        let (pod, bare) = (self.pod.percentile(percent), self.bare.percentile(percent));
        Row::new(what, ms(pod)).floor(ms(bare), pod.as_secs_f64() / bare.as_secs_f64())
    }
}

async fn measure(
    stream: &mut AttachStream,
    bare: &mut Bare,
    keys: usize,
    apart: Duration,
) -> Echoes {
    let (mut pod_times, mut bare_times) = (Vec::new(), Vec::new());
    for key in (b'a'..=b'z').cycle().take(keys) {
        sleep(apart).await;
        pod_times.push(echo(stream, key).await);
        let start = Instant::now();
        bare.write(&[key]).await;
        bare.until(&[key]).await;
        bare_times.push(start.elapsed());
    }
    Echoes {
        pod: pod_times.into(),
        bare: bare_times.into(),
    }
}

pub(crate) async fn attach(world: &World) -> AttachStream {
    let who = Introduction {
        client: "bench".into(),
        credential: None,
    };
    let params = AttachParams {
        role: AttachRole::Controller,
        take: true,
        size: None,
        from: None,
    };
    let attached = PodClient::attach(&socket(world), &who, params).await;
    let (_, mut stream) = attached.unwrap();
    // The first repaint.
    while timeout(Duration::from_millis(300), stream.next())
        .await
        .is_ok()
    {}
    stream
}

/// Returns the socket of the world's only pod.
pub(crate) fn socket(world: &World) -> PathBuf {
    sockets(world).next().unwrap()
}

/// Returns the sockets of the world's pods; a hub of it has one beside them.
pub(crate) fn sockets(world: &World) -> impl Iterator<Item = PathBuf> {
    let files = std::fs::read_dir(world.path("run")).unwrap().flatten();
    files
        .map(|file| file.path())
        .filter(|path| path.extension() == Some("sock".as_ref()) && !path.ends_with("hub.sock"))
}

/// Types a key and waits for it to come back.
pub(crate) async fn echo(stream: &mut AttachStream, key: u8) -> Duration {
    let start = Instant::now();
    let typed = Frame::Input(Bytes::copy_from_slice(&[key]));
    stream.send(typed).await.unwrap();
    loop {
        let frame = stream.next().await.expect("the pod closed").unwrap();
        if let Frame::Output { offset, bytes } = frame
            && bytes.contains(&key)
        {
            let took = start.elapsed();
            let end = offset + bytes.len() as u64;
            stream.send(Frame::Ack(end)).await.unwrap();
            return took;
        }
    }
}
