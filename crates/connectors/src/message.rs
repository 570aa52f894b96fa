//! What is said over a connector.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Something that the orchestrator says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboundMessage {
    /// The text, in Markdown.
    pub text: String,
    /// The thread that it belongs to. A connector without threads may ignore it.
    pub thread_id: Option<String>,
    /// The id of the message that it answers.
    pub reply_to: Option<String>,
    /// What goes with it.
    pub attachments: Vec<Attachment>,
    /// The same for every attempt at the same message: it is said once however often it is sent.
    pub idempotency_key: String,
    /// Whether an earlier attempt may have arrived, though nobody knows. The connector then looks
    /// whether it did, where the carrier's memory of keys may be over.
    pub again: bool,
}

impl OutboundMessage {
    /// Makes the message of a first attempt, without a thread or attachments.
    pub fn new(idempotency_key: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            thread_id: None,
            reply_to: None,
            attachments: Vec::new(),
            idempotency_key: idempotency_key.into(),
            again: false,
        }
    }
}

/// Something that a human said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InboundMessage {
    /// The carrier's id of the message.
    pub id: String,
    /// The text.
    pub text: String,
    /// The thread that it belongs to.
    pub thread_id: Option<String>,
    /// The carrier's id of the sender.
    pub sender: String,
    /// The name that the sender goes by.
    pub sender_name: Option<String>,
    /// When it was said, by the carrier's clock.
    pub ts: SystemTime,
    /// What came with it.
    pub attachments: Vec<Attachment>,
}

/// What was heard since the batch before, and where a later subscription goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InboundBatch {
    /// The messages, in the order of the channel; may be none.
    pub messages: Vec<InboundMessage>,
    /// To be stored once all of them have been taken.
    pub cursor: String,
}

/// A file that goes with a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// The name to show; no path.
    pub name: String,
    /// The media type, such as `image/png`.
    pub media_type: String,
    /// What is in it.
    pub content: Content,
}

impl Attachment {
    /// Names a file of this host by its path, with the media type that its name suggests.
    #[must_use]
    pub fn of_file(path: &Path) -> Self {
        let name = path.file_name().unwrap_or(path.as_os_str());
        Self {
            name: name.to_string_lossy().into_owned(),
            media_type: crate::media_type::of(path).to_owned(),
            content: Content::Path(path.to_owned()),
        }
    }
}

/// Where the content of an attachment is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// In a file of this host.
    Path(PathBuf),
    /// Here.
    Bytes(Vec<u8>),
}

/// The proof that a message has been said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SendReceipt {
    /// The carrier's ids of what was sent: several when a long text was split, in order.
    pub message_ids: Vec<String>,
    /// When it was accepted.
    pub ts: SystemTime,
}
