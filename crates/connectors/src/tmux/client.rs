//! The human's end of the chat.

use std::io;
use std::path::Path;

use tokio::io::BufReader;
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};

use super::entry::ChatEntry;
use super::wire::{self, Old, Reply, Request, Say};

/// A connection to a chat.
#[derive(Debug)]
pub struct ChatClient {
    /// What comes.
    pub reader: ChatReader,
    /// What is said.
    pub writer: ChatWriter,
    /// Everything after this place is unread.
    pub read_up_to: u64,
}

/// The half of a connection by which entries come.
#[derive(Debug)]
pub struct ChatReader(BufReader<OwnedReadHalf>);

/// The half of a connection by which a person says something.
#[derive(Debug)]
pub struct ChatWriter(OwnedWriteHalf);

/// What comes over a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChatEvent {
    /// An entry, old or new, in order of places.
    Entry(ChatEntry),
    /// What was said under this id is in the history, and survives crashes.
    Taken(String),
    /// What was said under this id is not.
    Refused {
        /// The id.
        id: String,
        /// Why, for people.
        why: String,
        /// Whether the chat could not keep it, as on a full disk, rather than would not.
        failed: bool,
    },
}

/// A chat cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChatError {
    /// Nobody listens: no bridge runs.
    #[error("nobody listens at the chat")]
    NotListening,
    /// The connection broke, or its other end speaks otherwise.
    #[error("the connection to the chat broke")]
    Broken(#[source] io::Error),
}

impl ChatClient {
    /// Sits down at a chat as `sender`; the last `last` entries and everything unread come first.
    ///
    /// # Errors
    /// Fails when nobody listens there.
    pub async fn connect(socket: &Path, sender: &str, last: u64) -> Result<Self, ChatError> {
        let stream = UnixStream::connect(socket).await;
        let stream = stream.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => ChatError::NotListening,
            _ => ChatError::Broken(error),
        })?;
        let (from, mut to) = stream.into_split();
        let hello = Request::Hello {
            last,
            sender: sender.to_owned(),
        };
        wire::write(&mut to, &hello)
            .await
            .map_err(ChatError::Broken)?;
        let mut from = BufReader::new(from);
        match wire::read(&mut from).await.map_err(ChatError::Broken)? {
            Some(Reply::Welcome(read_up_to)) => Ok(Self {
                reader: ChatReader(from),
                writer: ChatWriter(to),
                read_up_to,
            }),
            _ => Err(ChatError::Broken(io::ErrorKind::UnexpectedEof.into())),
        }
    }
}

/// Asks whoever listens at a chat to remove old entries; returns how many, or why they cannot be.
pub(super) async fn prune(socket: &Path, old: Old) -> Result<Result<u64, String>, ChatError> {
    let ChatClient {
        mut reader,
        mut writer,
        ..
    } = ChatClient::connect(socket, "pruning", 0).await?;
    writer.write(&Request::Prune(old)).await?;
    loop {
        let reply = wire::read(&mut reader.0).await;
        match reply.map_err(ChatError::Broken)? {
            Some(Reply::Pruned(entries)) => return Ok(Ok(entries)),
            Some(Reply::NotPruned(why)) => return Ok(Err(why)),
            // What is unread comes as to anybody.
            Some(_) => {}
            None => return Err(ChatError::Broken(io::ErrorKind::UnexpectedEof.into())),
        }
    }
}

impl ChatReader {
    /// Waits for what comes next; nothing once the chat has ended.
    ///
    /// # Errors
    /// Fails when the connection breaks.
    pub async fn next(&mut self) -> Result<Option<ChatEvent>, ChatError> {
        loop {
            let reply = wire::read(&mut self.0).await.map_err(ChatError::Broken)?;
            return Ok(match reply {
                None => None,
                Some(Reply::Welcome(_) | Reply::Pruned(_) | Reply::NotPruned(_)) => continue,
                Some(Reply::Entry(entry)) => Some(ChatEvent::Entry(entry)),
                Some(Reply::Taken(id)) => Some(ChatEvent::Taken(id)),
                Some(Reply::Refused { id, why, failed }) => {
                    Some(ChatEvent::Refused { id, why, failed })
                }
            });
        }
    }
}

impl ChatWriter {
    /// Says something. That it was taken comes as an event; until then it is to be said again after
    /// a broken connection, under the same id.
    ///
    /// # Errors
    /// Fails when the connection breaks.
    pub async fn say(&mut self, say: Say) -> Result<(), ChatError> {
        self.write(&Request::Say(say)).await
    }

    /// Tells that everything up to a place was shown.
    ///
    /// # Errors
    /// Fails when the connection breaks.
    pub async fn read_up_to(&mut self, seq: u64) -> Result<(), ChatError> {
        self.write(&Request::Read(seq)).await
    }

    async fn write(&mut self, request: &Request) -> Result<(), ChatError> {
        wire::write(&mut self.0, request)
            .await
            .map_err(ChatError::Broken)
    }
}
