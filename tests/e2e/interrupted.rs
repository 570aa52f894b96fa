//! Messages whose pod ends while they are typed.

use std::process::Stdio;

use podfleet_sim_agent::Kind;
use rustix::process::Signal;

use crate::world::{Ran, World, fits_80_columns, ran, signal, until};

/// Sends a message, and kills the pod of its receiver once the agent has the text but does not show it
/// yet. Returns what the sender was told.
fn send_and_kill(world: &World, more: &[&str]) -> Ran {
    let to = ["send", "a", "-m", "half of it", "--wait", "answered"];
    let send = [&to[..], &["--timeout", "5"], more].concat();
    let mut sending = world.command("default", &send);
    let sending = sending.stdout(Stdio::piped()).stderr(Stdio::piped());
    let sending = sending.spawn().unwrap();
    until(|| match world.received("a", Kind::Paste).is_empty() {
        true => Err("nothing is typed".to_owned()),
        false => Ok(()),
    });
    signal(world.pod_pid("a"), Signal::KILL);
    ran(&sending.wait_with_output().unwrap())
}

fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn a_message_whose_pod_was_killed_while_it_was_typed_is_not_told_as_waiting() {
    let world = World::with_agents(&[("a", r#"{"late_redraw_ms": 3000}"#)]);
    world.fleet(&["up"]).exits(0);
    let sent = send_and_kill(&world, &[]).exits(1);
    let told = words(&sent.stdout);
    assert!(
        told.starts_with("a: accepted, its fate is unknown"),
        "{sent}"
    );
    assert!(told.contains("its pod ended while it was typed"), "{sent}");
    assert!(told.contains("not typed again"), "{sent}");
    assert!(!words(&sent.stderr).contains("waits for it"), "{sent}");
    assert!(fits_80_columns(&sent.stdout), "{sent}");

    let inbox = world.fleet(&["inbox", "a"]).exits(0);
    assert!(inbox.stdout.contains("unknown"), "{inbox}");
    let inbox = world.fleet(&["inbox", "a", "--json"]).exits(0).json();
    let receipt = &inbox["messages"][0]["receipt"];
    assert_eq!(receipt["outcome"], "unknown", "{inbox:#}");
    assert_eq!(receipt["settled"], false, "{inbox:#}");

    world.fleet(&["up"]).exits(0);
    let log = world.fleet(&["log", "a"]).exits(0);
    assert!(log.stdout.contains("it is not typed again"), "{log}");
    assert_eq!(world.received("a", Kind::Paste).len(), 1);
}

#[test]
fn a_message_that_is_typed_again_after_a_crash_is_told_as_such() {
    let world = World::with_agents(&[("a", r#"{"late_redraw_ms": 3000}"#)]);
    world.fleet(&["up"]).exits(0);
    let sent = send_and_kill(&world, &["--on-crash", "retry"]).exits(1);
    let told = words(&sent.stdout);
    assert!(told.contains("its pod ended while it was typed"), "{sent}");
    assert!(told.contains("typed again"), "{sent}");
    assert!(!told.contains("not typed again"), "{sent}");
}
