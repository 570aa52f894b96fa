//! Messages over the socket: what is accepted, once, and in what form it arrives.

use std::fs;

use podfleet_protocol::limits::MAX_BODY;
use podfleet_protocol::rpc::ErrorCode;
use podfleet_protocol::{NewMessage, Outcome};
use podfleet_sim_agent::Kind;

use super::pod::Pods;

#[test]
fn a_message_sent_twice_is_typed_once() {
    let (pods, pod) = Pods::one("{}");
    let message = NewMessage::new("once");
    let mut first = pod.connect();
    assert!(!first.run(message.clone()).unwrap().duplicate);
    // The sender lost the connection and does not know whether it was accepted.
    let mut second = pod.connect();
    assert!(second.run(message.clone()).unwrap().duplicate);
    second.until(message.id, Outcome::Answered);
    assert!(second.run(message).unwrap().duplicate);

    let last = NewMessage::new("last");
    let id = last.id;
    second.run(last).unwrap();
    second.until(id, Outcome::Answered);
    let received = pods.received("a", Kind::Submit);
    let bodies: Vec<_> = received
        .iter()
        .map(|text| text.rsplit(' ').next().unwrap())
        .collect();
    assert_eq!(bodies, ["once", "last"]);
}

#[test]
fn an_id_that_belongs_to_another_message_is_refused() {
    let (_pods, pod) = Pods::one(r#"{"never_ready": true}"#);
    let mut client = pod.connect();
    let message = NewMessage::new("one");
    client.run(message.clone()).unwrap();
    let other = NewMessage {
        body: "two".to_owned(),
        ..message
    };
    assert_eq!(client.run(other).unwrap_err().code, ErrorCode::Refused);
}

#[test]
fn a_body_cannot_end_its_own_paste() {
    let (pods, pod) = Pods::one("{}");
    let mut client = pod.connect();
    let message = NewMessage::new("before\u{1b}[201~\rafter\u{9b}201~end");
    let id = message.id;
    assert_eq!(client.run(message).unwrap().stripped, 2);
    client.until(id, Outcome::Submitted);
    let text = "[fern:operator -> fern:a] before[201~\nafter201~end";
    assert_eq!(pods.received("a", Kind::Submit), [text]);
    assert!(pods.received("a", Kind::StrayPasteMark).is_empty());
}

#[test]
fn the_longest_message_reaches_the_agent_as_a_file_and_a_longer_one_is_refused() {
    let (pods, pod) = Pods::one("{}");
    let mut client = pod.connect();
    // Every byte is escaped on the wire.
    let body = "\"\n".repeat(MAX_BODY / 2);
    let message = NewMessage::new(body.clone());
    let id = message.id;
    client.run(message).unwrap();
    client.until(id, Outcome::Submitted);
    let received = pods.received("a", Kind::Submit);
    let [text] = received.as_slice() else {
        panic!("{} messages", received.len());
    };
    assert!(text.len() < 1000, "{} bytes were typed", text.len());
    let file = text
        .split_whitespace()
        .find(|word| word.starts_with('/'))
        .unwrap();
    assert_eq!(fs::read_to_string(file).unwrap(), body);

    let error = client
        .run(NewMessage::new("a".repeat(MAX_BODY + 1)))
        .unwrap_err();
    assert_eq!(error.code, ErrorCode::BodyTooLong);
    assert!(error.message.contains(&MAX_BODY.to_string()), "{error}");
}
