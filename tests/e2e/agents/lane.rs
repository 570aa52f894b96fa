//! What comes between a message and its answer: work, dialogs, a person's draft, errors.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use podfleet_harness::same_text;
use podfleet_stub_model::{Failure, Rule, Then, ToolCall};
use serde_json::Value;
use serde_json::json;
use test_case::test_case;

use super::program::Program::{self, Claude, Codex, Opencode, Pi};
use super::stage::{Stage, outcome_of, texts};
use crate::world::{signal, until};
use rustix::process::Signal;

#[test_case(Claude; "claude")]
#[test_case(Codex; "codex")]
#[test_case(Opencode; "opencode")]
#[test_case(Pi; "pi")]
fn a_message_waits_for_a_busy_agent_and_so_do_those_behind_it(program: Program) {
    let Some(stage) = Stage::set(program, &[]) else {
        return;
    };
    let gate = stage.world.path("gate");
    let stage = stage.with_script(&[Rule::hold("the long one", &gate)]);
    stage.bring_up();
    let first = stage.send("the long one", &["--wait", "started", "--timeout", "30"]);
    assert_eq!(first["receipt"]["outcome"], "started", "{first:#}");
    stage.until_state("working");
    let held = stage.send("in its turn", &["--timeout", "1"]);
    assert_eq!(
        outcome_of(&held),
        "held{busy}",
        "{held:#}\n{}",
        stage.tail()
    );
    let behind = stage.send("at once", &["--now", "--timeout", "1"]);
    // It is typed after the one that waits: the lane has one order.
    assert_eq!(
        outcome_of(&behind),
        "held{busy}",
        "{behind:#}\n{}",
        stage.tail()
    );
    fs::write(&gate, "").unwrap();
    stage.until_asked("in its turn");
    stage.until_asked("at once");
}

/// An agent that works until a file exists.
fn busy(program: Program) -> Option<(Stage, PathBuf)> {
    let stage = Stage::set(program, &[])?;
    let gate = stage.world.path("gate");
    let stage = stage.with_script(&[Rule::hold("the long one", &gate)]);
    stage.bring_up();
    stage.send("the long one", &["--wait", "started", "--timeout", "30"]);
    stage.until_state("working");
    Some((stage, gate))
}

/// Sends a message into a busy agent's queue and waits for its answer; returns what was told. As soon
/// as it stands there, something is done.
fn sent_into_its_queue(stage: &Stage, then: impl FnOnce()) -> Value {
    let waits = ["--now", "--wait", "answered", "--timeout", "90"];
    thread::scope(|scope| {
        let sent = scope.spawn(|| stage.send("at once", &waits));
        stage.until_logged("queued_by_agent");
        then();
        sent.join().unwrap()
    })
}

#[test_case(Claude; "claude")]
#[test_case(Codex; "codex")]
#[test_case(Opencode; "opencode")]
#[test_case(Pi; "pi")]
fn a_message_that_a_busy_agent_queues_is_answered_in_its_turn(program: Program) {
    let Some((stage, gate)) = busy(program) else {
        return;
    };
    let sent = sent_into_its_queue(&stage, || {
        let asked = stage.asked();
        assert!(asked.iter().all(|asked| !asked.user.contains("at once")));
        fs::write(&gate, "").unwrap();
    });
    assert_eq!(outcome_of(&sent), "answered", "{sent:#}\n{}", stage.tail());
    // The end of the turn before is not taken for that of this one.
    assert!(texts(&stage.asked()).contains("at once"), "{sent:#}");
}

#[test_case(Claude; "claude")]
#[test_case(Codex; "codex")]
#[test_case(Opencode; "opencode")]
#[test_case(Pi; "pi")]
fn several_messages_in_the_queue_of_an_agent_are_told_apart(program: Program) {
    let Some((stage, gate)) = busy(program) else {
        return;
    };
    let started = stage.logged("started");
    let answered = ["--now", "--wait", "answered", "--timeout", "90"];
    let sent = thread::scope(|scope| {
        let sent = ["the first of two", "the second of two"].map(|body| {
            let queued = stage.logged("queued_by_agent");
            let sent = scope.spawn(|| stage.send(body, &answered));
            until(|| match stage.logged("queued_by_agent") > queued {
                true => Ok(()),
                false => Err(format!("{body}\n{}", stage.tail())),
            });
            sent
        });
        assert_eq!(stage.logged("started"), started, "{}", stage.tail());
        fs::write(&gate, "").unwrap();
        sent.map(|sent| sent.join().unwrap())
    });
    for sent in sent {
        assert_eq!(outcome_of(&sent), "answered", "{sent:#}\n{}", stage.tail());
    }
    assert_eq!(stage.logged("started"), started + 2, "{}", stage.tail());
}

#[test_case(Claude; "claude")]
#[test_case(Codex; "codex")]
#[test_case(Opencode; "opencode")]
#[test_case(Pi; "pi")]
fn a_message_in_the_queue_of_an_agent_that_is_killed_is_told_to_be_lost(program: Program) {
    let Some((stage, _)) = busy(program) else {
        return;
    };
    let sent = sent_into_its_queue(&stage, || {
        signal(stage.world.agent_pid(stage.name()), Signal::KILL);
    });
    assert_eq!(outcome_of(&sent), "unknown", "{sent:#}\n{}", stage.tail());
    let reason = sent["receipt"]["reason"].as_str().unwrap_or_default();
    assert!(reason.contains("the agent's own queue"), "{sent:#}");
}

#[test_case(Claude; "claude")]
#[test_case(Codex; "codex")]
#[test_case(Opencode; "opencode")]
#[test_case(Pi; "pi")]
fn an_agent_that_is_interrupted_works_no_more(program: Program) {
    let Some((stage, _)) = busy(program) else {
        return;
    };
    let interrupted = stage.world.fleet(&["interrupt", stage.name()]);
    assert_eq!(interrupted.code, 0, "{interrupted}\n{}", stage.tail());
    let row = stage.world.row(stage.name());
    assert_ne!(row["readiness"], "working", "{row:#}\n{}", stage.tail());
}

#[test_case(Claude; "claude")]
#[test_case(Codex; "codex")]
#[test_case(Opencode; "opencode")]
#[test_case(Pi; "pi")]
fn a_persons_draft_is_neither_sent_nor_overwritten(program: Program) {
    let Some(stage) = Stage::up(program, &[]) else {
        return;
    };
    stage.types("half a thought");
    let held = stage.send("not now", &["--timeout", "1"]);
    assert_eq!(
        outcome_of(&held),
        "held{draft}",
        "{held:#}\n{}",
        stage.tail()
    );
    assert!(stage.tail().stdout.contains("half a thought"));
    assert!(stage.asked().is_empty());
}

#[test_case(Claude; "claude")]
#[test_case(Codex; "codex")]
#[test_case(Opencode; "opencode")]
#[test_case(Pi; "pi")]
fn a_long_message_of_many_lines_and_scripts_arrives_whole(program: Program) {
    let Some(stage) = Stage::up(program, &[]) else {
        return;
    };
    let line =
        |number| format!("{number}: 這是一個很長的訊息 — ελληνικά, ру́сский, emoji 👍, plain.");
    let lines: Vec<String> = (1..250).map(line).collect();
    let body = format!("Whole?\n\n{}\n\nthe end", lines.join("\n"));
    assert!(body.len() > 20_000, "{}", body.len());
    stage.ask(&body);
    let asked = stage.until_asked("the end");
    let squeezed = |text: &str| text.split_whitespace().collect::<String>();
    let (_, received) = asked.user.split_once("] ").unwrap();
    assert_eq!(squeezed(received), squeezed(&body));
}

#[test_case(Claude; "claude")]
#[test_case(Codex; "codex")]
#[test_case(Opencode; "opencode")]
#[test_case(Pi; "pi")]
fn letters_that_are_composed_of_several_characters_arrive(program: Program) {
    let Some(stage) = Stage::up(program, &[]) else {
        return;
    };
    // As a file may have them: a mark in front, accents apart, a blank that nobody sees.
    let body = "\u{feff}Gru\u{308}\u{df}e, cafe\u{301},\u{200b} \u{5e9}\u{5dc}\u{5d5}\u{5dd} end";
    stage.ask(body);
    let asked = stage.until_asked("end");
    let (_, received) = asked.user.split_once("] ").unwrap();
    assert!(same_text(received, body), "{received:?}");
}

#[test_case(Claude, call("Read", "file_path"); "claude")]
#[test_case(Codex, Then::Run("head -n 3 {last}".into()); "codex")]
#[test_case(Opencode, call("read", "filePath"); "opencode")]
#[test_case(Pi, call("read", "path"); "pi")]
fn a_message_that_is_too_long_to_be_typed_is_read_without_a_question(program: Program, read: Then) {
    let Some(stage) = Stage::up(program, &[Rule::when("This message is long", read)]) else {
        return;
    };
    let body = format!("the beginning\n{}", "and so on\n".repeat(7000));
    assert!(body.len() > 65_536, "{}", body.len());
    stage.ask(&body);
    let asked = stage.asked();
    let given = asked.iter().find_map(|asked| asked.tool_result.clone());
    let given = given.unwrap_or_else(|| panic!("{}", stage.tail()));
    assert!(given.contains("the beginning"), "{given}");
}

/// Calls a tool that reads the first lines of the file that the user has named last; more would be
/// said again, and drawn for long.
fn call(tool: &str, argument: &str) -> Then {
    Then::Call(ToolCall {
        tool: tool.into(),
        arguments: json!({argument: "{last}", "limit": 3}),
    })
}

#[test_case(Claude; "claude")]
#[test_case(Codex; "codex")]
#[test_case(Opencode; "opencode")]
#[test_case(Pi; "pi")]
fn an_error_of_the_api_ends_the_turn_and_the_next_message_gets_through(program: Program) {
    let failure = Failure {
        status: 400,
        message: "no such thing".into(),
        retry_after: None,
    };
    let Some(stage) = Stage::up(program, &[Rule::when("fails", Then::Fail(failure))]) else {
        return;
    };
    let receipt = stage.ask("this one fails");
    assert!(
        stage.tail().stdout.contains("no such thing"),
        "{}",
        stage.tail()
    );
    assert_eq!(receipt["settled"], true, "{receipt:#}");
    let reason = receipt["reason"].as_str().unwrap_or_default();
    assert!(reason.contains("no such thing"), "{receipt:#}");
    stage.ask("this one does not");
}

#[test_case(Claude; "claude")]
#[test_case(Codex; "codex")]
#[test_case(Opencode; "opencode")]
#[test_case(Pi; "pi")]
fn an_overloaded_api_is_waited_for(program: Program) {
    let overloaded = Failure {
        status: 529,
        message: "overloaded".into(),
        retry_after: Some(1),
    };
    let script = [Rule::when("patience", Then::Fail(overloaded)).times(1)];
    let Some(stage) = Stage::up(program, &script) else {
        return;
    };
    stage.ask("patience, please");
    let asked = stage.asked();
    assert!(asked.len() >= 2, "{}", texts(&asked));
}

/// Returns what the model does to have a person asked whether a command may run.
fn asks_to_run(program: Program, command: &str) -> Then {
    match program {
        // It asks where the model says that its sandbox is too narrow.
        Codex => Then::Call(ToolCall {
            tool: "exec_command".into(),
            arguments: json!({
                "cmd": command,
                "sandbox_permissions": "require_escalated",
                "justification": "May it run outside of the sandbox?",
            }),
        }),
        Claude | Opencode | Pi => Then::Run(command.into()),
    }
}

#[test_case(Claude; "claude")]
#[test_case(Codex; "codex")]
#[test_case(Opencode; "opencode")]
fn a_permission_dialog_blocks_and_a_message_waits_for_a_person(program: Program) {
    let Some(stage) = Stage::set(program, &[]) else {
        return;
    };
    let outside = stage.world.path("outside");
    let touch = asks_to_run(program, &format!("touch {}", outside.display()));
    let stage = stage.with_script(&[Rule::when("make it", touch)]);
    stage.bring_up();
    stage.send("make it", &["--wait", "started", "--timeout", "30"]);
    stage.until_state("blocked");
    let ps = stage.world.fleet(&["ps"]).exits(0);
    assert!(ps.stdout.contains(": blocked ("), "{ps}");
    let held = stage.send("later", &["--timeout", "1"]);
    assert_eq!(outcome_of(&held), "held{dialog}", "{held:#}");
    assert!(!outside.exists());
}

#[test_case(Claude, "Do you want to proceed?", "yes"; "claude")]
#[test_case(Codex, "Would you like to run the following command?", "yes, proceed"; "codex")]
fn a_permission_dialog_with_numbers_is_answered_by_a_command(
    program: Program,
    question: &str,
    yes: &str,
) {
    let Some(stage) = Stage::set(program, &[]) else {
        return;
    };
    let made = stage.work().join("made");
    let touch = asks_to_run(program, &format!("touch {}", made.display()));
    let stage = stage.with_script(&[Rule::when("make it", touch)]);
    stage.bring_up();
    let name = stage.name();
    stage.send("make it", &["--wait", "started", "--timeout", "30"]);
    stage.until_state("blocked");
    until(|| {
        let shown = stage.world.fleet(&["answer", name]);
        let asks = shown.code == 0 && shown.stdout.contains(question);
        asks.then_some(()).ok_or_else(|| shown.to_string())
    });
    let stale = ["answer", name, "1", "--dialog", "0123456789abcdef"];
    stage.world.fleet(&stale).exits(1);
    assert!(!made.exists());
    stage.world.fleet(&["answer", name, yes]).exits(0);
    until(|| {
        made.exists()
            .then_some(())
            .ok_or_else(|| stage.tail().to_string())
    });
    stage.until_state("available");
    stage.world.fleet(&["answer", name, "1"]).exits(1);
}

#[test]
fn opencodes_permission_dialogs_are_answered_by_a_choice_that_its_light_is_led_to() {
    let Some(stage) = Stage::set(Opencode, &[]) else {
        return;
    };
    let path = |name| stage.world.path(name);
    let run =
        |when: &str, path: &Path| Rule::when(when, Then::Run(format!("touch {}", path.display())));
    let (refused, once, always) = (path("refused/x"), path("once/x"), path("always/x"));
    for file in [&refused, &once, &always] {
        fs::create_dir(file.parent().unwrap()).unwrap();
    }
    let script = [
        run("the first", &refused),
        run("the second", &once),
        run("the third", &always),
    ];
    let stage = stage.with_script(&script);
    stage.bring_up();
    let answer = |choice: &str| stage.world.fleet(&["answer", "opencode", choice]).exits(0);
    let made = |file: &Path| {
        until(|| {
            file.exists()
                .then_some(())
                .ok_or_else(|| stage.tail().to_string())
        });
    };
    let asks = |message: &str| {
        stage.send(message, &["--wait", "started", "--timeout", "30"]);
        stage.until_state("blocked");
    };
    asks("the first");
    let shown = stage.world.fleet(&["answer", "opencode"]).exits(0);
    assert!(shown.stdout.contains("Permission required"), "{shown}");
    let stale = ["answer", "opencode", "1", "--dialog", "0123456789abcdef"];
    stage.world.fleet(&stale).exits(1);
    // The light is led away from what would allow it.
    let told = answer("reject");
    assert_eq!(told.stdout, "opencode: picked 3, Reject\n");
    stage.until_state("available");
    assert!(!refused.exists());

    asks("the second");
    answer("allow once");
    made(&once);
    stage.until_state("available");

    asks("the third");
    answer("2");
    // Another dialog asks whether that is meant.
    until(|| {
        let shown = stage.world.fleet(&["answer", "opencode"]);
        let second = shown.stdout.contains("Always allow");
        second.then_some(()).ok_or_else(|| shown.to_string())
    });
    assert!(!always.exists());
    answer("confirm");
    made(&always);
    stage.until_state("available");
    stage.world.fleet(&["answer", "opencode", "1"]).exits(1);
}
