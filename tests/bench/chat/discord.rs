//! The chat in a channel of the stand-in for Discord, beside a bare client of its gateway.

use std::time::{Duration, Instant};

use serde_json::json;

use super::gateway_client::{BareClient, GatewayClient};
use super::{
    OneByOne, POLLING, ROUNDS, accepted_at, backlog_row, dropped, end_row, now, of_the_backlog,
};
use crate::channel::{ADA, Channel};
use crate::inbox::Inbox;
use crate::table::Row;

pub(super) fn rows() -> Vec<Row> {
    let channel = Channel::new(&[ADA]);
    channel.operator.fleet(&["up"]).exits(0);
    channel.operator.fleet(&["pause", "lead"]).exits(0);
    let mut rows = one_by_one(&channel);
    rows.extend(super::idle(&channel.operator, "Discord"));
    rows.push(backlog(&channel));
    channel.operator.fleet(&["bridge", "stop"]).exits(0);
    rows.push(ends(&channel));
    rows
}

fn one_by_one(channel: &Channel) -> Vec<Row> {
    let mut client = GatewayClient::listen(&channel.discord, &channel.operator.token.secret);
    let inbox = Inbox::of(&channel.operator.world, "lead");
    let mut times = OneByOne::default();
    for round in 0..=ROUNDS {
        let said = now();
        let event = channel.discord.say(&format!("message {round}"), None);
        let taken = accepted_at(&inbox, "discord", &event);
        times.note(said, taken, client.came_at(&event));
    }
    times.rows(" in Discord's stand-in", "a bare WebSocket")
}

fn backlog(channel: &Channel) -> Row {
    channel.operator.fleet(&["bridge", "stop"]).exits(0);
    for text in of_the_backlog() {
        channel.discord.say(&text, None);
    }
    let taken = super::take_backlog(&channel.operator);
    backlog_row("Discord's stand-in", "", taken)
}

fn ends(channel: &Channel) -> Row {
    let discord = &channel.discord;
    let settings = json!({"channel_id": discord.channel(), "api_url": discord.url()});
    let token = &channel.operator.token;
    let gone = |begun: Instant| {
        while discord.connections() > 0 {
            std::thread::sleep(Duration::from_micros(100));
        }
        begun.elapsed()
    };
    let dropped = || dropped("discord", &settings, token, gone);
    end_row("Discord's stand-in", dropped, || {
        let bare = BareClient::connect(discord, &token.secret);
        std::thread::sleep(POLLING);
        let begun = Instant::now();
        drop(bare);
        gone(begun)
    })
}
