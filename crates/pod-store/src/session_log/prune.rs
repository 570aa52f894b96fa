//! Removing the logs of sessions that ended long ago.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use podfleet_protocol::{PodId, SessionId, UnixMillis};

use super::error::LogError;
use super::files::SessionFiles;
use super::later::ids;
use crate::maintenance::{Pruned, Retention, victims};

/// One session's files.
#[derive(Debug, Default)]
struct Session {
    paths: Vec<PathBuf>,
    bytes: u64,
    written: UnixMillis,
}

impl Session {
    fn files(&self) -> u64 {
        self.paths.len() as u64
    }
}

/// Removes the logs of a pod's sessions that are too old or too many, the oldest first, at most
/// [`Retention::batch`] files in one call, and never one of the session `present`.
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
    let sessions = sessions(state, pod)?;
    let (gone, pruned) = choose(&sessions, present, retention, now);
    gone.into_iter().try_for_each(remove)?;
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
    Ok(choose(&sessions(state, pod)?, present, retention, now).1)
}

/// Returns the sessions of a pod that have a log, in the order of their beginnings.
///
/// # Errors
/// Fails when the directory cannot be read; a pod without logs has none.
pub fn logged_sessions(state: &Path, pod: PodId) -> Result<Vec<SessionId>, LogError> {
    Ok(sessions(state, pod)?.into_keys().collect())
}

fn choose<'a>(
    sessions: &'a BTreeMap<SessionId, Session>,
    present: Option<SessionId>,
    retention: &Retention,
    now: UnixMillis,
) -> (Vec<&'a Session>, Pruned) {
    let bytes = sessions.values().map(|session| session.bytes).sum();
    let files = sessions.values().map(Session::files).sum();
    let mut closed: Vec<&Session> = sessions
        .iter()
        .filter(|(id, _)| Some(**id) != present)
        .map(|(_, session)| session)
        .collect();
    let whole = Retention {
        batch: u32::MAX,
        ..*retention
    };
    let mut pruned = Pruned::nothing_of(files, bytes);
    let sizes = closed
        .iter()
        .map(|session| (session.written, session.bytes));
    let (count, _) = victims(sizes, pruned, &whole, now);
    closed.truncate(count);
    let fits = closed.iter().take_while(|session| {
        pruned.more =
            pruned.removed > 0 && pruned.removed + session.files() > retention.batch.into();
        if !pruned.more {
            pruned.take(session.files(), session.bytes);
        }
        !pruned.more
    });
    let fits = fits.count();
    closed.truncate(fits);
    (closed, pruned)
}

fn remove(session: &Session) -> Result<(), LogError> {
    for path in session.paths.iter().rev() {
        fs::remove_file(path).map_err(|error| LogError::io("remove", path, error))?;
    }
    Ok(())
}

/// The sessions of a pod by id, which is in the order of their beginnings.
fn sessions(state: &Path, pod: PodId) -> Result<BTreeMap<SessionId, Session>, LogError> {
    let directory = SessionFiles::directory_of(state, pod);
    let fault = |error| LogError::io("list sessions in", &directory, error);
    let ids = ids(state, pod)?.into_iter();
    let mut sessions: BTreeMap<SessionId, Session> =
        ids.map(|id| (id, Session::default())).collect();
    for (id, session) in &mut sessions {
        let files = SessionFiles::new(state, pod, *id);
        for number in files.segments()? {
            let path = files.segment(number);
            let found = path.metadata().map_err(fault)?;
            session.bytes += found.len();
            session.written = session
                .written
                .max(millis(found.modified().map_err(fault)?));
            session.paths.push(path);
        }
    }
    sessions.retain(|_, session| !session.paths.is_empty());
    Ok(sessions)
}

fn millis(at: SystemTime) -> UnixMillis {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMillis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
