//! The registry with a connector of another crate's: an echo.
#![expect(clippy::unwrap_used, reason = "a test fails by it")]

use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use async_trait::async_trait;
use futures_util::{StreamExt, stream};
use podfleet_connectors::{
    ConnectorConfig, ConnectorError, ConnectorHealth, ConnectorKind, ConnectorRegistry,
    CreateError, CreateErrorKind, Environment, InboundBatch, InboundMessage, InboundStream,
    OrchestratorConnector, OutboundMessage, SendReceipt,
};

/// Says back what is sent to it, each key once.
struct Echo {
    kind: ConnectorKind,
    said: Mutex<Vec<OutboundMessage>>,
}

#[async_trait]
impl OrchestratorConnector for Echo {
    fn kind(&self) -> ConnectorKind {
        self.kind.clone()
    }

    fn channel(&self) -> String {
        "here".to_owned()
    }

    async fn send(&self, message: OutboundMessage) -> Result<SendReceipt, ConnectorError> {
        let mut said = self.said.lock().unwrap();
        let key = message.idempotency_key.clone();
        if said.iter().all(|earlier| earlier.idempotency_key != key) {
            said.push(message);
        }
        Ok(SendReceipt {
            message_ids: vec![key],
            ts: SystemTime::UNIX_EPOCH,
        })
    }

    async fn subscribe(&self, _: Option<&str>) -> Result<InboundStream, ConnectorError> {
        let said = self.said.lock().unwrap().clone();
        Ok(Box::pin(stream::iter(
            said.into_iter().map(|message| Ok(batch(message))),
        )))
    }

    async fn health(&self) -> ConnectorHealth {
        ConnectorHealth {
            reachable: true,
            authenticated: true,
            last_seen: None,
            detail: None,
        }
    }
}

fn batch(message: OutboundMessage) -> InboundBatch {
    InboundBatch {
        cursor: message.idempotency_key.clone(),
        messages: vec![heard(message)],
    }
}

fn heard(message: OutboundMessage) -> InboundMessage {
    InboundMessage {
        id: message.idempotency_key.clone(),
        text: message.text,
        thread_id: message.thread_id,
        sender: "echo".to_owned(),
        sender_name: None,
        ts: SystemTime::UNIX_EPOCH,
        attachments: message.attachments,
    }
}

fn echo(
    config: &ConnectorConfig,
    env: &Environment,
) -> Result<Arc<dyn OrchestratorConnector>, CreateError> {
    env.secret("ECHO_TOKEN")?;
    Ok(Arc::new(Echo {
        kind: config.kind.clone(),
        said: Mutex::default(),
    }))
}

fn registry() -> (ConnectorRegistry, ConnectorConfig) {
    let kind = ConnectorKind::new("x-echo").unwrap();
    let mut registry = ConnectorRegistry::default();
    registry.register(kind.clone(), echo);
    (
        registry,
        ConnectorConfig {
            kind,
            ..ConnectorConfig::default()
        },
    )
}

#[tokio::test]
async fn a_kind_of_another_crate_is_created_and_used_as_any() {
    let (registry, config) = registry();
    let env = [("ECHO_TOKEN", "t")].into_iter().collect();
    let connector = registry.create(&config, &env).unwrap();
    assert_eq!(connector.kind().as_str(), "x-echo");
    for (key, text) in [("1", "a"), ("1", "a"), ("2", "b")] {
        connector
            .send(OutboundMessage::new(key, text))
            .await
            .unwrap();
    }
    let heard: Vec<_> = connector.subscribe(None).await.unwrap().collect().await;
    let texts: Vec<&str> = heard
        .iter()
        .map(|heard| heard.as_ref().unwrap().messages[0].text.as_str())
        .collect();
    assert_eq!(texts, ["a", "b"]);
    assert!(connector.health().await.reachable);
}

#[test]
fn a_factory_takes_its_secret_from_the_environment_it_is_given() {
    let (registry, config) = registry();
    let error = registry
        .create(&config, &Environment::default())
        .err()
        .unwrap();
    let variable = "ECHO_TOKEN".to_owned();
    assert_eq!(error.kind(), &CreateErrorKind::MissingSecret { variable });
}

#[test]
fn an_unregistered_kind_is_refused_with_the_known_ones() {
    let (registry, _) = registry();
    let error = registry
        .create(&ConnectorConfig::default(), &Environment::default())
        .err()
        .unwrap();
    insta::assert_snapshot!(error, @"no connector of kind `tmux` is registered (known: x-echo)");
}

#[test]
fn the_last_registration_of_a_kind_wins() {
    let (mut registry, config) = registry();
    registry.register(config.kind.clone(), |config, _| {
        Err(config.settings::<String>().err().unwrap())
    });
    let error = registry
        .create(&config, &Environment::default())
        .err()
        .unwrap();
    assert_eq!(error.kind(), &CreateErrorKind::Settings);
    assert_eq!(registry.kinds().count(), 1);
}
