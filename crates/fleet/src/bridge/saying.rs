//! `say`: what the orchestrator tells the fleet's human.

use std::path::PathBuf;
use std::time::Duration;

use podfleet_pod::clock;
use podfleet_pod_store::{Fate, NewSaying, Page, PodRecord, Said};
use podfleet_protocol::{MessageId, PodId, clean_body, thread_as_told};
use serde::Serialize;

use super::wake;
use crate::error::{FleetError, FleetErrorKind};
use crate::fleet::Fleet;

/// How often it is looked whether something was sent.
const LOOK: Duration = Duration::from_millis(50);

/// Something that is to be said to the fleet's human.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SayRequest {
    /// The text, in Markdown; may be empty if something is attached.
    pub text: String,
    /// The thread of the chat that it belongs to, as a message's tag has it, or not encoded.
    pub thread: Option<String>,
    /// The carrier's id of the message that it answers.
    pub reply_to: Option<String>,
    /// Files that go with it; absolute.
    pub attachments: Vec<PathBuf>,
    /// Its identity; given again after a doubt, it is said once. Absent: a new one.
    pub id: Option<MessageId>,
    /// How long to wait until it is sent.
    pub wait: Duration,
}

/// What became of something that was said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SayReport {
    /// Its identity.
    pub id: MessageId,
    /// Whether it was said before, under the same id.
    pub duplicate: bool,
    /// What became of it; absent while it waits to be sent.
    pub fate: Option<Fate>,
    /// Whether a bridge runs that will send it.
    pub bridge: bool,
}

impl Fleet {
    /// Says something to the fleet's human. When this returns a report it is durably in the outbox,
    /// and the bridge sends it, now or when it runs again.
    ///
    /// # Errors
    /// Fails for an agent that is not the orchestrator, for an empty or too long text, an attachment
    /// that is no file, and when the store cannot be written.
    pub async fn say(&self, request: SayRequest) -> Result<SayReport, FleetError> {
        let by = self.speaker().await?;
        self.refuse_unknown().await?;
        let said = clean_body(&request.text).text;
        if said.trim().is_empty() && request.attachments.is_empty() {
            return Err(FleetError::not_said("it is empty"));
        }
        for path in &request.attachments {
            let found = std::fs::metadata(path);
            let found = found.map_err(|error| FleetError::unreadable(path, error))?;
            if !found.is_file() {
                let rule = format!("{} is no file", path.display());
                return Err(FleetError::not_said(rule));
            }
        }
        let saying = NewSaying {
            id: request.id.unwrap_or_else(MessageId::generate),
            by,
            text: said,
            thread: request.thread.as_deref().map(thread_as_told),
            reply_to: request.reply_to,
            attachments: request.attachments,
            at: clock::wall(),
        };
        let id = saying.id;
        let Said { duplicate, .. } = self.put_saying(saying).await?;
        let fate = self.fate_within(id, request.wait).await?;
        let bridge = self.bridge_place().runs();
        Ok(SayReport {
            id,
            duplicate,
            fate,
            bridge,
        })
    }

    /// Returns how many things that were said wait to be sent.
    ///
    /// # Errors
    /// Fails when the store cannot be read.
    pub async fn unsent(&self) -> Result<usize, FleetError> {
        let unsent = self.store().unsent(self.key(), Page::all()).await?;
        Ok(unsent.items.len())
    }

    /// Commits something to the outbox, and tells the bridge.
    pub(super) async fn put_saying(&self, saying: NewSaying) -> Result<Said, FleetError> {
        let said = self.store().say(self.key(), saying).await?;
        let said = said.map_err(|refusal| FleetError::not_said(refusal.to_string()))?;
        wake::tell(self.bridge_place().wake());
        Ok(said)
    }

    async fn fate_within(
        &self,
        id: MessageId,
        patience: Duration,
    ) -> Result<Option<Fate>, FleetError> {
        let deadline = tokio::time::Instant::now() + patience;
        loop {
            let there = self.store().saying(self.key(), id).await?;
            let fate = there.and_then(|saying| saying.fate);
            if fate.is_some() || tokio::time::Instant::now() >= deadline {
                return Ok(fate);
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Returns the pod that speaks; nothing for the operator. Of pods, only the orchestrator's does.
    async fn speaker(&self) -> Result<Option<PodId>, FleetError> {
        let Some(own) = self.own_pod().await? else {
            return Ok(None);
        };
        // Its pod knows whether the credential is its own.
        self.own_client().await?;
        if own.class == PodRecord::ORCHESTRATOR && own.member {
            return Ok(Some(own.identity.id));
        }
        let error = FleetError::not_said("only the fleet's orchestrator speaks to its human");
        Err(match self.roster().and_then(crate::comms::orchestrator) {
            Some(lead) => error.hint(format!("tell it: `fleet send {} -m \"…\"`", lead.name)),
            None => error,
        })
    }
}

impl FleetError {
    pub(super) fn not_said(rule: impl Into<String>) -> Self {
        let rule = rule.into();
        Self::new(FleetErrorKind::NotSaid { rule })
    }
}
