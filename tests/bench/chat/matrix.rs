//! The chat in a room of a real Synapse, beside a client of another make.

use std::time::Duration;

use serde_json::json;

use super::relay::Relay;
use super::{OneByOne, ROUNDS, accepted_at, backlog_row, dropped, end_row, now, of_the_backlog};
use crate::human::{Human, full};
use crate::inbox::Inbox;
use crate::sample::{ms, timed};
use crate::scene::Chat;
use crate::table::Row;

pub(super) fn rows() -> Vec<Row> {
    let Some(mut chat) = Chat::new() else {
        return vec![Row::new(
            "the chat in Matrix: Synapse is missing",
            "not taken",
        )];
    };
    chat.operator.fleet(&["up"]).exits(0);
    // What is measured is the way into the inbox; the agent's turns would be on the same processors.
    chat.operator.fleet(&["pause", "lead"]).exits(0);
    let mut rows = one_by_one(&mut chat);
    rows.extend(super::idle(&chat.operator, "Matrix"));
    rows.push(backlog(&mut chat));
    rows.push(ends(&chat));
    rows
}

fn one_by_one(chat: &mut Chat) -> Vec<Row> {
    let mut bob = chat.join("bob");
    bob.order(&json!({"do": "listen"}));
    let inbox = Inbox::of(&chat.operator.world, "lead");
    let mut times = OneByOne::default();
    for round in 0..=ROUNDS {
        let said = now();
        let event = chat.ada.say(&format!("message {round}"));
        let taken = accepted_at(&inbox, "matrix", &event);
        times.note(said, taken, came_at(&mut bob, &event));
    }
    times.rows("", "matrix-nio")
}

fn came_at(listener: &mut Human, event: &str) -> Duration {
    let came = listener.order(&json!({"do": "came", "ids": [event]}));
    Duration::from_nanos(came["at"][0].as_u64().unwrap())
}

fn backlog(chat: &mut Chat) -> Row {
    chat.operator.fleet(&["bridge", "stop"]).exits(0);
    let said = of_the_backlog();
    chat.ada.order(&json!({"do": "say_many", "texts": said}));
    let read = timed(|| {
        chat.ada.order(&json!({"do": "history"}));
    });
    let taken = super::take_backlog(&chat.operator);
    let row = backlog_row("Matrix", "; floor: matrix-nio reads as many", taken);
    row.floor(ms(read), taken.as_secs_f64() / read.as_secs_f64())
}

fn ends(chat: &Chat) -> Row {
    let relay = Relay::to(&chat.homeserver.url());
    let settings = json!({
        "homeserver_url": relay.url(), "user_id": full("fleet"), "room_id": chat.room,
    });
    let dropped = || {
        dropped("matrix", &settings, &chat.operator.token, |begun| {
            relay.ended(begun)
        })
    };
    end_row("Matrix", dropped, || relay.closed_bare())
}
