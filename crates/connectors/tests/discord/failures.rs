//! What is wrong for good, and that the token is nowhere in it.

use futures_util::StreamExt as _;
use podfleet_connectors::{
    ConnectorError, ConnectorErrorKind, OutboundMessage, Retry, in_one_line,
};
use podfleet_stub_discord::{Fault, TOKEN};

use crate::rig::{Discord, next};

/// Returns an error with its causes, in one line, in which no token may be.
fn told(error: &ConnectorError) -> String {
    let shown = format!("{error:?}");
    assert!(!shown.contains(TOKEN), "{shown}");
    let line = in_one_line(error);
    assert!(!line.contains(TOKEN), "{line}");
    line
}

#[tokio::test]
async fn health_tells_what_is_wrong() {
    let lines = |discord: &Discord| {
        let connector = discord.connect();
        async move {
            let health = connector.health().await;
            let (reachable, known) = (health.reachable, health.authenticated);
            let detail = health.detail.unwrap_or_default();
            assert!(!detail.contains(TOKEN), "{detail}");
            format!("{reachable} {known} {detail}")
        }
    };
    let discord = Discord::start();
    let mut shown = vec![lines(&discord).await];
    discord.0.allow_content(false);
    shown.push(lines(&discord).await);
    discord.0.hide_channel();
    shown.push(lines(&discord).await);
    discord.0.revoke_token();
    shown.push(lines(&discord).await);
    insta::assert_snapshot!(shown.join("\n"), @r#"
    true true 
    true true look at the bot's settings: not allowed: the bot may not read messages: turn the "Message Content Intent" on, in the Developer Portal under Bot
    true true look at the channel 600: not found: Discord says: Unknown Channel (10003)
    true false ask who the bot is: not authenticated: `DISCORD_BOT_TOKEN` is wrong, or was reset
    "#);
    let connector = discord.connect();
    drop(discord);
    let health = connector.health().await;
    assert!(!health.reachable && !health.authenticated, "{health:?}");
}

#[tokio::test]
async fn a_bot_that_may_not_read_is_told_how_that_is_changed() {
    let discord = Discord::start();
    discord.0.allow_content(false);
    let mut stream = discord.connect().subscribe(None).await.unwrap();
    let error = next(&mut stream).await.unwrap_err();
    assert_eq!(error.kind(), ConnectorErrorKind::Forbidden);
    insta::assert_snapshot!(told(&error), @r#"listen at the gateway: not allowed: the bot may not read messages: turn the "Message Content Intent" on, in the Developer Portal under Bot"#);
    assert!(
        stream.next().await.is_none(),
        "there is nothing to wait for"
    );
}

#[tokio::test]
async fn a_token_that_is_taken_back_ends_everything_at_once() {
    let discord = Discord::start();
    let connector = discord.connect();
    let (mut stream, _) = discord.listen(&*connector).await;
    discord.0.revoke_token();
    discord.0.break_connections();
    let error = next(&mut stream).await.unwrap_err();
    assert_eq!(error.kind(), ConnectorErrorKind::Unauthenticated);
    insta::assert_snapshot!(told(&error), @"listen at the gateway: not authenticated: `DISCORD_BOT_TOKEN` is wrong, or was reset");
    let sent = connector.send(OutboundMessage::new("key", "text")).await;
    let error = sent.unwrap_err();
    assert_eq!(error.kind(), ConnectorErrorKind::Unauthenticated);
    insta::assert_snapshot!(told(&error), @"send to the channel: not authenticated: `DISCORD_BOT_TOKEN` is wrong, or was reset");
    let anew = discord.connect().subscribe(None).await;
    let error = anew.err().unwrap();
    assert_eq!(error.kind(), ConnectorErrorKind::Unauthenticated);
}

#[tokio::test]
async fn each_refusal_says_whether_to_try_again() {
    let discord = Discord::start();
    let connector = discord.connect();
    let mut lines = String::new();
    for (status, code) in [(403, 50_013), (404, 10_003), (400, 50_035), (502, 0)] {
        discord.0.fail_next(Fault::Refuse { status, code });
        let message = OutboundMessage::new("key", "text");
        let error = connector.send(message).await.unwrap_err();
        let again = error.retry() != Retry::Never;
        lines += &format!("{} ({again})\n", told(&error));
    }
    insta::assert_snapshot!(lines, @"
    send to the channel: not allowed: Discord says: as it was told to (50013) (false)
    send to the channel: not found: Discord says: as it was told to (10003) (false)
    send to the channel: an answer that cannot be used: Discord says: as it was told to (50035) (false)
    send to the channel: the service cannot be reached: Discord says: as it was told to (true)
    ");
}
