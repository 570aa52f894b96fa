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
}

/// What an agent wrote down of a text. That it wrote nothing shows nothing: Claude Code may have
/// acted on a text, and even have ended its turn, before it writes down that it was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Heard {
    /// The user said it.
    Said,
    /// A busy agent has taken it into its queue, and has not said that it took it up.
    Queued,
}

impl PastTranscripts {
    /// Takes transcripts whose records have times; nothing can be concluded from others.
    pub(crate) fn new(rules: &Transcript, directory: PathBuf) -> Option<Self> {
        rules.is_dated().then(|| Self {
            rules: rules.clone(),
            directory,
        })
    }

    /// Says what was written down of a text at some time or later. What cannot be read says nothing.
    pub(crate) fn heard(&self, text: &str, since: UnixMillis) -> Option<Heard> {
        let mut heard = None;
        for path in self.files() {
            match self.search(&path, text, since) {
                Ok(Some(Heard::Said)) => return Some(Heard::Said),
                Ok(found) => heard = heard.or(found),
                Err(error) => {
                    tracing::debug!(%error, path = %path.display(), "cannot read a transcript");
                }
            }
        }
        heard
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

    fn search(&self, path: &Path, text: &str, since: UnixMillis) -> io::Result<Option<Heard>> {
        let metadata = fs::metadata(path)?;
        let written = metadata.modified()?.duration_since(UNIX_EPOCH);
        let since_epoch = Duration::from_millis(u64::try_from(since.0).unwrap_or_default());
        if written.is_ok_and(|written| written + STEP < since_epoch) {
            return Ok(None);
        }
        let mut file = File::open(path)?;
        let from = metadata.len().saturating_sub(TAIL);
        file.seek(SeekFrom::Start(from))?;
        let mut heard = None;
        for line in BufReader::new(file).split(b'\n') {
            let Some(dated) = self.rules.read_dated(&String::from_utf8_lossy(&line?)) else {
                continue;
            };
            let found = match &dated.fact {
                Fact::User(said) if same_text(said, text) => Heard::Said,
                Fact::Queued(said) if same_text(said, text) => Heard::Queued,
                _ => continue,
            };
            if !dated.time.is_some_and(|time| is_at(&time, since)) {
                continue;
            }
            if found == Heard::Said {
                return Ok(Some(found));
            }
            heard = Some(found);
        }
        Ok(heard)
    }
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
    fn heard(records: &[Value]) -> Option<Heard> {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join("-work")).unwrap();
        let lines: String = records.iter().map(|record| format!("{record}\n")).collect();
        let name = "-work/00000000-0000-0000-0000-000000000001.jsonl";
        fs::write(home.path().join(name), lines).unwrap();
        let harness = Harness::shipped("claude").unwrap();
        let rules = harness.transcript().unwrap();
        let past = PastTranscripts::new(rules, home.path().to_owned()).unwrap();
        past.heard(TEXT, SINCE)
    }

    fn user(text: &str, time: &str) -> Value {
        json!({"type": "user", "isSidechain": false, "timestamp": time,
            "message": {"role": "user", "content": text}})
    }

    fn queued(text: &str) -> Value {
        json!({"type": "queue-operation", "operation": "enqueue", "timestamp": AFTER,
            "content": text})
    }

    const TEXT: &str = "[a:b -> c:d] fix it";

    #[test]
    fn a_text_that_the_user_said_since_then_was_heard() {
        assert_eq!(heard(&[user(TEXT, AFTER)]), Some(Heard::Said));
        assert_eq!(heard(&[user("something else", AFTER)]), None);
        assert_eq!(heard(&[]), None);
    }

    #[test]
    fn the_same_text_of_an_earlier_message_is_not_this_one() {
        assert_eq!(heard(&[user(TEXT, BEFORE)]), None);
    }

    #[test]
    fn what_is_queued_is_taken_up_only_if_it_was_said() {
        assert_eq!(heard(&[queued(TEXT)]), Some(Heard::Queued));
        let both = [queued(TEXT), user(TEXT, AFTER)];
        assert_eq!(heard(&both), Some(Heard::Said));
    }

    #[test]
    fn a_text_without_a_time_shows_nothing() {
        let record = json!({"type": "user", "isSidechain": false,
            "message": {"role": "user", "content": TEXT}});
        assert_eq!(heard(&[record]), None);
    }
}
