//! Keys of a person after which what is typed would reach something else than the composer.

use podfleet_stub_model::{Rule, Then, ToolCall};
use test_case::test_case;

use super::program::Program::{self, Claude, Opencode, Pi};
use super::stage::Stage;
use crate::world::until;

#[test_case(Claude; "claude")]
#[test_case(Opencode; "opencode")]
#[test_case(Pi; "pi")]
fn an_agent_that_a_key_stops_goes_on_and_takes_messages(program: Program) {
    let Some(stage) = Stage::up(program, &[]) else {
        return;
    };
    stage.until_state("available");
    stage.presses("C-z");
    stage.until_logged(r#""action":"continue""#);
    stage.ask("Are you there?");
    // An orderly end is no suspension.
    stage.world.fleet(&["down"]).exits(0);
    let log = stage.world.fleet(&["log", stage.name(), "--json"]).exits(0);
    let times = log.stdout.matches(r#""action":"continue""#).count();
    assert_eq!(times, 1, "{log}");
}

#[test]
fn while_a_person_amends_a_choice_of_claude_none_is_picked() {
    let Some(stage) = Stage::set(Claude, &[]) else {
        return;
    };
    let made = stage.work().join("made");
    let command = format!("touch {}", made.display());
    let stage = stage.with_script(&[Rule::when("make it", Then::Run(command))]);
    stage.bring_up();
    stage.send("make it", &["--wait", "started", "--timeout", "30"]);
    stage.until_state("blocked");
    stage.world.fleet(&["answer", "claude"]).exits(0);
    stage.presses("Tab");
    // Its cursor moves into the text; the words may stay the same.
    until(|| {
        let shown = stage.world.fleet(&["answer", "claude"]);
        (shown.code == 1).then_some(()).ok_or(shown.to_string())
    });
    let refused = stage.world.fleet(&["answer", "claude", "3"]).exits(1);
    assert!(refused.stderr.contains("or a text is"), "{refused}");
    stage.types("because");
    stage.world.fleet(&["answer", "claude", "3"]).exits(1);
    assert!(stage.tail().stdout.contains("because"), "{}", stage.tail());
    assert!(
        !stage.tail().stdout.contains("because3"),
        "{}",
        stage.tail()
    );
    assert!(!made.exists());
}

#[test]
fn claudes_question_whether_to_leave_its_plan_is_a_dialog() {
    let leave = ToolCall {
        tool: "ExitPlanMode".into(),
        arguments: serde_json::json!({}),
    };
    let Some(stage) = Stage::up(Claude, &[Rule::when("the plan", Then::Call(leave))]) else {
        return;
    };
    for mode in ["accept edits on", "plan mode on"] {
        stage.presses("BTab");
        stage.until_shown(mode);
    }
    stage.send("the plan", &["--wait", "started", "--timeout", "30"]);
    stage.until_state("blocked");
    let shown = stage.world.fleet(&["answer", "claude"]).exits(0);
    assert!(shown.stdout.contains("xit plan mode"), "{shown}");
}
