//! `add`, `set` and `remove` with agents that run.

use std::fs;
use std::process::Stdio;

use podfleet_sim_agent::Kind;
use rustix::process::Signal;

use crate::world::{World, ran, signal, until};

#[test]
fn views_leave_a_tmux_server_that_the_roster_names_no_more() {
    let world = World::with_agents(&[("a", "")]);
    world.fleet(&["up"]).exits(0);
    let move_to = |from: &str, to: &str| {
        let path = world.path("work/default.yaml");
        let roster = fs::read_to_string(&path).unwrap();
        let name = |socket: &str| format!("socket_name: {socket}\n");
        assert!(roster.contains(&name(from)), "{roster}");
        fs::write(path, roster.replace(&name(from), &name(to))).unwrap();
    };
    let has_view = |socket: &str| world.tmux(socket, &["has-session", "-t", "=a"]).code == 0;
    assert!(has_view("default"));
    let agent = world.agent_pid("a");

    move_to("default", "other");
    let up = world.fleet(&["up"]).exits(0);
    let told = "the views on the socket `default` are ended";
    assert!(up.to_string().contains(told), "{up}");
    assert!(has_view("other") && !has_view("default"));
    assert_eq!(world.agent_pid("a"), agent);

    // Ended before it was brought up from the other roster.
    move_to("other", "third");
    world.fleet(&["down", "a"]).exits(0);
    assert!(!has_view("other"));
}

#[test]
fn a_file_of_variables_with_a_mistake_starts_no_agent_and_its_place_is_told() {
    let world = World::with_agents(&[("a", "")]);
    let directory = world.path("home/config/agents");
    fs::create_dir_all(&directory).unwrap();
    let file = directory.join("a.env");
    fs::write(&file, "# a key\nsecret-of-mine\n").unwrap();
    let up = world.fleet(&["up", "--timeout", "20"]);
    assert_ne!(up.code, 0, "{up}");
    let told = up.to_string();
    assert!(told.contains("a.env, line 2: "), "{up}");
    assert!(!told.contains("secret-of-mine"), "{up}");
    let doctor = world.fleet(&["doctor", "--json"]);
    assert!(doctor.stdout.contains("a.env, line 2: "), "{doctor}");

    fs::write(&file, "export KEY=\"of mine\"\n").unwrap();
    world.fleet(&["restart", "a"]).exits(0);
    let environment = fs::read(format!("/proc/{}/environ", world.agent_pid("a"))).unwrap();
    let mut variables = environment.split(|byte| *byte == 0);
    assert!(variables.any(|variable| variable == b"KEY=of mine"));
}

/// Writes a harness whose agents are told something at their launch.
fn write_teller(world: &World) {
    world.write_scripted_harness("teller");
    let file = world.path("home/config/harnesses/teller.toml");
    let harness = fs::read_to_string(&file).unwrap();
    let told = "[launch]\nsystem_prompt = [\"--told\", \"{text}\"]\n";
    fs::write(&file, harness.replace("[launch]\n", told)).unwrap();
}

#[test]
fn one_mate_more_interrupts_nobody_who_works() {
    let world = World::new();
    write_teller(&world);
    let long = r#"{"turn_ms": 3600000}"#;
    let agent = |name: &str| {
        format!(
            "  - name: {name}\n    runtime: teller\n    env:\n      FLEET_SIM_FAULTS: '{long}'\n"
        )
    };
    let agents = agent("busy") + &agent("idle");
    world.write_roster("default", &agents);
    world.fleet(&["up"]).exits(0);
    world
        .fleet(&["send", "busy", "-m", "x", "--wait", "started"])
        .exits(0);
    world.until_row("busy", |row| row["readiness"] == "working");
    let pids = || ["busy", "idle"].map(|agent| world.agent_pid(agent));
    let before = pids();

    let added = world.fleet(&["add", "new", "--runtime", "sim"]).exits(0);
    let said = added
        .stderr
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    assert!(said.contains("busy, idle will be told"), "{added}");
    assert_eq!(pids(), before);
    let status = world.fleet(&["status", "busy"]).exits(0);
    assert!(status.stdout.contains("fleet mates"), "{status}");
    let missed = world.fleet(&["verify", "--json"]).exits(1);
    assert!(missed.stdout.contains("once it is idle"), "{missed}");
    let up = world.fleet(&["up"]).exits(0);
    assert!(
        up.stderr.contains("left alone: changed: fleet mates"),
        "{up}"
    );
    let after = pids();
    assert_eq!(after[0], before[0], "{up}");
    assert_ne!(after[1], before[1], "{up}");

    // Other edits hold meanwhile, and do not make it forget what it was not told.
    world.fleet(&["set", "busy", "alias=Bee"]).exits(0);
    assert!(world.row("busy")["flags"].to_string().contains("DRIFT"));
    world.fleet(&["restart", "busy"]).exits(0);
    assert!(!world.row("busy")["flags"].to_string().contains("DRIFT"));
    // The other one is idle, and has a mate of another name.
    world.fleet(&["up"]).exits(0);
    world.fleet(&["verify"]).exits(0);
}

#[test]
fn who_begins_a_turn_while_another_is_started_is_not_interrupted_for_its_mates() {
    let world = World::new();
    write_teller(&world);
    let agents = |slow: &str| {
        format!(
            "  - name: slow\n    runtime: sim\n    alias: {slow}\n    env:\n      FLEET_SIM_FAULTS: \
             '{{\"start_delay_ms\": 3000}}'\n      ROUND: {slow}\n  - name: last\n    runtime: teller\n    \
             depends_on: [slow]\n    env:\n      FLEET_SIM_FAULTS: '{{\"turn_ms\": 3600000}}'\n"
        )
    };
    world.write_roster("default", &agents("one"));
    world.fleet(&["up"]).exits(0);
    let (slow, last) = (world.pod_pid("slow"), world.pod_pid("last"));
    world.write_roster("default", &agents("two"));
    let plan = world.fleet(&["plan"]).exits(0);
    assert_eq!(plan.stdout.matches("restart").count(), 2, "{plan}");

    let up = world
        .command("default", &["up"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    world.until_row("slow", |row| {
        row["pod_pid"] != slow && row["readiness"] == "starting"
    });
    world
        .fleet(&["send", "last", "-m", "x", "--wait", "started"])
        .exits(0);
    let up = ran(&up.wait_with_output().unwrap()).exits(0);
    assert!(up.stderr.contains("not idle, so at its next start"), "{up}");
    assert_eq!(world.pod_pid("last"), last);
}

#[test]
fn the_fleet_follows_what_is_edited() {
    let world = World::with_agents(&[("a", "")]);
    world.fleet(&["up"]).exits(0);
    let first = world.agent_pid("a");

    world.fleet(&["add", "b", "--runtime", "sim"]).exits(0);
    assert_eq!(world.row("b")["readiness"], "available");
    assert_eq!(world.agent_pid("a"), first, "nobody else is touched");

    world.fleet(&["set", "a", "alias=Ada"]).exits(0);
    assert_eq!(world.row("a")["alias"], "Ada");
    assert_eq!(world.agent_pid("a"), first, "an alias needs no restart");
    world.fleet(&["set", "a", "env.NEW=1"]).exits(0);
    assert_ne!(world.agent_pid("a"), first);

    let config = world.path("home/config/agents");
    fs::create_dir_all(&config).unwrap();
    fs::write(config.join("b.env"), "X=1\n").unwrap();
    let removed = world.fleet(&["remove", "b"]).exits(0);
    assert!(removed.stderr.contains("b.env"), "{removed}");
    assert!(!config.join("b.env").exists());
    let agents = || {
        let rows = world.fleet(&["ps", "--json"]).exits(0).json();
        let rows = rows.as_array().unwrap().iter();
        rows.map(|row| row["name"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(agents(), ["a"]);
    world.fleet(&["up"]).exits(0);
    assert_eq!(agents(), ["a"], "it does not come back");
    world.fleet(&["down", "--all"]).exits(0);
}

#[test]
fn what_is_applied_without_a_restart_holds_from_then_on() {
    let world = World::with_agents(&[("a", r#"{"turn_ms": 30}"#)]);
    world.fleet(&["up"]).exits(0);
    let set = |what: &str| {
        let set = world.fleet(&["set", "a", what]).exits(0);
        assert!(set.to_string().contains("without a restart"), "{set}");
    };
    set("kickstart=to your work");
    world.fleet(&["reset", "a"]).exits(0);
    until(|| {
        let told = world.received("a", Kind::Submit);
        match told.last() {
            Some(last) if last.ends_with("to your work") => Ok(()),
            _ => Err(format!("{told:?}")),
        }
    });

    set("restart.policy=never");
    signal(world.agent_pid("a"), Signal::KILL);
    world.until_row("a", |row| row["readiness"] == "dead");
    assert_eq!(
        world
            .fleet(&["log", "a"])
            .exits(0)
            .stdout
            .matches("launch")
            .count(),
        1
    );
}

#[test]
fn what_does_not_run_is_left_so_and_that_is_said() {
    let world = World::with_agents(&[("a", "")]);
    let set = world.fleet(&["set", "a", "alias=Ada"]).exits(0);
    assert!(set.stderr.contains("`fleet up a` starts it"), "{set}");
    world
        .fleet(&["add", "b", "--runtime", "sim", "--no-start"])
        .exits(0);
    assert!(world.processes().is_empty());
}

#[test]
fn an_agent_runs_on_where_the_roster_cannot_be_written() {
    let world = World::with_agents(&[("a", ""), ("b", "")]);
    // What is written beside it has a longer name, and no file has one of more than 255 bytes.
    let name = format!("{}.yaml", "x".repeat(245));
    let roster = world.path("work").join(name);
    fs::rename(world.path("work/default.yaml"), &roster).unwrap();
    let fleet = |arguments: &[&str]| {
        let roster = ["--roster", roster.to_str().unwrap()];
        world.fleet(&[arguments, &roster].concat())
    };
    fleet(&["up"]).exits(0);
    let state = || {
        let row = fleet(&["ps", "--json"]).exits(0).json()[1]["agent_pid"].clone();
        (fs::read_to_string(&roster).unwrap(), row)
    };
    let before = state();
    assert!(before.1.is_u64(), "{before:?}");
    let refused = fleet(&["remove", "b"]).exits(5);
    assert!(refused.stderr.contains("cannot be written"), "{refused}");
    assert!(!refused.stderr.contains("stopped"), "{refused}");
    assert_eq!(state(), before);
    fleet(&["verify"]).exits(0);
}
