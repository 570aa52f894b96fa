//! Something that a client has to do in time.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::watch;

/// By when; all clones are of one deadline.
#[derive(Debug, Clone)]
pub(super) struct Deadline(Arc<watch::Sender<Option<Instant>>>);

impl Deadline {
    /// Makes one that never passes.
    pub(super) fn none() -> Self {
        Self(Arc::new(watch::Sender::new(None)))
    }

    pub(super) fn set(&self, at: Instant) {
        self.0.send_replace(Some(at));
    }

    pub(super) fn lift(&self) {
        self.0.send_replace(None);
    }

    /// Waits until it has passed.
    pub(super) async fn passed(&self) {
        let mut due = self.0.subscribe();
        loop {
            let at = *due.borrow_and_update();
            let wait = async {
                match at {
                    Some(at) => tokio::time::sleep_until(at.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                changed = due.changed() => if changed.is_err() {
                    std::future::pending::<()>().await;
                },
                () = wait => return,
            }
        }
    }
}
