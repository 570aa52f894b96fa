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
fn a_shell_gets_no_line_head_to_run() {
    let world = World::new();
    let agents = "  - name: a\n    runtime: generic\n    command: [env, bash, --norc]\n    kickstart: touch kicked\n";
    world.write_roster("default", agents);
    world.fleet(&["up"]).exits(0);
    let refused = |args: &[&str]| {
        let sent = world.fleet(&[&["send", "a", "-m", "touch run"], args].concat());
        assert!(sent.exits(3).stderr.contains("(--raw)"), "{args:?}");
    };
    refused(&[]);
    refused(&["--dry-run"]);
    refused(&["--task"]);
    // Such as another machine's fleet hands over.
    let head = "[oak:operator -> fern:a] touch run";
    world.fleet(&["send", "a", "--raw", "-m", head]).exits(3);
    submit(&world, "touch typed");
    let work = std::fs::read_dir(world.path("work")).unwrap();
    let mut names: Vec<_> = work.map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["default.yaml", "kicked", "typed"]);
    world.fleet(&["down", "a"]).exits(0);
    refused(&[]);
    let waits = world.fleet(&["inbox", "a", "--json"]).exits(0).json();
    assert_eq!(waits["messages"], serde_json::json!([]));
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
    let work = "until [ -e done ]; do date; sleep 0.1; done";
    submit(&world, work);
    let held = world
        .fleet(&["send", "a", "--raw", "-m", "echo over", "--timeout", "1"])
        .exits(0);
    assert!(held.stdout.contains("held: busy"), "{held}");
    std::fs::write(world.path("work/done"), "").unwrap();
    until(|| {
        let tail = world.fleet(&["tail", "a"]).exits(0).stdout;
        if tail.lines().any(|line| line == "over") {
            Ok(())
        } else {
            Err(tail)
        }
    });
}

/// Sends a raw text, and waits until it is submitted.
fn submit(world: &World, text: &str) {
    let sent = world.fleet(&["send", "a", "--raw", "-m", text, "--wait", "submitted"]);
    sent.exits(0);
}

#[test]
fn a_shell_whose_command_is_silent_works_and_gets_no_message() {
    let world = world_with("[bash, --norc]");
    submit(&world, "sleep 600");
    // Longer than the quiet after which a program without a prompt counts as ready.
    world.until_row("a", |row| row["idle_seconds"].as_u64() >= Some(4));
    assert_eq!(world.row("a")["readiness"], "working");
    let send = ["send", "a", "--raw", "-m", "echo hi", "--timeout", "1"];
    let held = world.fleet(&send).exits(0);
    assert!(held.stdout.contains("held: busy"), "{held}");
}

#[test]
fn an_interpreter_that_sleeps_works_and_gets_no_message() {
    if podfleet_tests::require::python3().is_none() {
        return;
    }
    let world = world_with("[python3, -i, -q]");
    submit(&world, "import time; time.sleep(600)");
    world.until_row("a", |row| row["idle_seconds"].as_u64() >= Some(4));
    assert_eq!(world.row("a")["readiness"], "working");
    let send = ["send", "a", "--raw", "-m", "1", "--timeout", "1"];
    let held = world.fleet(&send).exits(0);
    assert!(held.stdout.contains("held: busy"), "{held}");
}

#[test]
fn what_only_the_terminal_echoed_is_not_submitted() {
    let world = world_with("[sh, -c, 'echo \"prompt> \"; exec sleep 700']");
    let send = [
        "send",
        "a",
        "--raw",
        "-m",
        "echo hi",
        "--wait",
        "answered",
        "--timeout",
        "30",
    ];
    let sent = world.fleet(&send).exits(1);
    assert!(sent.stdout.contains("typed, not submitted"), "{sent}");
    assert!(sent.stdout.contains("no program has read it"), "{sent}");
}

#[test]
fn quiet_without_a_prompt_is_no_answer() {
    let world = world_with("[sh, -c, 'while read line; do sleep 600; done']");
    let send = [
        "send",
        "a",
        "--raw",
        "-m",
        "work",
        "--wait",
        "answered",
        "--timeout",
        "15",
    ];
    let sent = world.fleet(&send).exits(1);
    assert!(sent.stdout.contains("submitted"), "{sent}");
    assert!(sent.stdout.contains("without a prompt"), "{sent}");
}

#[test]
fn a_program_that_ends_at_once_is_not_called_ready() {
    let world = World::new();
    let agents = "  - name: a\n    runtime: generic\n    command: [sh, -c, 'echo bye; exit 3']\n    restart:\n      policy: never\n";
    world.write_roster("default", agents);
    let up = world.fleet(&["up"]).exits(1);
    assert!(
        up.to_string().contains("its agent has ended: exit 3"),
        "{up}"
    );
}

#[test]
fn a_program_that_is_missing_is_named_by_the_doctor_and_shows_no_screen() {
    let world = World::new();
    let agents = "  - {name: well, runtime: generic, command: [sleep, '1000']}\n  - {name: gone, runtime: generic, command: [no-such-program]}\n";
    world.write_roster("default", agents);
    world.fleet(&["up", "gone"]).exits(1);
    let doctor = world.fleet(&["doctor", "--json"]).exits(1);
    let told = doctor.json().to_string();
    assert!(told.contains("runtime generic (gone)"), "{doctor}");
    assert!(
        told.contains("command not found: no-such-program"),
        "{doctor}"
    );
    let status = world.fleet(&["status", "gone"]).exits(0);
    assert!(!status.stdout.contains("screen"), "{status}");
    let explained = world.fleet(&["ps", "--explain", "gone"]).exits(0);
    assert!(!explained.stdout.contains("harness rule"), "{explained}");
}

#[test]
fn a_program_that_cannot_be_run_is_told_as_that() {
    use std::os::unix::fs::PermissionsExt as _;
    let world = World::new();
    let program = |name: &str, content: &[u8]| {
        let path = world.path("work").join(name);
        std::fs::write(&path, content).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path
    };
    let script = program("script", b"#!/no/such/interpreter\n");
    let foreign = program(
        "foreign",
        b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\0\xff",
    );
    let entry = |name: &str, path: &std::path::Path| {
        let path = path.display();
        format!("  - name: {name}\n    runtime: generic\n    command: [{path}]\n")
    };
    let agents = entry("script", &script) + &entry("foreign", &foreign);
    world.write_roster("default", &agents);
    let up = world.fleet(&["up"]).exits(1).to_string();
    assert_eq!(up.matches("its agent was not started").count(), 2, "{up}");
    assert!(up.contains("No such file or directory"), "{up}");
    assert!(up.contains("Exec format error"), "{up}");
}
