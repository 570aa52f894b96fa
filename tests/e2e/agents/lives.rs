//! What outlasts a turn: the conversation over a restart, a reset, trust, peers.

use std::fs;
use std::path::Path;

use podfleet_harness::{Fact, Harness, Transcript};
use podfleet_stub_model::{Rule, Then, ToolCall};
use serde_json::{Value, json};
use test_case::test_case;

use super::program::Program::{self, Claude, Codex, Opencode, Pi};
use super::stage::{Stage, outcome_of, texts};
use crate::world::until;

#[test_case(Claude; "claude")]
#[test_case(Codex; "codex")]
#[test_case(Opencode; "opencode")]
#[test_case(Pi; "pi")]
fn a_restarted_agent_goes_on_with_its_conversation(program: Program) {
    let Some(stage) = Stage::up(program, &[]) else {
        return;
    };
    stage.ask("remember the sea");
    stage.world.fleet(&["restart", stage.name()]).exits(0);
    stage.until_state("available");
    stage.ask("what was it?");
    let asked = stage.until_asked("what was it?");
    let said = |part: &str| asked.said.iter().any(|said| said.contains(part));
    assert!(said("remember the sea"), "{:#?}", asked.said);
}

/// They ask what to do with a conversation of another directory, each in its own way.
#[test_case(Codex; "codex")]
#[test_case(Pi; "pi")]
fn an_agent_that_is_moved_elsewhere_begins_a_new_conversation(program: Program) {
    let Some(stage) = Stage::up(program, &[]) else {
        return;
    };
    stage.ask("remember the sea");
    let elsewhere = stage.world.path("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    let directory = format!("working_directory={}", elsewhere.display());
    stage
        .world
        .fleet(&["set", stage.name(), &directory])
        .exits(0);
    stage.until_state("available");
    stage.ask("what was it?");
    let asked = stage.until_asked("what was it?");
    let said = |part: &str| asked.said.iter().any(|said| said.contains(part));
    assert!(!said("remember the sea"), "{:#?}", asked.said);
}

#[test_case(Claude; "claude")]
#[test_case(Codex; "codex")]
#[test_case(Opencode; "opencode")]
#[test_case(Pi; "pi")]
fn a_reset_agent_has_forgotten_and_is_kicked_off_again(program: Program) {
    let Some(stage) = Stage::set_with(program, &[], "    kickstart: look around\n") else {
        return;
    };
    stage.bring_up();
    stage.until_asked("look around");
    stage.ask("remember the sea");
    let before = stage.asked().len();
    let reset = stage.world.fleet(&["reset", stage.name()]);
    assert_eq!(reset.code, 0, "{reset}\n{}", stage.tail());
    let asked = until(|| {
        let asked = stage.asked();
        let mut since = asked[before..].iter();
        let again = since.find(|asked| asked.user.contains("look around"));
        again
            .cloned()
            .ok_or_else(|| format!("{}\n{}", texts(&asked), stage.tail()))
    });
    let said = |part: &str| asked.said.iter().any(|said| said.contains(part));
    assert!(!said("remember the sea"), "{:#?}", asked.said);
}

#[test_case(Claude; "claude")]
#[test_case(Codex; "codex")]
fn a_directory_that_is_trusted_by_the_command_raises_no_question(program: Program) {
    let Some(stage) = Stage::set(program, &[]) else {
        return;
    };
    stage.make_repository();
    stage.forget_trust();
    let trusted = stage
        .world
        .fleet(&["trust", stage.name(), "--json"])
        .exits(0);
    let report = trusted.json();
    assert_eq!(report["changed"], true, "{report:#}");
    assert!(fs::metadata(report["backup"].as_str().unwrap()).is_ok());
    let again = stage
        .world
        .fleet(&["trust", stage.name(), "--json"])
        .exits(0);
    assert_eq!(again.json()["changed"], false);
    stage.bring_up();
    let running = stage.world.fleet(&["trust", stage.name()]).exits(3);
    assert!(running.stderr.contains("it runs"), "{running}");
}

#[test_case(Claude; "claude")]
#[test_case(Codex; "codex")]
fn a_message_waits_until_the_question_of_trust_is_answered(program: Program) {
    let Some(stage) = Stage::set(program, &[]) else {
        return;
    };
    stage.make_repository();
    stage.forget_trust();
    stage.world.fleet(&["up"]);
    stage.until_state("blocked");
    let shown = stage
        .world
        .fleet(&["answer", stage.name(), "--json"])
        .exits(0)
        .json();
    assert_eq!(shown["dialog"]["kind"], "trust", "{shown:#}");
    let held = stage.send("are you there?", &["--timeout", "1"]);
    assert_eq!(outcome_of(&held), "held{dialog}", "{held:#}");
    let answered = stage.world.fleet(&["answer", stage.name(), "1"]);
    assert_eq!(answered.code, 0, "{answered}\n{}", stage.tail());
    stage.until_asked("are you there?");
    stage.until_logged("\"outcome\":\"answered\"");
}

/// The hooks of a repository are a second question, behind that of trust.
#[test]
fn codexs_review_of_a_repositorys_hooks_is_a_dialog_to_be_answered() {
    let Some(stage) = Stage::set(Codex, &[]) else {
        return;
    };
    stage.make_repository();
    let settings = stage.work().join(".codex");
    fs::create_dir(&settings).unwrap();
    let hook = json!({"hooks": [{"type": "command", "command": "true"}]});
    let hooks = json!({"hooks": {"SessionStart": [hook]}}).to_string();
    fs::write(settings.join("hooks.json"), hooks).unwrap();
    stage.world.fleet(&["up"]);
    stage.until_state("blocked");
    let shown = stage.world.fleet(&["answer", "codex"]).exits(0);
    assert!(shown.stdout.contains("Hooks need review"), "{shown}");
    stage.world.fleet(&["answer", "codex", "3"]).exits(0);
    stage.until_state("available");
}

#[test_case(Claude; "claude")]
#[test_case(Codex; "codex")]
#[test_case(Opencode; "opencode")]
#[test_case(Pi; "pi")]
fn an_agent_is_told_who_it_is_and_whom_it_can_reach(program: Program) {
    let Some(stage) = Stage::set(program, &[]) else {
        return;
    };
    stage.with_mate();
    stage.world.fleet(&["up"]).exits(0);
    stage.until_state("available");
    stage.ask("who are you?");
    let asked = stage.until_asked("who are you?");
    let told = format!("{}\n{}", asked.system, asked.said.join("\n"));
    assert!(
        told.contains("# Your fleet") && told.contains("fleet send mate"),
        "{told}"
    );
}

/// Codex forbids its shell the sockets; the tools of `fleet mcp` run outside of its sandbox.
#[test]
fn a_message_to_a_mate_leaves_codexs_sandbox_by_its_tools() {
    let call = ToolCall {
        tool: "send_to_peer".into(),
        arguments: json!({"name": "mate", "message": "from within"}),
    };
    let Some(stage) = Stage::set(Codex, &[Rule::when("tell mate", Then::Call(call))]) else {
        return;
    };
    stage.with_mate();
    stage.world.fleet(&["up"]).exits(0);
    stage.until_state("available");
    stage
        .world
        .fleet(&["peer", "add", "codex", "mate"])
        .exits(0);
    stage.send("tell mate", &["--wait", "started", "--timeout", "30"]);
    stage.approve_until(|| {
        let texts = stage
            .world
            .received("mate", podfleet_sim_agent::Kind::Submit);
        texts.iter().any(|text| text.ends_with("from within"))
    });
}

#[test_case(Claude; "claude")]
#[test_case(Codex; "codex")]
#[test_case(Pi; "pi")]
fn the_session_log_has_the_agents_last_words_by_its_own_account(program: Program) {
    let words = "It is **blue**.\n\n- deep";
    let script = [Rule::when("the sea", Then::Answer(format!("{words}\n\n")))];
    let Some(stage) = Stage::up(program, &script) else {
        return;
    };
    let receipt = stage.ask("what of the sea?");
    let source = receipt["evidence"]["source"].as_str().unwrap();
    assert!(["transcript", "hook"].contains(&source), "{receipt:#}");
    assert_eq!(last_words(&stage)["text"].as_str().unwrap().trim(), words);
    let told = stage
        .world
        .fleet(&["ps", "--explain", stage.name()])
        .exits(0);
    assert!(told.stdout.contains("own word"), "{told}");
}

/// It has no account of its own that we read.
#[test]
fn the_session_log_has_what_opencodes_screen_shows_of_its_last_words() {
    let words = "It is blue.\n\nAnd it is deep,\nwhich nobody sees.";
    let script = [Rule::when("the sea", Then::Answer(words.into()))];
    let Some(stage) = Stage::up(Opencode, &script) else {
        return;
    };
    let receipt = stage.ask("what of the sea?");
    assert_eq!(receipt["evidence"]["source"], "status_edge", "{receipt:#}");
    let told = last_words(&stage);
    assert_eq!(told["text"], words, "{told:#}\n{}", stage.tail());
}

/// Returns the record of the last that the agent said.
fn last_words(stage: &Stage) -> Value {
    // A receipt may know of the end of the turn before the words are written down.
    until(|| {
        let log = stage.world.fleet(&["log", stage.name(), "--json"]).exits(0);
        let records = log.stdout.lines();
        let mut records = records.filter_map(|line| serde_json::from_str(line).ok());
        let words = records.rfind(|record: &Value| record["type"] == "agent_output");
        words.ok_or_else(|| log.to_string())
    })
}

/// A pod that was killed judges by these times whether a text was said since it was typed.
#[test_case(Claude; "claude")]
#[test_case(Codex; "codex")]
#[test_case(Pi; "pi")]
fn what_was_said_is_written_down_with_its_time(program: Program) {
    let Some(stage) = Stage::up(program, &[]) else {
        return;
    };
    let before = jiff::Timestamp::now();
    stage.ask("what of the sea?");
    let harness = Harness::shipped(stage.name()).unwrap();
    let rules = harness.transcript().unwrap();
    // Claude Code writes it down some time after its turn has ended.
    let time = until(|| {
        let mut lines = Vec::new();
        lines_below(&stage.home(), rules, &mut lines);
        let said = lines.iter().filter_map(|line| rules.read_dated(line));
        let ours = |fact: &Fact| matches!(fact, Fact::User(said) if said.ends_with("the sea?"));
        let time = said
            .filter(|dated| ours(&dated.fact))
            .find_map(|dated| dated.time);
        time.ok_or_else(|| lines.join("\n"))
    });
    let time: jiff::Timestamp = time.parse().unwrap();
    assert!(before <= time && time <= jiff::Timestamp::now(), "{time}");
}

/// Collects the lines of all transcripts.
fn lines_below(directory: &Path, rules: &Transcript, lines: &mut Vec<String>) {
    for entry in fs::read_dir(directory).unwrap().flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            lines_below(&path, rules, lines);
        } else if rules.is_file(&name.to_string_lossy()) {
            let text = fs::read_to_string(path).unwrap();
            lines.extend(text.lines().map(str::to_owned));
        }
    }
}
