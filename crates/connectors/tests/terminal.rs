//! The chat in a terminal.
#![cfg(feature = "conformance")]
#![expect(clippy::unwrap_used, reason = "a test fails by it")]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt as _;
use podfleet_connectors::conformance::{self, Rig};
use podfleet_connectors::tmux::{ChatClient, ChatEvent, ChatReader, Say, Side};
use podfleet_connectors::{
    Attachment, ConnectorConfig, ConnectorRegistry, Content, Environment, OrchestratorConnector,
    OutboundMessage, Pruning,
};

struct Terminal {
    directory: tempfile::TempDir,
    said: u32,
}

impl Terminal {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let said = 0;
        Self { directory, said }
    }

    fn socket(&self) -> PathBuf {
        self.directory.path().join("chat")
    }

    async fn sit_down(&self) -> ChatClient {
        ChatClient::connect(&self.socket(), "ada", 1_000)
            .await
            .unwrap()
    }
}

fn say(id: &str, text: &str) -> Say {
    Say {
        id: id.to_owned(),
        text: text.to_owned(),
        thread: None,
        reply_to: None,
        files: Vec::new(),
    }
}

async fn event(reader: &mut ChatReader) -> ChatEvent {
    let next = tokio::time::timeout(Duration::from_secs(20), reader.next());
    next.await.unwrap().unwrap().unwrap()
}

#[async_trait]
impl Rig for Terminal {
    fn connector(&self) -> Arc<dyn OrchestratorConnector> {
        let settings = serde_json::json!({
            "kind": "tmux",
            "place": { "socket": self.socket(), "directory": self.directory.path() },
        });
        let config: ConnectorConfig = serde_json::from_value(settings).unwrap();
        let registry = ConnectorRegistry::shipped();
        registry.create(&config, &Environment::default()).unwrap()
    }

    async fn say(&mut self, text: &str, thread: Option<&str>) -> String {
        self.said += 1;
        let id = format!("human-{}", self.said);
        let mut client = self.sit_down().await;
        let thread = thread.map(ToOwned::to_owned);
        let said = Say {
            thread,
            ..say(&id, text)
        };
        client.writer.say(said).await.unwrap();
        while event(&mut client.reader).await != ChatEvent::Taken(id.clone()) {}
        id
    }

    /// Reads the file, since nobody need listen.
    async fn heard(&mut self) -> Vec<String> {
        let file = self.directory.path().join("history.jsonl");
        let lines = std::fs::read_to_string(file).unwrap_or_default();
        let lines = lines
            .lines()
            .map(|line| serde_json::from_str(line).unwrap());
        lines
            .filter_map(|line: serde_json::Value| line.get("said").cloned())
            .filter(|said| said["from"] == "fleet")
            .map(|said| said["text"].as_str().unwrap().to_owned())
            .collect()
    }

    fn works_unattended(&self) -> bool {
        false
    }
}

#[tokio::test]
async fn the_terminal_conforms() {
    conformance::run(&mut Terminal::new()).await;
}

#[tokio::test]
async fn what_nobody_saw_comes_first_and_is_read_once_it_was_shown() {
    let rig = Terminal::new();
    let connector = rig.connector();
    for key in ["a", "b", "c"] {
        let message = OutboundMessage::new(key, key);
        connector.send(message).await.unwrap();
    }
    let _stream = connector.subscribe(None).await.unwrap();
    let mut client = ChatClient::connect(&rig.socket(), "ada", 0).await.unwrap();
    assert_eq!(client.read_up_to, 0);
    for key in ["a", "b"] {
        let ChatEvent::Entry(entry) = event(&mut client.reader).await else {
            panic!("an entry comes");
        };
        assert_eq!((entry.id.as_str(), entry.from), (key, Side::Fleet));
        client.writer.read_up_to(entry.seq).await.unwrap();
    }
    // An answer says that what went before was taken.
    client.writer.say(say("d", "d")).await.unwrap();
    while event(&mut client.reader).await != ChatEvent::Taken("d".to_owned()) {}
    let mut client = ChatClient::connect(&rig.socket(), "ada", 0).await.unwrap();
    assert_eq!(client.read_up_to, 2);
    let ChatEvent::Entry(entry) = event(&mut client.reader).await else {
        panic!("an entry comes");
    };
    assert_eq!(entry.id, "c");
}

#[tokio::test]
async fn what_cannot_be_said_is_refused_with_a_reason() {
    let rig = Terminal::new();
    let connector = rig.connector();
    let _stream = connector.subscribe(None).await.unwrap();
    let mut client = rig.sit_down().await;
    let missing = Say {
        files: vec!["/nonexistent/file".into()],
        ..say("1", "look")
    };
    let wrong = [
        (missing, "/nonexistent/file: No such file"),
        (say("2", " \n"), "it is empty"),
    ];
    for (said, expected) in wrong {
        client.writer.say(said).await.unwrap();
        let ChatEvent::Refused { why, failed, .. } = event(&mut client.reader).await else {
            panic!("it is refused");
        };
        assert!(why.contains(expected) && !failed, "{why}");
    }
}

#[tokio::test]
async fn attachments_go_both_ways_as_files_of_this_host() {
    let rig = Terminal::new();
    let connector = rig.connector();
    let mut stream = connector.subscribe(None).await.unwrap();
    let picture = rig.directory.path().join("p.png");
    std::fs::write(&picture, "png").unwrap();
    let mut client = rig.sit_down().await;
    let said = Say {
        files: vec![picture.clone()],
        ..say("1", "look")
    };
    client.writer.say(said).await.unwrap();
    let _position = stream.next().await.unwrap().unwrap();
    let batch = stream.next().await.unwrap().unwrap();
    assert_eq!(
        batch.messages[0].attachments,
        [Attachment::of_file(&picture)]
    );
    let bytes = Attachment {
        name: "log".to_owned(),
        media_type: "text/plain".to_owned(),
        content: Content::Bytes(b"content".to_vec()),
    };
    let message = OutboundMessage {
        attachments: vec![bytes],
        ..OutboundMessage::new("key", "see the log")
    };
    connector.send(message).await.unwrap();
    loop {
        if let ChatEvent::Entry(entry) = event(&mut client.reader).await
            && entry.from == Side::Fleet
        {
            assert_eq!(std::fs::read(&entry.files[0].path).unwrap(), b"content");
            break;
        }
    }
}

#[tokio::test]
async fn old_entries_are_removed_by_whoever_has_them_open() {
    let rig = Terminal::new();
    let connector = rig.connector();
    let stream = connector.subscribe(None).await.unwrap();
    let mut client = rig.sit_down().await;
    for id in ["1", "2", "3"] {
        client.writer.say(say(id, "hello")).await.unwrap();
        while event(&mut client.reader).await != ChatEvent::Taken(id.to_owned()) {}
    }
    client.writer.read_up_to(3).await.unwrap();
    client.writer.say(say("4", "hello")).await.unwrap();
    while event(&mut client.reader).await != ChatEvent::Taken("4".to_owned()) {}
    let of_all = |heard: &str, dry_run| Pruning {
        before: std::time::SystemTime::now() + Duration::from_secs(1),
        heard: Some(heard.to_owned()),
        dry_run,
    };
    // Another process asks the one that listens.
    let other = rig.connector();
    assert_eq!(other.prune(&of_all("2", true)).await.unwrap(), 2);
    assert_eq!(other.prune(&of_all("1", false)).await.unwrap(), 1);
    assert_eq!(connector.prune(&of_all("2", false)).await.unwrap(), 1);
    drop((stream, connector));
    assert_eq!(other.prune(&of_all("4", false)).await.unwrap(), 1);
    let nothing_heard = Pruning {
        heard: None,
        ..of_all("", false)
    };
    assert_eq!(other.prune(&nothing_heard).await.unwrap(), 0);
    let elsewhere = Terminal::new();
    assert_eq!(
        elsewhere
            .connector()
            .prune(&of_all("4", false))
            .await
            .unwrap(),
        0
    );
    assert!(!elsewhere.directory.path().join("history.jsonl").exists());
}

#[tokio::test]
async fn an_ended_subscription_leaves_no_socket_and_no_connection() {
    let rig = Terminal::new();
    let connector = rig.connector();
    let stream = connector.subscribe(None).await.unwrap();
    let mut client = rig.sit_down().await;
    assert!(rig.socket().exists());
    assert!(connector.is_own_users_alone());
    drop(stream);
    assert_eq!(client.reader.next().await.unwrap(), None);
    assert!(!rig.socket().exists());
    assert!(ChatClient::connect(&rig.socket(), "ada", 0).await.is_err());
}
