//! A message goes all the way: command, pod, terminal, program, model, and back.

use podfleet_stub_model::{Rule, Then};
use test_case::test_case;

use super::program::Program::{self, Claude, Codex, Opencode, Pi};
use super::stage::{Stage, texts};

#[test_case(Claude; "claude")]
#[test_case(Codex; "codex")]
#[test_case(Opencode; "opencode")]
#[test_case(Pi; "pi")]
fn a_message_is_answered_by_the_hinted_model_and_its_receipt_says_by_what(program: Program) {
    // At once: some programs show no work at all then.
    let script = [Rule::when("the sea", Then::Answer("It is blue.".into()))];
    let Some(stage) = Stage::up(program, &script) else {
        return;
    };
    let receipt = stage.ask("What colour has the sea?");
    assert!(receipt["evidence"]["source"].is_string(), "{receipt:#}");
    assert_eq!(receipt["submit_keys"], 1, "{receipt:#}");
    let asked = stage.asked();
    assert_eq!(asked.len(), 1, "{}", texts(&asked));
    assert!(
        asked[0].user.contains("] What colour has the sea?"),
        "{}",
        texts(&asked)
    );
    assert!(asked[0].model.ends_with("stub-model"), "{}", texts(&asked));
    assert!(
        stage.tail().stdout.contains("It is blue."),
        "{}",
        stage.tail()
    );
}
