//! Wrong input: what the command says, where it points, and how it ends.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use podfleet_sim_agent::Kind;

use crate::world::{World, fits_80_columns, ran, text};

#[test]
fn findings_name_file_line_column_and_the_nearest_right_thing() {
    let world = World::new();
    let path = world.write_roster(
        "default",
        "  - name: a\n    runtme: sim\n  - name: A\n    runtime: sim\n",
    );
    let ran = world.fleet(&["validate", text(&path)]).exits(1);
    let all = ran.to_string();
    assert!(all.contains("default.yaml:10:5"), "{all}");
    assert!(all.contains("runtme") && all.contains("`runtime`"), "{all}");
}

#[test]
fn up_refuses_a_roster_with_errors_and_starts_nothing() {
    let world = World::new();
    world.write_roster("default", "  - name: a\n    runtime: sim\n    yolo: 3\n");
    let ran = world.fleet(&["up"]).exits(1);
    assert!(ran.stderr.contains("yolo"), "{ran}");
    assert!(world.processes().is_empty());
}

#[test]
fn a_missing_and_an_unreadable_roster_are_told_apart() {
    let world = World::new();
    let missing = world.fleet(&["up"]).exits(2);
    assert!(missing.stderr.contains("default.yaml"), "{missing}");
    fs::create_dir(world.path("work/default.yaml")).unwrap();
    let directory = world.fleet(&["up"]).exits(2);
    assert!(directory.stderr.contains("is a directory"), "{directory}");
    // It takes one roster, not all of a pattern.
    assert!(!directory.stderr.contains("*.yaml"), "{directory}");
    assert_ne!(missing.stderr, directory.stderr);
    fs::remove_dir(world.path("work/default.yaml")).unwrap();
}

#[test]
fn without_tmux_nothing_is_half_started() {
    let world = World::with_agents(&[("a", "")]);
    let output = world
        .command("default", &["up"])
        .env("PATH", "/nonexistent")
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(4), "{stderr}");
    assert!(
        stderr.contains("tmux") && stderr.contains("apt"),
        "{stderr}"
    );
    assert!(world.processes().is_empty());
}

#[test]
fn an_unknown_agent_is_answered_with_the_nearest_name() {
    let world = World::with_agents(&[("coder", ""), ("reviewer", "")]);
    let ran = world.fleet(&["send", "codr", "-m", "hello"]);
    assert_eq!(ran.code, 2, "{ran}");
    assert!(ran.stderr.contains("coder"), "{ran}");
    assert!(fits_80_columns(&ran.stderr), "{ran}");
}

#[test]
fn a_runtime_directory_open_to_others_is_refused() {
    let world = World::with_agents(&[("a", "")]);
    let run = world.path("run");
    fs::create_dir(&run).unwrap();
    fs::set_permissions(&run, PermissionsExt::from_mode(0o755)).unwrap();
    let ran = world.fleet(&["up"]).exits(3);
    assert!(ran.stderr.contains("open to others"), "{ran}");
    assert!(world.processes().is_empty());
    fs::set_permissions(&run, PermissionsExt::from_mode(0o700)).unwrap();
}

#[test]
fn a_runtime_directory_of_another_user_is_refused() {
    let world = World::with_agents(&[("a", "")]);
    let mut others = PathBuf::from("/usr");
    if rustix::process::geteuid().is_root() {
        others = world.path("others");
        fs::create_dir(&others).unwrap();
        std::os::unix::fs::chown(&others, Some(65534), None).unwrap();
    }
    let mut up = world.command("default", &["up"]);
    let up = ran(&up.env("FLEET_RUNTIME_DIR", &others).output().unwrap()).exits(3);
    assert!(up.stderr.contains("belongs to another user"), "{up}");
    assert!(world.processes().is_empty());
}

#[test]
fn a_runtime_directory_too_long_for_sockets_is_refused_with_the_limit() {
    let world = World::with_agents(&[("a", "")]);
    let long = world.path(&"x".repeat(100));
    let mut up = world.command("default", &["up"]);
    let up = ran(&up.env("FLEET_RUNTIME_DIR", &long).output().unwrap()).exits(3);
    assert!(up.stderr.contains("at most 89 bytes"), "{up}");
    assert!(world.processes().is_empty());
}

#[test]
fn a_message_cannot_leave_its_paste_frame_or_press_a_key() {
    let world = World::with_agents(&[("a", "")]);
    world.fleet(&["up"]).exits(0);
    let hostile = "\u{feff}safe\u{1b}[201~\r/exit\r\u{3}漢字 👩‍💻\u{200b} end";
    let sent = world
        .fleet(&["send", "a", "-m", hostile, "--wait", "answered"])
        .exits(0);
    let told = "4 characters without a glyph taken out of it";
    assert!(sent.to_string().contains(told), "{sent}");
    let got = world.received("a", Kind::Submit);
    assert_eq!(got.len(), 1, "{got:?}");
    assert!(
        got[0].ends_with("] safe[201~\n/exit\n漢字 👩‍💻 end"),
        "{got:?}"
    );
}

#[test]
fn a_message_of_one_mebibyte_reaches_the_agent_as_a_file_and_a_longer_one_is_refused() {
    let world = World::with_agents(&[("a", "")]);
    world.fleet(&["up"]).exits(0);
    let body = world.path("work/body");
    fs::write(&body, "x".repeat(1 << 20)).unwrap();
    world
        .fleet(&["send", "a", "-f", text(&body), "--wait", "answered"])
        .exits(0);
    let got = world.received("a", Kind::Submit);
    let path = got[0].rsplit(' ').next().unwrap();
    assert_eq!(fs::read_to_string(path).unwrap().len(), 1 << 20);
    fs::write(&body, "x".repeat((1 << 20) + 1)).unwrap();
    let refused = world.fleet(&["send", "a", "-f", text(&body)]);
    assert_eq!(refused.code, 3, "{refused}");
    assert_eq!(world.received("a", Kind::Submit).len(), 1);
}

#[test]
fn a_raw_message_that_may_be_a_command_is_refused() {
    let world = World::with_agents(&[("a", "")]);
    world.fleet(&["up"]).exits(0);
    for body in [
        "!rm -rf x",
        "/exit",
        "@file",
        " !rm -rf x",
        "\n/exit",
        "\u{a0}@file",
    ] {
        let ran = world
            .fleet(&["send", "a", "--raw", "-m", body, "--wait", "submitted"])
            .exits(3);
        assert!(ran.to_string().contains("command"), "{ran}");
    }
    let journal = world.journal("a");
    assert!(
        journal
            .iter()
            .all(|entry| !matches!(entry.kind, Kind::Submit | Kind::Command | Kind::Shell))
    );
}
