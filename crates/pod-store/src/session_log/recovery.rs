//! What a pod must know of its own past before it delivers again.

use std::collections::hash_map::Entry::Vacant;
use std::collections::{HashMap, HashSet};

use podfleet_protocol::{Generation, MessageId, Outcome, Receipt, UnixMillis};

use super::backward::BackwardLines;
use super::error::LogError;
use super::files::SessionFiles;
use super::record::{Entry, Record, RelationEvent};
use crate::outbox::OutboxPlace;

/// How far into a line the field `type` of this crate's own records can begin, in bytes.
const HEAD: usize = 256;

/// What the end of a log says of deliveries that a crash interrupted.
///
/// The log wins over the store on what was delivered: it is written first. It is read from its end
/// back to where the last generation that launched an agent began, because a pod recovers before it
/// launches, and writes a receipt for everything that it found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recovery {
    /// The messages that may have been typed, in the order in which their delivery began.
    pub interrupted: Vec<Interrupted>,
    /// The settled receipts, in the order in which they were logged. A crash between log and store
    /// leaves the store without the last of them: it must be told, or it would have the message
    /// typed again.
    pub settled: Vec<Receipt>,
    /// The last event of the store's outbox that was copied, as far as was read; what is still in
    /// the outbox up to it is in the log.
    pub copied: Option<OutboxPlace>,
    /// The time of the last record about messages, relations or launches; 0 if there is none.
    pub until: UnixMillis,
    /// Lines that could not be read. One of them may have been a `message_delivering`: what the
    /// store calls `delivering` must then be taken for interrupted too.
    pub damaged: u64,
}

/// A message whose delivery began and of which no settled receipt was logged afterwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interrupted {
    /// The message.
    pub id: MessageId,
    /// Exactly what was to be typed.
    pub text: String,
    /// Which delivery of the message it was, from 1.
    pub attempt: u32,
    /// When that was logged, before anything of it was typed.
    pub at: UnixMillis,
    /// What was learnt since then, if anything.
    pub receipt: Option<Receipt>,
}

impl Recovery {
    /// Reads the end of a session's log.
    ///
    /// A message that went back to the inbox (a receipt `accepted` or `held` after its delivery
    /// began) was not typed and is not among the interrupted. A session without a log has none.
    ///
    /// # Errors
    /// Fails when a file cannot be read.
    pub fn read(files: &SessionFiles) -> Result<Self, LogError> {
        Self::read_with_later(Some(files), &[])
    }

    /// Reads the end of the log of a session that the store knows, if there is one, and in whole the
    /// logs of the sessions that followed and that it does not know, in their order: nobody has told
    /// the store anything of those.
    ///
    /// # Errors
    /// Fails when a file cannot be read.
    pub fn read_with_later(
        known: Option<&SessionFiles>,
        later: &[SessionFiles],
    ) -> Result<Self, LogError> {
        let mut search = Search {
            whole: true,
            ..Search::default()
        };
        for files in later.iter().rev() {
            search.read(files)?;
        }
        search.whole = false;
        if let Some(known) = known {
            search.read(known)?;
        }
        Ok(search.finish())
    }
}

/// What is known when the log has been read back to some place.
#[derive(Default)]
struct Search {
    found: Recovery,
    /// The last receipt of each message, settled or not.
    receipts: HashMap<MessageId, Receipt>,
    /// The messages whose last delivery was seen.
    seen: HashSet<MessageId>,
    /// Whether all is read, whoever launched an agent.
    whole: bool,
    /// The last generation that launched an agent, of those that are not read in whole.
    launched: Option<Generation>,
}

impl Search {
    /// Reads the log of a session before those read so far, from its end on as far as it matters.
    fn read(&mut self, files: &SessionFiles) -> Result<(), LogError> {
        for number in files.segments()?.into_iter().rev() {
            let path = files.segment(number);
            let fault = |error| LogError::io("read", &path, error);
            let mut lines = BackwardLines::open(&path).map_err(fault)?;
            while let Some(line) = lines.next().map_err(fault)? {
                if self.take(&line.bytes) {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Takes the line before those taken so far; returns whether nothing earlier matters.
    fn take(&mut self, line: &[u8]) -> bool {
        if !may_matter(line) {
            return false;
        }
        let Ok(record) = Record::decode(line) else {
            self.found.damaged += 1;
            return false;
        };
        if self
            .launched
            .is_some_and(|launched| record.generation < launched)
        {
            return true;
        }
        self.found.until = self.found.until.max(record.ts);
        match record.entry {
            Entry::Launch { .. } if self.whole => {}
            Entry::Launch { .. } => {
                self.launched.get_or_insert(record.generation);
            }
            Entry::Peer(RelationEvent { outbox, .. })
            | Entry::Child(RelationEvent { outbox, .. }) => {
                self.found.copied = self.found.copied.max(outbox.map(OutboxPlace));
            }
            Entry::MessageReceipt { receipt } => self.take_receipt(receipt),
            Entry::MessageDelivering { id, text, attempt } => self.take_delivery(Interrupted {
                id,
                text,
                attempt,
                at: record.ts,
                receipt: None,
            }),
            _ => {}
        }
        false
    }

    fn take_receipt(&mut self, receipt: Receipt) {
        if let Vacant(place) = self.receipts.entry(receipt.id) {
            if receipt.settled {
                self.found.settled.push(receipt.clone());
            }
            place.insert(receipt);
        }
    }

    fn take_delivery(&mut self, begun: Interrupted) {
        if !self.seen.insert(begun.id) {
            return;
        }
        let receipt = self.receipts.remove(&begun.id);
        let over = receipt.as_ref().is_some_and(|receipt| {
            receipt.settled || matches!(receipt.outcome, Outcome::Accepted | Outcome::Held)
        });
        if !over {
            self.found
                .interrupted
                .push(Interrupted { receipt, ..begun });
        }
    }

    fn finish(mut self) -> Recovery {
        self.found.interrupted.reverse();
        self.found.settled.reverse();
        self.found
    }
}

/// Tells the few lines that matter from the many that do not, without parsing them.
///
/// Whatever does not begin like a record of this crate is looked at.
fn may_matter(line: &[u8]) -> bool {
    const KEY: &[u8] = b"\"type\":\"";
    let head = &line[..line.len().min(HEAD)];
    let Some(at) = head.windows(KEY.len()).position(|window| window == KEY) else {
        return true;
    };
    let rest = &head[at + KEY.len()..];
    let whole = line.last() == Some(&b'}');
    const WORDS: [&[u8]; 4] = [b"message_", b"launch\"", b"peer\"", b"child\""];
    !whole || WORDS.iter().any(|word| rest.starts_with(word))
}
