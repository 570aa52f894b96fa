//! The chat: what a person says reaches the orchestrator, and what that says reaches the person.

use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};

use podfleet_sim_agent::Kind;
use rustix::process::Signal;
use serde_json::Value;

use crate::acting::Actors;
use crate::looking::Person;
use crate::world::{FLEET, Ran, World, ran, signal, until};

/// A world whose fleet has an orchestrator and a chat in a terminal.
pub(crate) fn world() -> World {
    let world = World::new();
    let lead = world.entry("lead", "sim", "");
    let lead = lead.replace("runtime: sim\n", "runtime: sim\n    class: orchestrator\n");
    let agents = format!("{lead}{}", world.agents(&[("coder", "")]));
    let agents = format!("{agents}connector:\n  kind: tmux\n");
    world.write_roster("default", &agents);
    world
}

/// What stands in the chat's history.
pub(crate) fn history(world: &World) -> Vec<Value> {
    let chats = std::fs::read_dir(world.path("state/chats"));
    let files = chats.into_iter().flatten().flatten();
    let texts = files.map(|chat| std::fs::read_to_string(chat.path().join("history.jsonl")));
    let lines: Vec<String> = texts
        .flat_map(|text| {
            text.unwrap_or_default()
                .lines()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        })
        .collect();
    let lines = lines
        .iter()
        .filter_map(|line| serde_json::from_str(line).ok());
    lines
        .filter_map(|line: Value| line.get("said").cloned())
        .collect()
}

fn fleet_said(world: &World) -> Vec<String> {
    let said = history(world).into_iter();
    said.filter(|entry| entry["from"] == "fleet")
        .map(|entry| entry["text"].as_str().unwrap().to_owned())
        .collect()
}

#[track_caller]
fn until_said(world: &World, wanted: &str) {
    until(|| {
        let said = fleet_said(world);
        match said.iter().any(|text| text.contains(wanted)) {
            true => Ok(()),
            false => Err(format!("{said:#?}")),
        }
    });
}

/// Runs a command as the agent of a pod.
pub(crate) fn as_agent(world: &World, pod: &str, arguments: &[&str]) -> Ran {
    let credential = Actors::of(world).credential(pod);
    let proof = format!("{}:{}", credential.pod, credential.secret);
    let mut command = world.command("default", arguments);
    ran(&command.env("FLEET_POD_CREDENTIAL", proof).output().unwrap())
}

#[test]
fn a_person_speaks_with_the_orchestrator_and_is_answered() {
    let world = world();
    world.fleet(&["up"]).exits(0);
    world
        .fleet(&["chat", "-m", "SLEEP:1500 is it done?"])
        .exits(0);
    let received = until(|| {
        let received = world.received("lead", Kind::Submit);
        received
            .first()
            .cloned()
            .ok_or_else(|| format!("{received:?}"))
    });
    assert!(received.starts_with("[chat:"), "{received}");
    assert!(
        received.contains(":lead class=human] SLEEP:1500 is it done?"),
        "{received}"
    );
    let said = as_agent(&world, "lead", &["say", "-m", "yes, **done**"]).exits(0);
    assert!(said.stdout.starts_with("kept"), "{said}");
    until_said(&world, "yes, **done**");
    // The turn ended with an answer, so that nothing stands in for one.
    world.until_row("lead", |row| row["readiness"] != "working");
    world.fleet(&["chat", "-m", "!ps"]).exits(0);
    until_said(&world, "coder");
    let said = fleet_said(&world);
    assert!(
        said.iter().all(|text| !text.contains("without an answer")),
        "{said:#?}"
    );
    let status = world.fleet(&["bridge", "status", "--json"]).exits(0).json();
    assert_eq!(status["status"]["phase"], "connected");
    assert_eq!(status["unsent"], 0);
    let bridge = &world.row("lead")["bridge"];
    assert_eq!(bridge["status"], status["status"]);
    assert_eq!(bridge["runs"], true);
    let told = world.fleet(&["status", "lead", "--json"]).exits(0).json();
    assert_eq!(told[0]["row"]["bridge"]["status"]["kind"], "tmux");
}

#[test]
fn a_turn_that_ends_without_a_word_is_told_with_what_the_agent_wrote() {
    let world = world();
    world.fleet(&["up"]).exits(0);
    world
        .fleet(&["chat", "-m", "SAY:the build is green"])
        .exits(0);
    until_said(&world, "ended its turn without an answer to you");
    let said = fleet_said(&world);
    assert!(said[0].contains("the build is green"), "{said:#?}");
    let asked = history(&world)[0]["id"].clone();
    assert_eq!(history(&world)[1]["reply_to"], asked);
}

#[test]
fn only_the_orchestrator_and_the_operator_speak_to_the_human() {
    let world = world();
    world.fleet(&["up"]).exits(0);
    let refused = as_agent(&world, "coder", &["say", "-m", "hello"]).exits(3);
    insta::assert_snapshot!(refused.stderr, @r#"
    error: that is not said: only the fleet's orchestrator speaks to its human

    hint: tell it: `fleet send lead -m "…"`
    "#);
    assert!(history(&world).is_empty());
}

#[test]
fn a_thread_comes_back_with_the_answer_and_the_same_id_is_said_once() {
    let world = world();
    world.fleet(&["up"]).exits(0);
    world
        .fleet(&["chat", "--thread", "topic-1", "-m", "SLEEP:1000 about this"])
        .exits(0);
    until(|| {
        let received = world.received("lead", Kind::Submit);
        let named = received
            .iter()
            .any(|text| text.contains(" thread=topic-1] "));
        named.then_some(()).ok_or_else(|| format!("{received:?}"))
    });
    let id = "01a21561-472d-7088-84d8-31f035afd501";
    for _ in 0..2 {
        as_agent(
            &world,
            "lead",
            &["say", "--thread", "topic-1", "--id", id, "-m", "noted"],
        )
        .exits(0);
    }
    until_said(&world, "noted");
    let noted: Vec<_> = history(&world)
        .into_iter()
        .filter(|entry| entry["text"] == "noted")
        .collect();
    assert_eq!(noted.len(), 1);
    assert_eq!(noted[0]["thread"], "topic-1");
}

#[test]
fn what_is_said_while_no_bridge_runs_waits_and_nothing_is_doubled_by_kills() {
    let world = world();
    world.fleet(&["up"]).exits(0);
    world.fleet(&["bridge", "stop"]).exits(0);
    world.fleet(&["chat", "-m", "nobody hears"]).exits(1);
    let said = world
        .fleet(&["say", "--timeout", "0", "-m", "it waits"])
        .exits(0);
    assert!(
        said.stderr.contains("no bridge of this fleet runs"),
        "{said}"
    );
    world.fleet(&["bridge", "start"]).exits(0);
    until_said(&world, "it waits");
    for round in 0..6 {
        let text = format!("human {round}");
        world.fleet(&["chat", "-m", &text]).exits(0);
        world
            .fleet(&["say", "--timeout", "0", "-m", &format!("fleet {round}")])
            .exits(0);
        let status = world.fleet(&["bridge", "status", "--json"]).json();
        let pid = u32::try_from(status["status"]["pid"].as_u64().unwrap()).unwrap();
        signal(pid, Signal::KILL);
        until(
            || match world.fleet(&["bridge", "status", "--json"]).json()["runs"] == false {
                true => Ok(()),
                false => Err("it runs".to_owned()),
            },
        );
        world.fleet(&["bridge", "start"]).exits(0);
    }
    until(|| {
        let received = world.received("lead", Kind::Submit);
        let of_human = received
            .iter()
            .filter(|text| text.contains("] human "))
            .count();
        (of_human >= 6)
            .then_some(())
            .ok_or_else(|| format!("{received:#?}"))
    });
    until_said(&world, "fleet 5");
    let received = world.received("lead", Kind::Submit);
    let rounds: Vec<_> = received
        .iter()
        .filter_map(|text| text.split("] human ").nth(1))
        .collect();
    assert_eq!(rounds, ["0", "1", "2", "3", "4", "5"]);
    let said = fleet_said(&world);
    let rounds: Vec<_> = said
        .iter()
        .filter_map(|text| text.strip_prefix("fleet "))
        .collect();
    assert_eq!(rounds, ["0", "1", "2", "3", "4", "5"]);
}

/// Says each line of a text.
fn chat(world: &World, lines: &str) -> Ran {
    let mut chat = world
        .command("default", &["chat"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = chat.stdin.take().unwrap();
    stdin.write_all(lines.as_bytes()).unwrap();
    drop(stdin);
    ran(&chat.wait_with_output().unwrap())
}

#[test]
fn however_many_lines_are_said_at_once_all_are_kept_and_too_long_a_one_says_nothing() {
    let world = world();
    world.fleet(&["up"]).exits(0);
    let lines: String = (0..600).map(|number| format!("line {number}\n")).collect();
    chat(&world, &lines).exits(0);
    let said = || {
        let history = history(&world).into_iter();
        let human = history.filter(|entry| entry["from"] == "human");
        human
            .map(|entry| entry["text"].as_str().unwrap().to_owned() + "\n")
            .collect::<String>()
    };
    assert!(said() == lines, "all lines in order");
    let long = format!("before\n{}\nbehind\n", "a".repeat(2 << 20));
    let refused = chat(&world, &long).exits(3);
    assert!(refused.stderr.contains("nothing was said"), "{refused}");
    assert!(said() == lines, "no more than that");
}

#[test]
fn what_a_bridge_that_goes_away_in_mid_word_did_not_take_is_told() {
    let world = world();
    world.fleet(&["up"]).exits(0);
    let files = std::fs::read_dir(world.path("run")).unwrap().flatten();
    let mut files = files.map(|file| file.path());
    let socket = files
        .find(|path| path.extension() == Some("chat".as_ref()))
        .unwrap();
    world.fleet(&["bridge", "stop"]).exits(0);
    let listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let bridge = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut hello = [0; 4096];
        assert!(stream.read(&mut hello).unwrap() > 0);
        stream.write_all(b"{\"welcome\":0}\n").unwrap();
    });
    let lines: String = (0..60).map(|number| format!("line {number}\n")).collect();
    let lost = chat(&world, &lines).exits(5);
    bridge.join().unwrap();
    assert!(
        lost.stderr.contains("60 of 60 lines were not taken"),
        "{lost}"
    );
}

#[test]
fn what_was_entered_while_the_bridge_is_away_is_shown_again_by_who_leaves() {
    let world = world();
    world.fleet(&["up"]).exits(0);
    let chat = world.command("default", &["chat"]);
    let mut shell = Command::new("sh");
    shell.args(["-c", "\"$0\" chat; echo \"ended with $?\"; read x", FLEET]);
    for (name, value) in chat.get_envs() {
        shell.env(name, value.unwrap_or_default());
    }
    let person = Person::running(&world, &shell);
    person.sees(|screen| screen.contains("/help"));
    world.fleet(&["bridge", "stop"]).exits(0);
    person.sees(|screen| screen.contains("the bridge is gone"));
    person.keys(&["this is important", "Enter"]);
    // Between two lines nobody reads keys, and an end of input is none that is read later.
    person
        .sees(|screen| screen.contains("this is important") && screen.trim_end().ends_with("\n>"));
    person.keys(&["C-d"]);
    person.sees(|screen| {
        let (_, told) = screen.split_once("was not said:").unwrap_or_default();
        told.contains("this is important") && told.contains("ended with 1")
    });
}

#[test]
fn nothing_is_said_in_a_fleet_that_nobody_knows() {
    let world = world();
    world.fleet(&["up"]).exits(0);
    for unknown in [
        &["say", "--fleet", "nope", "-m", "x"][..],
        &["bridge", "start", "--fleet", "nope"],
    ] {
        let refused = world.fleet(unknown).exits(2);
        assert!(
            refused.stderr.contains("no fleet `nope` is known"),
            "{refused}"
        );
    }
}

#[test]
fn a_bridge_that_was_started_again_is_connected_though_nobody_speaks() {
    let world = world();
    world.fleet(&["up"]).exits(0);
    chat(&world, "hi\n").exits(0);
    world.fleet(&["bridge", "stop"]).exits(0);
    world.fleet(&["bridge", "start"]).exits(0);
    until(|| {
        let status = world.fleet(&["bridge", "status"]);
        let connected = status.code == 0 && status.stdout.contains("connected");
        connected.then_some(()).ok_or_else(|| status.to_string())
    });
}

#[test]
fn commands_in_the_chat_are_done_and_wrong_ones_told() {
    let world = world();
    world.fleet(&["up"]).exits(0);
    let lines = "!help\n!tail coder\n!tail nobody\n!pause coder\n!send coder build it\n!fly\n";
    chat(&world, lines).exits(0);
    until_said(&world, "there is no command `!fly`");
    let said = fleet_said(&world);
    assert!(said[0].contains("!tail NAME"), "{said:#?}");
    assert!(said[1].contains("? for shortcuts"), "{said:#?}");
    assert!(said[2].contains("has no agent `nobody`"), "{said:#?}");
    assert!(said[3].contains("`coder`: paused"), "{said:#?}");
    // That it is held may be known by then, or not yet.
    assert!(said[4].starts_with("`coder`: "), "{said:#?}");
    assert_eq!(world.row("coder")["flags"][0], "PAUSED");
}

#[test]
fn a_fleet_without_a_connector_has_no_bridge_and_down_ends_the_one_of_a_fleet_with_one() {
    let plain = World::with_agents(&[("a", "")]);
    plain.fleet(&["up"]).exits(0);
    let status = plain.fleet(&["bridge", "status"]).exits(1);
    assert_eq!(status.stdout, "no bridge was ever started\n");
    let chat = plain.fleet(&["chat", "-m", "hello?"]).exits(1);
    insta::assert_snapshot!(chat.stderr, @"
    error: this fleet has no chat: its roster has no `connector`

    hint: `fleet connector switch tmux` and `fleet up` give it one in a terminal
    ");
    let started = plain.fleet(&["bridge", "start"]).exits(0);
    assert!(started.stderr.contains("`fleet up` ends it"), "{started}");
    plain.fleet(&["up"]).exits(0);
    plain.fleet(&["bridge", "status"]).exits(1);
    plain.fleet(&["bridge", "start"]).exits(0);
    plain.fleet(&["down", "a"]).exits(0);
    plain.fleet(&["bridge", "stop"]).exits(0);
    plain.fleet(&["bridge", "start"]).exits(0);
    plain.fleet(&["down"]).exits(0);
    let stop = plain.fleet(&["bridge", "stop"]).exits(0);
    assert!(stop.stderr.contains("no bridge runs"), "{stop}");
    let world = world();
    world.fleet(&["up"]).exits(0);
    world.fleet(&["bridge", "status"]).exits(0);
    world.fleet(&["bridge", "run"]).exits(3);
    world.fleet(&["down", "--all"]).exits(0);
    let status = world.fleet(&["bridge", "status"]).exits(1);
    assert!(status.stdout.starts_with("bridge   ended"), "{status}");
}

#[test]
fn a_dialog_is_answered_from_the_chat_once() {
    let world = world();
    world.fleet(&["up"]).exits(0);
    world.fleet(&["send", "coder", "-m", "ASK me"]).exits(0);
    world.until_row("coder", |row| row["readiness"] == "blocked");
    // Nobody has to ask for that.
    until_said(&world, "`coder` is **blocked**");
    world.fleet(&["chat", "-m", "!answer coder"]).exits(0);
    until_said(&world, "Do you want to proceed?");
    world.fleet(&["chat", "-m", "!answer coder maybe"]).exits(0);
    until_said(&world, "the dialog has no choice `maybe`");
    assert!(world.received("coder", Kind::Approve).is_empty());
    world.fleet(&["chat", "-m", "!answer coder yes"]).exits(0);
    until_said(&world, "`coder`: picking 1, Yes");
    until(|| match world.received("coder", Kind::Approve).len() {
        1 => Ok(()),
        count => Err(count.to_string()),
    });
    world.until_row("coder", |row| row["readiness"] == "available");
    world.fleet(&["chat", "-m", "!answer coder yes"]).exits(0);
    until_said(&world, "`coder` shows no dialog with choices");
}
