//! Answers that may be long: how many of them a pod makes, and keeps for clients that read slowly.
//!
//! What a client does not read stays with the pod. So of long answers there are a few at once,
//! whatever the number of clients, and who does not read one in time is let go. Short ones, which are
//! most, wait for no client but their own.

use std::mem;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use podfleet_protocol::limits::{MAX_LINE, READ_DEADLINE};
use podfleet_protocol::method::Call;
use podfleet_protocol::rpc::{ErrorCode, RequestId, Response, RpcError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::task::AbortOnDropHandle;

use super::caller::Caller;
use super::deadline::Deadline;
use super::requests;
use crate::shared::Shared;

/// Up to this many bytes an answer is not called long.
pub(super) const SHORT: usize = 32 << 10;

/// How many answers that may be long are made at once of what the pod has itself.
const MADE: usize = 2;
/// How many are made at once for which others are asked, who may take their time.
const ASKED: usize = 4;
/// How many long answers wait at once for their clients to read them.
const UNREAD: usize = 3;

/// What all connections of a pod share of it.
#[derive(Debug)]
pub(crate) struct Pages {
    made: Semaphore,
    asked: Semaphore,
    /// What people look at most is behind nobody's logs.
    screens: Semaphore,
    unread: Arc<Semaphore>,
}

impl Default for Pages {
    fn default() -> Self {
        Self {
            made: Semaphore::new(MADE),
            asked: Semaphore::new(ASKED),
            screens: Semaphore::new(1),
            unread: Arc::new(Semaphore::new(UNREAD)),
        }
    }
}

/// One connection's answers that may be long, of which there is one at a time.
#[derive(Debug)]
pub(super) struct Desk {
    turn: Arc<Semaphore>,
    /// When the long answer that is to be read must have been.
    due: Deadline,
}

/// An answer in one line, without its newline. To be kept until it was written out.
#[derive(Debug)]
pub(super) struct Page {
    line: Bytes,
    _unread: Option<Unread>,
    _turn: OwnedSemaphorePermit,
}

impl Page {
    /// Takes the line out, to be written.
    pub(super) fn take(&mut self) -> Bytes {
        mem::take(&mut self.line)
    }
}

/// A place among the long answers that wait for their clients.
#[derive(Debug)]
struct Unread {
    due: Deadline,
    _place: OwnedSemaphorePermit,
}

impl Drop for Unread {
    fn drop(&mut self) {
        self.due.lift();
    }
}

impl Desk {
    pub(super) fn new() -> Self {
        Self {
            turn: Arc::new(Semaphore::new(1)),
            due: Deadline::none(),
        }
    }

    /// Waits until the client has left a long answer unread for too long.
    pub(super) async fn overdue(&self) {
        self.due.passed().await;
    }

    /// Makes the answer to a call when it is its turn. Nothing comes when the pod ends.
    pub(super) async fn page(
        &self,
        shared: &Arc<Shared>,
        caller: &Arc<Caller>,
        id: RequestId,
        call: Call,
    ) -> Option<Page> {
        let turn = Arc::clone(&self.turn).acquire_owned().await.ok()?;
        let making = make(
            Arc::clone(shared),
            Arc::clone(caller),
            id,
            call,
            self.due.clone(),
        );
        // Goes on while the connection waits for its client, so that it keeps nobody else waiting.
        let made = AbortOnDropHandle::new(tokio::spawn(making));
        let (line, unread) = made.await.ok()??;
        Some(Page {
            line,
            _unread: unread,
            _turn: turn,
        })
    }
}

/// Makes an answer, anew when it turns out to be long and too many of those wait to be read.
async fn make(
    shared: Arc<Shared>,
    caller: Arc<Caller>,
    id: RequestId,
    call: Call,
    due: Deadline,
) -> Option<(Bytes, Option<Unread>)> {
    let unread = &shared.pages.unread;
    // To read another's output moves the cursor of the last reading: it is made once.
    let mut place = match &call {
        Call::ReadPodOutput(_) => Some(Arc::clone(unread).acquire_owned().await.ok()?),
        _ => None,
    };
    loop {
        let line = made(&shared, &caller, &id, call.clone()).await?;
        if line.len() <= SHORT {
            return Some((line, None));
        }
        place = place.or_else(|| Arc::clone(unread).try_acquire_owned().ok());
        if let Some(place) = place {
            due.set(Instant::now() + READ_DEADLINE);
            let unread = Unread { due, _place: place };
            return Some((line, Some(unread)));
        }
        drop(line);
        place = Some(Arc::clone(unread).acquire_owned().await.ok()?);
    }
}

async fn made(shared: &Shared, caller: &Caller, id: &RequestId, call: Call) -> Option<Bytes> {
    let places = match call {
        Call::ListPods(_) | Call::ReadPodOutput(_) => &shared.pages.asked,
        Call::GetScreen(_) => &shared.pages.screens,
        _ => &shared.pages.made,
    };
    let _place = places.acquire().await.ok()?;
    let response = Response::of(id.clone(), requests::answer(shared, caller, call).await);
    let line = serde_json::to_vec(&response).ok()?;
    if line.len() <= MAX_LINE {
        return Some(line.into_boxed_slice().into());
    }
    let refusal = serde_json::to_vec(&too_long(Some(id.clone()))).ok()?;
    Some(refusal.into())
}

/// Returns the answer in the place of one that is longer than a line may be.
pub(super) fn too_long(id: Option<RequestId>) -> Response {
    let message = format!(
        "the answer is longer than {} MiB: ask for less of it",
        MAX_LINE >> 20
    );
    Response::failure(id, RpcError::new(ErrorCode::LineTooLong, message))
}

/// Returns what a client is told that did not read in time.
pub(super) fn unread() -> Response {
    let message = format!(
        "an answer was not read within {} s; the connection is closed",
        READ_DEADLINE.as_secs()
    );
    Response::failure(None, RpcError::new(ErrorCode::Unread, message))
}
