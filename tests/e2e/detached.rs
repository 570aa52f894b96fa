//! Whoever brings a fleet up may go, by whatever way, and takes nobody along.

use std::fs::{self, OpenOptions};
use std::io;
use std::process::Stdio;

use rustix::process::{Pid, getpgid, getsid};

use crate::world::{FLEET, World, is_gone, until};

fn pid(raw: u32) -> Pid {
    Pid::from_raw(i32::try_from(raw).unwrap()).unwrap()
}

#[test]
fn a_pod_has_a_session_of_its_own_so_that_no_key_or_hangup_reaches_it() {
    let world = World::with_agents(&[("a", "")]);
    world.fleet(&["up"]).exits(0);
    let pod = pid(world.pod_pid("a"));
    assert_eq!(getsid(Some(pod)), Ok(pod));
    assert_eq!(getpgid(Some(pod)), Ok(pod));
}

#[test]
fn up_and_down_are_finished_though_nobody_hears_of_it() {
    let world = World::new();
    let chain = world.agents(&[("a", ""), ("b", ""), ("c", "")]);
    let chain = chain
        .replace("- name: b\n", "- name: b\n    depends_on: [a]\n")
        .replace("- name: c\n", "- name: c\n    depends_on: [b]\n");
    world.write_roster("default", &chain);
    // One that is full, and one whose reader is gone.
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let (reader, closed) = io::pipe().unwrap();
    drop(reader);
    for (verb, stderr, readiness) in [
        ("up", Stdio::from(full), "available"),
        ("down", Stdio::from(closed), "stopped"),
    ] {
        let mut command = world.command("default", &[verb]);
        let status = command.stderr(stderr).status().unwrap();
        assert!(status.success(), "{verb}: {status}");
        for agent in ["a", "b", "c"] {
            assert_eq!(world.row(agent)["readiness"], readiness, "{verb} {agent}");
        }
    }
}

#[test]
fn every_agent_of_a_large_fleet_has_a_view() {
    let names: Vec<_> = (0..40).map(|number| format!("a{number}")).collect();
    let agents: Vec<_> = names.iter().map(|name| (name.as_str(), "")).collect();
    let world = World::with_agents(&agents);
    let up = world.fleet(&["up"]).exits(0);
    assert!(!up.stderr.contains("views"), "{}", up.stderr);
    let sessions = world.tmux("default", &["list-sessions", "-F", "#{session_name}"]);
    assert_eq!(
        sessions.stdout.lines().count(),
        names.len() + 1,
        "{sessions}"
    );
}

#[test]
fn an_agent_that_must_be_prepared_starts_every_time() {
    let world = World::new();
    let roster = world.agents(&[("a", "")]);
    let roster = roster.replace("runtime: sim\n", "runtime: sim\n    prepare: [\"true\"]\n");
    world.write_roster("default", &roster);
    for _ in 0..3 {
        world.fleet(&["restart", "a", "--timeout", "20"]).exits(0);
    }
}

/// A shell as the lead `sh`, which runs `fleet`, beside the simulated agent `b`.
fn shell_and_mate() -> World {
    let world = World::new();
    let roster = format!(
        "  - name: sh\n    runtime: generic\n    class: orchestrator\n    command: [bash, --norc]\n{}",
        world.agents(&[("b", "")])
    );
    world.write_roster("default", &roster);
    world.fleet(&["up"]).exits(0);
    world
}

/// Has the shell run a command of ours, and returns what that printed once it is done.
fn in_shell(world: &World, line: &str) -> String {
    let (output, done) = (world.path("work/output"), world.path("work/done"));
    let _ = fs::remove_file(&done);
    let line = format!(
        "env {FLEET} {line} > {} 2>&1; mv {0} {}",
        output.display(),
        done.display()
    );
    world
        .fleet(&["send", "sh", "--raw", "--wait", "submitted", "-m", &line])
        .exits(0);
    until(|| fs::read_to_string(&done).map_err(|error| error.to_string()))
}

#[test]
fn mates_that_an_agent_brings_up_outlive_it_and_so_do_their_views() {
    if podfleet_tests::require::tmux().is_none() {
        return;
    }
    let world = shell_and_mate();
    world.tmux("default", &["kill-server"]).exits(0);
    in_shell(&world, "restart b");
    let mate = (world.pod_pid("b"), world.agent_pid("b"));
    world.fleet(&["restart", "sh"]).exits(0);
    assert!(!is_gone(mate.0));
    assert_eq!((world.pod_pid("b"), world.agent_pid("b")), mate);
    world.tmux("default", &["has-session", "-t", "=b"]).exits(0);
}

#[test]
fn an_agent_cannot_restart_the_pod_that_it_runs_in_and_ends_it_last() {
    let world = shell_and_mate();
    let own = world.pod_pid("sh");
    let refused = in_shell(&world, "restart");
    assert!(refused.contains("runs in it"), "{refused}");
    assert!(refused.contains("b "), "{refused}");
    assert_eq!(world.pod_pid("sh"), own);
    let line = format!("env {FLEET} down");
    world
        .fleet(&["send", "sh", "--raw", "--wait", "accepted", "-m", &line])
        .exits(0);
    for agent in ["sh", "b"] {
        world.until_row(agent, |row| row["readiness"] == "stopped");
    }
}
