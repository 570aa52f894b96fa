//! The kind `discord`: one channel of a Discord server, with the threads below it.
//!
//! Messages are sent over the HTTP interface, each part under a nonce that follows from its key, so
//! that a retry is no second message within Discord's memory of nonces; beyond it the channel's own
//! history is looked through. What people say comes over the gateway, and after every new session
//! the channel's history is asked for what came meanwhile.

mod api;
mod catch_up;
mod failure;
mod gateway;
mod incoming;
mod limits;
mod outgoing;
mod position;
mod snowflake;
mod whereabouts;
mod wire;

use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use serde::Deserialize;

use crate::{
    ConnectorConfig, ConnectorError, ConnectorErrorKind, ConnectorHealth, ConnectorKind,
    ConnectorRegistry, CreateError, Environment, InboundStream, OrchestratorConnector,
    OutboundMessage, SendReceipt, in_one_line,
};
use api::Api;
use outgoing::Sent;
use position::Position;
use snowflake::Snowflake;
use whereabouts::Whereabouts;

/// The variable that holds the token, or with `_FILE` names its file.
const TOKEN: &str = "DISCORD_BOT_TOKEN";
/// Where Discord is.
const API: &str = "https://discord.com";

/// Where the connector talks.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct DiscordSettings {
    /// The channel.
    channel_id: Snowflake,
    /// Base address of a proxy of the API.
    #[serde(default)]
    api_url: Option<String>,
}

/// Registers the kind `discord`.
pub(crate) fn register(registry: &mut ConnectorRegistry) {
    registry.register(ConnectorKind::discord(), |config, env| {
        Ok(Arc::new(Discord::new(config, env)?))
    });
}

/// The connector.
struct Discord(Arc<Shared>);

/// What the connector and its subscription share.
struct Shared {
    api: Api,
    channel: Snowflake,
    whereabouts: Whereabouts,
    sent: Sent,
}

impl Discord {
    fn new(config: &ConnectorConfig, env: &Environment) -> Result<Self, CreateError> {
        let settings: DiscordSettings = config.settings()?;
        let token = env.secret(TOKEN)?;
        let base = settings.api_url.as_deref().unwrap_or(API);
        let api = Api::new(base, token);
        let api = api.map_err(|error| CreateError::client(&config.kind, error))?;
        let channel = settings.channel_id;
        Ok(Self(Arc::new(Shared {
            api,
            channel,
            whereabouts: Whereabouts::new(channel),
            sent: Sent::default(),
        })))
    }
}

#[async_trait]
impl OrchestratorConnector for Discord {
    fn kind(&self) -> ConnectorKind {
        ConnectorKind::discord()
    }

    fn channel(&self) -> String {
        self.0.channel.to_string()
    }

    async fn send(&self, message: OutboundMessage) -> Result<SendReceipt, ConnectorError> {
        let message_ids = outgoing::send(&self.0, message).await?;
        Ok(SendReceipt {
            message_ids,
            ts: SystemTime::now(),
        })
    }

    async fn subscribe(&self, from: Option<&str>) -> Result<InboundStream, ConnectorError> {
        let shared = Arc::clone(&self.0);
        let position = match from {
            Some(cursor) => cursor.parse::<Position>().map_err(|error| {
                ConnectorError::new(ConnectorErrorKind::CursorRefused, "go on at a cursor")
                    .because(error)
            })?,
            None => catch_up::present(&shared).await?,
        };
        incoming::stream(shared, position).await
    }

    async fn health(&self) -> ConnectorHealth {
        let mut health = ConnectorHealth::default();
        if let Err(error) = self.look(&mut health).await {
            health.reachable |= error.kind() != ConnectorErrorKind::Unreachable;
            health.detail = Some(in_one_line(&error));
        }
        health
    }
}

impl Discord {
    async fn look(&self, health: &mut ConnectorHealth) -> Result<(), ConnectorError> {
        let Shared { api, channel, .. } = &*self.0;
        api.me().await?;
        health.reachable = true;
        health.authenticated = true;
        health.last_seen = Some(SystemTime::now());
        api.channel(*channel).await?;
        if !api.application().await?.may_read_content() {
            return Err(failure::no_content_intent("look at the bot's settings"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CreateErrorKind;

    fn create(settings: &serde_json::Value, token: &str) -> Result<Discord, CreateError> {
        let settings = settings.as_object().unwrap().clone();
        let config = ConnectorConfig {
            kind: ConnectorKind::discord(),
            settings,
            place: None,
        };
        Discord::new(&config, &[(TOKEN, token)].into_iter().collect())
    }

    #[test]
    fn a_channel_is_named_by_digits_and_the_token_is_taken_from_the_environment() {
        let channel = || serde_json::json!({"channel_id": "123"});
        let made = create(&channel(), "t0ken").unwrap();
        assert_eq!(made.channel(), "123");
        for wrong in [
            serde_json::json!({"channel_id": "general"}),
            serde_json::json!({}),
        ] {
            let error = create(&wrong, "t0ken").err().unwrap();
            assert_eq!(error.kind(), &CreateErrorKind::Settings);
        }
        let error = create(&channel(), "").err().unwrap();
        let variable = TOKEN.to_owned();
        assert_eq!(error.kind(), &CreateErrorKind::MissingSecret { variable });
    }

    #[test]
    fn a_token_is_not_sent_in_the_clear_but_on_this_host() {
        let with = |url: &str| {
            let settings = serde_json::json!({"channel_id": "123", "api_url": url});
            create(&settings, "t0ken").map(drop)
        };
        for fine in [
            "http://127.0.0.1:8080",
            "http://localhost",
            "http://[::1]:1",
            "https://p.example",
        ] {
            assert!(with(fine).is_ok(), "{fine}");
        }
        for wrong in ["http://proxy.example", "ftp://127.0.0.1", "nonsense"] {
            assert_eq!(
                with(wrong).unwrap_err().kind(),
                &CreateErrorKind::Client,
                "{wrong}"
            );
        }
    }

    #[test]
    fn a_token_that_can_be_none_is_refused_and_not_shown() {
        let error = create(&serde_json::json!({"channel_id": "123"}), "a\nsecret")
            .err()
            .unwrap();
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("secret"), "{shown}");
        assert_eq!(error.kind(), &CreateErrorKind::Client);
    }
}
