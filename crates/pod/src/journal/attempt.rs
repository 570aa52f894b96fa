//! Orders in the log that may come to nothing.

use podfleet_pod_store::session_log::Entry;

use super::Journal;

/// An order that is in the log before it is carried out. Unless it succeeds, the log says of it that
/// it did not: whoever drops this, and why ever, as when the client that gave the order goes away.
#[derive(Debug)]
pub(crate) struct Attempt {
    journal: Journal,
    failure: Option<Entry>,
}

impl Attempt {
    /// Begins an attempt; `failure` is what the log says if it fails.
    pub(crate) fn new(journal: &Journal, failure: Entry) -> Self {
        Self {
            journal: journal.clone(),
            failure: Some(failure),
        }
    }

    /// Says that it succeeded, or that its order is not in the log at all.
    pub(crate) fn forget(mut self) {
        self.failure = None;
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if let Some(failure) = self.failure.take() {
            self.journal.note(failure);
        }
    }
}
