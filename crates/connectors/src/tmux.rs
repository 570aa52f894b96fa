//! The kind `tmux`: the chat is a terminal of this host, at whose end sits `fleet chat`.
//!
//! What is said, by either side, is durable once it is in the history, a file
//! of JSON lines. The connector listens on a Unix socket while it is subscribed to; a [`ChatClient`]
//! at its other end shows the history and adds to it. With nobody there messages wait, unread.

mod client;
mod entry;
mod history;
mod inbound;
mod server;
mod wire;

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use async_trait::async_trait;
use serde::Deserialize;
use tokio::sync::watch;

use crate::{
    Attachment, ConnectorConfig, ConnectorError, ConnectorErrorKind, ConnectorHealth,
    ConnectorKind, ConnectorRegistry, Content, CreateError, InboundStream, OrchestratorConnector,
    OutboundMessage, Place, Pruning, SendReceipt,
};
pub use client::{ChatClient, ChatError, ChatEvent, ChatReader, ChatWriter};
pub use entry::{ChatEntry, ChatFile, Side};
use entry::{Draft, files_of};
use history::History;
use wire::Old;
pub use wire::{MAX_TEXT, Say};

/// The kind has no settings: its place is its caller's choice.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct TmuxSettings {}

/// Registers the kind `tmux`.
pub fn register(registry: &mut ConnectorRegistry) {
    registry.register(ConnectorKind::tmux(), |config: &ConnectorConfig, _| {
        let TmuxSettings {} = config.settings()?;
        let place = config.place.clone();
        let place = place.ok_or_else(|| CreateError::no_place(&config.kind))?;
        Ok(Arc::new(Terminal::new(place)))
    });
}

/// The connector.
struct Terminal {
    shared: Arc<Shared>,
}

/// What the connector, its subscription and its connections share.
struct Shared {
    place: Place,
    /// Opened when it is first needed: making a connector changes nothing.
    history: Mutex<Option<History>>,
    /// The number of the last entry.
    last: watch::Sender<u64>,
}

impl Terminal {
    fn new(place: Place) -> Self {
        let shared = Shared {
            place,
            history: Mutex::default(),
            last: watch::channel(0).0,
        };
        Self {
            shared: Arc::new(shared),
        }
    }
}

impl Shared {
    /// Whether this process has the history open.
    fn is_open(&self) -> bool {
        let history = self.history.lock();
        history.unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Does something with the history, away from the threads that must not wait for a disk.
    async fn with<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&mut History) -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let shared = Arc::clone(self);
        let working = tokio::task::spawn_blocking(move || {
            let mut history = shared
                .history
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            let opened = match history.take() {
                Some(opened) => opened,
                None => History::open(&shared.place.directory)?,
            };
            let opened = history.insert(opened);
            let done = work(opened);
            let present = opened.last();
            // Who waits is woken by what is new, not by every look.
            shared
                .last
                .send_if_modified(|last| std::mem::replace(last, present) != present);
            done
        });
        working.await.map_err(io::Error::other)?
    }
}

fn failed(doing: &str, error: io::Error) -> ConnectorError {
    ConnectorError::new(ConnectorErrorKind::Unreachable, doing).because(error)
}

#[async_trait]
impl OrchestratorConnector for Terminal {
    fn kind(&self) -> ConnectorKind {
        ConnectorKind::tmux()
    }

    fn channel(&self) -> String {
        self.shared.place.directory.display().to_string()
    }

    fn is_own_users_alone(&self) -> bool {
        true
    }

    async fn send(&self, message: OutboundMessage) -> Result<SendReceipt, ConnectorError> {
        const DOING: &str = "write to the chat's history";
        for attachment in &message.attachments {
            if let Content::Path(path) = &attachment.content {
                Attachment::open(path).await?;
            }
        }
        let (id, ts) = (message.idempotency_key.clone(), SystemTime::now());
        let written = self.shared.with(move |history| {
            let files = files_of(
                message.attachments,
                history.directory(),
                &message.idempotency_key,
            )?;
            history.append(Draft {
                id: message.idempotency_key,
                from: Side::Fleet,
                sender: "fleet".to_owned(),
                text: message.text,
                thread: message.thread_id,
                reply_to: message.reply_to,
                files,
                at: ts,
            })
        });
        written.await.map_err(|error| failed(DOING, error))?;
        Ok(SendReceipt {
            message_ids: vec![id],
            ts,
        })
    }

    async fn subscribe(&self, from: Option<&str>) -> Result<InboundStream, ConnectorError> {
        const DOING: &str = "open the chat";
        let from = place_of(from, DOING)?;
        let last = self.shared.with(|history| Ok(history.last()));
        let last = last.await.map_err(|error| failed(DOING, error))?;
        let server = server::open(Arc::clone(&self.shared));
        let server = server.map_err(|error| failed(DOING, error))?;
        let position = from.unwrap_or(last);
        Ok(inbound::stream(Arc::clone(&self.shared), server, position))
    }

    async fn health(&self) -> ConnectorHealth {
        let directory = self.shared.place.directory.clone();
        let looked = tokio::task::spawn_blocking(move || history::look(&directory));
        match looked.await.map_err(io::Error::other).and_then(|it| it) {
            Ok(last_seen) => ConnectorHealth {
                reachable: true,
                authenticated: true,
                last_seen,
                detail: None,
            },
            Err(error) => ConnectorHealth {
                detail: Some(format!("the chat's history cannot be used: {error}")),
                ..ConnectorHealth::default()
            },
        }
    }

    /// Whoever has the history open removes from it: this process, the one that listens, or else
    /// this one after all.
    async fn prune(&self, pruning: &Pruning) -> Result<u64, ConnectorError> {
        const DOING: &str = "prune the chat's history";
        let old = Old {
            before: millis(pruning.before),
            up_to: place_of(pruning.heard.as_deref(), DOING)?.unwrap_or(0),
            dry_run: pruning.dry_run,
        };
        if !self.shared.is_open() {
            match client::prune(&self.shared.place.socket, old).await {
                Err(ChatError::NotListening) => {}
                Err(error) => return Err(failed(DOING, io::Error::other(error))),
                Ok(pruned) => {
                    return pruned.map_err(|why| failed(DOING, io::Error::other(why)));
                }
            }
            // One that is not there is not made for that.
            let there = history::look(&self.shared.place.directory);
            if there.map_err(|error| failed(DOING, error))?.is_none() {
                return Ok(0);
            }
        }
        let pruned = self.shared.with(move |history| history.prune(old)).await;
        pruned.map_err(|error| failed(DOING, error))
    }
}

/// Reads a cursor, which is the place of an entry.
fn place_of(cursor: Option<&str>, doing: &str) -> Result<Option<u64>, ConnectorError> {
    let place = cursor.map(str::parse).transpose();
    place.map_err(|error: std::num::ParseIntError| {
        ConnectorError::new(ConnectorErrorKind::CursorRefused, doing).because(error)
    })
}

fn millis(at: SystemTime) -> u64 {
    let since = at.duration_since(SystemTime::UNIX_EPOCH);
    u64::try_from(since.unwrap_or_default().as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CreateErrorKind, Environment};

    fn error(config: serde_json::Value) -> CreateError {
        let config: ConnectorConfig = serde_json::from_value(config).unwrap();
        let made = ConnectorRegistry::shipped().create(&config, &Environment::default());
        made.err().unwrap()
    }

    #[test]
    fn an_unknown_setting_is_named() {
        let error = error(serde_json::json!({"kind": "tmux", "settings": {"session": "x"}}));
        assert!(matches!(error.kind(), CreateErrorKind::Settings));
        insta::assert_snapshot!(error, @"read the settings of connector `tmux`");
        insta::assert_snapshot!(
            std::error::Error::source(&error).unwrap(),
            @"unknown field `session`, there are no fields"
        );
    }

    #[test]
    fn without_a_place_there_is_no_terminal() {
        let error = error(serde_json::json!({}));
        assert_eq!(error.kind(), &CreateErrorKind::NoPlace);
        insta::assert_snapshot!(error, @"connector `tmux` needs a place on this host");
    }
}
