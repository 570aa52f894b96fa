//! The real agents: from `fleet send` to the proof that they work, and a long prompt on its way to
//! their models.

use std::time::{Duration, Instant};

use podfleet_stub_model::{Rule, Then};

use crate::program::Program::{self, Claude, Codex, Pi};
use crate::sample::{Sample, ms, timed};
use crate::stage::Stage;
use crate::table::Row;

const ROUNDS: usize = 15;
const STARTED: Duration = Duration::from_millis(250);
const WHOLE: Duration = Duration::from_millis(500);
/// How long the long prompt is, in bytes.
const LONG: usize = 28 << 10;

/// The agents, and what their harness waits between a text and its submit key: gap and quiet pass
/// together.
const AGENTS: [(Program, u64); 3] = [(Claude, 150), (Codex, 60), (Pi, 60)];

pub(crate) fn rows() -> Vec<Row> {
    AGENTS
        .into_iter()
        .flat_map(|(program, wait)| of(program, Duration::from_millis(wait)))
        .collect()
}

/// The rows of one agent; none where it is not installed.
fn of(program: Program, wait: Duration) -> Vec<Row> {
    let slow = Rule {
        pace_ms: 200,
        ..Rule::when("round", Then::Answer("one two three".into()))
    };
    let Some(stage) = Stage::up(program, &[slow]) else {
        return Vec::new();
    };
    let name = program.name();
    let mut sent = Vec::new();
    for round in 0..=ROUNDS {
        stage.until_state("available");
        let body = format!("round {round}");
        sent.push(timed(|| {
            stage.send(&body, &["--wait", "started", "--timeout", "20"]);
        }));
    }
    // The first one opens the conversation.
    let sent: Sample = sent.split_off(1).into();
    let beyond = sent.median().saturating_sub(wait);
    let mut whole = Vec::new();
    for number in 0..5 {
        stage.until_state("available");
        whole.push(long(&stage, number));
    }
    let whole: Sample = whole.into();
    let met = whole.median() < WHOLE;
    vec![
        Row::new(
            format!("`fleet send --wait started` to {name}, idle"),
            &sent,
        ),
        Row::new(
            format!("the same beyond the harness's {} ms", wait.as_millis()),
            ms(beyond),
        )
        .target("under 250 ms", beyond < STARTED),
        Row::new(
            format!("28 KiB, 500 lines: from `fleet send` to {name}'s model, whole"),
            &whole,
        )
        .target("under 500 ms", met),
    ]
}

fn long(stage: &Stage, number: usize) -> Duration {
    let line = "這是一個很長的訊息，它有很多行。\n";
    let mark = format!("the end of {number}");
    let body = format!("{}{mark}", line.repeat(LONG / line.len()));
    let begun = Instant::now();
    stage.send(&body, &["--wait", "accepted"]);
    let asked = stage.until_asked(&mark);
    let took = begun.elapsed();
    let squeezed = |text: &str| text.split_whitespace().collect::<String>();
    assert!(squeezed(&asked.user).ends_with(&squeezed(&body)));
    took
}
