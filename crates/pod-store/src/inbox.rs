//! The inbox: messages from acceptance to their last receipt.

use podfleet_protocol::limits::{MAX_BODY, MAX_INBOX, MAX_THREAD};
use podfleet_protocol::method::InboxRow;
use podfleet_protocol::{Message, MessageId, PodId, Receipt, UnixMillis};

/// A body that is longer than this gets a file of its own beside the database, in bytes.
pub const MAX_INLINE_BODY: usize = 64 << 10;
/// How many messages one pair of pods may exchange in [`PAIR_WINDOW_MS`], if nothing else is asked
/// for.
pub const MAX_PAIR_MESSAGES: u32 = 60;
/// The window of [`MAX_PAIR_MESSAGES`] in milliseconds.
pub const PAIR_WINDOW_MS: i64 = 60_000;

/// For how long the same words of a pod are one message to a receiver, in milliseconds, for who asks
/// for that ([`Offer::once`]).
pub const ECHO_WINDOW_MS: i64 = 60_000;

/// What an inbox takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AcceptLimits {
    /// How many undelivered messages it holds; [`MAX_INBOX`] by default.
    pub inbox: u32,
    /// How many messages two pods may exchange in [`PAIR_WINDOW_MS`], both directions and orders
    /// counted; [`MAX_PAIR_MESSAGES`] by default. What a person sends does not count.
    pub pair: u32,
}

impl Default for AcceptLimits {
    fn default() -> Self {
        Self {
            inbox: MAX_INBOX,
            pair: MAX_PAIR_MESSAGES,
        }
    }
}

/// A message's place in the order of acceptance, over all pods of a store.
///
/// Above all that there are: that of the last message may be given again once this one is pruned or
/// forgotten with its pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sequence(pub u64);

/// Who hands a message in, as the accepting process has proven it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sender {
    /// A person, or a program of theirs outside all pods.
    Operator,
    /// A pod.
    Pod(PodId),
    /// A child that reports: its right was checked when its
    /// [report](crate::RelationStore::report) was recorded, and no limit of a pair counts it.
    Report,
}

impl Sender {
    pub(crate) fn pod(self) -> Option<PodId> {
        match self {
            Self::Operator | Self::Report => None,
            Self::Pod(id) => Some(id),
        }
    }
}

/// A message that asks to be accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// Who hands it in: decides whether it may.
    pub sender: Sender,
    /// The message.
    pub message: Message,
    /// Whether a pod's message is not taken when this pod sent the same words within
    /// [`ECHO_WINDOW_MS`] before, and did not withdraw them: then that message answers for it, as
    /// its duplicate. What is blank around the words does not count.
    pub once: bool,
}

impl Offer {
    /// Offers a message in the name of a pod.
    #[must_use]
    pub fn from_pod(sender: PodId, message: Message) -> Self {
        Self {
            sender: Sender::Pod(sender),
            message,
            once: false,
        }
    }

    /// Offers it only if it does not repeat what was just said: [`once`](Self::once).
    #[must_use]
    pub fn once(self) -> Self {
        Self { once: true, ..self }
    }

    /// Returns whether a message with these words is the one that is offered, said before.
    pub(crate) fn repeats(&self, body: &str) -> bool {
        self.message.body.trim() == body.trim()
    }

    /// Returns the times between which a message that this one repeats was accepted, the first of
    /// them excluded. What the clock, set back since, places in the future repeats nothing.
    pub(crate) fn echo_window(&self) -> [UnixMillis; 2] {
        let now = self.message.accepted;
        [UnixMillis(now.0 - ECHO_WINDOW_MS), now]
    }

    /// Refuses what is longer than it may be, whoever offers it.
    pub(crate) fn check_size(&self) -> Result<(), Refusal> {
        let thread = self.message.thread.as_deref().unwrap_or_default();
        if self.message.body.len() > MAX_BODY {
            Err(Refusal::TooLarge { limit: MAX_BODY })
        } else if thread.len() > MAX_THREAD {
            Err(Refusal::ThreadTooLong { limit: MAX_THREAD })
        } else {
            Ok(())
        }
    }
}

impl From<Message> for Offer {
    /// Offers a message in the operator's name.
    fn from(message: Message) -> Self {
        Self {
            sender: Sender::Operator,
            message,
            once: false,
        }
    }
}

/// A message is durably in the inbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accepted {
    /// The message: the one that was offered, or the one that it [repeats](Offer::once).
    pub id: MessageId,
    /// Its place among the undelivered, counted from 1; 0 if it is delivered already.
    pub position: u32,
    /// Whether it had been accepted before.
    pub duplicate: bool,
    /// Its place in the store's order.
    pub sequence: Sequence,
}

/// Why a message was not accepted. Nothing of it was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The receiver does not exist, or the sender has no relation to it.
    #[error("there is no such pod")]
    NoSuchPod,
    /// The sender may notify the receiver, but not give it orders.
    #[error("only the operator, the lead and the parent may give orders")]
    NotItsOrders,
    /// The sender gives the receiver no orders, and chose how the message is typed.
    #[error(
        "only the operator, the lead and the parent choose how it is typed (raw, at once, as a task)"
    )]
    NotItsTyping,
    /// A pod's message that is typed as it is begins like the line head that says who speaks.
    #[error("a raw message of a pod must not begin like the line head of another's")]
    ForgedHead,
    /// The receiver's program runs what it reads, and would run a line head too.
    #[error(
        "its program runs what it reads, so a line head too: send it a command as it is (--raw), which \
         only the operator, the lead and the parent may"
    )]
    RunsInput,
    /// The receiver's program runs what it reads, and the command is longer than what is typed.
    #[error("a command of more than {limit} bytes is not typed")]
    CommandTooLong {
        /// How long it may be, in bytes.
        limit: usize,
    },
    /// The inbox holds as many undelivered messages as it may.
    #[error("the inbox is full ({limit} messages)")]
    InboxFull {
        /// How many it may hold.
        limit: u32,
    },
    /// The id belongs to a message with another body.
    #[error("the id is that of another message")]
    IdReused,
    /// Nothing of the body is left that anybody could read.
    #[error("the body is empty")]
    Empty,
    /// The body is longer than a message may be.
    #[error("the body is longer than {limit} bytes")]
    TooLarge {
        /// How long it may be, in bytes.
        limit: usize,
    },
    /// The name of the conversation is longer than it may be.
    #[error("the name of the conversation is longer than {limit} bytes")]
    ThreadTooLong {
        /// How long it may be, in bytes.
        limit: usize,
    },
    /// The two pods wrote to each other too often.
    #[error("these two pods exchanged {limit} messages within a minute")]
    PairLimit {
        /// How many messages a minute they may exchange.
        limit: u32,
    },
}

/// How far the delivery of a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DeliveryState {
    /// It waits to be typed.
    Accepted,
    /// Its text is in the session log, and may have been typed.
    Delivering,
    /// It left the inbox; its receipt may still improve until that is settled too.
    Settled,
}

impl DeliveryState {
    /// Returns the word that stands for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Delivering => "delivering",
            Self::Settled => "settled",
        }
    }

    pub(crate) fn from_word(word: &str) -> Option<Self> {
        [Self::Accepted, Self::Delivering, Self::Settled]
            .into_iter()
            .find(|state| state.as_str() == word)
    }
}

/// A message in an inbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboxEntry {
    /// Its place in the order of acceptance.
    pub sequence: Sequence,
    /// The message.
    pub message: Message,
    /// The pod that sent it; `None` if it was the operator, or is a child's report.
    pub sender: Option<PodId>,
    /// How far its delivery is.
    pub state: DeliveryState,
    /// What is known of its fate.
    pub receipt: Receipt,
    /// How often its delivery was begun.
    pub attempts: u32,
}

/// A message that waits in an inbox, without its body: listing many of them costs little memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboxSummary {
    /// Its place in the order of acceptance.
    pub sequence: Sequence,
    /// The pod that sent it; `None` if it was the operator, or is a child's report.
    pub sender: Option<PodId>,
    /// How far its delivery is.
    pub state: DeliveryState,
    /// What a listing shows of it.
    pub row: InboxRow,
}

impl InboxEntry {
    /// Returns whether `offer` is this message again: the same id with the same body.
    pub(crate) fn is_repeated_by(&self, offer: &Offer) -> bool {
        self.message.id == offer.message.id && self.message.body == offer.message.body
    }
}
