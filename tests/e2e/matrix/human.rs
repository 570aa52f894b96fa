//! The human at the other end of the room: a client that is not ours, matrix-nio.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use serde_json::{Value, json};

use super::homeserver::{Homeserver, PASSWORD};

/// The program that plays it.
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/e2e/matrix/human.py");

/// A person who is logged in.
pub(crate) struct Human {
    process: Child,
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

/// A message of the room.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) id: String,
    pub(crate) sender: String,
    pub(crate) content: Value,
}

impl Event {
    pub(crate) fn body(&self) -> &str {
        self.content["body"].as_str().unwrap_or_default()
    }
}

impl Human {
    pub(crate) fn log_in(homeserver: &Homeserver, user: &str) -> Self {
        let mut process = homeserver
            .python()
            .args([SCRIPT, &homeserver.url(), &full(user), PASSWORD])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut human = Self {
            orders: process.stdin.take(),
            answers: BufReader::new(process.stdout.take().unwrap()),
            process,
        };
        human.order(&json!({"do": "log_in"}));
        human
    }

    /// Gives an order, and returns the answer.
    #[track_caller]
    pub(crate) fn order(&mut self, order: &Value) -> Value {
        let orders = self.orders.as_mut().unwrap();
        writeln!(orders, "{order}").unwrap();
        let mut answer = String::new();
        self.answers.read_line(&mut answer).unwrap();
        let answer: Value = serde_json::from_str(&answer).expect("the human is gone");
        assert_eq!(answer["error"], Value::Null, "{order}");
        answer
    }

    #[track_caller]
    fn string(&mut self, order: &Value, field: &str) -> String {
        self.order(order)[field].as_str().unwrap().to_owned()
    }

    pub(crate) fn token_of(&mut self, user: &str) -> String {
        let order = json!({"do": "token_of", "user": full(user), "password": PASSWORD});
        self.string(&order, "token")
    }

    /// Makes a room, and invites to it.
    pub(crate) fn make_room(&mut self, invited: &[&str]) -> String {
        let invite: Vec<_> = invited.iter().map(|user| full(user)).collect();
        self.string(&json!({"do": "make_room", "invite": invite}), "room")
    }

    pub(crate) fn say(&mut self, text: &str) -> String {
        self.string(&json!({"do": "say", "text": text}), "id")
    }

    pub(crate) fn say_in(&mut self, thread: &str, text: &str) -> String {
        self.string(&json!({"do": "say", "text": text, "thread": thread}), "id")
    }

    pub(crate) fn history(&mut self) -> Vec<Event> {
        let events = self.order(&json!({"do": "history"}));
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let events = events["events"].as_array().unwrap().iter();
        let events = events.map(|event| Event {
            id: text(&event["event_id"]),
            sender: text(&event["sender"]),
            content: event["content"].clone(),
        });
        events.collect()
    }

    /// Returns what a user has said.
    pub(crate) fn said_by(&mut self, user: &str) -> Vec<Event> {
        let mut events = self.history();
        events.retain(|event| event.sender == full(user));
        events
    }
}

impl Drop for Human {
    fn drop(&mut self) {
        self.orders = None;
        let _ = self.process.wait();
    }
}

/// Returns the whole name of a user of the tests' homeserver.
pub(crate) fn full(user: &str) -> String {
    format!("@{user}:localhost")
}
