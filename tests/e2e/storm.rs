//! Hundreds of messages each way while everything between is killed.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use podfleet_protocol::{Class, MessageId};
use podfleet_sim_agent::Kind;
use rustix::process::Signal;

use crate::dice::{Dice, setting};
use crate::operator::Operator;
use crate::store::Inbox;
use crate::truth::{Sent, judge, until_settled};
use crate::world::{signal, until_within};

/// The longest pause of whoever speaks.
const BREATH: Duration = Duration::from_millis(150);
/// How long what was said may take to be where it belongs, once all is quiet again.
const PATIENCE: Duration = Duration::from_secs(240);

/// The human at the other end.
pub(crate) trait Person: Send {
    /// Says something, as soon as the carrier takes it; returns the carrier's id of it.
    fn say(&mut self, text: &str) -> String;
}

/// What is between the human and the fleet.
pub(crate) trait Carrier {
    /// Lets something bad happen to it, and returns what when that is over.
    fn strike(&mut self, dice: &mut Dice) -> &'static str;
}

/// What the human heard.
pub(crate) struct Heard {
    pub(crate) text: String,
    /// What it answers.
    pub(crate) answers: Option<String>,
}

/// A storm that can be repeated.
pub(crate) struct Storm {
    kind: &'static str,
    messages: u64,
    /// The longest pause between two strikes.
    calm: Duration,
    seed: u64,
}

impl Storm {
    /// A storm over the carrier of this kind of connector, with so many messages each way unless
    /// `STORM_MESSAGES` says otherwise; `STORM_SEED` repeats a run.
    pub(crate) fn over(kind: &'static str, messages: u64, calm: Duration) -> Self {
        Self {
            kind,
            messages: setting("STORM_MESSAGES", messages),
            calm,
            seed: setting("STORM_SEED", 0x3A7F),
        }
    }

    /// Lets both sides speak while things are killed, and waits until all is where it belongs.
    /// Returns what the human said.
    pub(crate) fn rage(
        &self,
        operator: &Operator,
        person: &mut impl Person,
        carrier: &mut impl Carrier,
    ) -> Vec<Sent> {
        let (sent, strikes) = std::thread::scope(|scope| {
            let human = scope.spawn(move || self.speak_as_human(person));
            let fleet = scope.spawn(move || self.speak_as_fleet(operator));
            let mut dice = Dice::new(self.seed);
            let mut strikes = BTreeMap::new();
            while !(human.is_finished() && fleet.is_finished()) {
                dice.wait(self.calm);
                let what = strike(operator, carrier, &mut dice);
                *strikes.entry(what).or_default() += 1;
                operator.fleet(&["up"]);
            }
            fleet.join().unwrap();
            (human.join().unwrap(), strikes)
        });
        report(self.seed, &strikes);
        settle(operator, sent.len());
        sent
    }

    fn speak_as_human(&self, person: &mut impl Person) -> Vec<Sent> {
        let mut dice = Dice::new(self.seed + 1);
        let say = |number| {
            dice.wait(BREATH);
            let body = format!("human {number}.");
            let id = MessageId::of_chat(self.kind, &person.say(&body));
            Sent { id, body }
        };
        (0..self.messages).map(say).collect()
    }

    fn speak_as_fleet(&self, operator: &Operator) {
        let mut dice = Dice::new(self.seed + 2);
        for number in 0..self.messages {
            dice.wait(BREATH);
            operator.say(&["-m", &format!("fleet {number}.")]);
        }
    }

    /// Fails unless each message is at its other end once, in order, and nothing else.
    #[track_caller]
    pub(crate) fn judge(&self, operator: &Operator, sent: &[Sent], heard: &[Heard]) {
        let expected: Vec<String> = (0..self.messages).map(|n| format!("human {n}.")).collect();
        let told = inbox(operator);
        assert_eq!(told, expected, "in the inbox, and nothing of the past");
        let wrong = judge(&operator.world, "lead", sent);
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        let typed = operator.world.received("lead", Kind::Submit);
        let place = |text: &String| {
            let mut expected = expected.iter();
            expected.position(|body| text.ends_with(&format!("] {body}")))
        };
        let typed: Vec<usize> = typed.iter().filter_map(place).collect();
        assert!(typed.is_sorted(), "typed in order: {typed:?}");

        let said = heard.iter().map(|heard| heard.text.as_str());
        let said: Vec<_> = said.filter(|text| text.starts_with("fleet ")).collect();
        let expected: Vec<String> = (0..self.messages).map(|n| format!("fleet {n}.")).collect();
        assert_eq!(said, expected);
        // What the bridge says by itself it says once to each message.
        let answers = heard.iter();
        let answers: Vec<_> = answers
            .filter_map(|heard| Some((heard.answers.as_deref()?, heard.text.as_str())))
            .collect();
        let different: HashSet<_> = answers.iter().collect();
        assert_eq!(different.len(), answers.len(), "{answers:#?}");
    }
}

fn strike(operator: &Operator, carrier: &mut impl Carrier, dice: &mut Dice) -> &'static str {
    let kill = |pid: Option<u32>| {
        if let Some(pid) = pid {
            signal(pid, Signal::KILL);
        }
    };
    match dice.roll(6) {
        0 | 1 => {
            kill(operator.bridge_pid());
            "bridge"
        }
        2 | 3 => {
            let pid = operator.world.row("lead")["pod_pid"].as_u64();
            kill(pid.and_then(|pid| u32::try_from(pid).ok()));
            "orchestrator"
        }
        _ => carrier.strike(dice),
    }
}

/// Waits until all that was said is where it belongs.
fn settle(operator: &Operator, said: usize) {
    operator.fleet(&["up"]).exits(0);
    until_within(PATIENCE, || match inbox(operator).len() {
        taken if taken >= said => Ok(()),
        taken => Err(format!("{taken} of {said} were taken")),
    });
    until_settled(&operator.world, "lead", PATIENCE);
    until_within(PATIENCE, || match operator.bridge() {
        bridge if bridge["unsent"] == 0 => Ok(()),
        bridge => Err(bridge.to_string()),
    });
}

/// Returns what people said to the orchestrator, in the order in which it was taken.
fn inbox(operator: &Operator) -> Vec<String> {
    let entries = Inbox::of(&operator.world, "lead").entries().into_iter();
    let of_people = entries.filter(|entry| entry.message.class == Class::Human);
    of_people.map(|entry| entry.message.body).collect()
}

#[expect(clippy::print_stdout, reason = "the account of a long run")]
fn report(seed: u64, strikes: &BTreeMap<&str, usize>) {
    println!("seed {seed}, struck {strikes:?}");
}
