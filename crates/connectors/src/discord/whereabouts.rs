//! What is known of the bot and of the channels around its own.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use tokio::sync::OnceCell;

use super::api::Api;
use super::snowflake::Snowflake;
use super::wire::{Channel, User};
use crate::{ConnectorError, ConnectorErrorKind};

/// How many channels are remembered.
const MOST: usize = 10_000;

/// What is found out once, when it is first needed.
#[derive(Debug)]
pub(super) struct Whereabouts {
    channel: Snowflake,
    me: OnceCell<User>,
    /// Of other channels: whether they are threads of ours.
    threads: Mutex<HashMap<Snowflake, bool>>,
}

impl Whereabouts {
    pub(super) fn new(channel: Snowflake) -> Self {
        Self {
            channel,
            me: OnceCell::new(),
            threads: Mutex::default(),
        }
    }

    /// Returns the bot itself.
    pub(super) async fn me(&self, api: &Api) -> Result<&User, ConnectorError> {
        self.me.get_or_try_init(|| api.me()).await
    }

    /// Returns whether a channel is ours or a thread of it; one that cannot be seen is not.
    pub(super) async fn is_ours(
        &self,
        api: &Api,
        channel: Snowflake,
    ) -> Result<bool, ConnectorError> {
        if channel == self.channel {
            return Ok(true);
        }
        if let Some(known) = self.threads().get(&channel) {
            return Ok(*known);
        }
        let ours = match api.channel(channel).await {
            Ok(found) => self.is_thread(&found),
            Err(error) => match error.kind() {
                // It may become one: nothing is remembered.
                ConnectorErrorKind::Forbidden | ConnectorErrorKind::NotFound => return Ok(false),
                _ => return Err(error),
            },
        };
        let mut threads = self.threads();
        if threads.len() == MOST {
            threads.clear();
        }
        threads.insert(channel, ours);
        Ok(ours)
    }

    /// Returns whether a channel is a thread of ours.
    pub(super) fn is_thread(&self, channel: &Channel) -> bool {
        channel.parent_id == Some(self.channel) && channel.thread_metadata.is_some()
    }

    fn threads(&self) -> std::sync::MutexGuard<'_, HashMap<Snowflake, bool>> {
        self.threads.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
