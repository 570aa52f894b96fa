//! From the outbox to the carrier.

use podfleet_connectors::{
    Attachment, Backoff, ConnectorError, ConnectorErrorKind, OutboundMessage, Retry, SendReceipt,
    in_one_line,
};
use podfleet_pod::clock;
use podfleet_pod_store::{Fate, Page, Saying};
use podfleet_protocol::{Class, MessageId};

use super::Bridge;
use super::inbound::Note;
use crate::error::FleetError;

/// How many sayings are in memory at once.
const PAGE: u32 = 50;

/// What became of one try.
enum Tried {
    Settled,
    /// Not now; it stays the first in the line.
    Later(Retry),
}

impl Bridge<'_> {
    /// Sends what waits, in order, and what comes; returns the error that ends it.
    pub(super) async fn speak(&self) -> FleetError {
        let mut backoff = Backoff::default();
        loop {
            match self.send_all(&mut backoff).await {
                Ok(()) => self.wake.wait().await,
                Err(Halt::Final(error)) => return error,
                Err(Halt::Passing(error)) => {
                    self.status.retry(error.in_one_line());
                    tokio::time::sleep(backoff.next()).await;
                }
            }
        }
    }

    async fn send_all(&self, backoff: &mut Backoff) -> Result<(), Halt> {
        loop {
            let unsent = self
                .fleet
                .store()
                .unsent(self.fleet.key(), Page::first(PAGE));
            let unsent = unsent.await.map_err(Halt::passing)?.items;
            if unsent.is_empty() {
                return Ok(());
            }
            for saying in unsent {
                while let Tried::Later(retry) = self.send(&saying).await? {
                    match retry {
                        Retry::After(pause) => tokio::time::sleep(pause).await,
                        Retry::Backoff | Retry::Never => tokio::time::sleep(backoff.next()).await,
                    }
                }
                backoff.reset();
            }
        }
    }

    async fn send(&self, saying: &Saying) -> Result<Tried, Halt> {
        let (store, key) = (self.fleet.store(), self.fleet.key());
        let attempt = store.begin_sending(key, saying.place).await;
        let attempt = attempt.map_err(Halt::passing)?;
        let fate = match self.carry(saying, attempt > 1).await {
            Ok(receipt) => {
                self.status.said();
                Fate::Sent {
                    ids: receipt.message_ids,
                }
            }
            Err(error) if error.kind() == ConnectorErrorKind::Unauthenticated => {
                return Err(Halt::Final(self.chat_fault(error)));
            }
            Err(error) if error.retry() != Retry::Never => {
                let retry = error.retry();
                self.status.retry(in_one_line(&error));
                return Ok(Tried::Later(retry));
            }
            Err(error) => self.not_sent(saying, error).await?,
        };
        let settled = store.settle_saying(key, saying.place, &fate, clock::wall());
        settled.await.map_err(Halt::passing)?;
        Ok(Tried::Settled)
    }

    /// Sends it. Where the bridge answers what was said in another chat, as before the connector was
    /// switched, it is said in this one.
    async fn carry(&self, saying: &Saying, again: bool) -> Result<SendReceipt, ConnectorError> {
        let message = outbound(saying, again);
        let answers = saying.said.by.is_none() && message.reply_to.is_some();
        match self.connector.send(message.clone()).await {
            Err(error) if answers && error.kind() == ConnectorErrorKind::NotFound => {
                let here = OutboundMessage {
                    thread_id: None,
                    reply_to: None,
                    ..message
                };
                self.connector.send(here).await
            }
            sent => sent,
        }
    }

    /// Tells the orchestrator that something that it said was not sent, before that is recorded.
    async fn not_sent(&self, saying: &Saying, error: ConnectorError) -> Result<Fate, Halt> {
        let error = self.chat_fault(error);
        let (why, hint) = (error.in_one_line(), error.hints().first().cloned());
        if saying.said.by.is_some() {
            let hint = hint.as_deref().map(|hint| format!("\nHint: {hint}."));
            let note = Note {
                id: MessageId::of_chat("not sent", &saying.said.id.to_string()),
                body: format!(
                    "What you said to the human was not sent: {why}. It began: {}{}",
                    beginning(&saying.said.text),
                    hint.unwrap_or_default()
                ),
                class: Class::Actionable,
                thread: saying.said.thread.clone(),
            };
            self.tell_orchestrator(note).await.map_err(Halt::Passing)?;
        }
        Ok(Fate::Failed { why, hint })
    }
}

/// Why sending stops for now, or for good.
enum Halt {
    Final(FleetError),
    Passing(FleetError),
}

impl Halt {
    fn passing(error: impl Into<FleetError>) -> Self {
        Self::Passing(error.into())
    }
}

fn outbound(saying: &Saying, again: bool) -> OutboundMessage {
    let said = &saying.said;
    OutboundMessage {
        text: said.text.clone(),
        thread_id: said.thread.clone(),
        reply_to: said.reply_to.clone(),
        attachments: said
            .attachments
            .iter()
            .map(|path| Attachment::of_file(path))
            .collect(),
        idempotency_key: said.id.to_string(),
        again,
    }
}

/// Returns the beginning of a text, in one line.
fn beginning(text: &str) -> String {
    const LONGEST: usize = 60;
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}
