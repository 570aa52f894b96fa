//! What the fleet says.

use std::time::Duration;

use podfleet_connectors::{
    Attachment, ConnectorErrorKind, Content, OrchestratorConnector, OutboundMessage, Retry,
};
use podfleet_stub_discord::{Fault, File};

use crate::rig::Discord;

/// A key of the kind that the fleet makes: it tells when it was made, long ago.
const KEY: &str = "01a21561-472d-7088-84d8-31f035afd501";

fn bytes(name: &str, bytes: &[u8]) -> Attachment {
    Attachment {
        name: name.to_owned(),
        media_type: "text/plain".to_owned(),
        content: Content::Bytes(bytes.to_vec()),
    }
}

fn said(discord: &Discord) -> Vec<String> {
    let said = discord.0.heard().into_iter();
    said.map(|said| said.text).collect()
}

/// Sends until it is sent, as the bridge does.
async fn insist(connector: &dyn OrchestratorConnector, mut message: OutboundMessage) {
    while let Err(error) = connector.send(message.clone()).await {
        assert_ne!(error.retry(), Retry::Never, "{error}");
        message.again = true;
    }
}

#[tokio::test]
async fn files_go_along_as_they_are() {
    let discord = Discord::start();
    let connector = discord.connect();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log.txt");
    std::fs::write(&path, b"from a file").unwrap();
    let message = OutboundMessage {
        attachments: vec![Attachment::of_file(&path), bytes("b.bin", b"\0\r\n--x")],
        ..OutboundMessage::new("key", "see the log")
    };
    connector.send(message).await.unwrap();
    let heard = discord.0.heard();
    assert_eq!(heard.len(), 1);
    let file = |name: &str, bytes: &[u8]| File {
        name: name.to_owned(),
        bytes: bytes.to_vec(),
    };
    let expected = [file("log.txt", b"from a file"), file("b.bin", b"\0\r\n--x")];
    assert_eq!(heard[0].files, expected);
}

#[tokio::test]
async fn an_answer_names_what_it_answers() {
    let discord = Discord::start();
    let asked = discord.0.say("how far?", None);
    let message = OutboundMessage {
        reply_to: Some(asked.clone()),
        ..OutboundMessage::new("key", "half")
    };
    discord.connect().send(message).await.unwrap();
    assert_eq!(discord.0.heard()[0].reply_to, Some(asked));
}

#[tokio::test]
async fn an_attempt_whose_answer_was_lost_is_not_said_twice() {
    let discord = Discord::start();
    let connector = discord.connect();
    // Discord knows the nonce for some minutes, and then only its history.
    for (number, fault) in [Fault::KeepAndFail, Fault::KeepWithoutNonce]
        .into_iter()
        .enumerate()
    {
        discord.0.fail_next(fault);
        let message = OutboundMessage {
            attachments: vec![bytes("a b.txt", b"x")],
            ..OutboundMessage::new(format!("{KEY}{number}"), format!("text {number}"))
        };
        insist(&*connector, message).await;
    }
    assert_eq!(said(&discord), ["text 0", "text 1"]);
}

#[tokio::test]
async fn a_text_in_parts_that_failed_in_the_middle_is_whole_in_the_end() {
    let discord = Discord::start();
    let connector = discord.connect();
    let parts: Vec<String> = "abcd"
        .chars()
        .map(|c| c.to_string().repeat(1_900))
        .collect();
    connector
        .send(OutboundMessage::new("first", "before"))
        .await
        .unwrap();
    let message = OutboundMessage::new(KEY, parts.join("\n\n"));
    discord.0.fail_next(Fault::KeepAndFail);
    let error = connector.send(message.clone()).await.unwrap_err();
    assert_eq!(error.kind(), ConnectorErrorKind::Unreachable);
    discord.0.fail_next(Fault::KeepAndFail);
    insist(
        &*connector,
        OutboundMessage {
            again: true,
            ..message
        },
    )
    .await;
    assert_eq!(said(&discord).split_off(1), parts);
}

#[tokio::test]
async fn the_same_text_said_again_under_another_key_is_said_again() {
    let discord = Discord::start();
    let connector = discord.connect();
    for key in ["one", "two"] {
        connector
            .send(OutboundMessage::new(key, "done"))
            .await
            .unwrap();
    }
    assert_eq!(said(&discord), ["done", "done"]);
}

#[tokio::test]
async fn an_attempt_that_failed_is_not_taken_for_the_same_words_of_another_message() {
    let discord = Discord::start();
    let connector = discord.connect();
    let refused = || Fault::Refuse {
        status: 502,
        code: 0,
    };
    for key in ["one", "two"] {
        discord.0.fail_next(refused());
        insist(&*connector, OutboundMessage::new(key, "done")).await;
    }
    assert_eq!(said(&discord), ["done", "done"]);
    // Nor by who does not remember, where the words answer something.
    let asked = ["how far?", "and now?"].map(|text| discord.0.say(text, None));
    for asked in &asked {
        discord.0.fail_next(refused());
        let answer = OutboundMessage {
            reply_to: Some(asked.clone()),
            ..OutboundMessage::new(asked.clone(), "not done")
        };
        insist(&*discord.connect(), answer).await;
    }
    let answered = discord
        .0
        .heard()
        .into_iter()
        .filter_map(|said| said.reply_to);
    assert_eq!(answered.collect::<Vec<_>>(), asked);
}

#[tokio::test]
async fn limits_are_kept_so_that_nothing_is_refused() {
    let discord = Discord::start();
    let connector = discord.connect();
    discord.0.limit(2, Duration::from_millis(300));
    let keys: Vec<String> = (0..7).map(|number| number.to_string()).collect();
    for key in &keys {
        connector
            .send(OutboundMessage::new(key, key))
            .await
            .unwrap();
    }
    assert_eq!(said(&discord), keys);
    assert_eq!(discord.0.refused(), 0);
}

#[tokio::test]
async fn where_there_were_too_many_it_waits_as_long_as_it_is_told_and_no_longer_than_a_minute() {
    let discord = Discord::start();
    let connector = discord.connect();
    discord
        .0
        .fail_next(Fault::TooMany(Duration::from_millis(50)));
    let message = OutboundMessage::new("key", "patience");
    connector.send(message.clone()).await.unwrap();
    assert_eq!(said(&discord), ["patience"]);
    let pause = Duration::from_secs(3600);
    discord.0.fail_next(Fault::TooMany(pause));
    let error = connector.send(message).await.unwrap_err();
    assert_eq!(error.retry(), Retry::After(pause));
}

#[tokio::test]
async fn a_thread_of_another_channel_is_none_of_ours() {
    let discord = Discord::start();
    let connector = discord.connect();
    for thread in ["601", "12345", "general"] {
        let message = OutboundMessage {
            thread_id: Some(thread.to_owned()),
            ..OutboundMessage::new(thread, "psst")
        };
        let error = connector.send(message).await.unwrap_err();
        assert_eq!(error.kind(), ConnectorErrorKind::NotFound, "{thread}");
    }
    assert_eq!(said(&discord), [""; 0]);
}

#[tokio::test]
async fn a_file_that_is_too_large_or_not_there_is_said_to_be_so() {
    let discord = Discord::start();
    let connector = discord.connect();
    let missing = OutboundMessage {
        attachments: vec![Attachment::of_file("/nonexistent/file".as_ref())],
        ..OutboundMessage::new("key", "look")
    };
    let error = connector.send(missing).await.unwrap_err();
    assert_eq!(error.kind(), ConnectorErrorKind::NotFound);
    let fault = Fault::Refuse {
        status: 413,
        code: 40_005,
    };
    discord.0.fail_next(fault);
    let large = OutboundMessage {
        attachments: vec![bytes("large", b"as if")],
        ..OutboundMessage::new("key", "look")
    };
    let error = connector.send(large).await.unwrap_err();
    let limit = 10 << 20;
    assert_eq!(error.kind(), ConnectorErrorKind::TooLarge { limit });
}
