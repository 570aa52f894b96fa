//! The chat of a fleet with its human: what was said, and how far the other way was heard.

use std::fmt::Debug;
use std::path::PathBuf;

use async_trait::async_trait;
use podfleet_protocol::{MessageId, PodId, UnixMillis};
use serde::{Deserialize, Serialize};

use crate::error::StoreError;
use crate::page::{Listing, Page};
use crate::record::FleetKey;

/// How many sayings of a fleet may wait to be sent.
pub const MAX_UNSENT: u32 = 10_000;

/// The chat of fleets: an outbox of what is said, and a place in what is heard.
///
/// A call promises what those of [`PodStore`](crate::PodStore) do.
#[async_trait]
pub trait ChatStore: Send + Sync + Debug {
    /// Commits something that is to be said. Again under the same id with the same text it is no
    /// change.
    ///
    /// # Errors
    /// Fails when the store cannot be written.
    async fn say(
        &self,
        fleet: &FleetKey,
        saying: NewSaying,
    ) -> Result<Result<Said, NotSaid>, StoreError>;

    /// Lists what is not yet sent, in order.
    ///
    /// # Errors
    /// Fails when the store cannot be read; damaged records are named in the listing.
    async fn unsent(
        &self,
        fleet: &FleetKey,
        page: Page<ChatPlace>,
    ) -> Result<Listing<Saying, ChatPlace>, StoreError>;

    /// Returns something that was said.
    ///
    /// # Errors
    /// Fails when the store cannot be read, or the record is damaged.
    async fn saying(&self, fleet: &FleetKey, id: MessageId) -> Result<Option<Saying>, StoreError>;

    /// Counts an attempt to send, before it is made; returns its number, from 1.
    ///
    /// # Errors
    /// Fails when there is nothing unsent in this place, or the store cannot be written.
    async fn begin_sending(&self, fleet: &FleetKey, place: ChatPlace) -> Result<u32, StoreError>;

    /// Records what became of something that was said; the first record counts.
    ///
    /// # Errors
    /// Fails when the store cannot be written.
    async fn settle_saying(
        &self,
        fleet: &FleetKey,
        place: ChatPlace,
        fate: &Fate,
        at: UnixMillis,
    ) -> Result<(), StoreError>;

    /// Returns when a pod said something last, up to a moment; nothing if it never did.
    ///
    /// # Errors
    /// Fails when the store cannot be read.
    async fn last_said(
        &self,
        fleet: &FleetKey,
        by: PodId,
        until: UnixMillis,
    ) -> Result<Option<UnixMillis>, StoreError>;

    /// Returns how far a channel was heard.
    ///
    /// # Errors
    /// Fails when the store cannot be read.
    async fn heard(&self, fleet: &FleetKey, channel: &str) -> Result<Option<String>, StoreError>;

    /// Records how far a channel was heard, together with the turns that the messages up to there
    /// begin. A turn that is there already, or was, stays as it is.
    ///
    /// # Errors
    /// Fails when the store cannot be written.
    async fn set_heard(
        &self,
        fleet: &FleetKey,
        heard: Heard,
        turns: Vec<HumanTurn>,
    ) -> Result<(), StoreError>;

    /// Lists the turns that are not closed, in the order in which they were recorded.
    ///
    /// # Errors
    /// Fails when the store cannot be read; damaged records are named in the listing.
    async fn open_turns(
        &self,
        fleet: &FleetKey,
        page: Page<ChatPlace>,
    ) -> Result<Listing<OpenTurn, ChatPlace>, StoreError>;

    /// Records since when the agent works on a turn. The first record counts.
    ///
    /// # Errors
    /// Fails when the store cannot be written.
    async fn begin_turn(
        &self,
        fleet: &FleetKey,
        turn: ChatPlace,
        at: UnixMillis,
    ) -> Result<(), StoreError>;

    /// Records that nobody waits for the end of a turn any more.
    ///
    /// # Errors
    /// Fails when the store cannot be written.
    async fn close_turn(&self, fleet: &FleetKey, turn: ChatPlace) -> Result<(), StoreError>;

    /// Removes what was settled, and turns that were recorded, before a moment; returns how many.
    /// What is unsent and what is open is never removed.
    ///
    /// # Errors
    /// Fails when the store cannot be written.
    async fn prune_chat(&self, fleet: &FleetKey, before: UnixMillis) -> Result<u64, StoreError>;

    /// Returns how many [`prune_chat`](Self::prune_chat) would remove.
    ///
    /// # Errors
    /// Fails when the store cannot be read.
    async fn preview_prune_chat(
        &self,
        fleet: &FleetKey,
        before: UnixMillis,
    ) -> Result<u64, StoreError>;
}

/// A place in the order of sayings, or of turns, over all fleets of a store; never used twice.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct ChatPlace(pub u64);

/// Something that is to be said to the fleet's human.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSaying {
    /// Its identity; also what the carrier knows it by.
    pub id: MessageId,
    /// The pod that says it; `None` for the operator and the bridge.
    pub by: Option<PodId>,
    /// The text, in Markdown.
    pub text: String,
    /// The thread of the chat that it belongs to.
    pub thread: Option<String>,
    /// The carrier's id of the message that it answers.
    pub reply_to: Option<String>,
    /// Files of this host that go with it; absolute.
    pub attachments: Vec<PathBuf>,
    /// When.
    pub at: UnixMillis,
}

/// Something that was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Saying {
    /// Its place in the order.
    pub place: ChatPlace,
    /// What was said.
    pub said: NewSaying,
    /// How often it was tried to send it.
    pub attempts: u32,
    /// What became of it; nothing while it waits.
    pub fate: Option<Fate>,
}

/// What became of something that was said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fate", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Fate {
    /// The carrier has it.
    Sent {
        /// The carrier's ids of it.
        ids: Vec<String>,
    },
    /// It cannot be sent, and is not tried again.
    Failed {
        /// What failed, where and why.
        why: String,
        /// What can be done instead; builds of before recorded none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        hint: Option<String>,
    },
    /// What a newer build recorded.
    #[serde(other)]
    Other,
}

/// It is durably in the outbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Said {
    /// Its place.
    pub place: ChatPlace,
    /// Whether it was there already, under the same id.
    pub duplicate: bool,
}

/// Why something was not said. Nothing of it was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotSaid {
    /// The id belongs to something else.
    #[error("the id is that of something else that was said")]
    IdReused,
    /// Too much waits to be sent.
    #[error("{limit} messages wait to be sent already")]
    Full {
        /// How many may wait.
        limit: u32,
    },
    /// The text is longer than a message may be.
    #[error("the text is longer than {limit} bytes")]
    TooLarge {
        /// How long it may be, in bytes.
        limit: usize,
    },
}

/// How far a channel was heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// The channel, by which its connector names it.
    pub channel: String,
    /// Where it goes on, in the connector's words.
    pub cursor: String,
    /// When.
    pub at: UnixMillis,
}

/// A turn that a human's message begins, for whose end somebody waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HumanTurn {
    /// The message in the inbox.
    pub message: MessageId,
    /// The pod whose inbox it is.
    pub pod: PodId,
    /// The thread of the chat.
    pub thread: Option<String>,
    /// The carrier's id of what was said.
    pub event: String,
    /// When it was heard.
    pub at: UnixMillis,
}

/// A turn that is not closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenTurn {
    /// Its place in the order.
    pub place: ChatPlace,
    /// What began it.
    pub turn: HumanTurn,
    /// Since when the agent works on it, once that was seen.
    pub begun: Option<UnixMillis>,
}
