//! Three hundred messages each way while everything between is killed.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use podfleet_protocol::{Class, MessageId};
use podfleet_sim_agent::Kind;
use rustix::process::Signal;

use super::homeserver::Homeserver;
use super::human::{Event, Human};
use super::scene::{Chat, Operator};
use crate::dice::{Dice, setting};
use crate::store::Inbox;
use crate::truth::{Sent, judge, until_settled};
use crate::world::{signal, until_within};

/// How many messages go each way, unless `STORM_MESSAGES` says otherwise.
const MESSAGES: u64 = 300;
/// A run is repeated by its seed, which `STORM_SEED` can set.
const SEED: u64 = 0x3A7F;
/// The longest pause of whoever speaks.
const BREATH: Duration = Duration::from_millis(150);
/// How long what was said may take to be where it belongs, once all is quiet again.
const PATIENCE: Duration = Duration::from_secs(240);

#[test]
fn nothing_is_lost_doubled_or_out_of_order_while_bridge_orchestrator_and_homeserver_are_killed() {
    let Some(mut chat) = Chat::new() else { return };
    let seed = setting("STORM_SEED", SEED);
    let messages = setting("STORM_MESSAGES", MESSAGES);
    for number in 0..5 {
        chat.ada.say(&format!("long ago {number}."));
    }
    chat.operator.fleet(&["up"]).exits(0);
    let (sent, strikes) = storm(&mut chat, messages, seed);
    report(&format!("seed {seed}, struck {strikes:?}"));
    settle(&chat.operator, sent.len());

    let told: Vec<String> = inbox(&chat.operator);
    let expected: Vec<String> = (0..messages).map(|n| format!("human {n}.")).collect();
    assert_eq!(told, expected, "in the inbox, and nothing of the past");
    let wrong = judge(&chat.operator.world, "lead", &sent);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let typed = chat.operator.world.received("lead", Kind::Submit);
    let typed: Vec<usize> = typed
        .iter()
        .filter_map(|text| {
            expected
                .iter()
                .position(|body| text.ends_with(&format!("] {body}")))
        })
        .collect();
    assert!(typed.is_sorted(), "typed in order: {typed:?}");

    let said = chat.ada.said_by("fleet");
    let expected: Vec<String> = (0..messages).map(|n| format!("fleet {n}.")).collect();
    let heard: Vec<&str> = said.iter().map(Event::body).collect();
    let heard: Vec<&str> = heard
        .into_iter()
        .filter(|body| body.starts_with("fleet "))
        .collect();
    assert_eq!(heard, expected);
    // What the bridge says by itself it says once to each message.
    let answered = |event: &Event| {
        let to = &event.content["m.relates_to"]["m.in_reply_to"]["event_id"];
        Some((to.as_str()?.to_owned(), event.body().to_owned()))
    };
    let answers: Vec<_> = said.iter().filter_map(answered).collect();
    let different: HashSet<_> = answers.iter().collect();
    assert_eq!(different.len(), answers.len(), "{answers:#?}");
    chat.operator.hides_its_token();
}

/// Lets both sides speak while things are killed; returns what the human said.
fn storm(chat: &mut Chat, messages: u64, seed: u64) -> (Vec<Sent>, BTreeMap<&'static str, usize>) {
    let (operator, ada) = (&chat.operator, &mut chat.ada);
    let homeserver = &mut chat.homeserver;
    std::thread::scope(|scope| {
        let human = scope.spawn(move || speak_as_human(ada, messages, Dice::new(seed + 1)));
        let fleet = scope.spawn(move || speak_as_fleet(operator, messages, Dice::new(seed + 2)));
        let mut dice = Dice::new(seed);
        let mut strikes = BTreeMap::new();
        while !(human.is_finished() && fleet.is_finished()) {
            dice.wait(Duration::from_secs(3));
            let what = strike(operator, homeserver, &mut dice);
            *strikes.entry(what).or_default() += 1;
            operator.fleet(&["up"]);
        }
        fleet.join().unwrap();
        (human.join().unwrap(), strikes)
    })
}

fn speak_as_human(ada: &mut Human, messages: u64, mut dice: Dice) -> Vec<Sent> {
    let say = |number| {
        dice.wait(BREATH);
        let body = format!("human {number}.");
        let id = MessageId::of_chat("matrix", &ada.say(&body));
        Sent { id, body }
    };
    (0..messages).map(say).collect()
}

fn speak_as_fleet(operator: &Operator, messages: u64, mut dice: Dice) {
    for number in 0..messages {
        dice.wait(BREATH);
        operator.say(&["-m", &format!("fleet {number}.")]);
    }
}

fn strike(operator: &Operator, homeserver: &mut Homeserver, dice: &mut Dice) -> &'static str {
    let kill = |pid: &serde_json::Value| {
        let pid = pid.as_u64().and_then(|pid| u32::try_from(pid).ok());
        if let Some(pid) = pid {
            signal(pid, Signal::KILL);
        }
    };
    match dice.roll(5) {
        0 | 1 => {
            let bridge = operator.bridge();
            if bridge["runs"] == true {
                kill(&bridge["status"]["pid"]);
            }
            "bridge"
        }
        2 | 3 => {
            kill(&operator.world.row("lead")["pod_pid"]);
            "orchestrator"
        }
        _ => {
            homeserver.kill();
            dice.wait(Duration::from_secs(2));
            homeserver.run();
            "homeserver"
        }
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
fn report(account: &str) {
    println!("{account}");
}
