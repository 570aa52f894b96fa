//! What people say, as a stream.

use std::collections::VecDeque;
use std::sync::Arc;

use futures_util::stream;
use tokio::time::Instant;

use super::Shared;
use super::catch_up;
use super::gateway::{Gateway, News};
use super::position::Position;
use super::wire::{File, Message};
use crate::{
    Attachment, Backoff, ConnectorError, ConnectorErrorKind, Content, InboundBatch, InboundMessage,
    InboundStream, Retry,
};

/// How many messages one batch has at most.
const BATCH: usize = 100;
/// The largest attachment that is fetched, in bytes.
const MAX_FILE: usize = 25 << 20;

/// Whom a message concerns.
enum Address {
    /// It is said to us.
    Us,
    /// It is our own.
    OfUs,
    /// It is none of our business.
    Others,
}

/// A subscription. It spawns nothing but what ends with it.
struct Listening {
    shared: Arc<Shared>,
    gateway: Gateway,
    position: Position,
    /// What came and has not been given yet.
    waiting: VecDeque<Message>,
    /// Whether a session began and what came before it has not been asked for yet.
    behind: bool,
    /// Whether the position has yet to be told: a session began or goes on, or much of our own was
    /// passed over.
    untold: bool,
    /// How much of our own was passed over since the position was told.
    passed: usize,
    backoff: Backoff,
    not_before: Option<Instant>,
    ended: bool,
}

/// Listens from a position on.
pub(super) async fn stream(
    shared: Arc<Shared>,
    position: Position,
) -> Result<InboundStream, ConnectorError> {
    // What is wrong with the token is told at once.
    shared.whereabouts.me(&shared.api).await?;
    let gateway = Gateway::find(&shared.api).await?;
    let listening = Listening {
        shared,
        gateway,
        position,
        waiting: VecDeque::new(),
        behind: false,
        untold: false,
        passed: 0,
        backoff: Backoff::default(),
        not_before: None,
        ended: false,
    };
    Ok(Box::pin(stream::unfold(
        listening,
        |mut listening| async move {
            let batch = listening.next().await?;
            Some((batch, listening))
        },
    )))
}

impl Listening {
    async fn next(&mut self) -> Option<Result<InboundBatch, ConnectorError>> {
        if self.ended {
            return None;
        }
        let next = self.try_next().await;
        if let Err(error) = &next {
            self.ended = error.retry() == Retry::Never;
            let pause = match error.retry() {
                Retry::After(pause) => pause,
                Retry::Backoff | Retry::Never => self.backoff.next(),
            };
            self.not_before = Some(Instant::now() + pause);
        } else {
            self.backoff.reset();
        }
        Some(next)
    }

    async fn try_next(&mut self) -> Result<InboundBatch, ConnectorError> {
        if let Some(moment) = self.not_before {
            tokio::time::sleep_until(moment).await;
            self.not_before = None;
        }
        loop {
            if self.behind {
                let after = self.position.after();
                let missing = catch_up::missing(&self.shared, after).await?;
                self.waiting.extend(missing);
                self.behind = false;
                self.untold = true;
            }
            let messages = self.take().await?;
            if !messages.is_empty() || (self.untold && self.waiting.is_empty()) {
                self.untold = false;
                self.passed = 0;
                return Ok(InboundBatch {
                    messages,
                    cursor: self.position.to_string(),
                });
            }
            match self.gateway.next().await {
                News::Began => self.behind = true,
                News::GoesOn => self.untold = true,
                News::Message(message) => self.waiting.push_back(*message),
                News::Fault(error) | News::End(error) => return Err(error),
            }
        }
    }

    /// Takes what waits, as far as it is for us and new.
    async fn take(&mut self) -> Result<Vec<InboundMessage>, ConnectorError> {
        let mut messages = Vec::new();
        while messages.len() < BATCH
            && let Some(first) = self.waiting.front()
        {
            let address = match self.shared.address(first).await {
                Ok(address) => address,
                Err(error) if messages.is_empty() => return Err(error),
                // It is tried again once these have been given.
                Err(_) => break,
            };
            let Some(message) = self.waiting.pop_front() else {
                break;
            };
            match address {
                Address::Us if self.position.hear(message.id) => {
                    messages.push(self.shared.inbound(message).await);
                }
                // So that it is not asked for again and again.
                Address::OfUs if self.position.hear(message.id) => {
                    self.passed += 1;
                    self.untold |= self.passed >= BATCH;
                }
                _ => {}
            }
        }
        Ok(messages)
    }
}

impl Shared {
    async fn address(&self, message: &Message) -> Result<Address, ConnectorError> {
        let Self {
            api, whereabouts, ..
        } = self;
        if whereabouts.me(api).await?.id == message.author.id {
            return Ok(Address::OfUs);
        }
        let here = message.is_of_a_person();
        let here = here && whereabouts.is_ours(api, message.channel_id).await?;
        Ok(if here { Address::Us } else { Address::Others })
    }

    async fn inbound(&self, message: Message) -> InboundMessage {
        let mut text = message.content;
        let mut attachments = Vec::new();
        for file in &message.attachments {
            match self.attachment(file).await {
                Ok(attachment) => attachments.push(attachment),
                // It may be had by hand.
                Err(_) => {
                    text.push_str(&format!(
                        "\n({} was not fetched: {})",
                        file.filename, file.url
                    ));
                }
            }
        }
        let channel = message.channel_id;
        let author = message.author;
        InboundMessage {
            id: message.id.to_string(),
            text,
            thread_id: (channel != self.channel).then(|| channel.to_string()),
            sender: author.id.to_string(),
            sender_name: Some(author.global_name.unwrap_or(author.username)),
            ts: message.id.time(),
            attachments,
        }
    }

    async fn attachment(&self, file: &File) -> Result<Attachment, ConnectorError> {
        if file.size > MAX_FILE as u64 {
            let limit = MAX_FILE as u64;
            let kind = ConnectorErrorKind::TooLarge { limit };
            return Err(ConnectorError::new(kind, "get an attachment"));
        }
        let bytes = self.api.file(&file.url, MAX_FILE).await?;
        let media_type = file.content_type.clone();
        Ok(Attachment {
            name: file.filename.clone(),
            media_type: media_type.unwrap_or_else(|| crate::media_type::BYTES.to_owned()),
            content: Content::Bytes(bytes),
        })
    }
}
