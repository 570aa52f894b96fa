//! Watching a directory: which of its entries change.

use std::collections::BTreeSet;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::time::Duration;

use futures_util::{Stream, stream};
use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::io::unix::AsyncFd;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::sleep;

use super::{Contained, fault};
use crate::fault::{Code, Fault};
use crate::path::MountPath;

/// How long changes are gathered before they are told.
const GATHERED: Duration = Duration::from_millis(50);
/// How many names are told at once; of more, only that there were more.
const MAX_NAMES: usize = 1000;

/// What changed in a directory that is watched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Change {
    /// Entries of these names were made, written, removed or renamed; sorted.
    Entries {
        /// The names; what they are now is to be asked for.
        names: Vec<String>,
    },
    /// More changed than could be kept: the directory has to be listed anew.
    Lagged,
    /// The directory itself was removed or moved, or its link was changed; nothing follows.
    Gone,
}

/// How many directories are watched at a time. Each takes one of the queues of which a user has few
/// (mostly 128) for all programs.
const MAX_WATCHES: usize = 32;
static WATCHES: Semaphore = Semaphore::const_new(MAX_WATCHES);

/// A directory that is watched.
#[derive(Debug)]
pub struct Watch {
    queue: OwnedFd,
    room: SemaphorePermit<'static>,
}

impl Contained {
    /// Begins to watch a directory; what changes from now on is told. What is below its directories
    /// is not watched.
    ///
    /// # Errors
    /// Fails when it is no directory, a link leads out, or as many are watched as may be.
    pub fn watch(&self, path: &MountPath) -> Result<Watch, Fault> {
        let room = WATCHES.try_acquire().map_err(|_| {
            let message = format!("{MAX_WATCHES} directories are watched already");
            Fault::new(Code::LimitExceeded, message)
        })?;
        let directory = self.open_directory(path)?;
        // By its descriptor: whoever swaps names meanwhile has no part in it.
        let name = format!("/proc/self/fd/{}", directory.as_raw_fd());
        let wanted = WatchFlags::CREATE
            | WatchFlags::DELETE
            | WatchFlags::CLOSE_WRITE
            | WatchFlags::ATTRIB
            | WatchFlags::MOVED_FROM
            | WatchFlags::MOVED_TO
            | WatchFlags::DELETE_SELF
            | WatchFlags::MOVE_SELF;
        let begin = || {
            let queue = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
            inotify::add_watch(&queue, &name, wanted)?;
            Ok(queue)
        };
        let begun = begin().map(|queue| Watch { queue, room });
        begun.map_err(|error| match error {
            rustix::io::Errno::MFILE | rustix::io::Errno::NOSPC => {
                let message = "the system watches as many directories as it can";
                Fault::new(Code::LimitExceeded, message)
            }
            error => fault(&io::Error::from(error), path.as_str()),
        })
    }
}

impl Watch {
    /// Returns the changes as they come, to the last.
    ///
    /// # Errors
    /// Fails outside a runtime, or when the system refuses.
    pub fn changes(self) -> io::Result<impl Stream<Item = Change> + Send> {
        #[expect(
            deprecated,
            reason = "its successor is unsafe to call; an `OwnedFd` stays open and the same, which is what that is about"
        )]
        let queue = AsyncFd::new(self.queue)?;
        Ok(stream::unfold(
            Some((queue, self.room)),
            |watched| async move {
                let watched = watched?;
                loop {
                    let change = next(&watched.0).await.unwrap_or(Some(Change::Gone));
                    if let Some(change) = change {
                        let last = change == Change::Gone;
                        return Some((change, (!last).then_some(watched)));
                    }
                }
            },
        ))
    }
}

/// Waits for the next changes; nothing if they are none of ours.
async fn next(queue: &AsyncFd<OwnedFd>) -> io::Result<Option<Change>> {
    let mut guard = queue.readable().await?;
    sleep(GATHERED).await;
    let read = read(queue.get_ref());
    guard.clear_ready();
    read
}

/// Reads all that has come.
fn read(queue: &OwnedFd) -> io::Result<Option<Change>> {
    let mut buffer = [MaybeUninit::uninit(); 4096];
    let mut events = inotify::Reader::new(queue, &mut buffer);
    let mut names = BTreeSet::new();
    let mut lagged = false;
    loop {
        let event = match events.next() {
            Ok(event) => event,
            Err(rustix::io::Errno::WOULDBLOCK) => break,
            Err(rustix::io::Errno::INTR) => continue,
            Err(error) => return Err(error.into()),
        };
        let flags = event.events();
        let gone =
            ReadFlags::DELETE_SELF | ReadFlags::MOVE_SELF | ReadFlags::IGNORED | ReadFlags::UNMOUNT;
        if flags.intersects(gone) {
            return Ok(Some(Change::Gone));
        }
        lagged |= flags.contains(ReadFlags::QUEUE_OVERFLOW);
        if let Some(name) = event.file_name() {
            // One that is no UTF-8 is in no listing either.
            names.extend(name.to_str().ok().map(str::to_owned));
        }
    }
    if lagged || names.len() > MAX_NAMES {
        return Ok(Some(Change::Lagged));
    }
    let names: Vec<_> = names.into_iter().collect();
    Ok((!names.is_empty()).then_some(Change::Entries { names }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_are_watched_up_to_a_number_that_leaves_room_for_other_programs() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().canonicalize().unwrap();
        let files = Contained::open(&root, std::slice::from_ref(&root)).unwrap();
        let all = u32::try_from(MAX_WATCHES).unwrap();
        // Not by watching: other programs of this user need the system's queues at this moment.
        let room = WATCHES.try_acquire_many(all).unwrap();
        let refused = files.watch(&MountPath::root()).unwrap_err();
        assert_eq!(refused.code, Code::LimitExceeded);
        assert!(refused.message.contains("32 directories"), "{refused}");
        drop(room);
        drop(files.watch(&MountPath::root()));
        assert_eq!(WATCHES.available_permits(), MAX_WATCHES);
    }
}
