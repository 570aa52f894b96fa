//! What an agent shows in a terminal that is as narrow as a phone's.

use std::fs;

use podfleet_stub_model::Rule;
use test_case::test_case;

use super::program::Program::{self, Claude, Codex, Opencode, Pi};
use super::stage::{Stage, outcome_of};
use crate::incidents::type_in_a_small_view;

#[test_case(Claude; "claude")]
#[test_case(Codex; "codex")]
#[test_case(Opencode; "opencode")]
#[test_case(Pi; "pi")]
fn an_agent_in_a_narrow_terminal_is_seen_to_work(program: Program) {
    let Some(stage) = Stage::set(program, &[]) else {
        return;
    };
    let gate = stage.world.path("gate");
    let stage = stage.with_script(&[Rule::hold("the long one", &gate)]);
    stage.bring_up();
    type_in_a_small_view(&stage.world, stage.name(), 24);
    let first = stage.send("the long one", &["--wait", "started", "--timeout", "30"]);
    assert_eq!(outcome_of(&first), "started", "{first:#}\n{}", stage.tail());
    stage.until_state("working");
    let held = stage.send("in its turn", &["--timeout", "1"]);
    assert_eq!(
        outcome_of(&held),
        "held{busy}",
        "{held:#}\n{}",
        stage.tail()
    );
    fs::write(&gate, "").unwrap();
    stage.until_asked("in its turn");
    stage.until_state("available");
    stage.world.tmux("viewers", &["kill-server"]).exits(0);
}

/// What is submitted there runs as a command.
#[test]
fn opencodes_shell_mode_in_a_narrow_terminal_takes_no_message() {
    let Some(stage) = Stage::up(Opencode, &[]) else {
        return;
    };
    type_in_a_small_view(&stage.world, stage.name(), 24);
    stage.presses("!");
    stage.until_shown("┃  Shell");
    stage.until_state("blocked");
    let held = stage.send("not now", &["--timeout", "1"]);
    assert_eq!(
        outcome_of(&held),
        "held{draft}",
        "{held:#}\n{}",
        stage.tail()
    );
    stage.world.tmux("viewers", &["kill-server"]).exits(0);
}
