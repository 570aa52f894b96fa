//! The same verbs on real programs.

use crate::world::{World, until};

fn world_with(command: &str) -> World {
    let world = World::new();
    world.write_roster(
        "default",
        &format!("  - name: a\n    runtime: generic\n    command: {command}\n"),
    );
    world.fleet(&["up"]).exits(0);
    world
}

#[test]
fn a_shell_takes_a_raw_command_and_the_receipt_says_answered() {
    let world = world_with("[bash, --norc]");
    let sent = world.fleet(&[
        "send",
        "a",
        "--raw",
        "-m",
        "echo $((6 * 7))",
        "--wait",
        "answered",
        "--timeout",
        "15",
    ]);
    let sent = sent.exits(0);
    assert!(sent.stdout.contains("answered"), "{sent}");
    let tail = world.fleet(&["tail", "a"]).exits(0);
    assert!(tail.stdout.lines().any(|line| line == "42"), "{tail}");
}

#[test]
fn an_interpreter_takes_several_lines_as_one_message() {
    if podfleet_tests::require::python3().is_none() {
        return;
    }
    let world = world_with("[python3, -i, -q]");
    let program = "for n in range(3):\n    print('n is', n)\n";
    let sent = world.fleet(&[
        "send",
        "a",
        "--raw",
        "-m",
        program,
        "--wait",
        "submitted",
        "--timeout",
        "15",
    ]);
    sent.exits(0);
    until(|| {
        let tail = world.fleet(&["tail", "a"]).exits(0).stdout;
        if tail.contains("n is 2") || tail.contains("...") {
            Ok(())
        } else {
            Err(tail)
        }
    });
}

#[test]
fn a_busy_shell_holds_a_message_until_it_is_idle() {
    let world = world_with("[bash, --norc]");
    world
        .fleet(&[
            "send",
            "a",
            "--raw",
            "-m",
            "for i in $(seq 30); do echo $i; sleep 0.1; done",
            "--wait",
            "submitted",
        ])
        .exits(0);
    let held = world
        .fleet(&["send", "a", "--raw", "-m", "echo over", "--timeout", "1"])
        .exits(0);
    assert!(held.stdout.contains("held: busy"), "{held}");
    until(|| {
        let tail = world.fleet(&["tail", "a"]).exits(0).stdout;
        if tail.lines().any(|line| line == "over") {
            Ok(())
        } else {
            Err(tail)
        }
    });
}
