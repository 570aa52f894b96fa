//! Messages to where no pod of the fleet is: unmanaged tmux sessions, and other machines by ssh.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Stdio;

use podfleet_sim_agent::Kind;
use rustix::process::Signal;
use serde_json::Value;

use crate::far_host::FarHost;
use crate::looking::Person;
use crate::world::{FLEET, Ran, World, descendants_of, fits_80_columns, ran, signal, text, until};

/// A world whose fleet's socket has a session `loose` with this program, which no pod hosts.
fn with_session(program: &str) -> World {
    let world = World::with_agents(&[("coder", "")]);
    new_session(&world, program);
    world
}

fn new_session(world: &World, program: &str) {
    let made = world.tmux(
        "default",
        &[
            "new-session",
            "-d",
            "-s",
            "loose",
            "-x",
            "100",
            "-y",
            "30",
            program,
        ],
    );
    made.exits(0);
}

/// The simulated agent with these faults, as a command line for tmux.
fn sim_agent(world: &World, faults: &str) -> String {
    let mut faults: Value = serde_json::from_str(faults).unwrap();
    faults["journal"] = text(&world.journal_path("loose")).into();
    format!("FLEET_SIM_FAULTS='{faults}' exec {FLEET} sim-agent")
}

fn shows(world: &World, wanted: &str) {
    until(|| {
        let screen = world.tmux("default", &["capture-pane", "-p", "-t", "=loose:"]);
        if screen.stdout.contains(wanted) {
            Ok(())
        } else {
            Err(screen.to_string())
        }
    });
}

fn send(world: &World, arguments: &[&str]) -> Ran {
    world.fleet(&[&["send", "--tmux", "loose", "--runtime", "sim"], arguments].concat())
}

#[test]
fn a_message_to_an_unmanaged_session_is_shown_to_have_been_answered() {
    let world = World::with_agents(&[("coder", "")]);
    new_session(&world, &sim_agent(&world, "{}"));
    shows(&world, "❯");
    let body = "two\nlines, 漢字 and ; an end;";
    let sent = send(&world, &["-m", body, "--wait", "answered"]).exits(0);
    assert!(sent.stdout.contains("answered"), "{sent}");
    assert!(sent.stdout.contains("no pod hosts"), "{sent}");
    assert!(fits_80_columns(&sent.stdout), "{sent}");
    let received = world.received("loose", Kind::Submit);
    assert_eq!(received.len(), 1, "{received:?}");
    assert!(
        received[0].ends_with(&format!(":loose] {body}")),
        "{received:?}"
    );
}

#[test]
fn a_session_without_a_pod_is_unmanaged_in_ps_and_the_view_of_a_pod_is_not_typed_into() {
    let world = with_session("cat");
    world.fleet(&["up"]).exits(0);
    let row = world.row("loose");
    assert_eq!(row["managed"], false);
    assert_eq!(row["flags"][0], "UNMANAGED", "{row:#}");
    let refused = world
        .fleet(&["send", "--tmux", "coder", "-m", "x"])
        .exits(3);
    assert!(refused.stderr.contains("fleet send coder"), "{refused}");
    let holder = ["send", "--tmux", "_holder", "-m", "x"];
    let refused = world.fleet(&holder).exits(3);
    assert!(refused.stderr.contains("nobody reads"), "{refused}");
    assert!(!refused.stderr.contains("fleet send _holder"), "{refused}");
    assert!(world.received("coder", Kind::Submit).is_empty());
}

#[test]
fn a_shell_in_a_session_takes_a_command_and_a_begun_line_is_left_alone() {
    let world = with_session("PS1='$ ' bash --norc");
    shows(&world, "$");
    let to = ["send", "--tmux", "loose", "--raw", "-m"];
    let sent = world.fleet(&[&to[..], &["echo $((6 * 7))", "--wait", "submitted"]].concat());
    sent.exits(0);
    shows(&world, "\n42\n");
    world.tmux("default", &["send-keys", "-t", "=loose:", "half a comm"]);
    shows(&world, "half a comm");
    let held = world.fleet(&[&to[..], &["echo over", "--timeout", "1"]].concat());
    let held = held.exits(3);
    assert!(held.stdout.contains("refused"), "{held}");
    assert!(held.stdout.contains("draft (text stands"), "{held}");
    let screen = world.tmux("default", &["capture-pane", "-p", "-t", "=loose:"]);
    assert!(!screen.stdout.contains("over"), "{screen}");
}

/// Writes a script that reads what it is told, and returns its path.
fn talker(world: &World) -> PathBuf {
    let script = world.path("work/talker");
    fs::write(
        &script,
        "while read -r line; do echo \"heard $line\"; done\n",
    )
    .unwrap();
    script
}

#[test]
fn a_script_in_a_session_is_told_messages_though_its_interpreter_would_run_them() {
    let world = World::with_agents(&[("coder", "")]);
    let script = talker(&world);
    new_session(&world, &format!("bash {}", script.display()));
    let sent = world.fleet(&["send", "--tmux", "loose", "-m", "hello"]);
    sent.exits(0);
    shows(&world, "loose] hello");
}

#[test]
fn a_blank_or_stale_pane_is_never_reported_as_accepted() {
    let world = World::with_agents(&[("coder", "")]);
    // Blank: a program that shows nothing at all.
    new_session(&world, "exec sleep 1000");
    let blank = send(&world, &["-m", "hello", "--timeout", "1", "--json"]).exits(3);
    assert_eq!(blank.json()["receipt"]["outcome"], "refused", "{blank}");
    // Stale: the last screen of an agent that does not read any more. Stopped is the agent alone,
    // for tmux would let its own child go on.
    let program = sim_agent(&world, "{}").replace("exec ", "");
    // In the same pane: a server whose last session ends would end with it.
    let program = format!("{program}; true");
    let again = ["respawn-pane", "-k", "-t", "=loose:", &program];
    world.tmux("default", &again).exits(0);
    shows(&world, "❯");
    let pid = world.tmux(
        "default",
        &["display-message", "-p", "-t", "=loose:", "#{pane_pid}"],
    );
    let agents = descendants_of(pid.stdout.trim().parse().unwrap());
    let [agent] = agents[..] else {
        panic!("one agent in the pane, not {agents:?}");
    };
    signal(agent, Signal::STOP);
    let stale = send(&world, &["-m", "hello", "--timeout", "1"]).exits(1);
    assert!(
        stale.stdout.starts_with("loose: typed, not submitted"),
        "{stale}"
    );
    assert!(!stale.stdout.contains("accepted"), "{stale}");
    // Nor by `--wait accepted`: there is no inbox that could have accepted it.
    let again = send(
        &world,
        &["-m", "hello", "--timeout", "1", "--wait", "accepted"],
    );
    again.exits(1);
    signal(agent, Signal::CONT);
    // Dead: the program has ended, and its last screen remains.
    world
        .tmux(
            "default",
            &["set-option", "-w", "-t", "=loose:", "remain-on-exit", "on"],
        )
        .exits(0);
    signal(agent, Signal::KILL);
    until(|| {
        let dead = world.tmux(
            "default",
            &["display-message", "-p", "-t", "=loose:", "#{pane_dead}"],
        );
        if dead.stdout.trim() == "1" {
            Ok(())
        } else {
            Err(dead.to_string())
        }
    });
    let dead = send(&world, &["-m", "hello", "--timeout", "1"]).exits(3);
    assert!(dead.stdout.contains("has ended"), "{dead}");
}

#[test]
fn what_the_terminal_alone_echoes_in_a_stale_session_is_not_submitted() {
    let world = with_session("printf 'me@host:~$ '; exec sleep 1000");
    shows(&world, "me@host");
    let to = ["send", "--tmux", "loose", "--raw", "-m", "hello"];
    let stale = world.fleet(&to).exits(1);
    assert!(stale.stdout.contains("typed, not submitted"), "{stale}");
    assert!(stale.stdout.contains("no program has read it"), "{stale}");
}

#[test]
fn while_a_command_runs_in_a_shell_without_a_pod_nothing_is_typed() {
    let world = with_session("PS1='$ ' bash --norc");
    shows(&world, "$");
    let keys = ["send-keys", "-t", "=loose:", "sleep 600", "Enter"];
    world.tmux("default", &keys).exits(0);
    shows(&world, "sleep 600");
    let to = ["send", "--tmux", "loose", "--raw", "-m", "hello"];
    // Longer than the quiet after which a program without a prompt counts as ready.
    let held = world.fleet(&[&to[..], &["--timeout", "5"]].concat());
    let held = held.exits(3);
    assert!(held.stdout.contains("busy"), "{held}");
    let screen = world.tmux("default", &["capture-pane", "-p", "-t", "=loose:"]);
    assert!(!screen.stdout.contains("hello"), "{screen}");
}

#[test]
fn nothing_is_typed_over_a_draft_into_a_dialog_or_while_somebody_looks_back() {
    let world = World::with_agents(&[("coder", "")]);
    new_session(&world, &sim_agent(&world, "{}"));
    shows(&world, "❯");
    world.tmux("default", &["send-keys", "-t", "=loose:", "half a thought"]);
    shows(&world, "half a thought");
    let held = send(&world, &["-m", "hello", "--timeout", "1"]).exits(3);
    assert!(held.stdout.contains("draft"), "{held}");
    world
        .tmux("default", &["copy-mode", "-t", "=loose:"])
        .exits(0);
    let held = send(&world, &["-m", "hello", "--timeout", "1"]).exits(3);
    assert!(held.stdout.contains("copy mode"), "{held}");
    assert!(world.received("loose", Kind::Submit).is_empty());
}

#[test]
fn a_session_that_is_not_there_and_a_wrong_word_are_told_with_what_helps() {
    let world = with_session("cat");
    let missing = world.fleet(&["send", "--tmux", "loos", "-m", "x"]).exits(2);
    assert!(
        missing.stderr.contains("did you mean `loose`?"),
        "{missing}"
    );
    let other = world
        .fleet(&["send", "--tmux", "loose", "--socket", "none", "-m", "x"])
        .exits(2);
    assert!(other.stderr.contains("no tmux session `loose`"), "{other}");
    world
        .fleet(&["send", "--ssh", "oak", "coder", "-m", "x"])
        .exits(2);
    world
        .fleet(&["send", "coder", "--tmux", "loose", "-m", "x"])
        .exits(2);
    world.fleet(&["send", "--tmux", "loose"]).exits(2);
    world
        .fleet(&["send", "--tmux", "loose", "--runtime", "none", "-m", "x"])
        .exits(2);
    let option = world.fleet(&["send", "--tmux", "a", "--ssh=-oProxyCommand=x", "-m", "x"]);
    assert!(option.exits(2).stderr.contains("no target for ssh"));
}

/// The roster of a world with an agent of its own and a mate on the machine `oak`.
pub(crate) fn with_mate(world: &World) {
    let far =
        "  - {name: far, runtime: sim, class: review, host: oak, ssh: oak, socket: default}\n";
    let own = world.agents(&[("coder", "")]);
    world.write_roster("default", &format!("{own}{far}"));
}

#[test]
fn the_fleet_of_another_machine_takes_the_message_and_its_receipt_comes_back() {
    let world = World::new();
    with_mate(&world);
    let Some(far) = FarHost::reached_from(&world, true) else {
        return;
    };
    far.world
        .write_roster("default", &far.world.agents(&[("far", "")]));
    far.world.fleet(&["up"]).exits(0);
    // As an agent, by the body on standard input: nothing of it may be an argument anywhere.
    let mut sending = world.command_by_ssh(&["send", "far", "-", "--wait", "answered", "--json"]);
    sending
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut sending = sending.spawn().unwrap();
    let body = "it's `here` $(and) \"there\"\n漢字";
    sending
        .stdin
        .take()
        .unwrap()
        .write_all(body.as_bytes())
        .unwrap();
    let sent = ran(&sending.wait_with_output().unwrap()).exits(0);
    let report = sent.json();
    assert_eq!(report["via"], "ssh", "{sent}");
    assert_eq!(report["receipt"]["outcome"], "answered", "{sent}");
    let received = far.world.received("far", Kind::Submit);
    assert_eq!(received.len(), 1, "{received:?}");
    assert!(
        received[0].contains(":operator -> oak:far] "),
        "{received:?}"
    );
    assert!(received[0].ends_with(body), "{received:?}");
    // The same id again is delivered once.
    let id = report["receipt"]["id"].as_str().unwrap();
    let again = world
        .fleet_by_ssh(&["send", "far", "-m", body, "--id", id])
        .exits(0);
    assert!(again.stdout.contains("by the fleet there"), "{again}");
    assert_eq!(far.world.received("far", Kind::Submit).len(), 1);
    // `ps` shows it as remote, and `tail` goes there.
    let row = world.row("far");
    assert_eq!(
        (&row["readiness"], &row["host"]),
        (&"remote".into(), &"oak".into())
    );
    let tail = world.fleet_by_ssh(&["tail", "far"]).exits(0);
    assert!(tail.stdout.contains("it's `here`"), "{tail}");
}

#[test]
fn a_mate_in_the_tmux_of_a_machine_that_has_a_fleet_of_others_is_found_there_by_every_verb() {
    let world = World::new();
    with_mate(&world);
    let Some(far) = FarHost::reached_from(&world, true) else {
        return;
    };
    far.world
        .write_roster("default", &far.world.agents(&[("other", "")]));
    far.world.fleet(&["up"]).exits(0);
    let program = format!("exec {FLEET} sim-agent");
    far.tmux(&["new-session", "-d", "-s", "far", &program])
        .exits(0);
    let sent = world.fleet_by_ssh(&["send", "far", "-m", "hello", "--wait", "answered"]);
    assert!(sent.exits(0).stdout.contains("ssh and tmux"));
    let tail = world.fleet_by_ssh(&["tail", "far"]).exits(0);
    assert!(tail.stdout.contains("hello"), "{tail}");
    let watching = world.command_by_ssh(&["watch", "far"]);
    let person = Person::running(&world, &watching);
    person.sees(|screen| screen.contains("hello"));
    far.tmux(&["kill-session", "-t", "=far"]).exits(0);
    person.is_gone();
}

#[test]
fn a_machine_with_tmux_alone_is_typed_into_and_watched_by_it() {
    let world = World::new();
    with_mate(&world);
    let Some(far) = FarHost::reached_from(&world, false) else {
        return;
    };
    let journal = far.world.journal_path("far");
    let program = format!(
        "FLEET_SIM_FAULTS='{{\"journal\":\"{}\"}}' exec {FLEET} sim-agent",
        journal.display()
    );
    let new = [
        "new-session",
        "-d",
        "-s",
        "far",
        "-x",
        "100",
        "-y",
        "30",
        &program,
    ];
    far.tmux(&new).exits(0);
    let script = format!("bash {}", talker(&far.world).display());
    far.tmux(&["new-session", "-d", "-s", "talker", &script])
        .exits(0);
    let to = [
        "send", "--tmux", "talker", "--ssh", "oak", "--socket", "default",
    ];
    world
        .fleet_by_ssh(&[&to[..], &["-m", "hello"]].concat())
        .exits(0);

    let sent = world.fleet_by_ssh(&["send", "far", "-m", "two\nlines; 漢", "--wait", "answered"]);
    let sent = sent.exits(0);
    assert!(sent.stdout.contains("ssh and tmux"), "{sent}");
    let received = far.world.received("far", Kind::Submit);
    assert_eq!(received.len(), 1, "{received:?}");
    assert!(
        received[0].ends_with("oak:far] two\nlines; 漢"),
        "{received:?}"
    );
    let tail = world.fleet_by_ssh(&["tail", "far"]).exits(0);
    assert!(tail.stdout.contains("lines; 漢"), "{tail}");
    // Of the screen's 30 rows the last are blank; those are no lines.
    let all: Vec<_> = tail.stdout.lines().collect();
    for count in [0, 1, 3] {
        let some = world.fleet_by_ssh(&["tail", "far", "-n", &count.to_string()]);
        let some = some.exits(0);
        let wanted = &all[all.len() - count..];
        assert_eq!(some.stdout.lines().collect::<Vec<_>>(), wanted, "{some}");
    }
    assert!(!all.last().unwrap().is_empty(), "{tail}");
    let followed = world
        .fleet_by_ssh(&["tail", "far", "-n", "1", "-f"])
        .exits(4);
    assert_eq!(followed.stdout.lines().count(), 1, "{followed}");
    assert!(
        followed.stderr.contains("no `fleet` on this machine"),
        "{followed}"
    );
    // Blank there is as blank as here.
    far.tmux(&["respawn-pane", "-k", "-t", "=far:", "exec sleep 1000"])
        .exits(0);
    let blank = world
        .fleet_by_ssh(&["send", "far", "-m", "x", "--timeout", "1"])
        .exits(3);
    assert!(blank.stdout.contains("nothing was typed"), "{blank}");
}

#[test]
fn a_machine_that_cannot_be_reached_took_nothing_and_one_that_is_lost_leaves_a_doubt() {
    let world = World::new();
    with_mate(&world);
    let Some(mut far) = FarHost::reached_from(&world, true) else {
        return;
    };
    far.world.write_roster(
        "default",
        &far.world.agents(&[("far", r#"{"turn_ms": 60000}"#)]),
    );
    far.world.fleet(&["up"]).exits(0);
    let mut sending =
        world.command_by_ssh(&["send", "far", "-m", "x", "--wait", "answered", "--json"]);
    let sending = sending
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    until(|| match far.world.received("far", Kind::Submit).len() {
        1 => Ok(()),
        other => Err(format!("{other} messages")),
    });
    // The connection's own processes on the far side end, and with them the way back.
    far.cut_connections();
    let lost = ran(&sending.wait_with_output().unwrap()).exits(1);
    let report = lost.json();
    assert_eq!(report["receipt"]["outcome"], "unknown", "{lost}");
    assert_eq!(report["via"], "lost", "{lost}");
    assert!(
        report["receipt"]["reason"]
            .as_str()
            .unwrap()
            .contains("--id"),
        "{lost}"
    );
    far.cut_off();
    let unreached = world.fleet_by_ssh(&["send", "far", "-m", "x"]).exits(5);
    assert!(unreached.stderr.contains("nothing was sent"), "{unreached}");
    assert!(fits_80_columns(&unreached.stderr), "{unreached}");
    assert_eq!(far.world.received("far", Kind::Submit).len(), 1);
}

/// Runs in each agent's pod, as its descendant, what is put into a file.
fn with_hands(world: &World, name: &str) {
    let script = world.write_scripted_harness(name);
    let commands = world.path("work").join(format!("{name}.commands"));
    let hands = format!(
        "#!/bin/sh\n(while [ ! -e {0} ]; do sleep 0.05; done; sh {0} >{0}.out 2>&1; echo $? >{0}.end) &\n\
         exec {FLEET} sim-agent\n",
        commands.display()
    );
    fs::write(script, hands).unwrap();
}

#[test]
fn every_agent_reaches_every_mate_at_its_first_try_by_the_commands_of_its_block() {
    let world = World::new();
    let Some(far) = FarHost::reached_from(&world, true) else {
        return;
    };
    far.world
        .write_roster("default", &far.world.agents(&[("far", "")]));
    far.world.fleet(&["up"]).exits(0);
    let names = ["lead", "coder", "tester"];
    let mut agents = String::new();
    for name in names {
        with_hands(&world, name);
        let class = if name == "lead" {
            "orchestrator"
        } else {
            "code"
        };
        agents.push_str(&format!(
            "  - {{name: {name}, runtime: {name}, class: {class}}}\n"
        ));
    }
    agents.push_str("  - {name: far, runtime: sim, class: review, host: oak, ssh: oak}\n");
    world.write_roster("default", &agents);
    world.fleet_by_ssh(&["up"]).exits(0);
    let blocks = world.fleet(&["comms", "--all", "--json"]).exits(0).json();
    for block in blocks.as_array().unwrap() {
        let agent = block["agent"].as_str().unwrap();
        if agent == "far" {
            continue;
        }
        let commands: Vec<_> = commands(block["block"].as_str().unwrap())
            .map(|command| command.replace('…', &format!("hello of {agent}")))
            .collect();
        assert_eq!(commands.len(), 3, "{block:#}");
        let script = format!("set -e\n{}\n", commands.join("\n"));
        let file = world.path("work").join(format!("{agent}.commands"));
        // In one step, for its reader looks all the time.
        fs::write(file.with_extension("new"), script).unwrap();
        fs::rename(file.with_extension("new"), file).unwrap();
    }
    for agent in names {
        let end = world.path("work").join(format!("{agent}.commands.end"));
        let end = until(|| fs::read_to_string(&end).map_err(|error| error.to_string()));
        let said = fs::read_to_string(world.path("work").join(format!("{agent}.commands.out")));
        assert_eq!(end.trim(), "0", "{agent}: {}", said.unwrap());
    }
    for receiver in ["lead", "coder", "tester", "far"] {
        let received = || match receiver {
            "far" => far.world.received("far", Kind::Submit),
            name => world.received(name, Kind::Submit),
        };
        for sender in names.iter().filter(|sender| **sender != receiver) {
            let ours = format!(":{sender} -> ");
            until(|| {
                let received = received();
                let from = received.iter().filter(|text| text.contains(&ours));
                match from
                    .filter(|text| text.ends_with(&format!("hello of {sender}")))
                    .count()
                {
                    1 => Ok(()),
                    other => Err(format!("{receiver} has {other} of {sender}: {received:?}")),
                }
            });
        }
    }
}

/// Returns the commands in the table of a block.
fn commands(block: &str) -> impl Iterator<Item = String> {
    block.lines().filter_map(|line| {
        let cell = line.strip_prefix("| ")?.split(" | ").nth(2)?;
        let command = cell
            .trim_end_matches(" |")
            .strip_prefix('`')?
            .strip_suffix('`')?;
        Some(command.replace("\\|", "|"))
    })
}

#[test]
fn the_comms_block_of_an_unknown_agent_or_without_a_roster_fails_loudly() {
    let world = World::with_agents(&[("coder", ""), ("tester", "")]);
    let block = world.fleet(&["comms", "coder"]).exits(0);
    assert!(block.stdout.contains("fleet send tester -m"), "{block}");
    let unknown = world.fleet(&["comms", "codre"]).exits(2);
    assert!(
        unknown.stderr.contains("did you mean `coder`?"),
        "{unknown}"
    );
    assert!(unknown.stdout.is_empty());
    world.fleet_of("none", &["comms", "coder"]).exits(2);
    world.fleet(&["comms"]).exits(2);
}
