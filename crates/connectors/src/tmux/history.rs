//! The durable history of a chat: a file of JSON lines that one process at a time adds to.

mod pruning;

use std::collections::HashMap;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, BufRead, BufReader, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use serde::{Deserialize, Serialize};

use super::entry::{ChatEntry, Draft};

const FILE: &str = "history.jsonl";
/// How long another process that has the history open is waited for, and how often it is looked at.
const PATIENCE: Duration = Duration::from_secs(2);
const LOOK: Duration = Duration::from_millis(10);

/// A line of the file. The writing of a word is a format: do not change it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    /// Something was said.
    Said(ChatEntry),
    /// A person has seen everything up to this place.
    Read(u64),
}

/// The history, open for adding to it. Its lock ends with it.
#[derive(Debug)]
pub(super) struct History {
    directory: PathBuf,
    file: File,
    /// How many entries were before the first that is there.
    pruned: u64,
    /// Where each entry's line begins, in bytes.
    lines: Vec<u64>,
    /// The places of entries by id.
    ids: HashMap<String, u64>,
    read: u64,
    end: u64,
}

/// What became of a draft.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Appended {
    pub(super) seq: u64,
    /// Whether an entry of its id was there already.
    pub(super) duplicate: bool,
}

impl History {
    /// Opens the history of a directory, and makes both if they are not there. A last line that a
    /// crash cut off was never promised to anybody, and is removed.
    ///
    /// # Errors
    /// Fails when another process keeps it open, or it cannot be read or written.
    pub(super) fn open(directory: &Path) -> io::Result<Self> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)?;
        let mut history = Self {
            directory: directory.to_owned(),
            file: locked(&directory.join(FILE))?,
            pruned: 0,
            lines: Vec::new(),
            ids: HashMap::new(),
            read: 0,
            end: 0,
        };
        history.load()?;
        Ok(history)
    }

    fn load(&mut self) -> io::Result<()> {
        let mut reader = BufReader::new(self.file.try_clone()?);
        let mut line = Vec::new();
        loop {
            line.clear();
            let length = reader.read_until(b'\n', &mut line)?;
            if line.last() != Some(&b'\n') {
                if length > 0 {
                    self.file.set_len(self.end)?;
                }
                return Ok(());
            }
            match serde_json::from_slice(&line)? {
                Line::Said(entry) => self.note(&entry),
                Line::Read(seq) => self.read = self.read.max(seq),
            }
            self.end += length as u64;
        }
    }

    fn note(&mut self, entry: &ChatEntry) {
        if self.lines.is_empty() {
            self.pruned = entry.seq.saturating_sub(1);
        }
        self.lines.push(self.end);
        self.ids.insert(entry.id.clone(), entry.seq);
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Returns the place of the last entry; 0 if there is none.
    pub(super) fn last(&self) -> u64 {
        self.pruned + self.lines.len() as u64
    }

    /// Returns up to which place a person has seen it.
    pub(super) fn read_up_to(&self) -> u64 {
        self.read
    }

    /// Adds an entry; when this returns it survives a crash. One whose id is there already changes
    /// nothing.
    pub(super) fn append(&mut self, draft: Draft) -> io::Result<Appended> {
        if let Some(seq) = self.ids.get(&draft.id) {
            let (seq, duplicate) = (*seq, true);
            return Ok(Appended { seq, duplicate });
        }
        let entry = draft.placed(self.last() + 1);
        let seq = entry.seq;
        let begin = self.end;
        self.write(&Line::Said(entry.clone()))?;
        if let Err(error) = self.file.sync_data() {
            // What is told as not taken is not found at the next start, nor doubled by another try.
            self.end = begin;
            self.file.set_len(begin)?;
            return Err(error);
        }
        self.lines.push(begin);
        self.ids.insert(entry.id, seq);
        Ok(Appended {
            seq,
            duplicate: false,
        })
    }

    /// Notes that a person has seen it up to a place. A crash may lose that: then it is shown as
    /// unread once more.
    pub(super) fn mark_read(&mut self, seq: u64) -> io::Result<()> {
        let seq = seq.min(self.last());
        if seq > self.read {
            self.write(&Line::Read(seq))?;
            self.read = seq;
        }
        Ok(())
    }

    fn write(&mut self, line: &Line) -> io::Result<()> {
        let bytes = written(line)?;
        if let Err(error) = self.file.write_all(&bytes) {
            // Half a line would spoil the next one.
            self.file.set_len(self.end)?;
            return Err(error);
        }
        self.end += bytes.len() as u64;
        Ok(())
    }

    /// Returns entries after a place, at most `limit`.
    pub(super) fn after(&self, seq: u64, limit: usize) -> io::Result<Vec<ChatEntry>> {
        let first = usize::try_from(seq.saturating_sub(self.pruned)).unwrap_or(usize::MAX);
        let Some(begin) = self.lines.get(first) else {
            return Ok(Vec::new());
        };
        let mut file = File::open(self.directory.join(FILE))?;
        file.seek(SeekFrom::Start(*begin))?;
        let mut entries = Vec::new();
        for line in BufReader::new(file).lines() {
            if let Line::Said(entry) = serde_json::from_str(&line?)? {
                entries.push(entry);
            }
            if entries.len() == limit || entries.len() + first == self.lines.len() {
                break;
            }
        }
        Ok(entries)
    }
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).append(true).mode(0o600);
    options
}

fn written(line: &Line) -> io::Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec(line)?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// Opens a file and locks it: that which has the name once the lock is held.
fn locked(path: &Path) -> io::Result<File> {
    loop {
        let file = options().create(true).open(path)?;
        lock(&file)?;
        let (ours, named) = (file.metadata()?, fs::metadata(path));
        if named.is_ok_and(|named| (named.dev(), named.ino()) == (ours.dev(), ours.ino())) {
            return Ok(file);
        }
    }
}

/// Locks the file; one that has just ended may still hold it for a moment.
fn lock(file: &File) -> io::Result<()> {
    let begun = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) if begun.elapsed() < PATIENCE => {
                std::thread::sleep(LOOK);
            }
            Err(TryLockError::WouldBlock) => {
                let what = "another process has the chat open";
                return Err(io::Error::new(io::ErrorKind::WouldBlock, what));
            }
        }
    }
}

/// Looks whether there is a history that can be read, and when it was last added to; one that is
/// not there yet is no fault.
pub(super) fn look(directory: &Path) -> io::Result<Option<SystemTime>> {
    match fs::File::open(directory.join(FILE)) {
        Ok(file) => file.metadata()?.modified().map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::super::entry::Side;
    use super::*;

    pub(super) fn draft(id: &str) -> Draft {
        Draft {
            id: id.to_owned(),
            from: Side::Human,
            sender: "ada".to_owned(),
            text: format!("text of {id}\nin two lines"),
            thread: None,
            reply_to: None,
            files: Vec::new(),
            at: SystemTime::UNIX_EPOCH,
        }
    }

    pub(super) fn ids(history: &History, after: u64) -> Vec<String> {
        let entries = history.after(after, 100).unwrap();
        entries.into_iter().map(|entry| entry.id).collect()
    }

    #[test]
    fn what_was_said_is_there_after_opening_again_once_for_each_id() {
        let dir = tempfile::tempdir().unwrap();
        let mut history = History::open(dir.path()).unwrap();
        for id in ["a", "b", "a", "c"] {
            history.append(draft(id)).unwrap();
        }
        history.mark_read(2).unwrap();
        drop(history);
        let mut history = History::open(dir.path()).unwrap();
        assert_eq!(ids(&history, 0), ["a", "b", "c"]);
        assert_eq!(ids(&history, 2), ["c"]);
        assert_eq!((history.last(), history.read_up_to()), (3, 2));
        let again = history.append(draft("b")).unwrap();
        let there = Appended {
            seq: 2,
            duplicate: true,
        };
        assert_eq!(again, there);
    }

    #[test]
    fn a_line_that_a_crash_cut_off_at_any_byte_is_removed_and_the_rest_stays() {
        let dir = tempfile::tempdir().unwrap();
        let mut history = History::open(dir.path()).unwrap();
        history.append(draft("a")).unwrap();
        let whole = history.end;
        history.append(draft("b")).unwrap();
        drop(history);
        let bytes = fs::read(dir.path().join(FILE)).unwrap();
        for end in usize::try_from(whole).unwrap()..bytes.len() {
            fs::write(dir.path().join(FILE), &bytes[..end]).unwrap();
            let mut history = History::open(dir.path()).unwrap();
            assert_eq!(ids(&history, 0), ["a"], "cut at {end}");
            history.append(draft("c")).unwrap();
            assert_eq!(ids(&history, 0), ["a", "c"], "cut at {end}");
        }
    }

    #[test]
    fn one_process_at_a_time_adds_to_it() {
        let dir = tempfile::tempdir().unwrap();
        let _first = History::open(dir.path()).unwrap();
        let error = History::open(dir.path()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
    }
}
