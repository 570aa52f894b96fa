//! The pod's socket: taking connections in and serving them.

mod attached;
mod caller;
mod connection;
mod control;
mod deadline;
mod inbox;
mod inlet;
mod log;
mod messages;
mod pages;
mod place;
mod pods;
mod requests;
mod status;
mod subscribed;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use podfleet_protocol::limits::MAX_CONNECTIONS;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use crate::shared::Shared;
use place::Place;

pub(crate) use inlet::LongLines;
pub(crate) use pages::Pages;
pub(crate) use pods::settle_spawns;

/// The longest that a request may wait.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);
const FIRST_BACKOFF: Duration = Duration::from_millis(10);
const LONGEST_BACKOFF: Duration = Duration::from_secs(5);

/// Serves connections until the pod ends, and returns when all of them are closed.
pub(crate) async fn serve(listener: UnixListener, shared: Arc<Shared>) {
    let tasks = TaskTracker::new();
    tokio::select! {
        () = accept(listener, &shared, &tasks) => {}
        () = shared.ending.cancelled() => {}
    }
    tasks.close();
    tasks.wait().await;
}

async fn accept(mut listener: UnixListener, shared: &Arc<Shared>, tasks: &TaskTracker) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut place = Place::new(&shared.paths, &shared.credential.secret);
    let (mut lost, mut backoff) = (false, FIRST_BACKOFF);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = shared.beats.notified() => {
                let kept = place.keep().await;
                if let (Err(error), false) = (&kept, lost) {
                    tracing::warn!(%error, "nobody can reach the pod: its socket is gone");
                }
                lost = kept.is_err();
                if let Ok(Some(anew)) = kept {
                    tracing::warn!("the socket was gone, and is made anew");
                    listener = anew;
                }
                continue;
            }
        };
        match accepted {
            Ok((stream, _)) => {
                backoff = FIRST_BACKOFF;
                take_in(stream, shared, &places, tasks);
            }
            // Out of descriptors, most likely: others may close theirs meanwhile.
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(backoff).await;
                backoff = (backoff * 2).min(LONGEST_BACKOFF);
            }
        }
    }
}

fn take_in(stream: UnixStream, shared: &Arc<Shared>, places: &Arc<Semaphore>, tasks: &TaskTracker) {
    let shared = Arc::clone(shared);
    match Arc::clone(places).try_acquire_owned() {
        Ok(place) => {
            tasks.spawn(async move {
                connection::serve(stream, &shared).await;
                drop(place);
            });
        }
        Err(_) => {
            tasks.spawn(connection::refuse(stream));
        }
    }
}

/// Returns whether the process at the other end belongs to the same user.
fn same_user(stream: &UnixStream) -> io::Result<bool> {
    Ok(stream.peer_cred()?.uid() == rustix::process::getuid().as_raw())
}
