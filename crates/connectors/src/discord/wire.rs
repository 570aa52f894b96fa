//! What of Discord's answers and events is read. All else of them is passed over, so that what they
//! gain breaks nothing.

use serde::Deserialize;

use super::snowflake::Snowflake;

/// A person or a bot.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct User {
    pub(super) id: Snowflake,
    pub(super) username: String,
    #[serde(default)]
    pub(super) global_name: Option<String>,
    #[serde(default)]
    pub(super) bot: bool,
}

/// A channel or a thread.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Channel {
    pub(super) id: Snowflake,
    #[serde(default)]
    pub(super) guild_id: Option<Snowflake>,
    #[serde(default)]
    pub(super) parent_id: Option<Snowflake>,
    #[serde(default)]
    pub(super) last_message_id: Option<Snowflake>,
    #[serde(default)]
    pub(super) thread_metadata: Option<ThreadMetadata>,
}

/// What a thread has besides.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct ThreadMetadata {
    /// When it was archived last; ISO 8601.
    pub(super) archive_timestamp: String,
}

/// A list of threads.
#[derive(Debug, Deserialize)]
pub(super) struct Threads {
    pub(super) threads: Vec<Channel>,
    #[serde(default)]
    pub(super) has_more: bool,
}

/// The bot's own application.
#[derive(Debug, Deserialize)]
pub(super) struct Application {
    #[serde(default)]
    flags: u64,
}

impl Application {
    /// Whether the content of messages was asked for in the portal: of a verified bot, or of one in
    /// few servers.
    pub(super) fn may_read_content(&self) -> bool {
        const MESSAGE_CONTENT: u64 = 1 << 18;
        const MESSAGE_CONTENT_LIMITED: u64 = 1 << 19;
        self.flags & (MESSAGE_CONTENT | MESSAGE_CONTENT_LIMITED) != 0
    }
}

/// Where the gateway is.
#[derive(Debug, Deserialize)]
pub(super) struct Gateway {
    pub(super) url: String,
}

/// A message.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Message {
    pub(super) id: Snowflake,
    pub(super) channel_id: Snowflake,
    pub(super) author: User,
    #[serde(default)]
    pub(super) content: String,
    #[serde(default, rename = "type")]
    kind: u8,
    #[serde(default)]
    pub(super) webhook_id: Option<Snowflake>,
    #[serde(default)]
    pub(super) attachments: Vec<File>,
    #[serde(default)]
    message_reference: Option<Reference>,
}

/// The message that another one is about.
#[derive(Clone, Debug, Deserialize)]
struct Reference {
    #[serde(default)]
    message_id: Option<Snowflake>,
}

impl Message {
    /// The message that it answers.
    pub(super) fn answers(&self) -> Option<Snowflake> {
        self.message_reference.as_ref()?.message_id
    }

    /// Whether a person wrote it: no bot, no webhook, and no notice such as that of a new thread.
    pub(super) fn is_of_a_person(&self) -> bool {
        const PLAIN: u8 = 0;
        const REPLY: u8 = 19;
        let plain = matches!(self.kind, PLAIN | REPLY);
        plain && !self.author.bot && self.webhook_id.is_none()
    }
}

/// A file of a message.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct File {
    pub(super) filename: String,
    #[serde(default)]
    pub(super) content_type: Option<String>,
    pub(super) size: u64,
    pub(super) url: String,
}

/// Why a request failed, in Discord's words.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Fault {
    #[serde(default)]
    pub(super) code: u64,
    #[serde(default)]
    pub(super) message: String,
    /// In seconds.
    #[serde(default)]
    pub(super) retry_after: Option<f64>,
}

/// What of an event of the gateway says what it is.
#[derive(Debug, Deserialize)]
pub(super) struct Event {
    /// The name of what was dispatched.
    #[serde(default, rename = "t")]
    pub(super) name: Option<String>,
}

/// An event of the gateway that somebody said something.
#[derive(Debug, Deserialize)]
pub(super) struct Created {
    #[serde(rename = "d")]
    pub(super) message: Message,
}
