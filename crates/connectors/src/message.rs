//! What is said over a connector.

use std::path::PathBuf;
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
    /// Where a later subscription goes on, once this message has been stored.
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
