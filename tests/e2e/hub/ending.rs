//! Ending a hub by its command.

use std::fs::{self, File};
use std::io::Write as _;
use std::process::{Child, Command, Stdio};

use podfleet_pod::process::ProcessRef;
use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::process::Signal;
use serde_json::{Value, json};

use super::Machine;
use crate::world::{is_gone, ran};

#[test]
fn a_command_ends_the_hub_and_agents_go_on() {
    let machine = Machine::new("coder");
    machine.world.fleet(&["up"]).exits(0);
    let agent = machine.world.agent_pid("coder");

    let ended = machine.world.fleet(&["hub", "stop"]).exits(0);
    assert_eq!(ended.stderr, "the hub is ended\n");
    machine.world.fleet(&["hub", "status"]).exits(1);
    assert_eq!(machine.world.agent_pid("coder"), agent);
    assert!(!is_gone(agent));

    let again = machine.world.fleet(&["hub", "stop"]).exits(0);
    assert_eq!(again.stderr, "no hub runs on this machine\n");
}

/// Some process; killed when dropped.
struct Sleeper(Child);

impl Sleeper {
    fn start() -> Self {
        Self(Command::new("sleep").arg("1000").spawn().unwrap())
    }

    /// Returns the record of a hub that is this process.
    fn record(&self, like: &Value) -> Value {
        let process = ProcessRef::of(self.0.id()).unwrap();
        let mut record = like.clone();
        record["pid"] = json!(process.pid);
        record["start"] = json!(process.start);
        record
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_hub_that_begins_is_waited_for_and_nobody_else_is_ended_for_it() {
    let machine = Machine::new("coder");
    machine.end_hub();
    let directory = machine.world.path("state/hub");
    let path = directory.join("running.json");
    let write = |record: &Value| {
        let part = directory.join("part");
        fs::write(&part, record.to_string()).unwrap();
        fs::rename(&part, &path).unwrap();
    };
    let (bystander, mut hub) = (Sleeper::start(), Sleeper::start());

    // A hub was killed, its pid is somebody's by now, and another hub has the lock.
    let mut left = bystander.record(&machine.standing);
    left["start"] = json!(1);
    let _ = fs::remove_file(&path);
    mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    let lock = File::open(directory.join("hub.lock")).unwrap();
    lock.try_lock().unwrap();
    let stop = { machine.world.command("default", &["hub", "stop"]) }
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Opens when `stop` reads it.
    let mut told = File::options().write(true).open(&path).unwrap();
    told.write_all(left.to_string().as_bytes()).unwrap();
    // Now the other one serves: what is looked at next is this.
    write(&hub.record(&machine.standing));
    drop(told);
    let ended = hub.0.wait().unwrap();
    assert_eq!(
        std::os::unix::process::ExitStatusExt::signal(&ended),
        Some(Signal::TERM.as_raw())
    );
    drop(lock);
    let ran = ran(&stop.wait_with_output().unwrap()).exits(0);
    assert_eq!(ran.stderr, "the hub is ended\n");
    assert!(!is_gone(bystander.0.id()));
}
