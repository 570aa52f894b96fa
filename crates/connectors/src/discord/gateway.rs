//! The gateway: a WebSocket over which Discord tells what happens.

use std::error::Error as _;
use std::sync::Once;
use std::time::Duration;

use futures_util::StreamExt as _;
use tokio::time::Instant;
use twilight_gateway::error::{ReceiveMessageError, ReceiveMessageErrorType};
use twilight_gateway::queue::InMemoryQueue;
use twilight_gateway::{
    CloseFrame, ConfigBuilder, Intents, Message as Frame, Session, Shard, ShardId,
};
use twilight_model::gateway::CloseCode;

use super::api::Api;
use super::failure;
use super::wire::{Created, Event, Message};
use crate::{Backoff, ConnectorError, ConnectorErrorKind as Kind};

const DOING: &str = "listen at the gateway";
/// How often the gateway may close the connection in a row until that is told: it does so by itself
/// now and then.
const USUAL: u32 = 1;

/// A connection, which is made again as often as that is needed. Dropping it closes it.
pub(super) struct Gateway {
    url: String,
    token: String,
    shard: Shard,
    backoff: Backoff,
    /// How often it was closed since it last worked.
    closed: u32,
    not_before: Option<Instant>,
}

/// What the gateway tells.
#[derive(Debug)]
pub(super) enum News {
    /// A new session began: what was said before it has to be asked for.
    Began,
    /// The session goes on: what was said meanwhile has come.
    GoesOn,
    /// Somebody said something.
    Message(Box<Message>),
    /// Something failed that may pass.
    Fault(ConnectorError),
    /// Something failed for good.
    End(ConnectorError),
}

impl Gateway {
    /// Finds out where the gateway is; it is connected to when it is first listened to.
    pub(super) async fn find(api: &Api) -> Result<Self, ConnectorError> {
        let url = api.gateway().await?;
        let token = api.token().expose().to_owned();
        use_our_cryptography();
        Ok(Self {
            shard: shard(&url, &token, None),
            url,
            token,
            backoff: Backoff::default(),
            closed: 0,
            not_before: None,
        })
    }

    /// Waits for what happens next. Nothing is to be expected behind an end.
    pub(super) async fn next(&mut self) -> News {
        loop {
            if let Some(moment) = self.not_before {
                tokio::time::sleep_until(moment).await;
                self.not_before = None;
            }
            let news = match self.shard.next().await {
                Some(Ok(Frame::Text(text))) => self.read(&text),
                Some(Ok(Frame::Close(frame))) => self.closed(frame.as_ref()),
                Some(Err(error)) => match error.kind() {
                    ReceiveMessageErrorType::Reconnect => Some(self.unreachable(&error)),
                    // Its text may hold what people said, and says nothing.
                    _ => Some(News::Fault(fault("an event that cannot be read"))),
                },
                None => Some(News::End(fault(
                    "the gateway closed the connection for good",
                ))),
            };
            if let Some(news) = news {
                return news;
            }
        }
    }

    fn read(&mut self, text: &str) -> Option<News> {
        let event: Event = serde_json::from_str(text).ok()?;
        match event.name.as_deref()? {
            "READY" => {
                self.works();
                Some(News::Began)
            }
            "RESUMED" => {
                self.works();
                Some(News::GoesOn)
            }
            // One that lacks what every message has is none that anybody could answer.
            "MESSAGE_CREATE" => {
                let created: Created = serde_json::from_str(text).ok()?;
                Some(News::Message(Box::new(created.message)))
            }
            _ => None,
        }
    }

    fn works(&mut self) {
        self.backoff.reset();
        self.closed = 0;
    }

    fn closed(&mut self, frame: Option<&CloseFrame<'_>>) -> Option<News> {
        let code = frame.map_or(0, |frame| frame.code);
        let final_error = match CloseCode::try_from(code) {
            Ok(CloseCode::AuthenticationFailed) => {
                let cause = format!("`{}` is wrong, or was reset", super::TOKEN);
                Some(ConnectorError::new(Kind::Unauthenticated, DOING).because(cause))
            }
            Ok(CloseCode::DisallowedIntents) => Some(failure::no_content_intent(DOING)),
            Ok(code) if !code.can_reconnect() => {
                let cause = format!("the gateway closed the connection: {code}");
                Some(ConnectorError::new(Kind::Protocol, DOING).because(cause))
            }
            _ => None,
        };
        if let Some(error) = final_error {
            return Some(News::End(error));
        }
        self.pause();
        self.closed = self.closed.saturating_add(1);
        let cause = format!("the gateway closed the connection ({code})");
        (self.closed > USUAL).then(|| News::Fault(fault(&cause)))
    }

    /// Begins anew, since the shard's own pauses grow beyond what anybody would wait. The session
    /// goes on if there is one.
    fn unreachable(&mut self, error: &ReceiveMessageError) -> News {
        let session = self.shard.session().cloned();
        self.shard = shard(&self.url, &self.token, session);
        self.pause();
        let cause = error.source().map(ToString::to_string);
        News::Fault(fault(&cause.unwrap_or_else(|| error.to_string())))
    }

    fn pause(&mut self) {
        let pause: Duration = self.backoff.next();
        self.not_before = Some(Instant::now() + pause);
    }
}

fn fault(cause: &str) -> ConnectorError {
    ConnectorError::new(Kind::Unreachable, DOING).because(cause)
}

fn shard(url: &str, token: &str, session: Option<Session>) -> Shard<InMemoryQueue> {
    let intents = Intents::GUILD_MESSAGES | Intents::DIRECT_MESSAGES | Intents::MESSAGE_CONTENT;
    let mut config = ConfigBuilder::new(token.to_owned(), intents).proxy_url(url.to_owned());
    if let Some(session) = session {
        config = config.session(session);
    }
    Shard::with_config(ShardId::ONE, config.build())
}

/// The gateway's library panics where a program has several providers of cryptography and chose
/// none. One that was chosen stays.
fn use_our_cryptography() {
    static CHOSEN: Once = Once::new();
    CHOSEN.call_once(|| {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    });
}
