//! The journal: what the agent really received, kept outside its terminal.
//!
//! One JSON object a line, appended. Each line is synced to the disk before the screen shows any
//! effect of what it records, so a line may exist without its effect, and never the reverse.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::SimError;

/// One line of the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Counts the lines of the file from 1, across restarts.
    pub seq: u64,
    /// Milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// The process that wrote it.
    pub pid: u32,
    /// What happened.
    pub kind: Kind,
    /// The text it happened with; see [`Kind`].
    pub text: String,
    /// The turn it belongs to, counted from 1 in each process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn: Option<u64>,
}

/// What a journal line records, and what its text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Kind {
    /// The process began; its working directory.
    Start,
    /// The model it was started with.
    Model,
    /// The session that it was told to resume.
    Resume,
    /// The system prompt it was started with.
    SystemPrompt,
    /// The terminal answered a query; the answer.
    Reply,
    /// The composer (or the first dialog) is there.
    Ready,
    /// A paste came in; the pasted text as received, whatever became of it.
    Paste,
    /// A paste mark came in although bracketed paste is off.
    StrayPasteMark,
    /// Input came in that nothing took; the text.
    Lost,
    /// A submit key was ignored; the text in the composer.
    KeySwallowed,
    /// A message was submitted and its turn begins; the whole message.
    Submit,
    /// A message was submitted while busy; the whole message.
    Queued,
    /// The turn of a queued message begins; the whole message.
    Dequeued,
    /// Queued messages were taken back into the composer; the text.
    Recalled,
    /// A slash command was submitted; the command.
    Command,
    /// A message that began with `!` was submitted, which real agents run as a shell command.
    Shell,
    /// A dialog opened; `trust` or `permission`.
    Dialog,
    /// A dialog was answered with yes; `trust` or `permission`.
    Approve,
    /// A dialog was answered with no; `trust` or `permission`.
    Deny,
    /// A dialog closed by itself; `trust` or `permission`.
    DialogClosed,
    /// The turn ended with an answer; the answer.
    Answer,
    /// The turn ended with an API error; the error.
    Error,
    /// The turn ended without an answer.
    NoAnswer,
    /// The turn was interrupted by Escape or ctrl-C; the message.
    Interrupt,
    /// The conversation was cleared.
    Cleared,
    /// A signal came; its name.
    Signal,
    /// The terminal went away; in canonical mode, the end of input.
    Hangup,
    /// A stubborn child was started; its process id.
    Child,
    /// The process ends by itself; `code N` or `signal N`.
    Exit,
}

/// A journal opened for appending.
#[derive(Debug)]
pub struct Journal {
    file: File,
    path: PathBuf,
    next_seq: u64,
}

impl Journal {
    /// Opens the journal at `path`, which is made if it is not there, and continues its count.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Journal`](crate::ErrorKind::Journal) when it cannot be read or opened.
    pub fn open(path: &Path) -> Result<Self, SimError> {
        let next_seq = Self::read(path)?.last().map_or(1, |entry| entry.seq + 1);
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .map_err(|error| SimError::journal(path, error))?;
        Ok(Self {
            file,
            path: path.to_owned(),
            next_seq,
        })
    }

    /// Appends one line and syncs it: when this returns, it survives a crash of the machine.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Journal`](crate::ErrorKind::Journal) when it cannot be written.
    pub fn append(
        &mut self,
        kind: Kind,
        text: &str,
        turn: Option<u64>,
        at_ms: u64,
    ) -> Result<(), SimError> {
        let pid = std::process::id();
        let entry = Entry {
            seq: self.next_seq,
            at_ms,
            pid,
            kind,
            text: text.to_owned(),
            turn,
        };
        self.write(&entry)
            .map_err(|error| SimError::journal(&self.path, error))?;
        self.next_seq += 1;
        Ok(())
    }

    fn write(&mut self, entry: &Entry) -> std::io::Result<()> {
        let mut line = serde_json::to_vec(entry)?;
        line.push(b'\n');
        self.file.write_all(&line)?;
        self.file.sync_data()
    }

    /// Reads all lines of the journal at `path`. A journal that is not there yet is empty, and a
    /// last line that is not finished is left out.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Journal`](crate::ErrorKind::Journal) when it cannot be read, or a finished
    /// line is no entry.
    pub fn read(path: &Path) -> Result<Vec<Entry>, SimError> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(SimError::journal(path, error)),
        };
        let finished = text.rfind('\n').map_or("", |end| &text[..end]);
        finished
            .lines()
            .map(|line| {
                serde_json::from_str(line).map_err(|error| SimError::journal(path, error.into()))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_goes_on_across_restarts() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal.jsonl");
        assert_eq!(Journal::read(&path).unwrap(), []);
        for text in ["first\nrun", "second"] {
            let mut journal = Journal::open(&path).unwrap();
            journal.append(Kind::Submit, text, Some(1), 17).unwrap();
        }
        let entries = Journal::read(&path).unwrap();
        let seen: Vec<_> = entries.iter().map(|e| (e.seq, e.text.as_str())).collect();
        assert_eq!(seen, [(1, "first\nrun"), (2, "second")]);
    }

    #[test]
    fn a_torn_last_line_is_left_out_and_a_torn_other_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal.jsonl");
        let mut journal = Journal::open(&path).unwrap();
        journal.append(Kind::Ready, "", None, 17).unwrap();
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(b"{\"seq\": 2").unwrap();
        assert_eq!(Journal::read(&path).unwrap().len(), 1);
        file.write_all(b"\n").unwrap();
        let error = Journal::read(&path).unwrap_err();
        assert_eq!(error.kind(), crate::ErrorKind::Journal);
    }
}
