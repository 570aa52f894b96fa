//! What a pod takes while its agent waits: memory, processor time, wake-ups.

use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::table::Row;
use crate::world::World;

/// How long the pods are left alone before they are watched, and how long they are watched.
const SETTLE: Duration = Duration::from_secs(30);
const WATCH: Duration = Duration::from_secs(60);
/// How often they are looked at meanwhile, which they do not notice.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How often a pod writes its heartbeat when nothing changes, in seconds.
const HEARTBEAT: u64 = 15;
/// The target for private memory, in KiB.
const TARGET_KIB: u64 = 8 << 10;
/// A program that fills the scrollback with 2,500 lines of 110 columns, and waits.
const FULL: &str = "seq -f %0110.0f 2500; exec cat";

/// A process that is left alone.
struct Idle {
    what: &'static str,
    pid: u32,
    /// Looks at which it had been awake since the one before; several in a row are one wake-up.
    wakes: u64,
    /// Clock ticks of 10 ms, in user and system mode.
    ticks: u64,
    switches: u64,
    was_awake: bool,
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
    let pods = [
        ("idle pod", "fresh"),
        ("idle pod after a message of 28 KiB", "long"),
        ("idle pod with 2,000 lines of scrollback", "full"),
    ];
    let guard = parent(world.agent_pid("fresh"));
    let mut idle: Vec<Idle> = pods
        .map(|(what, name)| Idle::new(what, world.pod_pid(name)))
        .into();
    idle.push(Idle::new("the guard of an idle pod", guard));
    let mut bare = Idle::new("tmux server", server.stdout.trim().parse().unwrap());
    sleep(SETTLE);
    idle.iter_mut().chain([&mut bare]).for_each(Idle::begin);
    let end = Instant::now() + WATCH;
    while Instant::now() < end {
        sleep(LOOK_EVERY);
        idle.iter_mut().chain([&mut bare]).for_each(Idle::look);
    }
    let memory = idle.iter().map(|idle| idle.memory_row(&bare));
    let activity = idle.iter().map(|idle| idle.activity_row(&bare));
    memory.chain(activity).collect()
}

impl Idle {
    fn new(what: &'static str, pid: u32) -> Self {
        Self {
            what,
            pid,
            wakes: 0,
            ticks: 0,
            switches: 0,
            was_awake: false,
        }
    }

    fn begin(&mut self) {
        self.switches = switches(self.pid);
        self.ticks = ticks(self.pid);
    }

    fn look(&mut self) {
        let switches = switches(self.pid);
        let awake = switches != self.switches;
        self.wakes += u64::from(awake && !self.was_awake);
        self.switches = switches;
        self.was_awake = awake;
    }

    fn memory_row(&self, bare: &Self) -> Row {
        let mib = |kib: u64| format!("{:.1} MiB", kib as f64 / 1024.0);
        let (own, floor) = (memory(self.pid), memory(bare.pid));
        let what = format!(
            "{}: private memory; floor: a tmux server with that scrollback",
            self.what
        );
        Row::new(what, mib(own))
            .floor(mib(floor), own as f64 / floor as f64)
            .target("under 8 MiB", own < TARGET_KIB)
    }

    fn activity_row(&self, bare: &Self) -> Row {
        let text = |idle: &Self| {
            let used = (ticks(idle.pid) - idle.ticks) * 10;
            format!("{}, {used} ms", idle.wakes)
        };
        let heartbeats = WATCH.as_secs() / HEARTBEAT;
        let what = format!(
            "{}: wake-ups and processor time in 60 s; floor: a tmux server",
            self.what
        );
        Row::new(what, text(self))
            .beside(text(bare))
            // Sixty seconds may begin and end with one.
            .target(
                format!("{heartbeats} heartbeats"),
                self.wakes <= heartbeats + 1,
            )
    }
}

/// Returns how often the threads of a process gave the processor up of themselves.
fn switches(pid: u32) -> u64 {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap().flatten();
    let switches = tasks.map(|task| {
        let status = fs::read_to_string(task.path().join("status")).unwrap();
        field(&status, "voluntary_ctxt_switches:")
    });
    switches.sum()
}

/// Returns the private memory of a process in KiB.
pub(crate) fn memory(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    field(&status, "RssAnon:")
}

fn field(status: &str, name: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let value = line.unwrap().trim().trim_end_matches(" kB");
    value.parse().unwrap()
}

/// Returns the processor time that a process has used, in clock ticks of 10 ms.
pub(crate) fn ticks(pid: u32) -> u64 {
    stat(pid, 11) + stat(pid, 12)
}

fn parent(pid: u32) -> u32 {
    u32::try_from(stat(pid, 1)).unwrap()
}

/// Returns a field of `/proc/PID/stat`, counted from 0 after the command's name (proc(5)).
fn stat(pid: u32, field: usize) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let (_, fields) = stat.rsplit_once(") ").unwrap();
    fields.split(' ').nth(field).unwrap().parse().unwrap()
}
