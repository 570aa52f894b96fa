//! The body of a request that is read by somebody else, and to its end if that one refuses it.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, BodyDataStream, Bytes};
use futures_util::{Stream, StreamExt as _};
use tokio::time::timeout;

/// How long a refused body is read on.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Debug)]
struct State {
    body: BodyDataStream,
    begun: bool,
}

/// A body that several may read, one after the other.
#[derive(Debug, Clone)]
pub(super) struct Lent(Arc<Mutex<State>>);

impl Lent {
    pub(super) fn of(body: Body) -> Self {
        Self(Arc::new(Mutex::new(State {
            body: body.into_data_stream(),
            begun: false,
        })))
    }

    /// Reads on for a while, and forgets it: a client that is cut off while it sends does not get to
    /// read why. One that waits until it is told to begin has sent nothing.
    pub(super) async fn forget(mut self, waits_to_begin: bool) {
        let begun = self.0.lock().unwrap_or_else(PoisonError::into_inner).begun;
        if waits_to_begin && !begun {
            return;
        }
        let rest = async { while let Some(Ok(_)) = self.next().await {} };
        // Whoever sends for longer is cut off.
        let _ = timeout(PATIENCE, rest).await;
    }
}

impl Stream for Lent {
    type Item = Result<Bytes, axum::Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.begun = true;
        state.body.poll_next_unpin(context)
    }
}
