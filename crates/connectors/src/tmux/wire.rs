//! What goes over the chat's socket: JSON lines, in both directions.

use std::io;
use std::path::PathBuf;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _, AsyncWrite, AsyncWriteExt};

use super::entry::ChatEntry;

/// The longest line in bytes: a text of 1 MiB with every byte escaped, and room for the rest.
const MAX_LINE: u64 = 8 << 20;
/// The longest text of one entry in bytes.
pub const MAX_TEXT: usize = 1 << 20;

/// What a client says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Request {
    /// The first line: wants the end of the history, and what comes.
    Hello {
        /// How many old entries, besides all that are unread.
        last: u64,
        /// What the person is called.
        sender: String,
    },
    /// Adds to the chat.
    Say(Say),
    /// Everything up to here was shown.
    Read(u64),
    /// Wants old entries to be removed.
    Prune(Old),
}

/// Entries that may be removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Old {
    /// Those of before this moment, in milliseconds since 1970 (UTC).
    pub(super) before: u64,
    /// Those up to this place.
    pub(super) up_to: u64,
    /// Counts them, and removes none.
    pub(super) dry_run: bool,
}

/// Something that a person says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Say {
    /// Its identity, the same for every attempt.
    pub id: String,
    /// The text.
    pub text: String,
    /// The thread that it belongs to.
    #[serde(default)]
    pub thread: Option<String>,
    /// The entry that it answers.
    #[serde(default)]
    pub reply_to: Option<String>,
    /// Files of this host that go with it; absolute paths.
    #[serde(default)]
    pub files: Vec<PathBuf>,
}

/// What the chat says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Reply {
    /// The first line: everything after this place is unread.
    Welcome(u64),
    /// An entry of the history, old or new.
    Entry(ChatEntry),
    /// What was said is in the history.
    Taken(String),
    /// What was said is not.
    Refused {
        /// Its id.
        id: String,
        /// Why.
        why: String,
        /// Whether the chat could not keep it, rather than would not; older ones do not say.
        #[serde(default)]
        failed: bool,
    },
    /// So many entries were removed, or would be.
    Pruned(u64),
    /// They cannot be removed.
    NotPruned(String),
}

/// Reads one line; nothing at the end of the stream.
pub(super) async fn read<T: DeserializeOwned>(
    from: &mut (impl AsyncBufRead + Unpin),
) -> io::Result<Option<T>> {
    let mut line = Vec::new();
    from.take(MAX_LINE).read_until(b'\n', &mut line).await?;
    if line.is_empty() {
        return Ok(None);
    }
    if line.last() != Some(&b'\n') {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "a line that does not end",
        ));
    }
    Ok(Some(serde_json::from_slice(&line)?))
}

/// Writes one line.
pub(super) async fn write(
    to: &mut (impl AsyncWrite + Unpin),
    message: &impl Serialize,
) -> io::Result<()> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    to.write_all(&line).await
}
