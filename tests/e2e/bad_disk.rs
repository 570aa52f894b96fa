//! A disk that fails once, at each write and each flush of a pod in turn: nothing is lost, nothing
//! is typed twice, and the pod goes on.
//!
//! `strace` answers in the kernel's place, to the thread of the pod that writes the session log and
//! the store, for the files of one of the two.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::store::Inbox;
use crate::truth::{Sent, judge, until_settled};
use crate::world::{World, text, until};

/// The thread that writes.
const WRITER: &str = "journal";
/// What is written, the call and the error; each of its first calls fails in turn.
const FAULTS: [(&str, &str, &str); 6] = [
    ("log", "fdatasync", "EIO"),
    ("log", "write", "EIO"),
    ("log", "write", "ENOSPC"),
    ("store", "pwrite64", "EIO"),
    ("store", "pwrite64", "ENOSPC"),
    ("store", "fsync,fdatasync", "EIO"),
];
/// How many calls are looked at: those of a message, from its acceptance to its last receipt.
const CALLS: u32 = 3;

/// A `strace` of one thread, which ends when dropped.
struct Fault {
    process: Child,
    record: PathBuf,
}

impl Fault {
    fn of(world: &World, what: &str, call: &str, error: &str, nth: u32) -> Self {
        let record = world.path("work/strace");
        let task = task(world.pod_pid("a"), WRITER).to_string();
        let inject = format!("inject={call}:error={error}:when={nth}");
        let said = world.path("work/strace.said");
        let files: Vec<_> = match what {
            "log" => vec![session_log(world)],
            _ => ["store.db", "store.db-wal"]
                .map(|file| world.path("state").join(file))
                .to_vec(),
        };
        let process = Command::new("strace")
            .args(["-e", &format!("trace={call}"), "-e", &inject, "-o"])
            .arg(&record)
            .args(["-p", &task])
            // What is no file cannot fail so.
            .args(files.iter().flat_map(|file| ["-P", text(file)]))
            .stderr(fs::File::create(&said).unwrap())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        until(|| match fs::read_to_string(&said).unwrap() {
            said if said.contains("attached") => Ok(()),
            said => Err(said),
        });
        Self { process, record }
    }

    /// Waits until a call was made to fail.
    fn until_injected(&self) {
        until(|| match fs::read_to_string(&self.record).unwrap() {
            calls if calls.contains("INJECTED") => Ok(()),
            calls => Err(calls),
        });
    }
}

impl Drop for Fault {
    fn drop(&mut self) {
        crate::world::signal(self.process.id(), rustix::process::Signal::TERM);
        let _ = self.process.wait();
    }
}

/// Returns the file that the pod's log is written to.
fn session_log(world: &World) -> PathBuf {
    let pod = Inbox::of(world, "a").pod().to_string();
    let files = fs::read_dir(world.path("state/sessions").join(pod)).unwrap();
    let files = files.flatten().map(|file| file.path());
    let logs = files.filter(|file| file.extension().is_some_and(|end| end == "jsonl"));
    logs.max_by_key(|file| file.metadata().unwrap().modified().unwrap())
        .unwrap()
}

/// Returns the id of a thread.
fn task(process: u32, name: &str) -> u32 {
    let tasks = fs::read_dir(format!("/proc/{process}/task")).unwrap();
    let task = tasks.flatten().find(|task| {
        let comm = fs::read_to_string(task.path().join("comm"));
        comm.is_ok_and(|comm| comm.trim() == name)
    });
    let task = task.unwrap_or_else(|| panic!("no thread {name}"));
    task.file_name().to_str().unwrap().parse().unwrap()
}

#[test]
fn a_write_or_flush_that_fails_once_loses_nothing_and_doubles_nothing() {
    if podfleet_tests::require::strace().is_none() {
        return;
    }
    let world = World::with_agents(&[("a", r#"{"turn_ms": 30}"#)]);
    world.fleet(&["up"]).exits(0);
    let mut sent = Vec::new();
    for (what, call, error) in FAULTS {
        for nth in 1..=CALLS {
            let fault = Fault::of(&world, what, call, error, nth);
            for part in ["first", "second"] {
                let body = format!("{what} {call} {error} {nth} {part}.");
                sent.push(Sent::new(body).until_accepted(&world, "a"));
            }
            fault.until_injected();
            until_settled(&world, "a", Duration::from_secs(30));
        }
    }
    let wrong = judge(&world, "a", &sent);
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    world.fleet(&["down", "--all"]).exits(0);
    world.fleet(&["up"]).exits(0);
    sent.push(Sent::new("after.").until_accepted(&world, "a"));
    until_settled(&world, "a", Duration::from_secs(30));
    let wrong = judge(&world, "a", &sent);
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
