//! What a pod takes while its agent waits: memory, processor time, wake-ups.

use std::fs;
use std::thread::sleep;
use std::time::Duration;

use crate::table::Row;
use crate::world::World;

/// How long the pods are left alone before they are looked at, and how long they are watched.
const SETTLE: Duration = Duration::from_secs(30);
const WATCH: Duration = Duration::from_secs(60);
/// How often a pod writes its heartbeat when nothing changes, in seconds.
const HEARTBEAT: u64 = 15;
/// The target for private memory, in KiB.
const TARGET_KIB: u64 = 8 << 10;
/// A program that fills the scrollback with 2,500 lines of 110 columns, and waits.
const FULL: &str = "seq -f %0110.0f 2500; exec cat";

/// What a process has used so far, over all of its threads.
#[derive(Clone, Copy)]
struct Usage {
    /// `RssAnon` in KiB.
    memory: u64,
    /// Clock ticks of 10 ms in user and system mode.
    ticks: u64,
    /// How often it gave the processor up of itself, which is how often it was woken.
    wakes: u64,
}

pub(crate) fn rows() -> Vec<Row> {
    let world = World::new();
    let full = format!("  - name: full\n    runtime: generic\n    command: [sh, -c, '{FULL}']\n");
    let agents = world.agents(&[("fresh", ""), ("long", "")]) + &full;
    world.write_roster("default", &agents);
    world.fleet(&["up"]).exits(0);
    let long = "x".repeat(28 << 10);
    let told = world.fleet(&["send", "long", "-m", &long, "--wait", "answered"]);
    told.exits(0);
    let size = ["-x", "120", "-y", "40"];
    let command = [&["new-session", "-d"], &size[..], &["--", "sh", "-c", FULL]].concat();
    world.tmux("bare", &command).exits(0);
    let rows = watch(&world);
    world.tmux("bare", &["kill-server"]);
    rows
}

fn watch(world: &World) -> Vec<Row> {
    let server = world.tmux("bare", &["display-message", "-p", "#{pid}"]);
    let server = server.stdout.trim().parse().unwrap();
    let pods = [
        ("pod, idle", world.pod_pid("fresh")),
        (
            "pod, idle, after a message of 28 KiB",
            world.pod_pid("long"),
        ),
        (
            "pod, idle, full scrollback of 2,000 lines",
            world.pod_pid("full"),
        ),
        ("guard, idle", parent(world.agent_pid("fresh"))),
    ];
    sleep(SETTLE);
    let usages = || pods.map(|(_, pid)| usage(pid));
    let (before, bare_before) = (usages(), usage(server));
    sleep(WATCH);
    let (after, bare_after) = (usages(), usage(server));
    let mut rows = Vec::new();
    for ((what, _), (before, after)) in pods.iter().zip(before.into_iter().zip(after)) {
        rows.push(memory(what, after, bare_after));
        rows.push(activity(what, before, after));
    }
    rows.push(activity(
        "floor: tmux server, one such pane",
        bare_before,
        bare_after,
    ));
    rows
}

fn memory(what: &str, usage: Usage, bare: Usage) -> Row {
    let mib = |kib: u64| format!("{:.1} MiB", kib as f64 / 1024.0);
    Row::new(
        format!("{what}: private memory; floor: tmux server, one full pane"),
        mib(usage.memory),
    )
    .floor(mib(bare.memory), usage.memory as f64 / bare.memory as f64)
    .target("under 8 MiB", usage.memory < TARGET_KIB)
}

fn activity(what: &str, before: Usage, after: Usage) -> Row {
    let wakes = after.wakes - before.wakes;
    let processor = (after.ticks - before.ticks) * 10;
    let heartbeats = WATCH.as_secs() / HEARTBEAT;
    // One more where a heartbeat falls on the edge.
    Row::new(
        format!("{what}: wake-ups and processor time in 60 s"),
        format!("{wakes}, {processor} ms"),
    )
    .target(format!("{heartbeats} heartbeats"), wakes <= heartbeats + 1)
}

fn usage(pid: u32) -> Usage {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap().flatten();
    let wakes = tasks.map(|task| {
        let status = fs::read_to_string(task.path().join("status")).unwrap();
        field(&status, "voluntary_ctxt_switches:")
    });
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    Usage {
        memory: field(&status, "RssAnon:"),
        ticks: stat(pid, 11) + stat(pid, 12),
        wakes: wakes.sum(),
    }
}

fn field(status: &str, name: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let value = line.unwrap().trim().trim_end_matches(" kB");
    value.parse().unwrap()
}

/// Returns a field of `/proc/PID/stat`, counted from 0 after the command's name (proc(5)).
fn stat(pid: u32, field: usize) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let (_, fields) = stat.rsplit_once(") ").unwrap();
    fields.split(' ').nth(field).unwrap().parse().unwrap()
}

fn parent(pid: u32) -> u32 {
    u32::try_from(stat(pid, 1)).unwrap()
}
