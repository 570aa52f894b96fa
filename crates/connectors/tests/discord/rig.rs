//! A connector with the stand-in at its other end.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt as _;
use podfleet_connectors::conformance::{self, Rig};
use podfleet_connectors::{
    ConnectorConfig, ConnectorError, ConnectorRegistry, Environment, InboundBatch, InboundMessage,
    InboundStream, OrchestratorConnector,
};
use podfleet_stub_discord::{StubDiscord, TOKEN};
use serde_json::json;

const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Discord(pub(crate) StubDiscord);

impl Discord {
    pub(crate) fn start() -> Self {
        Self(StubDiscord::start())
    }

    pub(crate) fn connect(&self) -> Arc<dyn OrchestratorConnector> {
        let config = json!({
            "kind": "discord",
            "settings": { "channel_id": self.0.channel(), "api_url": self.0.url() },
        });
        let config: ConnectorConfig = serde_json::from_value(config).unwrap();
        let env: Environment = [("DISCORD_BOT_TOKEN", TOKEN)].into_iter().collect();
        ConnectorRegistry::shipped().create(&config, &env).unwrap()
    }

    /// Subscribes anew, and returns when whatever is said from now on will come.
    pub(crate) async fn listen(
        &self,
        connector: &dyn OrchestratorConnector,
    ) -> (InboundStream, String) {
        let mut stream = connector.subscribe(None).await.unwrap();
        let first = next(&mut stream).await.unwrap();
        (stream, first.cursor)
    }
}

/// Returns what comes next.
pub(crate) async fn next(stream: &mut InboundStream) -> Result<InboundBatch, ConnectorError> {
    let next = tokio::time::timeout(PATIENCE, stream.next()).await;
    next.unwrap().unwrap()
}

/// Returns so many messages, with the last cursor; faults that may pass are passed over.
pub(crate) async fn messages(
    stream: &mut InboundStream,
    count: usize,
) -> (Vec<InboundMessage>, String) {
    let (mut messages, mut cursor) = (Vec::new(), String::new());
    while messages.len() < count {
        if let Ok(batch) = next(stream).await {
            messages.extend(batch.messages);
            cursor = batch.cursor;
        }
    }
    (messages, cursor)
}

pub(crate) fn texts(messages: &[InboundMessage]) -> Vec<&str> {
    messages
        .iter()
        .map(|message| message.text.as_str())
        .collect()
}

/// Waits until something holds.
pub(crate) async fn until(holds: impl Fn() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap();
}

#[async_trait]
impl Rig for Discord {
    fn connector(&self) -> Arc<dyn OrchestratorConnector> {
        self.connect()
    }

    async fn say(&mut self, text: &str, thread: Option<&str>) -> String {
        self.0.say(text, thread)
    }

    async fn heard(&mut self) -> Vec<String> {
        self.0.heard().into_iter().map(|said| said.text).collect()
    }
}

#[tokio::test]
async fn discord_conforms() {
    conformance::run(&mut Discord::start()).await;
}
