//! What happens to an inbox while its pod is busy with other things.

use std::fs;

use podfleet_protocol::{MessageId, Outcome};
use podfleet_sim_agent::Kind;

use crate::store::Inbox;
use crate::world::{World, text, until};

/// Waits until an agent has taken this message, and returns all that it took.
fn until_taken(world: &World, agent: &str, body: &str) -> Vec<String> {
    until(|| {
        let taken = world.received(agent, Kind::Submit);
        if taken.iter().any(|text| text.ends_with(body)) {
            Ok(taken)
        } else {
            Err(format!("{taken:?}"))
        }
    })
}

#[test]
fn a_message_that_another_process_withdraws_is_not_typed_and_holds_up_nobody() {
    let world = World::with_agents(&[("a", "")]);
    world.fleet(&["up"]).exits(0);
    world.fleet(&["pause", "a"]).exits(0);
    let first = MessageId::generate();
    let send = ["send", "a", "-m", "first", "--wait", "accepted", "--id"];
    world
        .fleet(&[&send[..], &[&first.to_string()]].concat())
        .exits(0);
    world
        .fleet(&["send", "a", "-m", "second", "--wait", "accepted"])
        .exits(0);
    // The pod has read it, and knows what it waits for.
    until(|| {
        let inbox = world.fleet(&["inbox", "a", "--json"]).exits(0).json();
        match &inbox["messages"][0]["receipt"]["hold"]["reason"] {
            reason if reason == "paused" => Ok(()),
            _ => Err(inbox.to_string()),
        }
    });
    let receipt = Inbox::of(&world, "a").cancel(first);
    assert_eq!(receipt.outcome, Outcome::Cancelled);
    world.fleet(&["resume", "a"]).exits(0);
    assert_eq!(until_taken(&world, "a", "second").len(), 1);
}

#[test]
fn a_message_whose_body_is_damaged_holds_up_nobody() {
    let world = World::with_agents(&[("a", "")]);
    world.fleet(&["up"]).exits(0);
    world.fleet(&["down"]).exits(0);
    let long = world.path("work/long.txt");
    fs::write(&long, "x".repeat(100_000)).unwrap();
    world
        .fleet(&["send", "a", "-f", text(&long), "--wait", "accepted"])
        .exits(0);
    world
        .fleet(&["send", "a", "-m", "second", "--wait", "accepted"])
        .exits(0);
    for body in fs::read_dir(world.path("state/bodies")).unwrap() {
        fs::remove_file(body.unwrap().path()).unwrap();
    }
    world.fleet(&["up"]).exits(0);
    assert_eq!(until_taken(&world, "a", "second").len(), 1);
    // It is named until somebody withdraws it.
    let named = world.fleet(&["inbox", "a"]).exits(0);
    let id = Inbox::of(&world, "a").damaged().remove(0);
    let named = named.stdout + &named.stderr;
    assert!(named.contains(&format!("damaged: {id}:")), "{named}");
    assert!(!named.contains("no message waits"), "{named}");
    let withdrawn = world.fleet(&["inbox", "a", "--cancel", &id]).exits(0);
    assert!(
        withdrawn.stdout.contains("its record was damaged:"),
        "{withdrawn}"
    );
    let empty = world.fleet(&["inbox", "a"]).exits(0);
    let empty = empty.stdout + &empty.stderr;
    assert!(empty.contains("no message waits"), "{empty}");
    // What was withdrawn keeps its pod from nothing.
    world.fleet(&["restart", "a"]).exits(0);
}
