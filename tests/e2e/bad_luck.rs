//! What kills other tools: killed pods, guards and tmux servers, crashing agents, two hands at once.

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use podfleet_sim_agent::Kind;
use rustix::process::Signal;
use serde_json::Value;

use crate::world::{World, is_gone, parent_of, ran, signal, until};

#[test]
fn agents_outlive_the_tmux_server_and_up_brings_the_views_back() {
    let world = World::with_agents(&[("a", ""), ("b", "")]);
    world.fleet(&["up"]).exits(0);
    let before = (world.agent_pid("a"), world.agent_pid("b"));
    world.tmux("default", &["kill-server"]).exits(0);
    assert_eq!((world.agent_pid("a"), world.agent_pid("b")), before);
    world.until_row("a", |row| row["flags"].to_string().contains("VIEW"));
    world.fleet(&["up"]).exits(0);
    let sessions = world
        .tmux("default", &["list-sessions", "-F", "#{session_name}"])
        .stdout;
    assert_eq!(
        sessions
            .lines()
            .filter(|name| *name == "a" || *name == "b")
            .count(),
        2
    );
    assert_eq!((world.agent_pid("a"), world.agent_pid("b")), before);
}

#[test]
fn a_killed_pod_takes_its_agent_along_within_a_second() {
    let world = World::with_agents(&[
        ("plain", ""),
        (
            "stubborn",
            r#"{"ignore_sigterm": true, "stubborn_child": true}"#,
        ),
    ]);
    world.fleet(&["up"]).exits(0);
    for name in ["plain", "stubborn"] {
        // A busy machine is slow now and then; a guard that waits too long does so each time.
        let lived: Vec<_> = (0..3).map(|_| outlives_its_pod(&world, name)).collect();
        let soon = lived.iter().any(|lived| *lived < Duration::from_secs(1));
        assert!(soon, "{name}: {lived:?}");
        assert_eq!(world.row(name)["generation"], 4);
    }
}

#[test]
fn a_pod_whose_socket_is_cleared_away_keeps_its_agent_and_is_found_again() {
    let world = World::with_agents(&[("a", ""), ("b", "")]);
    world.fleet(&["up"]).exits(0);
    let before = ["a", "b"].map(|agent| Some(u64::from(world.agent_pid(agent))));
    // At once: pods may make it anew while it is removed.
    fs::rename(world.path("run"), world.path("gone")).unwrap();
    fs::remove_dir_all(world.path("gone")).unwrap();
    let up = world.fleet(&["up"]).exits(0);
    // The heartbeat follows in its own time.
    let found = |agent| world.until_row(agent, |row| row["agent_pid"].is_u64());
    let after = ["a", "b"].map(|agent| found(agent)["agent_pid"].as_u64());
    assert_eq!(after, before, "{}", up.stdout);
    world.fleet(&["send", "a", "-m", "SAY:still here"]).exits(0);
    until(|| match world.received("a", Kind::Submit).len() {
        0 => Err("nothing came".to_owned()),
        _ => Ok(()),
    });
}

/// Kills a pod, returns how long its agent lived on, with what that has started, and heals it.
fn outlives_its_pod(world: &World, name: &str) -> Duration {
    let (pod, agent) = (world.pod_pid(name), world.agent_pid(name));
    let child = world.received(name, Kind::Child).last().cloned();
    let child: Option<u32> = child.map(|pid| pid.parse().unwrap());
    assert_eq!(child.is_some(), name == "stubborn");
    signal(pod, Signal::KILL);
    let killed = Instant::now();
    until(|| {
        if is_gone(agent) && child.is_none_or(is_gone) {
            Ok(())
        } else {
            Err(format!("{agent} or {child:?} runs"))
        }
    });
    let lived = killed.elapsed();
    assert_eq!(world.row(name)["readiness"], "dead");
    world.fleet(&["up"]).exits(0);
    assert_eq!(world.row(name)["readiness"], "available");
    lived
}

#[test]
fn a_killed_guard_takes_its_agent_along_and_the_pod_starts_another() {
    let world = World::with_agents(&[("a", r#"{"ignore_sigterm": true, "stubborn_child": true}"#)]);
    world.fleet(&["up"]).exits(0);
    let agent = world.agent_pid("a");
    let child = world.received("a", Kind::Child)[0].parse().unwrap();
    signal(parent_of(agent).unwrap(), Signal::KILL);
    until(|| {
        if is_gone(agent) && is_gone(child) {
            Ok(())
        } else {
            Err("the agent or its child runs".into())
        }
    });
    let row = world.until_row("a", |row| {
        row["agent_pid"]
            .as_u64()
            .is_some_and(|pid| pid != u64::from(agent))
    });
    assert_eq!(row["generation"], 1);
    // Nobody else would wait for what the pod has adopted.
    let left = PathBuf::from(format!("/proc/{agent}"));
    assert!(!left.exists(), "it is left as a zombie");
}

#[test]
fn what_outlives_pod_and_guard_is_ended_by_the_next_start() {
    let world = World::with_agents(&[("a", r#"{"stubborn_child": true}"#)]);
    world.fleet(&["up"]).exits(0);
    let agent = world.agent_pid("a");
    let child: u32 = world.received("a", Kind::Child)[0].parse().unwrap();
    let (pod, guard) = (world.pod_pid("a"), parent_of(agent).unwrap());
    // Stopped, it cannot see the end of its pod.
    signal(guard, Signal::STOP);
    signal(pod, Signal::KILL);
    signal(guard, Signal::KILL);
    until(|| match is_gone(pod) && is_gone(guard) {
        true => Ok(()),
        false => Err("one of them runs".into()),
    });
    assert!(!is_gone(child), "nothing was left to end");
    world.fleet(&["up"]).exits(0);
    assert!(is_gone(child));
    assert_eq!(world.row("a")["readiness"], "available");
}

#[test]
fn a_stopped_guard_keeps_neither_its_agent_alive_nor_its_pod_waiting() {
    let world = World::with_agents(&[("a", r#"{"ignore_sigterm": true, "stubborn_child": true}"#)]);
    world.fleet(&["up"]).exits(0);
    signal(parent_of(world.agent_pid("a")).unwrap(), Signal::STOP);
    world.fleet(&["down", "--all"]).exits(0);
    world.until_empty();
}

#[test]
fn what_the_callers_shell_left_open_reaches_neither_pod_nor_agent() {
    let world = World::with_agents(&[("a", "")]);
    let marker = world.path("work/left-open");
    let script = "exec 9>left-open; \"$@\"";
    let up = world.command("default", &["up"]);
    let mut shell = std::process::Command::new("sh");
    shell
        .args(["-c", script, "sh"])
        .arg(up.get_program())
        .args(up.get_args());
    shell.env_clear().current_dir(world.path("work"));
    for (name, value) in up.get_envs() {
        shell.env(name, value.unwrap_or_default());
    }
    assert!(shell.output().unwrap().status.success());
    let processes = world.processes();
    assert!(!processes.is_empty());
    for process in processes {
        let open = std::fs::read_dir(format!("/proc/{process}/fd")).unwrap();
        let targets = open
            .flatten()
            .filter_map(|fd| std::fs::read_link(fd.path()).ok());
        assert_eq!(
            targets.filter(|target| *target == marker).count(),
            0,
            "{process}"
        );
    }
    world.fleet(&["down", "--all"]).exits(0);
}

#[test]
fn no_message_is_lost_when_a_pod_is_killed() {
    let world = World::with_agents(&[("a", "")]);
    world.fleet(&["up"]).exits(0);
    world
        .fleet(&["send", "a", "-m", "first", "--wait", "started"])
        .exits(0);
    // However long the killing takes, the others are not being typed then.
    world.fleet(&["pause", "a"]).exits(0);
    for text in ["second", "third"] {
        world
            .fleet(&["send", "a", "-m", text, "--wait", "accepted"])
            .exits(0);
    }
    signal(world.pod_pid("a"), Signal::KILL);
    world.until_row("a", |row| row["readiness"] == "dead");
    // A message to a dead pod is kept like any other.
    world
        .fleet(&["send", "a", "-m", "fourth", "--wait", "accepted"])
        .exits(0);
    world.fleet(&["up"]).exits(0);
    world.fleet(&["resume", "a"]).exits(0);
    until(|| {
        let bodies = bodies(&world.received("a", Kind::Submit));
        let expected = ["first", "second", "third", "fourth"];
        if bodies == expected {
            Ok(())
        } else {
            Err(format!("{bodies:?}"))
        }
    });
}

#[test]
fn an_agent_that_exits_at_once_is_quarantined_and_restart_lifts_it() {
    let world = World::new();
    let agents = "  - name: a\n    runtime: generic\n    command: [sh, -c, 'exit 3']\n    restart: {policy: on-failure, max_restarts: 2, window: 10m}\n";
    world.write_roster("default", agents);
    let up = world.fleet(&["up"]).exits(1);
    assert!(up.to_string().contains("exit 3"), "{up}");
    let row = world.until_row("a", |row| row["readiness"] == "quarantined");
    assert!(row["flags"].to_string().contains("QUARANTINED"), "{row}");
    let ps = world.fleet(&["ps", "--explain", "a"]).exits(0);
    assert!(ps.stdout.contains("2 exits in 10m, last: exit 3"), "{ps}");
    // A quarantine outlives its pod, and the pod after that.
    let mut started = Vec::new();
    for _ in 0..2 {
        let pod = world.pod_pid("a");
        signal(pod, Signal::KILL);
        until(|| is_gone(pod).then_some(()).ok_or("the pod runs".into()));
        world.fleet(&["up"]);
        world.until_row("a", |row| row["readiness"] == "quarantined");
        // A supervisor starts a pod again whatever became of it.
        let mut supervised = world.command("default", &["pod", "run", "a"]);
        started.push(supervised.spawn().unwrap());
        world.until_row("a", |row| row["pod_pid"].is_u64());
    }
    world.until_row("a", |row| row["readiness"] == "quarantined");
    let log = world.fleet(&["log", "a", "--json"]).exits(0);
    assert!(!log.stdout.contains(r#""type":"launch""#), "{log}");
    let generation = world.row("a")["generation"].as_u64().unwrap();
    world.fleet(&["restart", "a"]).exits(1);
    assert!(world.row("a")["generation"].as_u64().unwrap() > generation);
    let log = world.fleet(&["log", "a"]).exits(0);
    assert!(log.stdout.contains("exit 3"), "{log}");
    for mut pod in started {
        pod.wait().unwrap();
    }
}

#[test]
fn a_missing_command_is_named_and_who_asks_is_told_where_it_was_looked_for() {
    let world = World::new();
    world.write_roster(
        "default",
        "  - name: a\n    runtime: generic\n    command: [no-such-agent]\n",
    );
    let up = world.fleet(&["up"]).exits(1).to_string();
    assert!(words(&up).contains("command not found: no-such-agent"));
    assert!(!up.contains("looked in"), "{up}");
    let up = world.fleet(&["-v", "restart", "a"]).exits(1).to_string();
    assert!(words(&up).contains("looked in /"), "{up}");
    let logs = world.fleet(&["logs", "a"]).exits(0);
    assert!(logs.stdout.contains("looked in /"), "{logs}");
}

#[test]
fn who_lacks_a_program_is_told_how_to_get_it() {
    let world = World::new();
    world.write_roster("default", "  - name: a\n    runtime: claude\n");
    let empty = world.path("home/bin");
    std::fs::create_dir(&empty).unwrap();
    for program in ["tmux", "ps"] {
        let found = std::env::split_paths(&std::env::var_os("PATH").unwrap())
            .map(|directory| directory.join(program))
            .find(|path| path.is_file());
        if let Some(found) = found {
            std::os::unix::fs::symlink(found, empty.join(program)).unwrap();
        }
    }
    let mut up = world.command("default", &["up"]);
    let up = up.env("PATH", &empty).output().unwrap();
    let said = String::from_utf8_lossy(&up.stderr).into_owned();
    assert!(
        said.contains("npm install -g @anthropic-ai/claude-code"),
        "{said}"
    );
}

#[test]
fn two_ups_at_once_make_one_fleet() {
    let world = World::with_agents(&[("a", ""), ("b", ""), ("c", "")]);
    let ups: Vec<_> = (0..3)
        .map(|_| world.command("default", &["up"]).spawn().unwrap())
        .collect();
    for mut up in ups {
        assert!(up.wait().unwrap().success());
    }
    for name in ["a", "b", "c"] {
        assert_eq!(world.row(name)["generation"], 1);
        assert_eq!(world.received(name, Kind::Start).len(), 1);
    }
}

#[test]
fn two_hundred_messages_from_eight_processes_arrive_once_each_and_in_order() {
    const SENDERS: usize = 8;
    const EACH: usize = 25;
    let world = World::with_agents(&[("busy", r#"{"turn_ms": 20}"#)]);
    world.fleet(&["up"]).exits(0);
    std::thread::scope(|scope| {
        for sender in 0..SENDERS {
            let world = &world;
            scope.spawn(move || {
                for number in 0..EACH {
                    let text = format!("{sender}/{number} {}.", "é漢🚀 ".repeat(number));
                    world
                        .fleet(&["send", "busy", "-m", &text, "--wait", "accepted"])
                        .exits(0);
                }
            });
        }
    });
    let got = crate::world::until_within(Duration::from_secs(120), || {
        let got = bodies(&world.received("busy", Kind::Submit));
        if got.len() >= SENDERS * EACH {
            Ok(got)
        } else {
            Err(format!("{} came", got.len()))
        }
    });
    assert_eq!(got.len(), SENDERS * EACH);
    let mut next: HashMap<usize, usize> = HashMap::new();
    for text in got {
        let (head, rest) = text.split_once(' ').unwrap();
        let (sender, number) = head.split_once('/').unwrap();
        let (sender, number): (usize, usize) = (sender.parse().unwrap(), number.parse().unwrap());
        assert_eq!(rest, "é漢🚀 ".repeat(number) + ".", "not whole");
        let expected = next.entry(sender).or_default();
        assert_eq!(
            number, *expected,
            "sender {sender}: lost, doubled or reordered"
        );
        *expected += 1;
    }
    assert_eq!(
        accepted_order(&world),
        bodies(&world.received("busy", Kind::Submit))
    );
}

/// Returns the bodies in the order in which the pod says it accepted them.
fn accepted_order(world: &World) -> Vec<String> {
    let log = world.fleet(&["log", "busy", "--json"]).exits(0);
    let records = log
        .stdout
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    records
        .filter(|record| record["type"] == "message_accepted")
        .map(|record| record["message"]["body"].as_str().unwrap().to_owned())
        .collect()
}

/// Returns a text as one line, however it was wrapped.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Returns the bodies of messages without their preambles.
fn bodies(messages: &[String]) -> Vec<String> {
    let body = |text: &String| {
        text.split_once("] ")
            .map_or(text.clone(), |(_, body)| body.to_owned())
    };
    messages.iter().map(body).collect()
}

/// An agent that works on for ever, with a message that somebody waits for.
fn with_a_waiting_send(wait: &str) -> (World, std::process::Child) {
    let world = World::with_agents(&[("a", r#"{"stuck_busy": true}"#)]);
    world.fleet(&["up"]).exits(0);
    let work = ["send", "a", "-m", "work", "--wait", "started"];
    world.fleet(&work).exits(0);
    let next = ["send", "a", "-m", "next", "--wait", wait, "--timeout", "60"];
    let mut next = world.command("default", &next);
    let waiting = next.stdout(Stdio::piped()).stderr(Stdio::piped());
    let waiting = waiting.spawn().unwrap();
    world.until_row("a", |row| row["inbox"] == 1);
    (world, waiting)
}

#[test]
fn a_send_that_waits_for_an_agent_that_is_brought_down_says_that_it_is_stopped() {
    let (world, waiting) = with_a_waiting_send("answered");
    world.fleet(&["down", "a"]).exits(0);
    let sent = ran(&waiting.wait_with_output().unwrap()).exits(1);
    assert!(sent.stdout.contains("held: stopped"), "{sent}");
    assert!(sent.stdout.contains("bring the agent up"), "{sent}");
    assert!(!sent.stderr.contains("in time"), "{sent}");
}

#[test]
fn a_send_goes_on_waiting_over_a_restart_of_its_receiver() {
    let (world, waiting) = with_a_waiting_send("started");
    world.fleet(&["restart", "a"]).exits(0);
    let sent = ran(&waiting.wait_with_output().unwrap()).exits(0);
    assert!(sent.stdout.starts_with("a: started"), "{sent}");
}

#[test]
fn a_second_up_waits_for_what_the_first_did_not_see_ready() {
    let world = World::with_agents(&[
        ("slow", r#"{"start_delay_ms": 6000}"#),
        ("broken", r#"{"exit_at_once": {"code": 7}}"#),
    ]);
    let first = world.fleet(&["up", "--timeout", "1"]).exits(1);
    assert!(first.to_string().contains("not ready after 1 s"), "{first}");
    let second = world.fleet(&["up"]).exits(1);
    assert!(second.to_string().contains("failed: "), "{second}");
    assert!(second.to_string().contains("1 failed"), "{second}");
    assert_eq!(world.row("slow")["readiness"], "available");
}
