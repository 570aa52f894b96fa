//! What has gone wrong in fleets before, one test each where no other test shows it.
//! `docs/incidents.md` has the list.

use rustix::process::Signal;

use crate::world::{World, signal, until};

/// Shows an agent in a small terminal of a tmux server of its own, and returns the viewer's process.
fn watch_in_a_small_terminal(world: &World) -> u32 {
    let fleet = crate::world::FLEET;
    let environment: Vec<_> = [
        "FLEET_HOME",
        "FLEET_STATE_DIR",
        "FLEET_RUNTIME_DIR",
        "FLEET_ROSTER",
    ]
    .iter()
    .zip(["home/config", "state", "run", "work/default.yaml"])
    .map(|(name, path)| format!("{name}={}", world.path(path).display()))
    .collect();
    let program = format!("{} exec {fleet} watch coder", environment.join(" "));
    let new = [
        "new-session",
        "-d",
        "-s",
        "viewer",
        "-x",
        "40",
        "-y",
        "10",
        &program,
    ];
    world.tmux("viewers", &new).exits(0);
    until(|| {
        let screen = world.tmux("viewers", &["capture-pane", "-p", "-t", "=viewer:"]);
        if screen.stdout.contains("sim-agent") || screen.stdout.contains('❯') {
            Ok(())
        } else {
            Err(screen.to_string())
        }
    });
    let pid = world.tmux(
        "viewers",
        &["display-message", "-p", "-t", "=viewer:", "#{pane_pid}"],
    );
    pid.stdout.trim().parse().unwrap()
}

/// Returns the size that the agent's own terminal has.
fn size_of(world: &World, agent: &str) -> String {
    let pid = world.agent_pid(agent);
    let tty = std::fs::read_link(format!("/proc/{pid}/fd/0")).unwrap();
    let stty = std::process::Command::new("stty")
        .arg("-F")
        .arg(tty)
        .arg("size")
        .output()
        .unwrap();
    String::from_utf8(stty.stdout).unwrap()
}

#[test]
fn a_viewer_in_a_small_terminal_leaves_the_agents_size_as_it_is() {
    let world = World::with_agents(&[("coder", "")]);
    world.fleet(&["up"]).exits(0);
    let before = size_of(&world, "coder");
    let viewer = watch_in_a_small_terminal(&world);
    assert_eq!(size_of(&world, "coder"), before);
    signal(viewer, Signal::KILL);
    world.tmux("viewers", &["kill-server"]);
    assert_eq!(size_of(&world, "coder"), before);
}

/// Attaches a small client of tmux to an agent's view, 40 columns wide, types in it, and waits until the
/// agent's terminal is as small.
pub(crate) fn type_in_a_small_view(world: &World, agent: &str, rows: u16) {
    let before = size_of(world, agent);
    let socket = world.tmux("default", &["display-message", "-p", "#{socket_path}"]);
    let socket = socket.stdout.trim();
    let attach = format!("env -u TMUX tmux -S {socket} attach -t ={agent}");
    let rows = rows.to_string();
    let new = ["new-session", "-d", "-x", "40", "-y", &rows, "-s", "phone"];
    world
        .tmux("viewers", &[&new[..], &[&attach]].concat())
        .exits(0);
    // No key is lost to a client that is not there yet.
    until(|| {
        let clients = world.tmux("default", &["list-clients", "-t", &format!("={agent}")]);
        let there = !clients.stdout.trim().is_empty();
        there.then_some(()).ok_or_else(|| clients.to_string())
    });
    let keys = ["send-keys", "-t", "=phone:", "h", "BSpace"];
    until(|| {
        // Keys that come before the view has its terminal are lost.
        world.tmux("viewers", &keys).exits(0);
        match size_of(world, agent) {
            size if size != before => Ok(()),
            size => Err(format!("still {size}")),
        }
    });
}

#[test]
fn who_typed_in_a_small_view_and_left_takes_control_and_size_along() {
    let world = World::with_agents(&[("coder", "")]);
    world.fleet(&["up"]).exits(0);
    let before = size_of(&world, "coder");
    let controller = || {
        let status = world.fleet(&["status", "coder", "--json"]).exits(0).json();
        status[0]["pod"]["controller"].clone()
    };
    let until_restored = || {
        until(|| match (controller(), size_of(&world, "coder")) {
            (serde_json::Value::Null, size) if size == before => Ok(()),
            now => Err(format!("{now:?}")),
        });
    };
    type_in_a_small_view(&world, "coder", 10);
    world.tmux("viewers", &["kill-server"]).exits(0);
    until_restored();
    // The same where the client goes to another session.
    type_in_a_small_view(&world, "coder", 10);
    let client = world.tmux("default", &["list-clients", "-F", "#{client_tty}"]);
    let switch = [
        "switch-client",
        "-c",
        client.stdout.trim(),
        "-t",
        "=_holder",
    ];
    world.tmux("default", &switch).exits(0);
    until_restored();
    world.tmux("viewers", &["kill-server"]).exits(0);
}

#[test]
fn a_view_of_an_older_build_outlives_what_tells_views_that_nobody_looks() {
    let world = World::with_agents(&[("coder", "")]);
    world.fleet(&["up"]).exits(0);
    let older = "sh -c 'exec sleep 1000' fleet attach --view old";
    let tmux = |words: &[&str]| world.tmux("default", words).exits(0).stdout;
    tmux(&[
        "new-session",
        "-d",
        "-s",
        "old",
        "-x",
        "90",
        "-y",
        "30",
        older,
    ]);
    tmux(&["set-option", "-t", "=old:", "@podfleet", "view:old"]);
    let size = ["display-message", "-p", "-t", "=old:", "#{window_width}"];
    tmux(&["resize-window", "-t", "=old:", "-x", "60", "-y", "15"]);
    assert_eq!(tmux(&size).trim(), "60");
    // In the foreground, what the hooks do in the background.
    tmux(&["run-shell", "#{@podfleet-unseen}"]);
    assert_eq!(tmux(&size).trim(), "90");
    tmux(&["kill-session", "-t", "=old"]);
}

#[test]
fn a_viewer_that_is_killed_leaves_nothing_behind() {
    let world = World::with_agents(&[("coder", "")]);
    world.fleet(&["up"]).exits(0);
    let sessions = || {
        world.tmux(
            "default",
            &["list-sessions", "-F", "#{session_name} #{session_attached}"],
        )
    };
    let before = (world.processes().len(), sessions().stdout);
    let viewer = watch_in_a_small_terminal(&world);
    signal(viewer, Signal::KILL);
    until(|| {
        let now = (world.processes().len(), sessions().stdout);
        if now == before {
            Ok(())
        } else {
            Err(format!("{now:?}, not {before:?}"))
        }
    });
    world.tmux("viewers", &["kill-server"]);
    // And nobody has control: the next who attaches gets it without asking.
    let status = world.fleet(&["status", "coder", "--json"]).exits(0).json();
    assert_eq!(
        status[0]["pod"]["controller"],
        serde_json::Value::Null,
        "{status:#}"
    );
}

#[test]
fn an_agent_behind_a_wrapper_script_does_not_drift() {
    let world = World::new();
    world.write_scripted_harness("wrapped");
    world.write_roster("default", "  - {name: coder, runtime: wrapped}\n");
    world.fleet(&["up"]).exits(0);
    let row = world.until_row("coder", |row| row["readiness"] == "available");
    assert_eq!(row["flags"], serde_json::json!([]), "{row:#}");
    let pod = world.pod_pid("coder");
    world.fleet(&["up"]).exits(0);
    assert_eq!(world.pod_pid("coder"), pod);
    world.fleet(&["verify"]).exits(0);
}

#[test]
fn a_shell_with_another_runtime_directory_finds_heartbeats_and_sockets_all_the_same() {
    let world = World::with_agents(&[("coder", "")]);
    world.fleet(&["up"]).exits(0);
    world.until_row("coder", |row| row["readiness"] == "available");
    for elsewhere in [None, Some(world.path("other"))] {
        let mut command = world.command("default", &["ps", "--json"]);
        match &elsewhere {
            None => command.env_remove("FLEET_RUNTIME_DIR"),
            Some(path) => command.env("FLEET_RUNTIME_DIR", path),
        };
        let rows = crate::world::ran(&command.output().unwrap())
            .exits(0)
            .json();
        assert_eq!(rows[0]["readiness"], "available", "{elsewhere:?}: {rows:#}");
        assert!(rows[0]["heartbeat_age_seconds"].is_u64(), "{rows:#}");
    }
}

#[test]
fn a_class_without_a_role_is_told_when_its_agent_is_started() {
    let world = World::new();
    world.write_roster(
        "default",
        "  - {name: coder, runtime: sim, class: nosuch}\n",
    );
    let up = world.fleet(&["up"]).exits(0);
    assert!(up.stderr.contains("roster::unknown-role"), "{up}");
}

#[test]
fn a_floor_that_would_be_broken_is_refused_and_not_only_warned_of() {
    let world = World::new();
    let roster = world.write_roster(
        "default",
        "  - {name: lead, runtime: sim, class: orchestrator}\n  - {name: coder, runtime: sim}\n",
    );
    let before = std::fs::read_to_string(&roster).unwrap();
    world.fleet(&["remove", "lead"]).exits(3);
    assert_eq!(std::fs::read_to_string(&roster).unwrap(), before);
}

#[test]
fn paused_agents_get_no_messages_and_are_not_started_again_until_they_are_resumed() {
    use podfleet_sim_agent::Kind;
    let world = World::with_agents(&[("a", ""), ("b", "")]);
    world.fleet(&["up"]).exits(0);
    world
        .fleet(&["pause", "--all", "--reason", "the disk is full"])
        .exits(0);
    let held = world
        .fleet(&["send", "a", "-m", "later", "--timeout", "1"])
        .exits(0);
    assert!(held.stdout.contains("held: paused"), "{held}");
    let killed = world.agent_pid("b");
    signal(killed, Signal::KILL);
    world.until_row("b", |row| row["agent_pid"].is_null());
    let status = world.fleet(&["status", "b"]).exits(0);
    assert!(status.stdout.contains("the disk is full"), "{status}");
    assert!(world.received("a", Kind::Submit).is_empty());
    world.fleet(&["resume", "--all"]).exits(0);
    world.until_row("b", |row| row["agent_pid"].is_u64());
    until(|| match world.received("a", Kind::Submit).len() {
        1 => Ok(()),
        other => Err(format!("{other} messages")),
    });
}

#[test]
fn the_doctor_names_settings_that_fight_the_environment_of_the_fleet() {
    let world = World::new();
    world.write_roster("default", "  - {name: coder, runtime: claude}\n");
    let settings = world.path("home/.claude");
    std::fs::create_dir(&settings).unwrap();
    let text = r#"{"env": {"CLAUDE_CODE_AUTO_COMPACT_WINDOW": "900000"}}"#;
    std::fs::write(settings.join("settings.json"), text).unwrap();
    let checks = world.fleet(&["doctor", "--json"]);
    let checks = checks.json();
    let found = checks
        .as_array()
        .unwrap()
        .iter()
        .find(|check| check["check"] == "settings");
    let found = found.unwrap_or_else(|| panic!("{checks:#}"));
    assert!(
        found["found"]
            .as_str()
            .unwrap()
            .contains("=900000, the fleet 200000"),
        "{found:#}"
    );
    assert_eq!(found["verdict"], "note");
}
