//! One thing that was said in a chat.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::{Attachment, Content, InboundMessage};

/// Something that was said, as it stands in the history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatEntry {
    /// Its place in the history, counted from 1 without gaps.
    pub seq: u64,
    /// Its identity: said again under the same one, it is there once.
    pub id: String,
    /// When, in milliseconds since 1970 (UTC).
    pub at: u64,
    /// Who said it.
    pub from: Side,
    /// What the speaker is called.
    pub sender: String,
    /// The text, in Markdown.
    pub text: String,
    /// The thread that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<String>,
    /// The entry that it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<String>,
    /// What goes with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<ChatFile>,
}

/// The two sides of a chat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// A person at `fleet chat`.
    Human,
    /// The fleet's orchestrator.
    Fleet,
}

/// A file of this host that goes with an entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatFile {
    /// Its name, to show.
    pub name: String,
    /// Its media type.
    pub media_type: String,
    /// Where it is; absolute.
    pub path: PathBuf,
}

/// An entry that has no place yet.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub(super) id: String,
    pub(super) from: Side,
    pub(super) sender: String,
    pub(super) text: String,
    pub(super) thread: Option<String>,
    pub(super) reply_to: Option<String>,
    pub(super) files: Vec<ChatFile>,
    pub(super) at: SystemTime,
}

impl Draft {
    pub(super) fn placed(self, seq: u64) -> ChatEntry {
        ChatEntry {
            seq,
            id: self.id,
            at: super::millis(self.at),
            from: self.from,
            sender: self.sender,
            text: self.text,
            thread: self.thread,
            reply_to: self.reply_to,
            files: self.files,
        }
    }
}

impl From<ChatEntry> for InboundMessage {
    fn from(entry: ChatEntry) -> Self {
        let attachment = |file: ChatFile| Attachment {
            name: file.name,
            media_type: file.media_type,
            content: Content::Path(file.path),
        };
        Self {
            id: entry.id,
            text: entry.text,
            thread_id: entry.thread,
            sender: entry.sender,
            sender_name: None,
            ts: SystemTime::UNIX_EPOCH + Duration::from_millis(entry.at),
            attachments: entry.files.into_iter().map(attachment).collect(),
        }
    }
}

/// Returns attachments as files of this host; content that is in no file is written into one (0600)
/// below `directory`.
pub(super) fn files_of(
    attachments: Vec<Attachment>,
    directory: &Path,
    key: &str,
) -> io::Result<Vec<ChatFile>> {
    let file = |(index, attachment): (usize, Attachment)| {
        let path = match attachment.content {
            Content::Path(path) => path,
            Content::Bytes(bytes) => {
                let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
                let key: String = key.chars().filter(|c| plain(*c)).take(64).collect();
                let path = directory.join(format!("{key}.{index}"));
                write_private(&path, &bytes)?;
                path
            }
        };
        Ok(ChatFile {
            name: attachment.name,
            media_type: attachment.media_type,
            path,
        })
    };
    attachments.into_iter().enumerate().map(file).collect()
}

fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(bytes)?;
    file.sync_data()
}
