//! The durable history of a chat: a file of JSON lines that one process at a time adds to.

use std::collections::HashMap;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, BufRead, BufReader, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use serde::{Deserialize, Serialize};

use super::entry::{ChatEntry, ChatFile, Draft, Side};
use super::wire::Old;

const FILE: &str = "history.jsonl";
/// What becomes the file.
const NEW: &str = "history.jsonl.new";
/// Entries that wait unread, whatever their age.
const MOST_UNREAD: u64 = 10_000;
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

    /// Removes old entries from the beginning: what somebody has seen, or so much more is unseen
    /// after it. The last one stays, so that places go on. Returns how many.
    ///
    /// A crash leaves the history as it was or as it will be; at worst a file that went with an entry
    /// is left over.
    pub(super) fn prune(&mut self, old: Old) -> io::Result<u64> {
        let (count, files) = self.old(old)?;
        if count == 0 || old.dry_run {
            return Ok(count);
        }
        let kept = usize::try_from(count).unwrap_or(usize::MAX);
        let begin = self.lines.get(kept).copied().unwrap_or(self.end);
        self.file = self.rewritten(begin)?;
        (self.pruned, self.end) = (0, 0);
        self.lines.clear();
        self.ids.clear();
        self.load()?;
        for file in files {
            // One that is gone already does no harm.
            let _ = fs::remove_file(file.path);
        }
        Ok(count)
    }

    /// Counts the entries that may go, and lists the files of ours that go with them.
    fn old(&self, old: Old) -> io::Result<(u64, Vec<ChatFile>)> {
        let (last, mut count, mut files) = (self.last(), 0, Vec::new());
        let file = File::open(self.directory.join(FILE))?;
        for line in BufReader::new(file).lines() {
            let Line::Said(entry) = serde_json::from_str(&line?)? else {
                continue;
            };
            let seen = entry.seq <= self.read || last - entry.seq >= MOST_UNREAD;
            // Of what the fleet says itself nobody has to hear.
            let heard = entry.seq <= old.up_to || entry.from == Side::Fleet;
            if entry.at >= old.before || !seen || !heard || entry.seq == last {
                break;
            }
            count += 1;
            let ours = |file: &ChatFile| file.path.parent() == Some(&self.directory);
            files.extend(entry.files.into_iter().filter(ours));
        }
        Ok((count, files))
    }

    /// Puts a file in the place of ours that has what is behind a byte; returns it, locked.
    fn rewritten(&self, begin: u64) -> io::Result<File> {
        let (path, new) = (self.directory.join(FILE), self.directory.join(NEW));
        match fs::remove_file(&new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = options().create_new(true).open(&new)?;
        // Whoever opens it by its name waits from the first moment on.
        lock(&file)?;
        let mut rest = File::open(&path)?;
        rest.seek(SeekFrom::Start(begin))?;
        io::copy(&mut rest, &mut file)?;
        file.write_all(&written(&Line::Read(self.read))?)?;
        file.sync_all()?;
        fs::rename(&new, &path)?;
        File::open(&self.directory)?.sync_all()?;
        file.rewind()?;
        Ok(file)
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
    use super::*;

    fn draft(id: &str) -> Draft {
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

    fn ids(history: &History, after: u64) -> Vec<String> {
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

    const ALL: Old = Old {
        before: u64::MAX,
        up_to: u64::MAX,
        dry_run: false,
    };

    fn said(dir: &Path, ids: &[&str]) -> History {
        let mut history = History::open(dir).unwrap();
        for id in ids {
            history.append(draft(id)).unwrap();
        }
        history
    }

    #[test]
    fn what_is_old_and_was_seen_and_heard_is_removed_and_places_go_on() {
        let dir = tempfile::tempdir().unwrap();
        let mut history = said(dir.path(), &["a", "b", "c", "d"]);
        assert_eq!(history.prune(ALL).unwrap(), 0, "nobody has seen it");
        history.mark_read(3).unwrap();
        let heard = Old { up_to: 2, ..ALL };
        let look = Old {
            dry_run: true,
            ..heard
        };
        assert_eq!(history.prune(look).unwrap(), 2);
        assert_eq!(history.last(), 4);
        assert_eq!(ids(&history, 0), ["a", "b", "c", "d"]);
        assert_eq!(history.prune(heard).unwrap(), 2);
        let young = Old { before: 0, ..ALL };
        assert_eq!(history.prune(young).unwrap(), 0);
        for _ in 0..2 {
            assert_eq!(ids(&history, 0), ["c", "d"]);
            assert_eq!(ids(&history, 3), ["d"]);
            assert_eq!((history.last(), history.read_up_to()), (4, 3));
            drop(history);
            history = History::open(dir.path()).unwrap();
        }
        assert_eq!(history.append(draft("e")).unwrap().seq, 5);
        history.mark_read(5).unwrap();
        assert_eq!(history.prune(ALL).unwrap(), 2, "the last one stays");
        assert_eq!(ids(&history, 0), ["e"]);
        assert_eq!(history.append(draft("f")).unwrap().seq, 6);
    }

    #[test]
    fn a_file_of_ours_goes_with_its_entry_and_one_of_somebody_elses_stays() {
        let dir = tempfile::tempdir().unwrap();
        let mut history = History::open(dir.path()).unwrap();
        let (ours, other) = (
            dir.path().join("key.0"),
            dir.path().join("elsewhere/report"),
        );
        fs::create_dir(dir.path().join("elsewhere")).unwrap();
        let file = |path: &Path| {
            fs::write(path, "x").unwrap();
            ChatFile {
                name: "x".to_owned(),
                media_type: "text/plain".to_owned(),
                path: path.to_owned(),
            }
        };
        let files = vec![file(&ours), file(&other)];
        history
            .append(Draft {
                files,
                ..draft("a")
            })
            .unwrap();
        history.append(draft("b")).unwrap();
        history.mark_read(2).unwrap();
        assert_eq!(history.prune(ALL).unwrap(), 1);
        assert!(!ours.exists() && other.exists());
    }

    #[test]
    fn who_waits_for_the_lock_while_it_is_pruned_gets_what_has_the_name_then() {
        let dir = tempfile::tempdir().unwrap();
        let mut history = said(dir.path(), &["a", "b"]);
        history.mark_read(2).unwrap();
        // Opened before, and locked after.
        let before = options().open(dir.path().join(FILE)).unwrap();
        history.prune(ALL).unwrap();
        before.try_lock().unwrap();
        let error = History::open(dir.path()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock, "it is locked anew");
        drop(history);
        let history = History::open(dir.path()).unwrap();
        assert_eq!(ids(&history, 0), ["b"]);
    }

    #[test]
    fn one_process_at_a_time_adds_to_it() {
        let dir = tempfile::tempdir().unwrap();
        let _first = History::open(dir.path()).unwrap();
        let error = History::open(dir.path()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
    }
}
