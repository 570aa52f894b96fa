//! The body of a request that is read by somebody else, and to its end if that one refuses it.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, BodyDataStream, Bytes};
use futures_util::{Stream, StreamExt as _};
use tokio::time::{Instant, sleep, sleep_until, timeout};

/// How long a refused body is read on.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a client may send nothing of it; it may itself wait for a slow program.
const IDLE: Duration = Duration::from_secs(600);

#[derive(Debug)]
struct State {
    body: BodyDataStream,
    begun: bool,
    /// Since when the client is waited for, while it is.
    waited: Option<Instant>,
}

/// A body that several may read, one after the other.
#[derive(Debug, Clone)]
pub(super) struct Lent(Arc<Mutex<State>>);

impl Lent {
    pub(super) fn of(body: Body) -> Self {
        Self(Arc::new(Mutex::new(State {
            body: body.into_data_stream(),
            begun: false,
            waited: None,
        })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the client has sent nothing for too long, though it was waited for.
    pub(super) async fn stalled(&self) {
        loop {
            let waited = self.state().waited;
            match waited {
                Some(since) if since.elapsed() >= IDLE => return,
                Some(since) => sleep_until(since + IDLE).await,
                None => sleep(IDLE).await,
            }
        }
    }

    /// Reads on for a while, and forgets it: a client that is cut off while it sends does not get to
    /// read why. One that waits until it is told to begin has sent nothing.
    pub(super) async fn forget(mut self, waits_to_begin: bool) {
        let begun = self.state().begun;
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
        let mut state = self.state();
        state.begun = true;
        let polled = state.body.poll_next_unpin(context);
        state.waited = match polled {
            Poll::Pending => Some(state.waited.unwrap_or_else(Instant::now)),
            Poll::Ready(_) => None,
        };
        polled
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_body_is_stalled_when_nothing_comes_and_not_when_nobody_reads_it() {
        let first = stream::iter([Ok::<_, std::io::Error>("first")]);
        let mut lent = Lent::of(Body::from_stream(first.chain(stream::pending())));
        let patience = IDLE * 3;
        assert!(timeout(patience, lent.stalled()).await.is_err());
        assert_eq!(lent.next().await.unwrap().unwrap(), "first");
        let mut read = lent.clone();
        let (next, stalled) = tokio::join!(
            timeout(patience, read.next()),
            timeout(patience, lent.stalled())
        );
        assert!(next.is_err() && stalled.is_ok());
    }
}
