//! The verbs of the main job, used as a person would.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use podfleet_sim_agent::Kind;
use rustix::process::Signal;

use crate::world::{World, fits_80_columns, signal, text, until};

#[test]
fn a_second_up_does_nothing() {
    let world = World::with_agents(&[("a", ""), ("b", "")]);
    world.fleet(&["up"]).exits(0);
    let pids = (world.pod_pid("a"), world.agent_pid("a"));
    let plan = world.fleet(&["plan"]).exits(0);
    assert!(!plan.stdout.contains("start"), "{plan}");
    world.fleet(&["up"]).exits(0);
    assert_eq!((world.pod_pid("a"), world.agent_pid("a")), pids);
    assert_eq!(world.received("a", Kind::Start).len(), 1);
}

#[test]
fn up_restarts_only_the_agent_whose_roster_entry_changed() {
    let world = World::with_agents(&[("a", ""), ("b", "")]);
    world.fleet(&["up"]).exits(0);
    let (a, b) = (world.agent_pid("a"), world.agent_pid("b"));
    world.write_roster(
        "default",
        &world.agents(&[("a", r#"{"turn_ms": 5}"#), ("b", "")]),
    );
    let plan = world.fleet(&["plan"]).exits(0);
    assert!(
        plan.stdout.contains("restart") && plan.stdout.contains("env"),
        "{plan}"
    );
    world.fleet(&["up"]).exits(0);
    assert_ne!(world.agent_pid("a"), a);
    assert_eq!(world.agent_pid("b"), b);
}

#[test]
fn down_leaves_persistent_seats_unless_told_and_nothing_else() {
    let world = World::new();
    let seats = world.agents(&[("seat", ""), ("worker", "")]).replacen(
        "runtime: sim",
        "runtime: sim\n    persistent_persona: true",
        1,
    );
    world.write_roster("default", &seats);
    world.fleet(&["up"]).exits(0);
    let down = world.fleet(&["down"]).exits(0);
    assert!(down.to_string().contains("seat"), "{down}");
    assert_eq!(world.row("seat")["readiness"], "available");
    assert_eq!(world.row("worker")["readiness"], "stopped");
    world.fleet(&["down", "--all"]).exits(0);
    world.until_empty();
    let left: Vec<_> = std::fs::read_dir(world.path("run"))
        .unwrap()
        .flatten()
        .map(|entry| entry.path())
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_message_to_a_stopped_agent_waits_and_is_delivered_at_its_start() {
    let world = World::with_agents(&[("a", "")]);
    world.fleet(&["up"]).exits(0);
    world.fleet(&["down", "--all"]).exits(0);
    let sent = world.fleet(&["send", "a", "-m", "later"]).exits(0);
    assert!(
        sent.stdout.contains("held") && sent.stdout.contains("stopped"),
        "{sent}"
    );
    assert!(fits_80_columns(&sent.stdout), "{sent}");
    assert_eq!(world.row("a")["inbox"], 1);
    world.fleet(&["up"]).exits(0);
    crate::world::until(|| match world.received("a", Kind::Submit).as_slice() {
        [one] if one.ends_with("] later") => Ok(()),
        got => Err(format!("{got:?}")),
    });
}

#[test]
fn the_same_id_is_delivered_once() {
    let world = World::with_agents(&[("a", "")]);
    world.fleet(&["up"]).exits(0);
    let id = "01890a5d-ac96-774b-bcce-b302099a8057";
    for _ in 0..3 {
        world
            .fleet(&["send", "a", "-m", "once", "--id", id, "--wait", "answered"])
            .exits(0);
    }
    assert_eq!(world.received("a", Kind::Submit).len(), 1);
}

#[test]
fn the_session_log_holds_the_exact_text_before_the_agent_has_it() {
    let world = World::with_agents(&[("a", "")]);
    world.fleet(&["up"]).exits(0);
    world
        .fleet(&["send", "a", "-m", "hello", "--wait", "answered"])
        .exits(0);
    let log = world.fleet(&["log", "a", "--json"]).exits(0);
    let types: Vec<String> = log
        .stdout
        .lines()
        .map(|line| {
            serde_json::from_str::<serde_json::Value>(line).unwrap()["type"]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect();
    let place = |wanted: &str| types.iter().position(|kind| kind == wanted);
    assert!(place("launch") < place("message_delivering"), "{types:?}");
    assert!(
        place("message_accepted") < place("message_delivering"),
        "{types:?}"
    );
    assert!(
        place("message_delivering") < place("message_receipt"),
        "{types:?}"
    );
    let typed = world.received("a", Kind::Submit);
    assert!(log.stdout.contains(&typed[0]), "{log}");
}

#[test]
fn what_people_read_fits_80_columns() {
    // The longest name that there is, and an alias whose characters are two columns wide.
    let long = "orchestrator-of-".repeat(4);
    let world = World::new();
    let lost = "  - name: lost\n    runtime: generic\n    command: [no-such-agent]\n    restart: {max_restarts: 0}\n";
    let agents = world.agents(&[(&long, ""), ("b", "")]);
    let named = format!("  - name: {long}\n");
    let aliased = format!(
        "{named}    alias: {}\n    depends_on: [b]\n",
        "指揮".repeat(15)
    );
    let agents = agents.replace(&named, &aliased);
    let path = world.write_roster("default", &format!("{agents}{lost}"));
    for arguments in [
        &["validate", text(&path)][..],
        &["plan"],
        &["up"],
        &["plan"],
        &["status"],
        &["ps", "--explain", &long],
        &["ps", "--explain", "lost"],
        &["send", &long, "-m", "hello", "--wait", "answered"],
        &["send", "b", "-m", "hello", "--wait", "answered"],
        &["send", "lost", "-m", "hello"],
        &["send", "nobody", "-m", "hello"],
        &["inbox", &long],
        &["inbox", "lost"],
        &["pods"],
        &["pod", "show", &long],
        &["peer", "list"],
        &["verify"],
        &["set", &long, "class=x"],
        &["remove", "b"],
        &["down", "--all", "--dry-run"],
        &["down", "--all"],
    ] {
        let ran = world.fleet(arguments);
        assert!(
            fits_80_columns(&ran.stdout) && fits_80_columns(&ran.stderr),
            "{arguments:?}\n{ran}"
        );
    }
    // A table that a pipe takes has no width.
    let ps = world.fleet(&["ps"]).exits(0);
    assert!(
        ps.stdout.contains(&long) && !ps.stdout.contains('…'),
        "{ps}"
    );
}

#[test]
fn every_agent_is_told_of_its_mates_and_can_reach_them() {
    let world = World::new();
    let seat = world.agents(&[("a", ""), ("b", "")]);
    world.write_roster("default", &seat);
    world.fleet(&["up"]).exits(0);
    // What an agent runs is run with its environment: its credential makes it that pod.
    let pid = world.agent_pid("a");
    let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap();
    let variables = environment.split(|byte| *byte == 0).filter_map(|line| {
        let line = std::str::from_utf8(line).ok()?;
        line.split_once('=')
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
    });
    let mut command = world.command("default", &["send", "b", "-m", "from a mate"]);
    command.env_remove("FLEET_ROSTER").envs(variables);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    crate::world::until(|| match world.received("b", Kind::Submit).as_slice() {
        [one] if one.contains(":a -> ") && one.ends_with("] from a mate") => Ok(()),
        got => Err(format!("{got:?}")),
    });
}

#[test]
fn a_message_with_now_goes_into_a_busy_agents_own_queue() {
    let world = World::with_agents(&[("a", r#"{"turn_ms": 60000}"#)]);
    world.fleet(&["up"]).exits(0);
    world
        .fleet(&["send", "a", "-m", "first", "--wait", "started"])
        .exits(0);
    let queued = world.fleet(&[
        "send",
        "a",
        "-m",
        "impatient",
        "--now",
        "--wait",
        "submitted",
    ]);
    let queued = queued.exits(0);
    assert!(queued.stdout.contains("queue footer"), "{queued}");
    assert_eq!(world.received("a", Kind::Queued).len(), 1);
    let held = world.fleet(&["send", "a", "-m", "patient"]).exits(0);
    assert!(held.stdout.contains("held: busy"), "{held}");
}

#[test]
fn a_command_is_typed_only_when_it_is_allowed() {
    let world = World::with_agents(&[("a", "")]);
    world.fleet(&["up"]).exits(0);
    world
        .fleet(&[
            "send",
            "a",
            "--raw",
            "--allow-command",
            "-m",
            "/clear",
            "--wait",
            "submitted",
        ])
        .exits(0);
    assert_eq!(world.received("a", Kind::Command), ["/clear"]);
}

#[test]
fn the_session_log_says_what_the_agent_did_and_which_rule_told() {
    let world = World::with_agents(&[("a", r#"{"turn_ms": 1500}"#)]);
    world.fleet(&["up"]).exits(0);
    let records = || -> Vec<serde_json::Value> {
        let log = world.fleet(&["log", "a", "--json"]).exits(0);
        let lines = log.stdout.lines();
        lines
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    };
    let states = || -> Vec<String> {
        let records = records();
        let states = records.iter().filter(|record| record["type"] == "status");
        states
            .map(|record| record["state"].as_str().unwrap().to_owned())
            .collect()
    };
    let until_told = |wanted: &[&str]| {
        until(|| match states() {
            states if states == wanted => Ok(()),
            states => Err(format!("{states:?}")),
        });
    };
    until_told(&["starting", "ready"]);
    let send = ["send", "a", "-m", "work", "--wait", "answered"];
    world.fleet(&send).exits(0);
    until_told(&["starting", "ready", "busy", "ready"]);
    let log = world.fleet(&["log", "a"]).exits(0).stdout;
    let line = "status     ready (rule `empty-composer`)";
    assert!(log.contains(line), "{log}");
    // Of one message the records stand as ever.
    let records = records();
    let of_messages = records.iter().filter_map(|record| {
        let kind = record["type"].as_str().unwrap();
        kind.starts_with("message").then_some(kind)
    });
    let of_messages: Vec<_> = of_messages.take(3).collect();
    assert_eq!(
        of_messages,
        ["message_accepted", "message_delivering", "message_receipt"]
    );
}

#[test]
fn who_follows_the_log_of_a_pod_that_is_forgotten_is_told_and_done() {
    let world = World::with_agents(&[("a", "")]);
    world.fleet(&["up"]).exits(0);
    world.fleet(&["down", "a"]).exits(0);
    let mut following = world.command("default", &["log", "a", "-f"]);
    let piped = following.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut following = piped.spawn().unwrap();
    let mut begun = String::new();
    let mut stdout = BufReader::new(following.stdout.take().unwrap());
    stdout.read_line(&mut begun).unwrap();
    world.fleet(&["pod", "forget", "a"]).exits(0);
    let ended = following.wait_with_output().unwrap();
    assert!(ended.status.success(), "{ended:?}");
    let told = String::from_utf8(ended.stderr).unwrap();
    assert!(told.contains("`a` was forgotten"), "{told}");
}

#[test]
fn a_turn_that_was_interrupted_is_not_answered() {
    let world = World::with_agents(&[("a", r#"{"turn_ms":60000}"#)]);
    world.fleet(&["up"]).exits(0);
    let send = ["send", "a", "-m", "work", "--wait", "started"];
    let sent = world.fleet(&send).exits(0);
    world.fleet(&["interrupt", "a"]).exits(0);
    until(|| {
        let log = world.fleet(&["log", "a"]).exits(0).stdout;
        if log.contains("interrupt key was pressed") {
            Ok(())
        } else {
            Err(format!("{sent}{log}"))
        }
    });
    let log = world.fleet(&["log", "a"]).exits(0).stdout;
    assert!(!log.contains("answered"), "{log}");
}

#[test]
fn a_draft_is_no_work() {
    let world = World::with_agents(&[("a", "")]);
    world.fleet(&["up"]).exits(0);
    world.tmux("default", &["send-keys", "-t", "=a:", "half a thought"]);
    world.until_row("a", |row| row["readiness"] == "blocked");
    let table = world.fleet(&["ps"]).exits(0).stdout;
    assert!(table.contains("draft"), "{table}");
}

#[test]
fn an_agent_is_dead_since_its_end() {
    let agents = "  - name: a\n    runtime: generic\n    command: [bash, --norc]\n    restart:\n      policy: never\n";
    let world = World::new();
    world.write_roster("default", agents);
    let mut up = world.command("default", &["up"]);
    let up = up.env("FLEET_HEARTBEAT_INTERVAL", "2").output().unwrap();
    assert!(up.status.success(), "{up:?}");
    signal(world.agent_pid("a"), Signal::KILL);
    let dead = world.until_row("a", |row| row["readiness"] == "dead");
    assert!(!dead["since"].is_null(), "{dead:#}");
    // The heartbeat is written again and again, and says nothing new.
    for age in [1, 0] {
        world.until_row("a", |row| row["heartbeat_age_seconds"] == age);
    }
    assert_eq!(world.row("a")["since"], dead["since"]);

    signal(world.pod_pid("a"), Signal::KILL);
    let row = world.until_row("a", |row| row["pod_pid"].is_null());
    assert_eq!(row["readiness"], "dead");
    assert!(row["since"].is_null(), "{row:#}");
}

#[test]
fn looking_at_a_fleet_that_is_not_there_makes_nothing() {
    let world = World::new();
    for arguments in [&["ps"][..], &["status"], &["ps", "--json"]] {
        let ran = world.fleet(arguments).exits(0);
        assert!(!world.path("state").exists(), "{ran}");
        assert!(!world.path("run").exists(), "{ran}");
    }
}

#[test]
fn the_logs_of_all_agents_stand_below_their_names() {
    let world = World::with_agents(&[("a", ""), ("b", "")]);
    world.fleet(&["up"]).exits(0);
    world.fleet(&["down", "--all"]).exits(0);
    let logs = world.fleet(&["logs"]).exits(0).stdout;
    assert!(
        logs.contains("==> a <==") && logs.contains("==> b <=="),
        "{logs}"
    );
    assert!(logs.contains("shutting down"), "{logs}");
}

#[test]
fn help_is_a_command_too() {
    let world = World::new();
    let help = world.fleet(&["help", "up"]).exits(0);
    assert_eq!(help.stdout, world.fleet(&["up", "--help"]).exits(0).stdout);
}

#[test]
fn a_window_that_a_person_opens_on_the_fleets_server_is_in_the_fleet() {
    let world = World::with_agents(&[("a", "")]);
    world.fleet(&["up"]).exits(0);
    let file = world.path("told");
    let script = format!("env > {0}.part; mv {0}.part {0}", file.display());
    let window = ["new-session", "-d", "-s", "mine", "sh", "-c", &script];
    world.tmux("default", &window).exits(0);
    let told = until(|| std::fs::read_to_string(&file).map_err(|error| error.to_string()));
    for name in [
        "FLEET_HOME",
        "FLEET_STATE_DIR",
        "FLEET_ROSTER",
        "FLEET_TENANT",
    ] {
        let told = told.lines().find_map(|line| line.strip_prefix(name));
        assert!(told.is_some_and(|value| value.len() > 1), "{name}");
    }
}
