//! What people say, as a stream.

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream;

use super::Shared;
use super::entry::Side;
use super::server::Server;
use crate::{Backoff, ConnectorError, InboundBatch, InboundStream};

/// How many entries one batch has at most.
const BATCH: usize = 100;

struct Listening {
    shared: Arc<Shared>,
    /// Ends with the stream.
    _server: Server,
    position: u64,
    /// Whether it has yet to be told that the history can be read: at the beginning, and after a
    /// failure.
    untold: bool,
    backoff: Backoff,
    /// The pause that is due before the next try.
    pause: Option<Duration>,
}

pub(super) fn stream(shared: Arc<Shared>, server: Server, position: u64) -> InboundStream {
    let listening = Listening {
        shared,
        _server: server,
        position,
        untold: true,
        backoff: Backoff::default(),
        pause: None,
    };
    Box::pin(stream::unfold(listening, |mut listening| async move {
        let batch = listening.next().await?;
        Some((batch, listening))
    }))
}

impl Listening {
    async fn next(&mut self) -> Option<Result<InboundBatch, ConnectorError>> {
        let mut last = self.shared.last.subscribe();
        if let Some(pause) = self.pause.take() {
            tokio::time::sleep(pause).await;
        }
        loop {
            last.borrow_and_update();
            let position = self.position;
            let entries = self
                .shared
                .with(move |history| history.after(position, BATCH));
            let entries = match entries.await {
                Ok(entries) => entries,
                Err(error) => {
                    self.untold = true;
                    self.pause = Some(self.backoff.next());
                    return Some(Err(super::failed("read the chat's history", error)));
                }
            };
            self.backoff.reset();
            if let Some(entry) = entries.last() {
                self.position = entry.seq;
            }
            let moved = self.position != position;
            let messages: Vec<_> = entries
                .into_iter()
                .filter(|entry| entry.from == Side::Human)
                .map(Into::into)
                .collect();
            if !messages.is_empty() || std::mem::take(&mut self.untold) {
                let cursor = self.position.to_string();
                return Some(Ok(InboundBatch { messages, cursor }));
            }
            // What the fleet said itself needs no new cursor: it is passed over again.
            if !moved && last.changed().await.is_err() {
                return None;
            }
        }
    }
}
