//! A full disk: a message is refused as a whole, nothing is typed, and all goes on afterwards.

use std::fs;

use podfleet_sim_agent::Kind;
use rustix::process::Signal;

use crate::small_disk::SmallDisk;
use crate::world::{World, signal, until};

/// A world whose state is on a small disk, with an agent that runs.
fn on_a_small_disk() -> Option<(World, SmallDisk)> {
    if !podfleet_tests::require::root() {
        return None;
    }
    let world = World::with_agents(&[("a", "")]);
    let disk = SmallDisk::mount(world.path("state"));
    world.fleet(&["up"]).exits(0);
    Some((world, disk))
}

/// The agent answers a message.
#[track_caller]
fn answers(world: &World, text: &str) {
    world
        .fleet(&["send", "a", "-m", text, "--wait", "answered"])
        .exits(0);
}

#[test]
fn a_message_on_a_full_disk_is_refused_and_nothing_is_typed() {
    let Some((world, disk)) = on_a_small_disk() else {
        return;
    };
    answers(&world, "before");
    let filler = disk.fill();
    let refused = world
        .fleet(&["send", "a", "-m", &"x".repeat(60_000)])
        .exits(5);
    assert!(refused.stderr.contains("nothing was accepted"), "{refused}");
    assert!(refused.stderr.contains("disk is full"), "{refused}");
    assert_eq!(world.received("a", Kind::Paste).len(), 1);
    assert_eq!(world.row("a")["readiness"], "available");
    fs::remove_file(filler).unwrap();
    answers(&world, "after");
    assert_eq!(world.received("a", Kind::Submit).len(), 2);
    world.fleet(&["down", "--all"]).exits(0);
}

#[test]
fn with_a_read_only_state_directory_nothing_starts_nothing_is_accepted_and_all_is_still_there() {
    let Some((world, disk)) = on_a_small_disk() else {
        return;
    };
    answers(&world, "before");
    world.fleet(&["down", "--all"]).exits(0);
    // Two that close it at once may both leave the journal to the other.
    let journal = world.path("state/store.db-wal");
    until(|| {
        world.fleet(&["ps"]).exits(0);
        match journal.exists() {
            true => Err("the journal is there".into()),
            false => Ok(()),
        }
    });
    disk.seal();
    let pod = world.fleet(&["pod", "run", "a", "--notify"]).exits(5);
    assert!(pod.stdout.starts_with("error: "), "{pod}");
    for changing in [&["up"][..], &["send", "a", "-m", "lost"]] {
        let refused = world.fleet(changing).exits(5);
        let why = refused.stderr.to_lowercase();
        assert!(
            why.contains("read-only") || why.contains("readonly"),
            "{refused}"
        );
    }
    assert_eq!(world.row("a")["readiness"], "stopped");
    let log = world.fleet(&["log", "a"]).exits(0);
    assert!(log.stdout.contains("before"), "{log}");
    disk.unseal();
    world.fleet(&["up"]).exits(0);
    answers(&world, "after");
    assert_eq!(world.received("a", Kind::Submit).len(), 2);
    world.fleet(&["down", "--all"]).exits(0);
}

#[test]
fn a_pod_whose_runtime_directory_is_full_says_so_and_what_to_do() {
    if !podfleet_tests::require::root() {
        return;
    }
    let world = World::with_agents(&[("a", "")]);
    let disk = SmallDisk::mount(world.path("run"));
    world.fleet(&["up"]).exits(0);
    world.fleet(&["down", "--all"]).exits(0);
    let filler = disk.fill();
    let full = "run is on a file system that is full; make room there";
    let pod = world.fleet(&["pod", "run", "a", "--notify"]).exits(5);
    assert!(pod.stdout.contains(full), "{pod}");
    let up = world.fleet(&["up"]);
    let told = format!("{}{}", up.stdout, up.stderr);
    assert!(told.replace("\n", " ").contains("that is full"), "{up}");
    fs::remove_file(filler).unwrap();
    world.fleet(&["up"]).exits(0);
    answers(&world, "after");
    world.fleet(&["down", "--all"]).exits(0);
}

#[test]
fn a_message_whose_receipt_the_store_cannot_take_is_not_typed_again() {
    if !podfleet_tests::require::root() {
        return;
    }
    let world = World::with_agents(&[("a", r#"{"swallow_submits": 2}"#)]);
    let disk = SmallDisk::mount(world.path("state"));
    let _log = SmallDisk::mount(world.path("state/sessions"));
    world.fleet(&["up"]).exits(0);
    world
        .fleet(&["send", "a", "-m", "once", "--wait", "accepted"])
        .exits(0);
    until_received(&world, Kind::KeySwallowed);
    let filler = disk.fill();
    until(|| {
        let log = world.fleet(&["log", "a", "--json"]).stdout;
        if log.contains(r#""outcome":"answered""#) {
            Ok(())
        } else {
            Err(log)
        }
    });
    fs::remove_file(filler).unwrap();
    answers(&world, "after");
    assert_eq!(world.received("a", Kind::Submit).len(), 2);
    world.fleet(&["down", "--all"]).exits(0);
}

#[test]
fn an_agent_is_not_started_while_the_log_cannot_take_its_launch() {
    if !podfleet_tests::require::root() {
        return;
    }
    let world = World::new();
    // The launch names them: more than the last page of a file has left on a full disk.
    let names: String = (0..100)
        .map(|number| format!("      {}_{number}: x\n", "N".repeat(60)))
        .collect();
    let entry = world.entry("a", "sim", "");
    world.write_roster("default", &format!("{entry}{names}"));
    fs::create_dir(world.path("state")).unwrap();
    let log = SmallDisk::mount(world.path("state/sessions"));
    world.fleet(&["up"]).exits(0);
    let filler = log.fill();
    signal(world.agent_pid("a"), Signal::KILL);
    until(|| {
        let log = world.fleet(&["logs", "a"]).stdout;
        match log.matches("cannot commit the launch").count() {
            0..3 => Err(log),
            _ => Ok(()),
        }
    });
    assert_eq!(world.received("a", Kind::Start).len(), 1);
    let status = world.fleet(&["status", "a"]);
    assert!(status.stdout.contains("cannot be logged"), "{status}");
    assert!(status.stdout.contains("1 ends of"), "{status}");
    let explained = world.fleet(&["ps", "--explain", "a"]);
    assert!(
        explained.stdout.contains("its launch cannot"),
        "{explained}"
    );
    fs::remove_file(filler).unwrap();
    world.until_row("a", |row| row["readiness"] == "available");
    assert_eq!(world.received("a", Kind::Start).len(), 2);
    let logged = world.fleet(&["log", "a", "--json"]).stdout;
    assert_eq!(logged.matches(r#""launch""#).count(), 2, "{logged}");
    world.fleet(&["down", "--all"]).exits(0);
}

fn until_received(world: &World, kind: Kind) {
    until(|| match world.received("a", kind) {
        received if received.is_empty() => Err(format!("{:?}", world.journal("a"))),
        _ => Ok(()),
    });
}

#[test]
fn agents_can_be_ended_while_the_disk_is_full() {
    let Some((world, disk)) = on_a_small_disk() else {
        return;
    };
    let pod = world.pod_pid("a");
    let filler = disk.fill();
    let down = world.fleet(&["down", "--all"]).exits(1);
    assert!(down.to_string().contains("disk is full"), "{down}");
    assert!(crate::world::is_gone(pod));
    fs::remove_file(filler).unwrap();
    world.fleet(&["down", "--all"]).exits(0);
    assert_eq!(world.row("a")["readiness"], "stopped");
}
