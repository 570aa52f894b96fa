//! Pods that are killed while a message is on its way into a real program.

use podfleet_stub_model::{Rule, Then};
use rustix::process::Signal;
use test_case::test_case;

use super::program::Program::{self, Claude, Codex, Pi};
use super::stage::{Stage, texts};
use crate::world::{signal, until};

/// The pod is killed at each.
const STEPS: [Step; 3] = [Step::WrittenDown, Step::OnTheScreen, Step::AtTheModel];

/// How far the message has come when its pod is killed.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// The session log has that it will be typed.
    WrittenDown,
    /// The terminal shows it.
    OnTheScreen,
    /// The model was asked.
    AtTheModel,
}

#[test_case(Claude; "claude")]
#[test_case(Codex; "codex")]
#[test_case(Pi; "pi")]
fn a_message_whose_pod_is_killed_has_a_true_end_and_is_asked_once_at_most(program: Program) {
    let slowly = Rule {
        pace_ms: 300,
        ..Rule::when("word-", Then::Answer("It will be done soon.".into()))
    };
    let script = [slowly];
    let Some(stage) = Stage::up(program, &script) else {
        return;
    };
    for step in STEPS {
        let word = format!("word-{step:?}");
        let sent = stage.send(&word, &["--wait", "accepted"]);
        let id = sent["receipt"]["id"].as_str().unwrap();
        until(|| match has_come(&stage, id, &word, step) {
            true => Ok(()),
            false => Err(stage.tail().to_string()),
        });
        signal(stage.world.pod_pid(stage.name()), Signal::KILL);
        stage
            .world
            .until_row(stage.name(), |row| row["readiness"] == "dead");
        stage.world.fleet(&["up"]).exits(0);
        // The same message once more: what is told is what became of it.
        let again = ["--id", id, "--wait", "answered", "--timeout", "60"];
        let receipt = stage.send(&word, &again)["receipt"].clone();
        let asked = stage.asked();
        let askings = asked.iter().filter(|asked| asked.user.contains(&word));
        let times = askings.count();
        let account = || format!("{step:?}: {receipt:#}\n{}\n{}", texts(&asked), stage.tail());
        match receipt["outcome"].as_str() {
            // A program can be ended between its first sign of work and its request.
            Some("unknown" | "started") => assert!(times <= 1, "{}", account()),
            Some("answered") => assert_eq!(times, 1, "{}", account()),
            _ => panic!("{}", account()),
        }
        stage.until_state("available");
    }
}

fn has_come(stage: &Stage, id: &str, word: &str, step: Step) -> bool {
    match step {
        Step::WrittenDown => {
            let log = stage.world.fleet(&["log", stage.name(), "--json"]);
            let mut lines = log.stdout.lines();
            lines.any(|line| line.contains("\"message_delivering\"") && line.contains(id))
        }
        Step::OnTheScreen => stage.tail().stdout.contains(word),
        Step::AtTheModel => stage.asked().iter().any(|asked| asked.user.contains(word)),
    }
}
