//! What the transcripts tell of a text that was typed before a crash.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use jiff::Timestamp;
use podfleet_harness::{Fact, Transcript, same_text};
use podfleet_protocol::UnixMillis;

use super::{DEPTH, FILES, name_of, walk};

/// How much of the end of one file is read, in bytes.
const TAIL: u64 = 64 << 20;
/// How much older a file may seem to be than what is in it: file systems count time in steps.
const STEP: Duration = Duration::from_secs(2);

/// The transcripts of an agent whose pod has crashed.
#[derive(Debug)]
pub(crate) struct PastTranscripts {
    rules: Transcript,
    directory: PathBuf,
    /// The id of the conversation that went on, if it is known.
    conversation: Option<String>,
}

/// Whether a text was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Heard {
    /// It was: the agent has written down that the user said it.
    Said,
    /// A busy agent has taken it into its queue, and has not said that it took it up.
    Queued,
    /// The conversation is there, and the text is not in it.
    Not,
    /// There is nothing to judge by.
    Unknown,
}

impl PastTranscripts {
    /// Takes transcripts whose records have times; nothing can be concluded from others.
    pub(crate) fn new(
        rules: &Transcript,
        directory: PathBuf,
        conversation: Option<String>,
    ) -> Option<Self> {
        rules.is_dated().then(|| Self {
            rules: rules.clone(),
            directory,
            conversation,
        })
    }

    /// Says whether a text was said at some time or later. What cannot be read says nothing.
    pub(crate) fn heard(&self, text: &str, since: UnixMillis) -> Heard {
        let (mut heard, mut went_on) = (Heard::Unknown, false);
        for path in self.files() {
            let found = match self.search(&path, text, since) {
                Ok(found) => found,
                Err(error) => {
                    tracing::debug!(%error, path = %path.display(), "cannot read a transcript");
                    return Heard::Unknown;
                }
            };
            match found.heard {
                Some(Heard::Said) => return Heard::Said,
                Some(queued) => heard = queued,
                None => went_on |= found.is_ours,
            }
        }
        match heard {
            Heard::Unknown if went_on => Heard::Not,
            heard => heard,
        }
    }

    fn files(&self) -> Vec<PathBuf> {
        let mut files = Vec::new();
        walk(&self.directory, DEPTH, &mut |path, _| {
            if self.rules.is_file(&name_of(&path)) && files.len() < FILES {
                files.push(path);
            }
        });
        files
    }

    fn search(&self, path: &Path, text: &str, since: UnixMillis) -> io::Result<Found> {
        let metadata = fs::metadata(path)?;
        let named = self.conversation.as_deref();
        let mut found = Found {
            heard: None,
            is_ours: named.is_some_and(|id| name_of(path).contains(id)),
        };
        let written = metadata.modified()?.duration_since(UNIX_EPOCH);
        let since_epoch = Duration::from_millis(u64::try_from(since.0).unwrap_or_default());
        let is_older = written.is_ok_and(|written| written + STEP < since_epoch);
        if is_older {
            return Ok(found);
        }
        let mut file = File::open(path)?;
        let from = metadata.len().saturating_sub(TAIL);
        file.seek(SeekFrom::Start(from))?;
        for line in BufReader::new(file).split(b'\n') {
            let line = line?;
            let Some(dated) = self.rules.read_dated(&String::from_utf8_lossy(&line)) else {
                continue;
            };
            let is_later = || dated.time.as_deref().is_some_and(|time| is_at(time, since));
            match dated.fact {
                Fact::Conversation(id) => found.is_ours |= named == Some(id.as_str()),
                Fact::User(said) if same_text(&said, text) && is_later() => {
                    found.heard = Some(Heard::Said);
                    break;
                }
                Fact::Queued(said) if same_text(&said, text) && is_later() => {
                    found.heard = Some(Heard::Queued);
                }
                _ => {}
            }
        }
        Ok(found)
    }
}

/// What one file tells.
struct Found {
    heard: Option<Heard>,
    /// Whether it is that of our conversation.
    is_ours: bool,
}

fn is_at(time: &str, since: UnixMillis) -> bool {
    let time = time.parse::<Timestamp>();
    time.is_ok_and(|time| time.as_millisecond() >= since.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use podfleet_harness::Harness;
    use serde_json::{Value, json};

    const SINCE: UnixMillis = UnixMillis(1_767_225_600_000);
    const BEFORE: &str = "2025-12-31T23:59:59.999Z";
    const AFTER: &str = "2026-01-01T00:00:00.000Z";

    /// Writes the transcripts of Claude Code, and asks them for one text.
    fn heard(files: &[(&str, &[Value])], conversation: Option<&str>) -> Heard {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join("-work")).unwrap();
        for (name, records) in files {
            let lines: String = records.iter().map(|record| format!("{record}\n")).collect();
            fs::write(
                home.path().join("-work").join(format!("{name}.jsonl")),
                lines,
            )
            .unwrap();
        }
        let harness = Harness::shipped("claude").unwrap();
        let rules = harness.transcript().unwrap();
        let conversation = conversation.map(str::to_owned);
        PastTranscripts::new(rules, home.path().to_owned(), conversation)
            .unwrap()
            .heard("[a:b -> c:d] fix it", SINCE)
    }

    fn user(text: &str, time: &str) -> Value {
        json!({"type": "user", "isSidechain": false, "timestamp": time,
            "message": {"role": "user", "content": text}})
    }

    fn queued(text: &str) -> Value {
        json!({"type": "queue-operation", "operation": "enqueue", "timestamp": AFTER,
            "content": text})
    }

    const OURS: &str = "00000000-0000-0000-0000-000000000001";
    const OTHER: &str = "00000000-0000-0000-0000-000000000002";
    const TEXT: &str = "[a:b -> c:d] fix it";

    #[test]
    fn a_text_that_the_user_said_since_then_was_heard_in_whatever_conversation() {
        for conversation in [None, Some(OURS)] {
            let said = heard(&[(OTHER, &[user(TEXT, AFTER)])], conversation);
            assert_eq!(said, Heard::Said);
        }
    }

    #[test]
    fn the_same_text_of_an_earlier_message_is_not_this_one() {
        let said = heard(&[(OURS, &[user(TEXT, BEFORE)])], Some(OURS));
        assert_eq!(said, Heard::Not);
    }

    #[test]
    fn a_conversation_without_the_text_shows_that_it_was_not_said() {
        let records: &[Value] = &[user("something else", AFTER)];
        assert_eq!(heard(&[(OURS, records)], Some(OURS)), Heard::Not);
        assert_eq!(heard(&[(OTHER, records)], Some(OURS)), Heard::Unknown);
        assert_eq!(heard(&[(OURS, records)], None), Heard::Unknown);
        assert_eq!(heard(&[], Some(OURS)), Heard::Unknown);
    }

    #[test]
    fn what_is_queued_is_taken_up_only_if_it_was_said() {
        assert_eq!(heard(&[(OURS, &[queued(TEXT)])], Some(OURS)), Heard::Queued);
        let both: &[Value] = &[queued(TEXT), user(TEXT, AFTER)];
        assert_eq!(heard(&[(OURS, both)], Some(OURS)), Heard::Said);
    }

    #[test]
    fn a_text_without_a_time_shows_nothing() {
        let record = json!({"type": "user", "isSidechain": false,
            "message": {"role": "user", "content": TEXT}});
        assert_eq!(heard(&[(OURS, &[record])], None), Heard::Unknown);
    }
}
