//! What people say, whatever becomes of the connection.

use podfleet_connectors::{ConnectorErrorKind, Content};
use podfleet_stub_discord::File;

use crate::rig::{Discord, messages, next, texts, until};

#[tokio::test]
async fn a_broken_connection_is_resumed_and_nothing_is_lost() {
    let discord = Discord::start();
    let connector = discord.connect();
    let (mut stream, _) = discord.listen(&*connector).await;
    discord.0.say("one", None);
    assert_eq!(texts(&messages(&mut stream, 1).await.0), ["one"]);
    discord.0.break_connections();
    discord.0.say("two", None);
    discord.0.say("three", None);
    assert_eq!(texts(&messages(&mut stream, 2).await.0), ["two", "three"]);
    assert_eq!(discord.0.sessions(), (1, 1));
}

#[tokio::test]
async fn a_request_to_connect_again_is_followed_and_nothing_is_lost() {
    let discord = Discord::start();
    let connector = discord.connect();
    let (mut stream, _) = discord.listen(&*connector).await;
    discord.0.ask_to_reconnect();
    discord.0.say("meanwhile", None);
    assert_eq!(texts(&messages(&mut stream, 1).await.0), ["meanwhile"]);
    let (begun, resumed) = discord.0.sessions();
    assert_eq!((begun, resumed), (1, 1));
}

#[tokio::test]
async fn a_session_that_is_invalid_is_begun_anew_and_what_was_missed_is_asked_for() {
    let discord = Discord::start();
    let connector = discord.connect();
    let (mut stream, _) = discord.listen(&*connector).await;
    let root = discord.0.say("one", None);
    discord.0.say("in a thread", Some(&root));
    messages(&mut stream, 2).await;
    discord.0.forget_sessions();
    discord.0.say("two", None);
    discord.0.say("in the thread", Some(&root));
    let (missed, _) = messages(&mut stream, 2).await;
    assert_eq!(texts(&missed), ["two", "in the thread"]);
    assert_eq!(missed[1].thread_id.as_ref(), Some(&root));
    let (begun, resumed) = discord.0.sessions();
    assert_eq!((begun, resumed), (2, 0));
    discord.0.say("three", None);
    assert_eq!(texts(&messages(&mut stream, 1).await.0), ["three"]);
}

#[tokio::test]
async fn a_gateway_that_is_away_is_told_and_found_again() {
    let discord = Discord::start();
    let connector = discord.connect();
    let (mut stream, _) = discord.listen(&*connector).await;
    discord.0.close_gateway(true);
    discord.0.break_connections();
    discord.0.say("while it is away", None);
    let error = next(&mut stream).await.unwrap_err();
    assert!(error.to_string().contains("cannot be reached"), "{error}");
    discord.0.close_gateway(false);
    let (messages, _) = messages(&mut stream, 1).await;
    assert_eq!(texts(&messages), ["while it is away"]);
}

#[tokio::test]
async fn a_backlog_of_many_pages_comes_whole_and_in_order_with_archived_threads() {
    let discord = Discord::start();
    let connector = discord.connect();
    let (stream, cursor) = discord.listen(&*connector).await;
    drop(stream);
    let said: Vec<String> = (0..250).map(|number| format!("number {number}")).collect();
    let root = discord.0.say(&said[0], None);
    discord.0.say(&said[1], Some(&root));
    discord.0.archive(&root);
    for text in &said[2..] {
        discord.0.say(text, None);
    }
    let mut stream = connector.subscribe(Some(&cursor)).await.unwrap();
    let (heard, cursor) = messages(&mut stream, said.len()).await;
    assert_eq!(texts(&heard), said);
    drop(stream);
    discord.0.say("and one", None);
    let mut stream = connector.subscribe(Some(&cursor)).await.unwrap();
    assert_eq!(texts(&messages(&mut stream, 1).await.0), ["and one"]);
}

#[tokio::test]
async fn other_bots_and_other_channels_are_passed_over() {
    let discord = Discord::start();
    let connector = discord.connect();
    let (mut stream, _) = discord.listen(&*connector).await;
    discord.0.say_as_bot("beep");
    discord.0.say_elsewhere("not here");
    discord.0.say("here", None);
    let (messages, _) = messages(&mut stream, 1).await;
    assert_eq!(texts(&messages), ["here"]);
    assert_eq!(messages[0].sender_name.as_deref(), Some("Ada"));
}

#[tokio::test]
async fn a_cursor_of_another_carrier_is_said_to_be_that() {
    let discord = Discord::start();
    let refused = discord.connect().subscribe(Some("s72594_4483")).await;
    let kind = refused.err().unwrap().kind();
    assert_eq!(kind, ConnectorErrorKind::CursorRefused);
}

#[tokio::test]
async fn files_come_with_their_content() {
    let discord = Discord::start();
    let connector = discord.connect();
    let (mut stream, _) = discord.listen(&*connector).await;
    let file = File {
        name: "p.txt".to_owned(),
        bytes: b"look at this".to_vec(),
    };
    discord.0.say_with("", None, vec![file]);
    let (messages, _) = messages(&mut stream, 1).await;
    let attachment = &messages[0].attachments[0];
    assert_eq!(attachment.name, "p.txt");
    assert_eq!(attachment.content, Content::Bytes(b"look at this".to_vec()));
}

#[tokio::test(flavor = "current_thread")]
async fn an_ended_subscription_leaves_no_connection_and_no_task() {
    let discord = Discord::start();
    let connector = discord.connect();
    let (mut stream, _) = discord.listen(&*connector).await;
    discord.0.say("one", None);
    messages(&mut stream, 1).await;
    assert_eq!(discord.0.connections(), 1);
    drop(stream);
    until(|| discord.0.connections() == 0).await;
    drop(connector);
    let runtime = tokio::runtime::Handle::current();
    until(|| runtime.metrics().num_alive_tasks() == 0).await;
}
