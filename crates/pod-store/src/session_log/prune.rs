//! Removing the logs of sessions that ended long ago, and the texts that agents were given as files.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use podfleet_protocol::{PodId, SessionId, UnixMillis};

use super::error::LogError;
use super::files::SessionFiles;
use super::later::ids;
use crate::maintenance::{Pruned, Retention, victims};

/// How long a text stays at least, whatever else is there: its agent may have been told of it a moment ago.
const JUST_GIVEN: i64 = 60 * 60 * 1000;

/// What goes as a whole: one session's files, or one text.
#[derive(Debug, Default)]
struct Pile {
    paths: Vec<PathBuf>,
    bytes: u64,
    written: UnixMillis,
}

impl Pile {
    fn files(&self) -> u64 {
        self.paths.len() as u64
    }

    fn add(&mut self, path: PathBuf) -> io::Result<()> {
        let found = path.metadata()?;
        self.bytes += found.len();
        self.written = self.written.max(millis(found.modified()?));
        self.paths.push(path);
        Ok(())
    }
}

/// What is there of a pod, and which of it may go.
#[derive(Debug, Default)]
struct Piles {
    all: Pruned,
    /// In the order in which they were last written.
    closed: Vec<Pile>,
}

impl Piles {
    fn of(
        state: &Path,
        pod: PodId,
        present: Option<SessionId>,
        now: UnixMillis,
    ) -> Result<Self, LogError> {
        let mut found = Self::default();
        for (id, session) in sessions(state, pod)? {
            found.add(session, Some(id) != present);
        }
        for text in texts(state, pod)? {
            let is_old = text.written.0 < now.0.saturating_sub(JUST_GIVEN);
            found.add(text, is_old);
        }
        found.closed.sort_by_key(|pile| pile.written);
        Ok(found)
    }

    fn add(&mut self, pile: Pile, may_go: bool) {
        self.all.kept += pile.files();
        self.all.kept_bytes += pile.bytes;
        if may_go {
            self.closed.push(pile);
        }
    }
}

/// Removes the logs of a pod's sessions, and the texts that its agent was given as files, that are too old
/// or too many, the oldest first, at most [`Retention::batch`] files in one call; never one of the session
/// `present`, nor a text of the last hour.
///
/// A session goes as a whole, its last segment first: what a crash leaves of it is its front. One
/// session goes even if it has more files than the batch.
///
/// # Errors
/// Fails when the directory cannot be read or a file cannot be removed; a pod without logs has none
/// to remove.
pub fn prune(
    state: &Path,
    pod: PodId,
    present: Option<SessionId>,
    retention: &Retention,
    now: UnixMillis,
) -> Result<Pruned, LogError> {
    let (gone, pruned) = choose(Piles::of(state, pod, present, now)?, retention, now);
    gone.iter().try_for_each(remove)?;
    Ok(pruned)
}

/// Looks what [`prune`] would remove in one call.
///
/// # Errors
/// Fails when the directory cannot be read.
pub fn preview_prune(
    state: &Path,
    pod: PodId,
    present: Option<SessionId>,
    retention: &Retention,
    now: UnixMillis,
) -> Result<Pruned, LogError> {
    Ok(choose(Piles::of(state, pod, present, now)?, retention, now).1)
}

/// Returns the sessions of a pod that have a log, in the order of their beginnings.
///
/// # Errors
/// Fails when the directory cannot be read; a pod without logs has none.
pub fn logged_sessions(state: &Path, pod: PodId) -> Result<Vec<SessionId>, LogError> {
    Ok(sessions(state, pod)?.into_keys().collect())
}

fn choose(piles: Piles, retention: &Retention, now: UnixMillis) -> (Vec<Pile>, Pruned) {
    let Piles { all, mut closed } = piles;
    let whole = Retention {
        batch: u32::MAX,
        ..*retention
    };
    let mut pruned = all;
    let sizes = closed.iter().map(|pile| (pile.written, pile.bytes));
    let (count, _) = victims(sizes, pruned, &whole, now);
    closed.truncate(count);
    let fits = closed.iter().take_while(|pile| {
        pruned.more = pruned.removed > 0 && pruned.removed + pile.files() > retention.batch.into();
        if !pruned.more {
            pruned.take(pile.files(), pile.bytes);
        }
        !pruned.more
    });
    let fits = fits.count();
    closed.truncate(fits);
    (closed, pruned)
}

fn remove(pile: &Pile) -> Result<(), LogError> {
    for path in pile.paths.iter().rev() {
        fs::remove_file(path).map_err(|error| LogError::io("remove", path, error))?;
    }
    Ok(())
}

/// The sessions of a pod by id, which is in the order of their beginnings.
fn sessions(state: &Path, pod: PodId) -> Result<BTreeMap<SessionId, Pile>, LogError> {
    let directory = SessionFiles::directory_of(state, pod);
    let mut sessions = BTreeMap::new();
    for id in ids(state, pod)? {
        let files = SessionFiles::new(state, pod, id);
        let mut session = Pile::default();
        for number in files.segments()? {
            let added = session.add(files.segment(number));
            added.map_err(|error| LogError::io("list sessions in", &directory, error))?;
        }
        if !session.paths.is_empty() {
            sessions.insert(id, session);
        }
    }
    Ok(sessions)
}

/// The texts that were too long to be typed.
fn texts(state: &Path, pod: PodId) -> Result<Vec<Pile>, LogError> {
    let directory = SessionFiles::texts_of(state, pod);
    match list_texts(&directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        listed => listed.map_err(|error| LogError::io("list texts in", &directory, error)),
    }
}

fn list_texts(directory: &Path) -> io::Result<Vec<Pile>> {
    let entries = fs::read_dir(directory)?.map(|entry| {
        let mut text = Pile::default();
        text.add(entry?.path())?;
        Ok(text)
    });
    entries.collect()
}

fn millis(at: SystemTime) -> UnixMillis {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMillis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
