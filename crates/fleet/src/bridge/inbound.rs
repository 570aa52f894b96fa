//! From the carrier to the orchestrator's inbox.

use std::fmt::Write as _;
use std::path::PathBuf;

use futures_util::StreamExt as _;
use podfleet_connectors::{
    Attachment, Backoff, ConnectorError, Content, InboundBatch, InboundMessage, Retry, in_one_line,
};
use podfleet_pod::clock;
use podfleet_pod::post::{HandedIn, Post, PostError};
use podfleet_pod_store::{Heard, HumanTurn, NewSaying, PodRecord, Sender};
use podfleet_protocol::client::ClientError;
use podfleet_protocol::rpc::ErrorCode;
use podfleet_protocol::{Address, Class, Kind, MessageId, NewMessage};

use super::Bridge;
use crate::error::FleetError;
use crate::own_file;

/// Characters of a sender's name in a preamble, at most.
const MAX_SENDER: usize = 128;
/// Under whose name the bridge itself writes to the orchestrator.
const BRIDGE: &str = "bridge";

/// Something that the bridge tells the orchestrator by itself.
pub(super) struct Note {
    pub(super) id: MessageId,
    pub(super) body: String,
    pub(super) class: Class,
    pub(super) thread: Option<String>,
}

/// Returns the turn that a message begins.
fn turn_of(id: MessageId, message: &InboundMessage, lead: &PodRecord) -> HumanTurn {
    HumanTurn {
        message: id,
        pod: lead.identity.id,
        thread: message.thread_id.clone(),
        event: message.id.clone(),
        at: clock::wall(),
    }
}

impl Bridge<'_> {
    /// Listens for as long as that is possible; returns the error that ends it.
    pub(super) async fn listen(&self) -> FleetError {
        let mut backoff = Backoff::default();
        loop {
            let retry = match self.subscription(&mut backoff).await {
                Ok(()) => Retry::Backoff,
                Err(error) if error.retry() == Retry::Never => {
                    return self.chat_fault(error);
                }
                Err(error) => {
                    let retry = error.retry();
                    self.status.retry(in_one_line(&error));
                    self.tried.notify_one();
                    retry
                }
            };
            match retry {
                Retry::After(pause) => tokio::time::sleep(pause).await,
                Retry::Backoff | Retry::Never => tokio::time::sleep(backoff.next()).await,
            }
        }
    }

    /// Listens until the subscription ends.
    async fn subscription(&self, backoff: &mut Backoff) -> Result<(), ConnectorError> {
        let channel = self.connector.cursor_of();
        let from = loop {
            match self.fleet.heard_up_to(&channel).await {
                Ok(from) => break from,
                Err(error) => self.pass(error.into(), backoff).await,
            }
        };
        let mut stream = self.connector.subscribe(from.as_deref()).await?;
        while let Some(batch) = stream.next().await {
            match batch {
                Ok(batch) => {
                    self.status.connected();
                    self.tried.notify_one();
                    backoff.reset();
                    self.take(&channel, batch).await;
                }
                Err(error) if error.retry() == Retry::Never => return Err(error),
                Err(error) => {
                    self.status.retry(in_one_line(&error));
                    self.tried.notify_one();
                }
            }
        }
        Ok(())
    }

    /// Turns what went wrong with the connector into an error of the fleet.
    pub(super) fn chat_fault(&self, error: ConnectorError) -> FleetError {
        FleetError::connector(&*self.connector, error)
    }

    async fn pass(&self, error: FleetError, backoff: &mut Backoff) {
        self.status.retry(error.in_one_line());
        tokio::time::sleep(backoff.next()).await;
    }

    /// Takes every message of a batch, then records how far was heard. What fails here is of this
    /// host, and tried until it works: the carrier keeps what comes meanwhile.
    async fn take(&self, channel: &str, batch: InboundBatch) {
        let mut backoff = Backoff::default();
        let mut turns = Vec::new();
        let heard = !batch.messages.is_empty();
        for message in batch.messages {
            loop {
                match self.take_one(&message).await {
                    Ok(turn) => break turns.extend(turn),
                    Err(error) => self.pass(error, &mut backoff).await,
                }
            }
        }
        let heard_up_to = Heard {
            channel: channel.to_owned(),
            cursor: batch.cursor,
            at: clock::wall(),
        };
        loop {
            let (store, key) = (self.fleet.store(), self.fleet.key());
            match store
                .set_heard(key, heard_up_to.clone(), turns.clone())
                .await
            {
                Ok(()) => break,
                Err(error) => self.pass(error.into(), &mut backoff).await,
            }
        }
        if heard {
            self.status.heard();
            self.status.connected();
            self.turns.notify_one();
        }
    }

    /// Takes one message: it is a command, or goes to the orchestrator.
    async fn take_one(&self, message: &InboundMessage) -> Result<Option<HumanTurn>, FleetError> {
        let id = MessageId::of_chat(self.connector.kind().as_str(), &message.id);
        if message.text.starts_with('!') {
            self.command(id, message).await?;
            return Ok(None);
        }
        let new = NewMessage {
            id,
            body: self.body(id, message)?,
            class: Class::Human,
            thread: message.thread_id.clone(),
            chat: Some(message.sender.chars().take(MAX_SENDER).collect()),
            ..NewMessage::new("")
        };
        let lead = match self.orchestrator().await {
            Ok(lead) => lead,
            Err(error) if error.is_stores() => return Err(error),
            Err(error) => {
                self.answer(id, message, error.in_one_line()).await?;
                return Ok(None);
            }
        };
        let refusal = match self.hand_in(&lead, new, Kind::Run).await {
            Ok(handed) => {
                if handed.client.is_none() && !handed.accepted.duplicate {
                    let name = &lead.identity.name;
                    let text = format!("_`{name}` does not run; your message waits for it._");
                    self.answer(id, message, text).await?;
                }
                return Ok(Some(turn_of(id, message, &lead)));
            }
            Err(PostError::Refused(refusal)) => refusal.to_string(),
            Err(PostError::Pod(error)) if error.answer().is_some() => error.to_string(),
            Err(error) => return Err(self.fleet.post_fault(&lead, error)),
        };
        let text = format!("_Your message was not taken: {refusal}._");
        self.answer(id, message, text).await?;
        Ok(None)
    }

    async fn hand_in(
        &self,
        lead: &PodRecord,
        message: NewMessage,
        kind: Kind,
    ) -> Result<HandedIn, PostError> {
        let who = self.fleet.introduction();
        let from = Address::chat(message.chat.clone().unwrap_or_default());
        let post = Post {
            store: &**self.fleet.store(),
            who: &who,
            sender: Sender::Operator,
            from,
            kind,
        };
        post.hand_in(lead, message).await
    }

    /// Tells the orchestrator something in the bridge's own name.
    pub(super) async fn tell_orchestrator(&self, note: Note) -> Result<(), FleetError> {
        let lead = self.orchestrator().await?;
        let message = NewMessage {
            id: note.id,
            class: note.class,
            thread: note.thread,
            chat: Some(BRIDGE.to_owned()),
            ..NewMessage::new(note.body)
        };
        match self.hand_in(&lead, message, Kind::Notify).await {
            Ok(_) | Err(PostError::Refused(_)) => Ok(()),
            // A shell is told nothing: it would run it.
            Err(PostError::Pod(error)) if is_refused(&error) => Ok(()),
            Err(error) => Err(self.fleet.post_fault(&lead, error)),
        }
    }

    /// Answers a message in the bridge's own name, once however often it is heard.
    pub(super) async fn answer(
        &self,
        to: MessageId,
        message: &InboundMessage,
        text: String,
    ) -> Result<(), FleetError> {
        self.answer_once(to, message, text).await.map(drop)
    }

    /// Answers as [`answer`](Self::answer) does; returns whether it was not answered before.
    pub(super) async fn answer_once(
        &self,
        to: MessageId,
        message: &InboundMessage,
        text: String,
    ) -> Result<bool, FleetError> {
        let saying = NewSaying {
            id: MessageId::of_chat("answer", &to.to_string()),
            by: None,
            text,
            thread: message.thread_id.clone(),
            reply_to: Some(message.id.clone()),
            attachments: Vec::new(),
            at: clock::wall(),
        };
        let said = self.fleet.store().say(self.fleet.key(), saying).await?;
        // A full outbox has nobody who hears; what the answer is about is done.
        let Ok(said) = said else {
            return Ok(true);
        };
        self.wake_speaker();
        Ok(!said.duplicate)
    }

    pub(super) fn wake_speaker(&self) {
        super::wake::tell(self.fleet.bridge_place().wake());
    }

    /// Returns the text with its attachments as paths that the agent can read.
    fn body(&self, id: MessageId, message: &InboundMessage) -> Result<String, FleetError> {
        let mut body = message.text.clone();
        for (index, attachment) in message.attachments.iter().enumerate() {
            let path = self.file_of(id, index, attachment)?;
            let media_type = &attachment.media_type;
            let _ = write!(
                body,
                "{}(attachment: {} ({media_type}))",
                if body.is_empty() { "" } else { "\n" },
                path.display(),
            );
        }
        if body.trim().is_empty() {
            body = "(an empty message)".to_owned();
        }
        Ok(body)
    }

    fn file_of(
        &self,
        id: MessageId,
        index: usize,
        attachment: &Attachment,
    ) -> Result<PathBuf, FleetError> {
        let bytes = match &attachment.content {
            Content::Path(path) => return Ok(path.clone()),
            Content::Bytes(bytes) => bytes,
        };
        let plain = |c: &char| c.is_ascii_alphanumeric() || "._-".contains(*c);
        let name: String = attachment.name.chars().filter(plain).take(80).collect();
        let name = name.trim_start_matches('.');
        let directory = self.fleet.bridge_place().received_files();
        let path = directory.join(format!("{id}-{index}-{name}"));
        own_file::replace(&path, bytes, 0o600)
            .map_err(|error| FleetError::io("write", &path, error))?;
        Ok(path)
    }
}

fn is_refused(error: &ClientError) -> bool {
    (error.answer()).is_some_and(|answer| answer.code == ErrorCode::Refused)
}
