//! An agent that writes as fast as it can, with a viewer that reads and with one that does not.

use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use podfleet_pod::terminal::Terminal;
use podfleet_protocol::Size;
use podfleet_protocol::client::AttachStream;
use podfleet_protocol::frame::Frame;
use tokio::time::timeout;

use crate::bare::Bare;
use crate::idle;
use crate::keys;
use crate::table::Row;
use crate::world::World;

/// How much the agent writes.
const BYTES: usize = 64 << 20;
const LINE: &str = "the quick brown fox jumps over the lazy dog 0123456789";
const END: &[u8] = b"-- end --";
const SCROLLBACK: usize = 2000;
const TARGET: f64 = 0.5;
const MEMORY_TARGET_KIB: u64 = 32 << 10;

/// A program that floods whenever it reads a line.
pub(crate) fn program() -> String {
    let end = String::from_utf8_lossy(END);
    format!(
        "stty -echo; printf ready; while read go; do yes \"{LINE}\" | head -c {BYTES}; printf -- \"{end}\"; done"
    )
}

pub(crate) fn rows() -> Vec<Row> {
    let world = World::new();
    let agent = format!(
        "  - name: a\n    runtime: generic\n    command: [sh, -c, '{}']\n",
        program().replace('\'', "''")
    );
    world.write_roster("default", &agent);
    world.fleet(&["up"]).exits(0);
    let pid = world.row("a")["pod_pid"].as_u64().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let (with_pod, without) = runtime.block_on(async {
        let mut attached = keys::attach(&world).await;
        (through_pod(&mut attached).await, without_pod().await)
    });
    let held = runtime.block_on(async {
        let stopped = keys::attach(&world).await;
        let mut typing = keys::attach(&world).await;
        through_pod(&mut typing).await;
        drop(stopped);
        idle::memory(u32::try_from(pid).unwrap())
    });
    let rate = |took: Duration| format!("{:.0} MiB/s", 64.0 / took.as_secs_f64());
    let share = without.as_secs_f64() / with_pod.as_secs_f64();
    vec![
        Row::new(
            "a flood through a pod to one viewer; floor: the same parser without a pod",
            rate(with_pod),
        )
        .floor(rate(without), 1.0 / share)
        .target("at least 0.5 of it", share >= TARGET),
        Row::new(
            "private memory of that pod beside a viewer that stopped reading",
            format!(
                "{:.1} MiB",
                f64::from(u32::try_from(held).unwrap()) / 1024.0
            ),
        )
        .target("under 32 MiB", held < MEMORY_TARGET_KIB),
    ]
}

/// Lets the agent flood, and reads until the end of it has come.
pub(crate) async fn through_pod(stream: &mut AttachStream) -> Duration {
    let start = Instant::now();
    stream
        .send(Frame::Input(Bytes::from_static(b"\r")))
        .await
        .unwrap();
    let mut last = Vec::new();
    loop {
        let frame = timeout(Duration::from_secs(120), stream.next()).await;
        let (end, bytes) = match frame.expect("no output").expect("the pod closed").unwrap() {
            Frame::Output { offset, bytes } => (offset + bytes.len() as u64, bytes),
            Frame::Reset { offset, bytes, .. } | Frame::ResetPart { offset, bytes, .. } => {
                (offset, bytes)
            }
            _ => continue,
        };
        stream.send(Frame::Ack(end)).await.unwrap();
        if ends(&mut last, &bytes) {
            return start.elapsed();
        }
    }
}

/// Does with the same program's output what a pod does, in one loop.
async fn without_pod() -> Duration {
    let program = program();
    let mut bare = Bare::start(&["sh", "-c", &program]);
    bare.until(b"ready").await;
    let mut terminal = Terminal::new(Size::DEFAULT, SCROLLBACK);
    let mut visible = Vec::new();
    let start = Instant::now();
    bare.write(b"\n").await;
    let mut last = Vec::new();
    loop {
        let bytes = bare.take().await;
        visible.clear();
        terminal.feed_seen(&bytes, &mut visible);
        if ends(&mut last, &bytes) {
            return start.elapsed();
        }
    }
}

/// Returns whether the end has come with these bytes; `last` keeps the tail of those before.
pub(crate) fn ends(last: &mut Vec<u8>, bytes: &[u8]) -> bool {
    let tail = &bytes[bytes.len().saturating_sub(64 << 10)..];
    last.extend_from_slice(tail);
    let found = last.windows(END.len()).any(|window| window == END);
    let keep = last.len().saturating_sub(END.len());
    last.drain(..keep);
    found
}
