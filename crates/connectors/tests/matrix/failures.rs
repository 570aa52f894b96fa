//! What a healthy homeserver does not do.

use std::time::Duration;

use futures_util::StreamExt as _;
use podfleet_connectors::conformance::Rig as _;
use podfleet_connectors::{ConnectorErrorKind, InboundStream, OutboundMessage, Retry};
use serde_json::json;

use super::fake::{Failure, Fake, TOKEN};

/// Listens until a text comes; returns all texts, and how many failures were told meanwhile.
async fn until_text(stream: &mut InboundStream, wanted: &str) -> (Vec<String>, usize) {
    let (mut texts, mut failures) = (Vec::new(), 0);
    while texts.last().is_none_or(|text| text != wanted) {
        match stream.next().await.unwrap() {
            Ok(batch) => texts.extend(batch.messages.into_iter().map(|message| message.text)),
            Err(_) => failures += 1,
        }
    }
    (texts, failures)
}

#[tokio::test]
async fn a_rate_limit_is_told_with_its_pause_and_a_retry_is_said_once() {
    let mut fake = Fake::start().await;
    let connector = fake.connector();
    let limited = json!({"errcode": "M_LIMIT_EXCEEDED", "error": "", "retry_after_ms": 1500});
    fake.fail("send", Failure::Status(429, limited));
    // The message arrives, and its answer does not.
    fake.fail("send", Failure::After(502, json!("x")));
    let message = OutboundMessage::new("key", "hello");
    let first = connector.send(message.clone()).await.unwrap_err();
    assert_eq!(first.retry(), Retry::After(Duration::from_millis(1500)));
    let second = connector.send(message.clone()).await.unwrap_err();
    assert_eq!(second.retry(), Retry::Backoff);
    connector.send(message).await.unwrap();
    assert_eq!(fake.heard().await, ["hello"]);
}

#[tokio::test]
async fn beyond_the_memory_of_the_server_the_history_tells_what_was_said() {
    let mut fake = Fake::start().await;
    let connector = fake.connector();
    fake.room().forgetful = true;
    let message = OutboundMessage::new("key", "hello");
    let first = connector.send(message.clone()).await.unwrap();
    for number in 0..7 {
        fake.say("from a person", None).await;
        let other = OutboundMessage::new(format!("other-{number}"), "other");
        connector.send(other).await.unwrap();
    }
    let again = OutboundMessage {
        again: true,
        ..message
    };
    let second = connector.send(again).await.unwrap();
    assert_eq!(first.message_ids, second.message_ids);
    let heard = fake.heard().await;
    assert_eq!(heard.iter().filter(|text| *text == "hello").count(), 1);
}

#[tokio::test]
async fn garbage_and_failures_of_the_server_are_lived_through() {
    let mut fake = Fake::start().await;
    let mut stream = fake.listen().await;
    for failure in [
        Failure::Garbage,
        Failure::Status(500, json!({})),
        Failure::Status(
            429,
            json!({"errcode": "M_LIMIT_EXCEEDED", "error": "", "retry_after_ms": 20}),
        ),
    ] {
        fake.fail("sync", failure);
    }
    fake.say("after all that", None).await;
    let (texts, failures) = until_text(&mut stream, "after all that").await;
    assert_eq!((texts.len(), failures), (1, 3));
}

#[tokio::test]
async fn a_poll_that_is_never_answered_is_made_again() {
    let mut fake = Fake::start().await;
    let mut stream = fake.listen().await;
    fake.fail("sync", Failure::Hang);
    let asked = fake.room().asked.len();
    let first = stream.next();
    let patience = async {
        while fake.room().asked.len() == asked {
            tokio::task::yield_now().await;
        }
        // The rest of the wait takes no time.
        tokio::time::pause();
        std::future::pending::<()>().await;
    };
    let error = tokio::select! {
        batch = first => batch.unwrap().unwrap_err(),
        () = patience => unreachable!(),
    };
    tokio::time::resume();
    assert_eq!(error.kind(), ConnectorErrorKind::Unreachable);
    fake.say("still there?", None).await;
    until_text(&mut stream, "still there?").await;
}

#[tokio::test]
async fn a_cursor_that_the_server_does_not_know_is_said_to_be_that() {
    let fake = Fake::start().await;
    let unknown = json!({"errcode": "M_UNKNOWN", "error": "Invalid stream token"});
    fake.fail("sync", Failure::Status(400, unknown.clone()));
    let connector = fake.connector();
    let mut stream = connector.subscribe(Some("7")).await.unwrap();
    let error = stream.next().await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ConnectorErrorKind::CursorRefused);
    insta::assert_snapshot!(
        podfleet_connectors::in_one_line(&error),
        @"listen to the room: the place to go on from is refused: Invalid stream token (M_UNKNOWN)"
    );
    assert!(stream.next().await.is_none());
    // What no homeserver said is of something before it, and passes.
    for status in [301, 400, 421] {
        fake.fail("sync", Failure::Status(status, json!({})));
        let mut stream = connector.subscribe(Some("7")).await.unwrap();
        let error = stream.next().await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ConnectorErrorKind::Unreachable, "{status}");
    }
    fake.fail("sync", Failure::Status(400, unknown));
    let error = connector.subscribe(None).await.err().unwrap();
    assert_eq!(error.kind(), ConnectorErrorKind::Protocol);
}

#[tokio::test]
async fn a_gap_is_filled_in_order_also_when_that_fails_at_first() {
    let mut fake = Fake::start().await;
    let mut stream = fake.connector().subscribe(None).await.unwrap();
    let cursor = stream.next().await.unwrap().unwrap().cursor;
    drop(stream);
    fake.room().limit = Some(2);
    for number in 0..10 {
        fake.say(&format!("message {number}"), None).await;
    }
    fake.fail("messages", Failure::Status(503, json!({})));
    let mut stream = fake.connector().subscribe(Some(&cursor)).await.unwrap();
    let (texts, failures) = until_text(&mut stream, "message 9").await;
    let expected: Vec<_> = (0..10).map(|number| format!("message {number}")).collect();
    assert_eq!((texts, failures), (expected, 1));
}

#[tokio::test]
async fn within_a_gap_the_cursor_stays_before_it() {
    let mut fake = Fake::start().await;
    let mut stream = fake.connector().subscribe(None).await.unwrap();
    let before = stream.next().await.unwrap().unwrap().cursor;
    drop(stream);
    fake.room().limit = Some(2);
    for number in 0..6 {
        fake.say(&format!("message {number}"), None).await;
    }
    let mut stream = fake.connector().subscribe(Some(&before)).await.unwrap();
    let first = stream.next().await.unwrap().unwrap();
    assert_eq!((first.messages.len(), first.cursor), (3, before.clone()));
    let second = stream.next().await.unwrap().unwrap();
    assert_eq!(second.messages.len(), 3);
    assert_ne!(second.cursor, before);
}

#[tokio::test]
async fn a_withdrawn_token_ends_the_subscription_without_a_loop_and_is_never_shown() {
    let fake = Fake::start().await;
    let connector = fake.connector();
    let mut stream = connector.subscribe(None).await.unwrap();
    stream.next().await.unwrap().unwrap();
    let asked = fake.room().asked.len();
    fake.room().token = "another";
    let error = loop {
        if let Err(error) = stream.next().await.unwrap() {
            break error;
        }
    };
    assert_eq!(error.kind(), ConnectorErrorKind::Unauthenticated);
    assert!(stream.next().await.is_none());
    assert_eq!(fake.room().asked[asked..], ["sync"]);
    let health = connector.health().await;
    assert!(health.reachable && !health.authenticated, "{health:?}");
    for shown in [format!("{error:?}"), format!("{health:?}")] {
        assert!(!shown.contains(TOKEN), "{shown}");
    }
    insta::assert_snapshot!(
        health.detail.unwrap(),
        @"ask who we are: not authenticated: … is not known (M_UNKNOWN_TOKEN)"
    );
}

#[tokio::test]
async fn the_token_of_another_user_is_refused_before_anything_is_said_or_heard() {
    let fake = Fake::start().await;
    let connector = fake.connector_of("@other:fake");
    let refused = connector.subscribe(None).await.err().unwrap();
    assert_eq!(refused.kind(), ConnectorErrorKind::Unauthenticated);
    let health = connector.health().await;
    insta::assert_snapshot!(
        health.detail.unwrap(),
        @"ask who we are: not authenticated: the token is @fleet:fake's, and @other:fake is configured"
    );
}

#[tokio::test]
async fn a_room_that_was_replaced_is_told_with_its_successor_after_all_that_was_said_in_it() {
    let mut fake = Fake::start().await;
    let mut stream = fake.listen().await;
    fake.say("see you there", None).await;
    fake.upgrade();
    let (texts, _) = until_text(&mut stream, "see you there").await;
    assert_eq!(texts.len(), 1);
    let error = stream.next().await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ConnectorErrorKind::NotFound);
    assert!(stream.next().await.is_none());
    let detail = fake.connector().health().await.detail.unwrap();
    insta::assert_snapshot!(
        detail,
        @"enter the room: not found: !room:fake was replaced by !new:fake; name that one as the room"
    );
}

#[tokio::test]
async fn who_may_not_speak_in_a_room_is_told_that_it_was_replaced_if_it_was() {
    let fake = Fake::start().await;
    let connector = fake.connector();
    let forbidden = || Failure::Status(403, json!({"errcode": "M_FORBIDDEN", "error": "no"}));
    fake.fail("send", forbidden());
    let message = OutboundMessage::new("key", "hello");
    let refused = connector.send(message.clone()).await.unwrap_err();
    assert_eq!(refused.kind(), ConnectorErrorKind::Forbidden);
    fake.upgrade();
    fake.fail("send", forbidden());
    let replaced = connector.send(message).await.unwrap_err();
    assert_eq!(replaced.kind(), ConnectorErrorKind::NotFound);
}
