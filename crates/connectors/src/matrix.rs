//! The kind `matrix`: one room of a homeserver, without end-to-end encryption.
//!
//! Messages are sent under transaction ids that follow from their keys, and carry the key in their
//! content: within the server's memory a retry is no second message, and beyond it the room's own
//! history is looked through.

mod client;
mod failure;
mod incoming;
mod outgoing;
mod room;
mod sync;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use ruma::{OwnedRoomOrAliasId, OwnedUserId};
use serde::Deserialize;
use tokio::sync::Mutex;

use crate::{
    ConnectorConfig, ConnectorError, ConnectorErrorKind, ConnectorHealth, ConnectorKind,
    ConnectorRegistry, CreateError, Environment, InboundStream, OrchestratorConnector,
    OutboundMessage, SendReceipt, in_one_line,
};
use client::{Base, Client};
use room::Room;

/// The variable that holds the token, or with `_FILE` names its file.
const TOKEN: &str = "MATRIX_ACCESS_TOKEN";
/// How long the server may hold a poll without news, in milliseconds.
const POLL_MS: u64 = 30_000;

/// Where the connector talks, and as whom.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct MatrixSettings {
    /// The homeserver.
    homeserver_url: Base,
    /// The connector's own user.
    user_id: OwnedUserId,
    /// The room.
    room_id: OwnedRoomOrAliasId,
    /// How long the server may hold a poll without news; something in between may cut long ones.
    #[serde(default = "poll_ms")]
    poll_ms: u64,
}

fn poll_ms() -> u64 {
    POLL_MS
}

/// Registers the kind `matrix`.
pub(crate) fn register(registry: &mut ConnectorRegistry) {
    registry.register(ConnectorKind::matrix(), |config, env| {
        Ok(Arc::new(Matrix::new(config, env)?))
    });
}

/// The connector.
struct Matrix {
    kind: ConnectorKind,
    shared: Arc<Shared>,
}

/// What the connector and its subscription share.
struct Shared {
    client: Client,
    settings: MatrixSettings,
    whereabouts: Mutex<Whereabouts>,
}

/// Where the room is, as far as that is known.
#[derive(Default)]
struct Whereabouts {
    /// Found out when it is first needed.
    room: Option<Arc<Room>>,
    /// Whether the last one was replaced by another, into which we may not be let yet.
    moving: bool,
}

impl Matrix {
    fn new(config: &ConnectorConfig, env: &Environment) -> Result<Self, CreateError> {
        let settings: MatrixSettings = config.settings()?;
        let token = env.secret(TOKEN)?;
        let client = Client::new(&settings.homeserver_url, token)
            .map_err(|error| CreateError::client(&config.kind, error))?;
        let shared = Shared {
            client,
            settings,
            whereabouts: Mutex::default(),
        };
        Ok(Self {
            kind: config.kind.clone(),
            shared: Arc::new(shared),
        })
    }

    /// Looks at one thing after the other, and takes down how far it came.
    async fn look(&self, health: &mut ConnectorHealth) -> Result<(), ConnectorError> {
        let (client, settings) = (&self.shared.client, &self.shared.settings);
        client.greet().await?;
        health.reachable = true;
        health.last_seen = Some(SystemTime::now());
        client.prove(&settings.user_id).await?;
        health.authenticated = true;
        room::look(client, settings).await
    }
}

impl Shared {
    /// Returns the room once we are in it.
    async fn room(&self) -> Result<Arc<Room>, ConnectorError> {
        let mut whereabouts = self.whereabouts.lock().await;
        if let Some(room) = &whereabouts.room {
            return Ok(Arc::clone(room));
        }
        let entered = room::enter(&self.client, &self.settings).await;
        let entered = entered.map_err(|error| match whereabouts.moving {
            true => room::not_moved(&self.settings, error),
            false => error,
        })?;
        let room = Arc::new(entered);
        *whereabouts = Whereabouts {
            room: Some(Arc::clone(&room)),
            moving: false,
        };
        Ok(room)
    }

    /// Takes note that a room was replaced: when it is needed next, it is looked for anew.
    async fn leave(&self, room: &Room) {
        let mut whereabouts = self.whereabouts.lock().await;
        let present = whereabouts.room.as_ref();
        if present.is_some_and(|present| present.id == room.id) {
            *whereabouts = Whereabouts {
                room: None,
                moving: true,
            };
        }
    }

    /// Turns a failure in a room into the one that it follows from, if the room was replaced.
    async fn unless_replaced(&self, room: &Room, error: ConnectorError) -> ConnectorError {
        if error.kind() != ConnectorErrorKind::Forbidden {
            return error;
        }
        let replaced = room::refuse_replaced(&self.client, &self.settings, room).await;
        match replaced {
            Ok(()) => error,
            Err(replaced) => {
                self.leave(room).await;
                replaced
            }
        }
    }

    fn poll(&self) -> Duration {
        Duration::from_millis(self.settings.poll_ms)
    }
}

#[async_trait]
impl OrchestratorConnector for Matrix {
    fn kind(&self) -> ConnectorKind {
        self.kind.clone()
    }

    fn channel(&self) -> String {
        self.shared.settings.room_id.to_string()
    }

    /// Each homeserver has its own, and each user sees another part of a room.
    fn cursor_of(&self) -> String {
        let settings = &self.shared.settings;
        let (room, user) = (&settings.room_id, &settings.user_id);
        format!("{room} as {user} at {}", settings.homeserver_url)
    }

    async fn send(&self, message: OutboundMessage) -> Result<SendReceipt, ConnectorError> {
        let room = self.shared.room().await?;
        match outgoing::send(&self.shared.client, &room, &message).await {
            Ok(sent) => Ok(SendReceipt {
                message_ids: sent.into_iter().map(Into::into).collect(),
                ts: SystemTime::now(),
            }),
            Err(error) => Err(self.shared.unless_replaced(&room, error).await),
        }
    }

    async fn subscribe(&self, from: Option<&str>) -> Result<InboundStream, ConnectorError> {
        sync::stream(Arc::clone(&self.shared), from).await
    }

    async fn health(&self) -> ConnectorHealth {
        let mut health = ConnectorHealth::default();
        if let Err(error) = self.look(&mut health).await {
            health.detail = Some(in_one_line(&error));
        }
        health
    }
}
