//! What a receipt says in front of an agent that misbehaves: the truth, in each case.
//!
//! Every row is one simulated agent with one fault, one message, and what must come of it: the
//! receipt's outcome, and what the agent by its own journal received. No row may end in an approved
//! dialog: that would be a key pressed blindly.

use std::time::Duration;

use podfleet_sim_agent::{Faults, Kind};
use rustix::process::Signal;

use crate::world::{World, signal, until, until_within};

struct Case {
    /// What the agent does wrong.
    fault: &'static str,
    /// The fault script, as JSON.
    faults: &'static str,
    /// How the roster runs it: as `sim`, or as `generic`, any program with a prompt.
    runtime: &'static str,
    message: &'static str,
    /// The outcome to wait for, and how long at most.
    wait: &'static str,
    seconds: u8,
    /// The outcome that the receipt names.
    outcome: &'static str,
    /// What the receipt must give as evidence, reason or hold.
    because: &'static str,
    /// How often the agent took the message, by its own journal.
    taken: usize,
    /// Whether the agent has work already, and the message is typed all the same.
    now: bool,
}

const fn case(fault: &'static str, faults: &'static str) -> Case {
    Case {
        fault,
        faults,
        runtime: "sim",
        message: "hello",
        wait: "answered",
        seconds: 15,
        outcome: "answered",
        because: "busy to idle",
        taken: 1,
        now: false,
    }
}

/// Longer than the 4,095 bytes that the kernel keeps of a line in canonical mode.
const LONG_LINE: &str = match std::str::from_utf8(&[b'x'; 5000]) {
    Ok(line) => line,
    Err(_) => panic!("it is ASCII"),
};

#[rustfmt::skip]
const MATRIX: &[Case] = &[
    case("none", r"{}"),
    case("swallows the first submit key", r#"{"swallow_submits": 1}"#),
    case("swallows three submit keys", r#"{"swallow_submits": 3}"#),
    Case { outcome: "typed_not_submitted", because: "after 4 submit keys", taken: 0,
        ..case("swallows every submit key", r#"{"swallow_submits": 9}"#) },
    case("shows a placeholder for a paste", r#"{"paste_placeholder": true}"#),
    Case { outcome: "typed_not_submitted", because: "permission", taken: 0, seconds: 8,
        ..case("opens a permission dialog after the paste", r#"{"dialog_on": ["paste"]}"#) },
    case("opens a permission dialog after the paste for a second", r#"{"dialog_on": ["paste"], "dialog_ms": 1000}"#),
    Case { outcome: "unknown", because: "permission", taken: 0, seconds: 8,
        ..case("opens a permission dialog between two submit keys", r#"{"dialog_on": ["first_submit"]}"#) },
    case("opens a permission dialog between two submit keys for a second", r#"{"dialog_on": ["first_submit"], "dialog_ms": 1000}"#),
    Case { outcome: "held", because: "permission", taken: 0, seconds: 2,
        ..case("shows a permission dialog", r#"{"dialog_on": ["start"]}"#) },
    Case { outcome: "held", because: "trust", taken: 0, seconds: 2,
        ..case("asks whether it may trust the folder", r#"{"trust_dialog": true}"#) },
    Case { outcome: "held", because: "starting", taken: 0, seconds: 2,
        ..case("is never ready", r#"{"never_ready": true}"#) },
    case("starts slowly", r#"{"start_delay_ms": 1500}"#),
    case("shows a ghost text", r#"{"ghost_text": "Try \"fix the build\""}"#),
    case("has no ghost text", r#"{"ghost_text": null}"#),
    case("draws on the alternate screen", r#"{"alternate_screen": true}"#),
    case("redraws late", r#"{"late_redraw_ms": 200}"#),
    case("never enables bracketed paste", r#"{"no_bracketed_paste": true}"#),
    Case { message: "one\ntwo\nthree",
        ..case("never enables bracketed paste, several lines", r#"{"no_bracketed_paste": true}"#) },
    Case { outcome: "unknown", because: "did not show", taken: 0,
        ..case("loses what is pasted", r#"{"eat_paste": true}"#) },
    Case { outcome: "typed_not_submitted", because: "whole text", taken: 0,
        ..case("cuts what is pasted", r#"{"truncate_paste": 12}"#) },
    Case { outcome: "submitted", because: "no sign of work",
        ..case("shows no sign of work", r#"{"silent_busy": true}"#) },
    Case { now: true, outcome: "submitted", because: "busy before", seconds: 6,
        ..case("names no queued message, and is busy", r#"{"queue_footer": false, "stuck_busy": true}"#) },
    case("has no picker of commands", r#"{"slash_picker": false}"#),
    Case { outcome: "held", because: "quarantined", taken: 0, seconds: 2,
        ..case("exits at once", r#"{"exit_at_once": {"code": 7}}"#) },
    case("answers nothing", r#"{"no_answer": true}"#),
    Case { outcome: "started", because: "idle to busy", seconds: 6,
        ..case("stays busy for ever", r#"{"stuck_busy": true}"#) },
    Case { outcome: "started", because: "exit 3",
        ..case("crashes in the turn", r#"{"crash_after_turns": {"turns": 1, "code": 3}}"#) },
    case("queries its terminal and waits for the answers", r#"{"query_terminal": true}"#),
    case("floods its terminal in the turn", r#"{"flood": {"at": "turn", "bytes": 2000000}}"#),
    case("ignores SIGTERM and SIGHUP", r#"{"ignore_sigterm": true}"#),
    case("leaves a stubborn child", r#"{"stubborn_child": true}"#),
    Case { outcome: "started", because: "idle to busy", seconds: 6,
        ..case("asks for permission in the turn", r#"{"dialog_on": ["turn"]}"#) },
    Case { outcome: "started", because: "signal 9",
        ..case("is killed in the turn", r#"{"crash_after_turns": {"turns": 1, "signal": 9}}"#) },
    Case { runtime: "generic", because: "quiet again",
        ..case("reads lines in canonical mode", r#"{"canonical": true}"#) },
    Case { runtime: "generic", message: LONG_LINE, outcome: "refused", because: "would be cut", taken: 0,
        ..case("reads lines in canonical mode, a line too long for it", r#"{"canonical": true}"#) },
    Case { runtime: "generic", message: "one\ntwo", outcome: "refused", because: "several messages", taken: 0,
        ..case("reads lines in canonical mode, several of them", r#"{"canonical": true}"#) },
    Case { runtime: "generic", outcome: "refused", because: "hides what is typed", taken: 0,
        ..case("reads lines without echo", r#"{"canonical": true, "no_echo": true}"#) },
];

#[test]
fn the_receipt_says_the_truth_about_every_fault() {
    let world = World::new();
    let agents: Vec<String> = (0..MATRIX.len())
        .map(|index| format!("agent{index}"))
        .collect();
    let entries: String = agents
        .iter()
        .zip(MATRIX)
        .map(|(agent, case)| world.entry(agent, case.runtime, case.faults))
        .collect();
    world.write_roster("default", &entries);
    world.fleet(&["up", "--timeout", "4"]);
    let wrong: Vec<String> = std::thread::scope(|scope| {
        let (world, agents) = (&world, &agents);
        // A few at a time: what is tested is truth, not speed.
        let workers = (0..4).map(|worker| {
            scope.spawn(move || {
                let mine = MATRIX.iter().zip(agents).skip(worker).step_by(4);
                mine.filter_map(|(case, agent)| check(world, agent, case))
                    .collect::<Vec<_>>()
            })
        });
        let workers: Vec<_> = workers.collect();
        workers
            .into_iter()
            .flat_map(|worker| worker.join().unwrap())
            .collect()
    });
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n\n"));
}

#[test]
fn messages_to_an_agent_that_stands_still_are_submitted_one_after_the_other_when_it_goes_on() {
    let world = World::with_agents(&[("a", r#"{"turn_ms": 30}"#)]);
    world.fleet(&["up"]).exits(0);
    let agent = world.agent_pid("a");
    signal(agent, Signal::STOP);
    for body in ["the first", "the second"] {
        world
            .fleet(&["send", "a", "-m", body, "--wait", "accepted"])
            .exits(0);
    }
    until_within(Duration::from_secs(60), || {
        let log = world.fleet(&["log", "a", "--json"]).stdout;
        match log.contains("the agent does not read its terminal") {
            true => Ok(()),
            false => Err(log),
        }
    });
    signal(agent, Signal::CONT);
    let all = until(|| match world.received("a", Kind::Submit) {
        all if all.len() >= 2 => Ok(all),
        all => Err(format!("{all:?}\n{}", world.fleet(&["tail", "a"]))),
    });
    assert!(all[0].ends_with("a] the first"), "{all:?}");
    assert!(all[1].ends_with("a] the second"), "{all:?}");
}

#[test]
fn every_fault_has_a_row() {
    // What is no fault of its own: the length of a turn, the journal that every row has.
    let besides = ["turn_ms", "journal"];
    let faults = serde_json::to_value(Faults::default()).unwrap();
    let names = faults.as_object().unwrap().keys();
    let missing: Vec<_> = names
        .filter(|name| !besides.contains(&name.as_str()))
        .filter(|name| {
            let quoted = format!("\"{name}\"");
            MATRIX.iter().all(|case| !case.faults.contains(&quoted))
        })
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// Sends a case's message; returns what is wrong with the receipt, if anything is.
fn check(world: &World, agent: &str, case: &Case) -> Option<String> {
    let seconds = case.seconds.to_string();
    if case.now {
        let work = ["send", agent, "-m", "work", "--wait", "started"];
        world.fleet(&work).exits(0);
    }
    let mut arguments = vec![
        "send",
        agent,
        "-m",
        case.message,
        "--wait",
        case.wait,
        "--timeout",
        &seconds,
        "--json",
    ];
    arguments.extend(case.now.then_some("--now"));
    let sent = world.fleet(&arguments);
    let receipt = &sent.json()["receipt"];
    let taken = [Kind::Submit, Kind::Queued]
        .iter()
        .flat_map(|kind| world.received(agent, *kind))
        .filter(|text| text.ends_with(&format!("{agent}] {}", case.message)))
        .count();
    let approved = world.received(agent, Kind::Approve);
    let wrong = if receipt["outcome"] != case.outcome {
        format!("the outcome is not {}", case.outcome)
    } else if !receipt.to_string().contains(case.because) {
        format!("nothing says `{}`", case.because)
    } else if taken != case.taken {
        format!("the agent took it {taken} times, not {}", case.taken)
    } else if !approved.is_empty() {
        "a dialog was approved".to_owned()
    } else if (sent.code == 0) != (case.outcome == case.wait) {
        format!("exit {}", sent.code)
    } else {
        return None;
    };
    Some(format!("{} ({agent}): {wrong}\n{receipt:#}", case.fault))
}
