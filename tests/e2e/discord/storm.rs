//! A storm over the stand-in for Discord.

use std::time::Duration;

use podfleet_stub_discord::{Fault, StubDiscord};

use super::channel::{ADA, Channel};
use crate::dice::Dice;
use crate::storm::{Carrier, Heard, Person, Storm};
use crate::world::until;

/// How long Discord is away, at most.
const AWAY: Duration = Duration::from_secs(2);
const CALM: Duration = Duration::from_millis(700);

/// A person who speaks while Discord is there.
struct Ada<'a>(&'a StubDiscord);

impl Person for Ada<'_> {
    fn say(&mut self, text: &str) -> String {
        until(|| self.0.runs().then_some(()).ok_or_else(|| "away".to_owned()));
        self.0.say(text, None)
    }
}

/// What happens to Discord, one thing after the other.
struct Fate<'a> {
    discord: &'a StubDiscord,
    strikes: usize,
}

impl Carrier for Fate<'_> {
    fn strike(&mut self, dice: &mut Dice) -> &'static str {
        self.strikes += 1;
        match self.strikes % 5 {
            0 => {
                self.discord.kill();
                dice.wait(AWAY);
                self.discord.run();
                "Discord"
            }
            1 => {
                self.discord.forget_sessions();
                "sessions"
            }
            2 => {
                self.discord.ask_to_reconnect();
                "connections"
            }
            // What is said arrives, and who says it is not told so; it is known again by its nonce,
            // and later by the history alone.
            3 => {
                self.discord.fail_next(Fault::KeepAndFail);
                "an answer"
            }
            _ => {
                self.discord.fail_next(Fault::KeepWithoutNonce);
                "a nonce"
            }
        }
    }
}

#[test]
fn nothing_is_lost_doubled_or_out_of_order_while_bridge_orchestrator_and_discord_are_killed() {
    let channel = Channel::new(&[ADA]);
    for number in 0..5 {
        channel.discord.say(&format!("long ago {number}."), None);
    }
    channel.operator.fleet(&["up"]).exits(0);
    let storm = Storm::over("discord", 40, CALM);
    let mut ada = Ada(&channel.discord);
    let mut fate = Fate {
        discord: &channel.discord,
        strikes: 0,
    };
    let sent = storm.rage(&channel.operator, &mut ada, &mut fate);
    let heard = channel.discord.heard().into_iter().map(|said| Heard {
        text: said.text,
        answers: said.reply_to,
    });
    storm.judge(&channel.operator, &sent, &heard.collect::<Vec<_>>());
    channel.operator.hides_its_token();
}
