//! A storm over a real homeserver.

use std::time::Duration;

use super::homeserver::Homeserver;
use super::human::Human;
use super::scene::Chat;
use crate::dice::Dice;
use crate::storm::{Carrier, Heard, Person, Storm};

/// How long the homeserver is away, at most.
const AWAY: Duration = Duration::from_secs(2);
/// A homeserver takes some seconds to come back.
const CALM: Duration = Duration::from_secs(3);

impl Person for Human {
    fn say(&mut self, text: &str) -> String {
        Self::say(self, text)
    }
}

impl Carrier for Homeserver {
    fn strike(&mut self, dice: &mut Dice) -> &'static str {
        self.kill();
        dice.wait(AWAY);
        self.run();
        "homeserver"
    }
}

#[test]
fn nothing_is_lost_doubled_or_out_of_order_while_bridge_orchestrator_and_homeserver_are_killed() {
    let Some(mut chat) = Chat::new() else { return };
    for number in 0..5 {
        chat.ada.say(&format!("long ago {number}."));
    }
    chat.operator.fleet(&["up"]).exits(0);
    let storm = Storm::over("matrix", 300, CALM);
    let sent = storm.rage(&chat.operator, &mut chat.ada, &mut chat.homeserver);
    let said = chat.ada.said_by("fleet").into_iter();
    let heard = said.map(|event| Heard {
        text: event.body().to_owned(),
        answers: event.content["m.relates_to"]["m.in_reply_to"]["event_id"]
            .as_str()
            .map(str::to_owned),
    });
    storm.judge(&chat.operator, &sent, &heard.collect::<Vec<_>>());
    chat.operator.hides_its_token();
}
