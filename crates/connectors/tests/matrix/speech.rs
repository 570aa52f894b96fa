//! What goes over the wire, and what comes of it.

use futures_util::StreamExt as _;
use podfleet_connectors::conformance::Rig as _;
use podfleet_connectors::{Attachment, Content, InboundStream, OutboundMessage};
use serde_json::{Value, json};

use super::fake::{ADA, FLEET, Fake};

async fn until(stream: &mut InboundStream, last: &str) -> Vec<(String, Option<String>)> {
    let mut heard = Vec::new();
    while heard.last().is_none_or(|(text, _)| text != last) {
        let batch = stream.next().await.unwrap().unwrap();
        let messages = batch.messages.into_iter();
        heard.extend(messages.map(|message| (message.text, message.thread_id)));
    }
    heard
}

fn text(body: &str) -> Value {
    json!({"msgtype": "m.text", "body": body})
}

fn edit(of: &str, body: &str) -> Value {
    json!({
        "msgtype": "m.text", "body": format!("* {body}"), "m.new_content": text(body),
        "m.relates_to": {"rel_type": "m.replace", "event_id": of},
    })
}

#[tokio::test]
async fn what_no_person_says_is_left_out_and_edits_come_with_their_thread() {
    let mut fake = Fake::start().await;
    let mut stream = fake.listen().await;
    let own = OutboundMessage::new("own", "mine");
    fake.connector().send(own).await.unwrap();
    fake.say_as(
        "@bot:fake",
        &json!({"msgtype": "m.notice", "body": "a notice"}),
    );
    // Taken back; made wrongly; of a kind that nobody knows.
    fake.say_as(ADA, &json!({}));
    fake.say_as(ADA, &json!({"msgtype": "m.text", "body": 7}));
    fake.say_as(ADA, &json!({"msgtype": "x.dance", "body": "a dance"}));
    let said = fake.say("mistkae", Some("$root")).await;
    fake.say_as(ADA, &edit(&said, "mistake"));
    fake.say_as("@eve:fake", &edit(&said, "what Ada never said"));
    fake.say_as(ADA, &edit("$gone", "of nothing"));
    fake.say_as(ADA, &json!({"msgtype": "m.emote", "body": "waves"}));
    fake.say("end", None).await;
    let root = Some("$root".to_owned());
    let expected = [
        ("mistkae".to_owned(), root.clone()),
        ("(corrected) mistake".to_owned(), root),
        ("* waves".to_owned(), None),
        ("end".to_owned(), None),
    ];
    assert_eq!(until(&mut stream, "end").await, expected);
}

#[tokio::test]
async fn a_file_that_cannot_be_had_is_told_and_the_message_comes() {
    let fake = Fake::start().await;
    let mut stream = fake.listen().await;
    fake.say_as(ADA, &json!({
        "msgtype": "m.file", "body": "look at this", "filename": "a.txt", "url": "mxc://fake/none",
    }));
    let batch = stream.next().await.unwrap().unwrap();
    insta::assert_snapshot!(batch.messages[0].text, @r"
    look at this
    (the attachment a.txt is missing: download an attachment: not found: the homeserver answered 404 Not Found)
    ");
    assert!(batch.messages[0].attachments.is_empty());
}

#[tokio::test]
async fn what_is_sent_calls_nobody_and_its_html_is_harmless() {
    let fake = Fake::start().await;
    let file = |name: &str, media_type: &str| Attachment {
        name: name.to_owned(),
        media_type: media_type.to_owned(),
        content: Content::Bytes(vec![1, 2, 3]),
    };
    let message = OutboundMessage {
        thread_id: Some("$root".to_owned()),
        reply_to: Some("$asked".to_owned()),
        attachments: vec![file("a.png", "image/png"), file("a.svg", "image/svg+xml")],
        ..OutboundMessage::new("key", "@room **hi** <script>x</script>\u{1b}[2J")
    };
    fake.connector().send(message).await.unwrap();
    let contents: Vec<Value> = {
        let room = fake.room();
        let own = room.events.iter().filter(|event| event["sender"] == FLEET);
        own.map(|event| event["content"].clone()).collect()
    };
    insta::assert_snapshot!(serde_json::to_string_pretty(&contents).unwrap());
}

#[tokio::test]
async fn a_long_text_in_a_thread_comes_in_parts_that_each_fit_an_event() {
    let fake = Fake::start().await;
    let quotes = "\"quoted\" & <more>\n".repeat(2_000);
    let message = OutboundMessage {
        thread_id: Some("$root".to_owned()),
        ..OutboundMessage::new("key", quotes)
    };
    let sent = fake.connector().send(message).await.unwrap().message_ids;
    assert!(sent.len() > 2);
    let room = fake.room();
    for (index, event) in room.events.iter().enumerate() {
        assert!(event["content"].to_string().len() < 60_000);
        let relation = &event["content"]["m.relates_to"];
        assert_eq!(relation["event_id"], "$root");
        let before = index.checked_sub(1).map_or("$root", |before| &sent[before]);
        assert_eq!(relation["m.in_reply_to"]["event_id"], before);
    }
}

#[tokio::test]
async fn what_answers_a_message_of_another_chat_is_said_all_the_same() {
    let mut fake = Fake::start().await;
    let message = OutboundMessage {
        reply_to: Some("01a2".to_owned()),
        ..OutboundMessage::new("answer", "the answer")
    };
    fake.connector().send(message).await.unwrap();
    assert_eq!(fake.heard().await, ["the answer"]);
}
