//! Waiting for changes of files, without looking at them again and again.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::event::ModifyKind;
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::sleep;

use crate::error::Error;
use crate::output::ReaderGone;

/// Changes that come together are one: a fleet that starts writes many files at once.
const TOGETHER: Duration = Duration::from_millis(50);

/// Changes of a file or a directory.
pub(crate) struct Changes {
    events: UnboundedReceiver<notify::Result<Event>>,
    /// Whether one was seen that nobody was told of yet.
    seen: bool,
    /// A file in a directory of which nothing else counts, and of this one only what is written to it.
    journal: Option<PathBuf>,
    watcher: RecommendedWatcher,
}

impl Changes {
    /// Begins to watch the entries of directories.
    ///
    /// Directories are watched, never a file in them: files are replaced as a whole.
    pub(crate) fn of_directories(directories: &[PathBuf]) -> Result<Self, Error> {
        let fault = |error| Error::from(io::Error::other(error)).context("nothing can be watched");
        let (sender, events) = unbounded_channel();
        let mut watcher = notify::recommended_watcher(move |event| {
            // Nobody listens any more when the command is about to end.
            let _ = sender.send(event);
        })
        .map_err(fault)?;
        for directory in directories {
            watcher
                .watch(directory, RecursiveMode::NonRecursive)
                .map_err(|error| {
                    let what = format!("{} cannot be watched", directory.display());
                    Error::from(io::Error::other(error)).context(what)
                })?;
        }
        Ok(Self {
            events,
            seen: false,
            journal: None,
            watcher,
        })
    }

    /// Also watches what is written to a file. That others come and go beside it is no change, nor that
    /// it is opened and closed.
    pub(crate) fn and_writes_to(mut self, file: PathBuf) -> Self {
        let directory = file.parent().unwrap_or(Path::new("/"));
        let watched = self.watcher.watch(directory, RecursiveMode::NonRecursive);
        // Where there is no such directory yet, nothing is written to it.
        self.journal = watched.is_ok().then_some(file);
        self
    }

    /// Waits until something was written, made, renamed or removed. Whoever gives the waiting up
    /// loses nothing by it.
    pub(crate) async fn next(&mut self) -> io::Result<()> {
        while !self.seen {
            let Some(event) = self.events.recv().await else {
                return Err(io::Error::other("the watching of files ended"));
            };
            self.seen = is_change(&event) && self.counts(&event);
        }
        sleep(TOGETHER).await;
        while self.events.try_recv().is_ok() {}
        self.seen = false;
        Ok(())
    }

    fn counts(&self, event: &notify::Result<Event>) -> bool {
        let (Some(journal), Ok(event)) = (&self.journal, event) else {
            return true;
        };
        let beside = |path: &PathBuf| path.parent() == journal.parent();
        if !event.paths.iter().any(beside) {
            return true;
        }
        event.paths.contains(journal)
            && matches!(event.kind, EventKind::Modify(ModifyKind::Data(_)))
    }
}

/// Waits until whoever reads our standard output is gone, as `head` is once it has its lines.
///
/// A command that follows something may have nothing to write for hours, and would notice only then.
pub(crate) async fn reader_gone() -> Error {
    let looking = tokio::task::spawn_blocking(|| {
        let stdout = io::stdout();
        // No event is asked for: errors and hang-ups are told always.
        let mut watched = [PollFd::new(&stdout, PollFlags::empty())];
        while poll(&mut watched, None) == Err(Errno::INTR) {}
    });
    // Where it cannot be seen, the next write tells.
    if looking.await.is_err() {
        std::future::pending::<()>().await;
    }
    Error::from(io::Error::from(ReaderGone))
}

/// Reading is no change; an event that was lost may have been one.
fn is_change(event: &notify::Result<Event>) -> bool {
    match event {
        Ok(event) => !matches!(event.kind, EventKind::Access(_)),
        Err(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn a_replaced_file_is_a_change() {
        let directory = tempfile::tempdir().unwrap();
        let mut changes = Changes::of_directories(&[directory.path().to_owned()]).unwrap();
        let file = tempfile::NamedTempFile::new_in(directory.path()).unwrap();
        file.persist(directory.path().join("a.hb")).unwrap();
        changes.next().await.unwrap();
    }

    #[tokio::test]
    async fn a_change_is_told_after_a_waiting_that_was_given_up() {
        let directory = tempfile::tempdir().unwrap();
        let mut changes = Changes::of_directories(&[directory.path().to_owned()]).unwrap();
        std::fs::write(directory.path().join("a.hb"), "").unwrap();
        while !changes.seen {
            let given_up = timeout(Duration::ZERO, changes.next()).await;
            assert!(given_up.is_err());
            tokio::task::yield_now().await;
        }
        while changes.events.try_recv().is_ok() {}
        changes.next().await.unwrap();
    }

    #[tokio::test]
    async fn of_a_journal_what_is_written_counts_and_nothing_beside_it() {
        let directory = tempfile::tempdir().unwrap();
        let (journal, other) = (directory.path().join("wal"), directory.path().join("other"));
        std::fs::write(&journal, "1").unwrap();
        let changes = Changes::of_directories(&[]).unwrap();
        let mut changes = changes.and_writes_to(journal.clone());
        std::fs::write(&other, "1").unwrap();
        std::fs::remove_file(&other).unwrap();
        drop(std::fs::File::open(&journal).unwrap());
        let nothing = timeout(Duration::from_millis(100), changes.next()).await;
        assert!(nothing.is_err());
        std::fs::write(&journal, "12").unwrap();
        changes.next().await.unwrap();
    }

    #[test]
    fn a_directory_that_is_not_there_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let missing = directory.path().join("none");
        let error = Changes::of_directories(&[missing]).err().unwrap();
        assert!(error.in_one_line().contains("none cannot be watched"));
    }
}
