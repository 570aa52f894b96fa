//! What every connector must do, as a suite that runs over any of them (feature `conformance`).
//!
//! A connector's tests give the suite a [`Rig`]: the connector, made anew as often as it is asked
//! for, and the person at the other end of it. A claim that does not hold panics with its sentence.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt as _;

use crate::{InboundMessage, InboundStream, OrchestratorConnector, OutboundMessage};

/// How long anything may take until it counts as not happening.
const PATIENCE: Duration = Duration::from_secs(30);

/// A connector with the person at its other end.
#[async_trait]
pub trait Rig: Send {
    /// Makes the connector as a new process would. The one made before was dropped.
    fn connector(&self) -> Arc<dyn OrchestratorConnector>;

    /// The person says something, in a thread or in none, and it has arrived at the carrier.
    /// Returns the carrier's id of it. The connector under test may be subscribed or not.
    async fn say(&mut self, text: &str, thread: Option<&str>) -> String;

    /// Returns all texts that the fleet has said, as the person sees them, in order.
    async fn heard(&mut self) -> Vec<String>;

    /// Whether messages can be in threads.
    fn has_threads(&self) -> bool {
        true
    }

    /// Whether a person can say something while no connector is subscribed.
    fn works_unattended(&self) -> bool {
        true
    }
}

/// Runs the whole suite.
///
/// # Panics
/// When a claim does not hold.
pub async fn run(rig: &mut dyn Rig) {
    health_is_good(rig).await;
    what_is_said_is_heard_once_whatever_the_retries(rig).await;
    a_long_text_arrives_whole(rig).await;
    a_first_subscription_begins_now(rig).await;
    what_a_person_says_comes_with_its_id_and_sender(rig).await;
    nothing_of_our_own_comes_back(rig).await;
    a_thread_comes_with_its_messages(rig).await;
    a_later_subscription_goes_on_at_its_cursor(rig).await;
    a_later_subscription_tells_that_it_listens_though_nobody_speaks(rig).await;
    a_batch_whose_cursor_was_not_stored_comes_again(rig).await;
}

/// Every error and report names the connector's place.
async fn health_is_good(rig: &mut dyn Rig) {
    let health = rig.connector().health().await;
    assert!(health.is_good(), "health is good: {health:?}");
}

async fn what_is_said_is_heard_once_whatever_the_retries(rig: &mut dyn Rig) {
    let connector = rig.connector();
    let before = rig.heard().await.len();
    for key in ["said-1", "said-2"] {
        let first = OutboundMessage::new(key, format!("the text of {key}"));
        let again = OutboundMessage {
            again: true,
            ..first.clone()
        };
        let receipt = connector.send(first.clone()).await;
        let receipt = receipt.unwrap_or_else(|error| panic!("sending works: {error}"));
        assert!(!receipt.message_ids.is_empty(), "a receipt has an id");
        for repeated in [first, again] {
            let repeated = connector.send(repeated).await;
            repeated.unwrap_or_else(|error| panic!("sending again works: {error}"));
        }
    }
    drop(connector);
    let heard = rig.heard().await.split_off(before);
    assert_eq!(
        heard,
        ["the text of said-1", "the text of said-2"],
        "each key is heard once, in order"
    );
}

async fn a_long_text_arrives_whole(rig: &mut dyn Rig) {
    let words: Vec<String> = (0..6_000).map(|number| format!("word{number}")).collect();
    let paragraphs: Vec<String> = words.chunks(40).map(|words| words.join(" ")).collect();
    let before = rig.heard().await.len();
    let message = OutboundMessage::new("long", paragraphs.join("\n\n"));
    let sent = rig.connector().send(message).await;
    sent.unwrap_or_else(|error| panic!("a long text is sent: {error}"));
    let heard = rig.heard().await.split_off(before).join("\n\n");
    let heard: Vec<&str> = heard.split_whitespace().collect();
    assert_eq!(heard, words, "every word arrives once, in order");
}

async fn a_first_subscription_begins_now(rig: &mut dyn Rig) {
    if rig.works_unattended() {
        rig.say("of the past", None).await;
    }
    let connector = rig.connector();
    let mut stream = subscribe(&*connector, None).await;
    let cursor = first_cursor(&mut stream).await;
    rig.say("of the present", None).await;
    let (message, _) = next_message(&mut stream).await;
    assert_eq!(message.text, "of the present", "nothing old is given");
    assert!(!cursor.is_empty(), "the beginning has a cursor");
}

async fn what_a_person_says_comes_with_its_id_and_sender(rig: &mut dyn Rig) {
    let connector = rig.connector();
    let mut stream = started(&*connector).await;
    let id = rig.say("hello, *fleet*", None).await;
    let (message, _) = next_message(&mut stream).await;
    assert_eq!((message.id, message.text.as_str()), (id, "hello, *fleet*"));
    assert!(!message.sender.is_empty(), "a message has a sender");
    assert_eq!(message.thread_id, None, "it is in no thread");
}

async fn nothing_of_our_own_comes_back(rig: &mut dyn Rig) {
    let connector = rig.connector();
    let mut stream = started(&*connector).await;
    let own = OutboundMessage::new("own", "said by the fleet");
    let sent = connector.send(own).await;
    sent.unwrap_or_else(|error| panic!("sending works while subscribed: {error}"));
    rig.say("said by a person", None).await;
    let (message, _) = next_message(&mut stream).await;
    assert_eq!(message.text, "said by a person");
}

async fn a_thread_comes_with_its_messages(rig: &mut dyn Rig) {
    if !rig.has_threads() {
        return;
    }
    let connector = rig.connector();
    let mut stream = started(&*connector).await;
    let root = rig.say("the root", None).await;
    next_message(&mut stream).await;
    rig.say("in the thread", Some(&root)).await;
    let (message, _) = next_message(&mut stream).await;
    let thread = message.thread_id;
    assert!(thread.is_some(), "a message of a thread names it");
    let answer = OutboundMessage {
        thread_id: thread,
        ..OutboundMessage::new("in-thread", "the answer in the thread")
    };
    let sent = connector.send(answer).await;
    sent.unwrap_or_else(|error| panic!("sending into a thread works: {error}"));
    let heard = rig.heard().await;
    assert_eq!(
        heard.last().map(String::as_str),
        Some("the answer in the thread")
    );
}

async fn a_later_subscription_goes_on_at_its_cursor(rig: &mut dyn Rig) {
    let connector = rig.connector();
    let mut stream = started(&*connector).await;
    rig.say("before the stop", None).await;
    let (_, cursor) = next_message(&mut stream).await;
    if !rig.works_unattended() {
        rig.say("during the stop", None).await;
    }
    drop(stream);
    drop(connector);
    if rig.works_unattended() {
        rig.say("during the stop", None).await;
    }
    let connector = rig.connector();
    let mut stream = subscribe(&*connector, Some(&cursor)).await;
    let (message, _) = next_message(&mut stream).await;
    assert_eq!(
        message.text, "during the stop",
        "nothing is lost or given twice"
    );
}

async fn a_later_subscription_tells_that_it_listens_though_nobody_speaks(rig: &mut dyn Rig) {
    let connector = rig.connector();
    let mut stream = subscribe(&*connector, None).await;
    let cursor = first_cursor(&mut stream).await;
    drop(stream);
    let mut stream = subscribe(&*connector, Some(&cursor)).await;
    first_cursor(&mut stream).await;
}

async fn a_batch_whose_cursor_was_not_stored_comes_again(rig: &mut dyn Rig) {
    let connector = rig.connector();
    let mut stream = subscribe(&*connector, None).await;
    let cursor = first_cursor(&mut stream).await;
    rig.say("taken by nobody", None).await;
    let (first, _) = next_message(&mut stream).await;
    drop(stream);
    let mut stream = subscribe(&*connector, Some(&cursor)).await;
    let (second, _) = next_message(&mut stream).await;
    assert_eq!(first, second, "it comes again, under the same id");
}

async fn subscribe(connector: &dyn OrchestratorConnector, from: Option<&str>) -> InboundStream {
    let stream = connector.subscribe(from).await;
    stream.unwrap_or_else(|error| panic!("subscribing works: {error}"))
}

/// Subscribes, and returns when whatever is said from now on will come.
async fn started(connector: &dyn OrchestratorConnector) -> InboundStream {
    let mut stream = subscribe(connector, None).await;
    first_cursor(&mut stream).await;
    stream
}

async fn first_cursor(stream: &mut InboundStream) -> String {
    let batch = tokio::time::timeout(PATIENCE, stream.next()).await;
    match batch {
        Ok(Some(Ok(batch))) => {
            assert!(batch.messages.is_empty(), "nothing old: {batch:?}");
            batch.cursor
        }
        other => panic!("a subscription tells at once that it listens: {other:?}"),
    }
}

async fn next_message(stream: &mut InboundStream) -> (InboundMessage, String) {
    loop {
        match tokio::time::timeout(PATIENCE, stream.next()).await {
            Ok(Some(Ok(mut batch))) => match batch.messages.len() {
                0 => {}
                1 => return (batch.messages.remove(0), batch.cursor),
                _ => panic!("one message was said: {batch:?}"),
            },
            other => panic!("what was said comes: {other:?}"),
        }
    }
}
