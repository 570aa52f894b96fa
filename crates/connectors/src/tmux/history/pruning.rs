//! Removing what is old.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Seek, SeekFrom, Write};

use super::super::entry::{ChatFile, Side};
use super::super::wire::Old;
use super::{FILE, History, Line, lock, options, written};

/// What becomes the file.
const NEW: &str = "history.jsonl.new";
/// Entries that wait unread, whatever their age.
const MOST_UNREAD: u64 = 10_000;

impl History {
    /// Removes old entries from the beginning: what somebody has seen, or so much more is unseen
    /// after it. The last one stays, so that places go on. Returns how many.
    ///
    /// A crash leaves the history as it was or as it will be; at worst a file that went with an entry
    /// is left over.
    pub(in crate::tmux) fn prune(&mut self, old: Old) -> io::Result<u64> {
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

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::super::entry::Draft;
    use super::super::tests::{draft, ids};
    use super::*;

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
}
