//! The transcripts of an agent: finding the conversation in which something was said, and reading
//! on in it.
//!
//! Several agents may write to one directory, so no name tells which file is whose. What tells is
//! the text: it was typed by this pod, with its agent's address in front.

mod past;

pub(crate) use past::{Heard, PastTranscripts};

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use podfleet_harness::{Fact, Transcript, same_text};

/// How much of one file is read at once, in bytes; no sound line is longer.
const READ: u64 = 4 << 20;
/// How deep below the directory files are looked for.
const DEPTH: u32 = 6;
/// How many files are known at most; whoever has more finds no transcript, and the screen decides.
const FILES: usize = 20_000;

/// The transcripts that an agent may write to.
#[derive(Debug)]
pub(crate) struct Transcripts {
    rules: Transcript,
    directory: PathBuf,
    /// How far each file is read.
    files: HashMap<PathBuf, Place>,
    /// The conversation that goes on.
    ours: Option<PathBuf>,
}

/// A place in a file.
#[derive(Debug, Default)]
struct Place {
    offset: u64,
    /// The id that its first records gave.
    conversation: Option<String>,
}

impl Transcripts {
    /// Begins to follow what is written from now on.
    pub(crate) fn begin(rules: Transcript, directory: PathBuf) -> Self {
        let mut files = HashMap::new();
        walk(&directory, DEPTH, &mut |path, length| {
            let place = Place {
                offset: length,
                conversation: None,
            };
            if rules.is_file(&name_of(&path)) && files.len() < FILES {
                files.insert(path, place);
            }
        });
        Self {
            rules,
            directory,
            files,
            ours: None,
        }
    }

    /// Reads what was written since the last time: in our conversation, or in whichever one of the
    /// wanted texts was said.
    pub(crate) fn read(&mut self, wanted: &[String]) -> Vec<Fact> {
        if wanted.is_empty() {
            let ours = self.ours.clone();
            return ours.map_or_else(Vec::new, |path| self.news(&path));
        }
        let mut paths = Vec::new();
        walk(&self.directory, DEPTH, &mut |path, length| {
            let read = self.files.get(&path).map(|place| place.offset);
            let is_new = read != Some(length);
            if is_new && self.rules.is_file(&name_of(&path)) && paths.len() < FILES {
                paths.push(path);
            }
        });
        let mut facts = Vec::new();
        for path in paths {
            let news = self.news(&path);
            let said = news.iter().position(|fact| is_said(fact, wanted));
            if self.ours.as_ref() == Some(&path) {
                facts.extend(news);
            } else if let Some(said) = said {
                let conversation = self
                    .files
                    .get(&path)
                    .and_then(|place| place.conversation.clone());
                self.ours = Some(path);
                facts.clear();
                facts.extend(conversation.map(Fact::Conversation));
                facts.extend(news.into_iter().skip(said));
            }
        }
        facts
    }

    /// Reads a file on. One that cannot be read says nothing.
    fn news(&mut self, path: &Path) -> Vec<Fact> {
        let place = self.files.entry(path.to_owned()).or_default();
        let lines = match read_on(path, &mut place.offset) {
            Ok(lines) => lines,
            Err(error) => {
                tracing::debug!(%error, path = %path.display(), "cannot read a transcript");
                return Vec::new();
            }
        };
        let facts: Vec<Fact> = String::from_utf8_lossy(&lines)
            .lines()
            .filter_map(|line| self.rules.read(line))
            .collect();
        let named = facts.iter().find_map(|fact| match fact {
            Fact::Conversation(id) => Some(id.clone()),
            _ => None,
        });
        place.conversation = place.conversation.take().or(named);
        facts
    }
}

/// Returns whether a fact says that one of the texts was said.
fn is_said(fact: &Fact, wanted: &[String]) -> bool {
    let (Fact::User(said) | Fact::Queued(said)) = fact else {
        return false;
    };
    wanted.iter().any(|text| same_text(said, text))
}

/// Reads whole lines from an offset on, and moves it behind them.
fn read_on(path: &Path, offset: &mut u64) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    if length < *offset {
        // It was written anew.
        *offset = 0;
    }
    if length == *offset {
        return Ok(Vec::new());
    }
    file.seek(SeekFrom::Start(*offset))?;
    let mut bytes = Vec::new();
    file.take(READ).read_to_end(&mut bytes)?;
    match bytes.iter().rposition(|byte| *byte == b'\n') {
        Some(last) => bytes.truncate(last + 1),
        // A line so long is none; its end will be passed over, too.
        None if bytes.len() as u64 == READ => {}
        None => bytes.clear(),
    }
    *offset += bytes.len() as u64;
    Ok(bytes)
}

fn name_of(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// Visits the files below a directory, with their lengths. Links are not followed.
fn walk(directory: &Path, depth: u32, visit: &mut impl FnMut(PathBuf, u64)) {
    let Ok(entries) = fs::read_dir(directory) else {
        return;
    };
    for entry in entries.flatten() {
        let Ok(kind) = entry.file_type() else {
            continue;
        };
        if kind.is_dir() && depth > 0 {
            walk(&entry.path(), depth - 1, visit);
        } else if kind.is_file()
            && let Ok(metadata) = entry.metadata()
        {
            visit(entry.path(), metadata.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use podfleet_harness::Harness;
    use serde_json::json;

    struct Home {
        directory: tempfile::TempDir,
    }

    impl Home {
        fn new() -> Self {
            let directory = tempfile::tempdir().unwrap();
            fs::create_dir(directory.path().join("day")).unwrap();
            Self { directory }
        }

        fn begin(&self) -> Transcripts {
            let harness = Harness::shipped("pi").unwrap();
            let rules = harness.transcript().unwrap().clone();
            Transcripts::begin(rules, self.directory.path().to_owned())
        }

        fn write(&self, file: &str, text: &str) {
            use std::io::Write as _;
            let path = self.directory.path().join("day").join(file);
            let file = fs::OpenOptions::new().create(true).append(true).open(path);
            file.unwrap().write_all(text.as_bytes()).unwrap();
        }

        fn says(&self, file: &str, role: &str, text: &str) {
            let message = json!({"role": role, "stopReason": "stop",
                "content": [{"type": "text", "text": text}]});
            let line = json!({"type": "message", "message": message});
            self.write(file, &format!("{line}\n"));
        }
    }

    fn wanted(text: &str) -> Vec<String> {
        vec![text.to_owned()]
    }

    fn end(answer: &str) -> Fact {
        Fact::End {
            answer: Some(answer.into()),
            of: None,
            error: None,
        }
    }

    #[test]
    fn the_conversation_is_that_in_which_our_text_was_said() {
        let home = Home::new();
        let mut transcripts = home.begin();
        home.write("a.jsonl", "{\"type\": \"session\", \"id\": \"A\"}\n");
        home.write("b.jsonl", "{\"type\": \"session\", \"id\": \"B\"}\n");
        home.says("a.jsonl", "user", "to another");
        assert_eq!(transcripts.read(&wanted("to us")), []);
        home.says("a.jsonl", "assistant", "of another");
        home.says("b.jsonl", "user", "to\nus");
        assert_eq!(
            transcripts.read(&wanted("to us")),
            [Fact::Conversation("B".into()), Fact::User("to\nus".into())]
        );
        home.says("a.jsonl", "assistant", "of another again");
        home.says("b.jsonl", "assistant", "ours");
        assert_eq!(transcripts.read(&[]), [end("ours")]);
        assert_eq!(transcripts.read(&[]), []);
    }

    #[test]
    fn what_was_said_before_is_not_taken_for_what_is_said_now() {
        let home = Home::new();
        home.says("a.jsonl", "user", "again");
        let mut transcripts = home.begin();
        assert_eq!(transcripts.read(&wanted("again")), []);
        home.says("a.jsonl", "user", "again");
        assert_eq!(
            transcripts.read(&wanted("again")),
            [Fact::User("again".into())]
        );
    }

    #[test]
    fn half_a_line_is_read_when_it_is_whole() {
        let home = Home::new();
        let mut transcripts = home.begin();
        home.says("a.jsonl", "user", "x");
        assert_eq!(transcripts.read(&wanted("x")), [Fact::User("x".into())]);
        home.write(
            "a.jsonl",
            "{\"type\": \"message\", \"message\": {\"role\": ",
        );
        assert_eq!(transcripts.read(&[]), []);
        home.write("a.jsonl", "\"user\", \"content\": \"y\"}}\nno JSON\n");
        assert_eq!(transcripts.read(&[]), [Fact::User("y".into())]);
    }

    #[test]
    fn a_new_conversation_is_found_by_what_is_said_in_it() {
        let home = Home::new();
        let mut transcripts = home.begin();
        home.says("a.jsonl", "user", "first");
        transcripts.read(&wanted("first"));
        home.says("b.jsonl", "user", "second");
        assert_eq!(
            transcripts.read(&wanted("second")),
            [Fact::User("second".into())]
        );
    }
}
