//! A program that differs from ours in nothing but its build, and agents that run the one or the other.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::world::{FLEET, World, ran};

/// Writes a program like `program`, but of another build, to a path; a program that runs is replaced.
pub(crate) fn write(program: &Path, build: &str, path: &Path) {
    let build = build.as_bytes();
    let mut other = build.to_vec();
    let last = other.iter().rposition(u8::is_ascii_alphanumeric).unwrap();
    other[last] = if other[last] == b'1' { b'2' } else { b'1' };
    let mut program = fs::read(program).unwrap();
    let places: Vec<_> = (0..program.len() - build.len())
        .filter(|at| program[*at..].starts_with(build))
        .collect();
    for at in places {
        program[at..at + build.len()].copy_from_slice(&other);
    }
    // A program that runs cannot be written; it can be replaced.
    let new = path.with_extension("new");
    fs::write(&new, program).unwrap();
    fs::set_permissions(&new, fs::Permissions::from_mode(0o755)).unwrap();
    fs::rename(new, path).unwrap();
}

/// Returns a command of another build in a world.
fn command(world: &World, arguments: &[&str]) -> Command {
    let program = world.path("fleet");
    if !program.exists() {
        let version = world.fleet(&["version", "--json"]).exits(0).json();
        write(
            Path::new(FLEET),
            version["build"].as_str().unwrap(),
            &program,
        );
    }
    let mut command = Command::new(program);
    let like = world.command("default", arguments);
    command.args(arguments).env_clear().stdin(Stdio::null());
    command.current_dir(like.get_current_dir().unwrap());
    command.envs(
        like.get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    command
}

#[test]
fn an_agent_that_begins_a_turn_while_another_is_relaunched_is_waited_for() {
    let world = World::with_agents(&[
        ("a", r#"{"start_delay_ms": 2000}"#),
        ("b", r#"{"turn_ms": 4000}"#),
    ]);
    world.fleet(&["up"]).exits(0);
    let before = (world.pod_pid("a"), world.pod_pid("b"));
    let relaunching = command(&world, &["update", "--relaunch"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    world.until_row("a", |row| {
        row["pod_pid"] != before.0 || row["readiness"] != "available"
    });
    let told = world.fleet(&["send", "b", "-m", "a long one", "--wait", "answered"]);
    told.exits(0);
    ran(&relaunching.wait_with_output().unwrap()).exits(0);
    assert_ne!(world.pod_pid("a"), before.0);
    assert_ne!(world.pod_pid("b"), before.1);
}

#[test]
fn what_waits_for_an_agent_that_is_relaunched_is_taken_by_its_next_run() {
    let world = World::with_agents(&[("a", r#"{"turn_ms": 700}"#)]);
    world.fleet(&["up"]).exits(0);
    let before = world.pod_pid("a");
    let bodies: Vec<_> = (0..5).map(|number| format!("number {number}")).collect();
    for body in &bodies {
        world
            .fleet(&["send", "a", "-m", body, "--wait", "accepted"])
            .exits(0);
    }
    let relaunched = command(&world, &["update", "--relaunch"]).output().unwrap();
    ran(&relaunched).exits(0);
    assert_ne!(world.pod_pid("a"), before);
    let last = world.fleet(&["send", "a", "-m", "the last", "--wait", "answered"]);
    last.exits(0);
    let log = world
        .fleet(&["log", "a", "--json", "--since", "1h"])
        .exits(0)
        .stdout;
    for body in &bodies {
        assert!(log.contains(body.as_str()), "{body}: {log}");
    }
    assert!(!log.contains("\"unknown\""), "{log}");
    assert!(!log.contains("in the middle of the turn"), "{log}");
}
