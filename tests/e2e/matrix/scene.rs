//! A fleet, a room, and who is in it.

use podfleet_tests::require;
use serde_json::json;

use super::homeserver::Homeserver;
use super::human::{Human, full};
use crate::operator::{Operator, Token};

/// A fleet whose orchestrator, `lead`, speaks with Ada in a room.
pub(crate) struct Chat {
    // In the order in which they end.
    pub(crate) operator: Operator,
    pub(crate) ada: Human,
    pub(crate) homeserver: Homeserver,
    pub(crate) room: String,
}

impl Chat {
    /// Makes all of it but does not start the fleet; nothing where Synapse is missing.
    pub(crate) fn new() -> Option<Self> {
        let homeserver = Homeserver::start(require::synapse()?, &["ada", "fleet"]);
        let mut ada = Human::log_in(&homeserver, "ada");
        let room = ada.make_room(&["fleet"]);
        let connector = format!(
            "connector:\n  kind: matrix\n  matrix:\n    homeserver_url: {}\n    user_id: '{}'\n    \
             room_id: '{room}'\n  operators: ['{}']\n",
            homeserver.url(),
            full("fleet"),
            full("ada"),
        );
        let token = Token {
            variable: "MATRIX_ACCESS_TOKEN",
            secret: ada.token_of("fleet"),
        };
        Some(Self {
            operator: Operator::new(&connector, token),
            ada,
            homeserver,
            room,
        })
    }

    /// Lets another person into the room.
    pub(crate) fn join(&mut self, user: &str) -> Human {
        self.homeserver.register(user);
        self.ada.order(&json!({"do": "invite", "user": full(user)}));
        let mut joined = Human::log_in(&self.homeserver, user);
        joined.order(&json!({"do": "enter", "room": self.room}));
        joined
    }
}
