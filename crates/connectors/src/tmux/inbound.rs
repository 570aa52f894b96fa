//! What people say, as a stream.

use std::sync::Arc;

use futures_util::stream;

use super::Shared;
use super::entry::Side;
use super::server::Server;
use crate::{ConnectorError, InboundBatch, InboundStream};

/// How many entries one batch has at most.
const BATCH: usize = 100;

struct Listening {
    shared: Arc<Shared>,
    /// Ends with the stream.
    _server: Server,
    position: u64,
    /// Whether the present position has yet to be told.
    untold: bool,
}

pub(super) fn stream(
    shared: Arc<Shared>,
    server: Server,
    position: u64,
    untold: bool,
) -> InboundStream {
    let listening = Listening {
        shared,
        _server: server,
        position,
        untold,
    };
    Box::pin(stream::unfold(listening, |mut listening| async move {
        let batch = listening.next().await?;
        Some((batch, listening))
    }))
}

impl Listening {
    async fn next(&mut self) -> Option<Result<InboundBatch, ConnectorError>> {
        let mut last = self.shared.last.subscribe();
        loop {
            last.borrow_and_update();
            let position = self.position;
            let entries = self
                .shared
                .with(move |history| history.after(position, BATCH));
            let entries = match entries.await {
                Ok(entries) => entries,
                Err(error) => return Some(Err(super::failed("read the chat's history", error))),
            };
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
