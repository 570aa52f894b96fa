//! A fleet that talks in a channel of a stand-in for Discord.

use podfleet_stub_discord::{StubDiscord, TOKEN};

use crate::operator::{Operator, Token};

/// The id of the person whom the stand-in plays.
pub(crate) const ADA: &str = "800";

/// The fleet, and what is at its other end.
pub(crate) struct Channel {
    pub(crate) operator: Operator,
    pub(crate) discord: StubDiscord,
}

impl Channel {
    /// Makes both, but starts no fleet. `operators` give commands.
    pub(crate) fn new(operators: &[&str]) -> Self {
        let discord = StubDiscord::start();
        let connector = format!(
            "connector:\n  kind: discord\n  operators: {operators:?}\n  discord:\n    \
             channel_id: \"{}\"\n    api_url: {}\n",
            discord.channel(),
            discord.url()
        );
        let token = Token {
            variable: "DISCORD_BOT_TOKEN",
            secret: TOKEN.to_owned(),
        };
        Self {
            operator: Operator::new(&connector, token),
            discord,
        }
    }
}
