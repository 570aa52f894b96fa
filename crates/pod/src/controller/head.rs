//! Fetching the first message of the inbox.

use std::sync::Arc;

use podfleet_pod_store::{InboxEntry, Page, PodStore, StoreError};
use podfleet_protocol::PodId;

use super::{Controller, Next};
use crate::command::Command;

impl Controller {
    /// Asks the store for the first message, unless one is there or on its way.
    pub(super) fn fetch_head(&mut self) {
        self.next_is_own();
        let busy = self.head_asked || self.leaving || self.live.next.is_some();
        if busy || !self.head_wanted {
            return;
        }
        self.head_wanted = false;
        self.head_asked = true;
        let shared = Arc::clone(&self.setup.shared);
        tokio::spawn(async move {
            let head = first_sound(&*shared.store, shared.identity.id).await;
            shared.tell(Command::Head(Box::new(head)));
        });
    }

    pub(super) fn head(&mut self, head: Result<Option<InboxEntry>, StoreError>) {
        self.head_asked = false;
        let withdrawn = std::mem::take(&mut self.withdrawn);
        match head {
            // One of the pod's own came before it.
            Ok(Some(_)) if self.live.next.is_some() => self.head_wanted = true,
            Ok(Some(entry)) if withdrawn.contains(&entry.message.id) => self.head_wanted = true,
            Ok(Some(entry)) => {
                self.live.waiting = self.live.waiting.max(1);
                self.live.next = Some(Next {
                    message: entry.message,
                    attempts: entry.attempts,
                    stored: true,
                });
                self.dirty = true;
            }
            // What came since is asked for next, and counted already.
            Ok(None) if self.head_wanted => {}
            Ok(None) => self.live.waiting = 0,
            Err(error) => tracing::error!(%error, "cannot read the inbox"),
        }
    }
}

/// Returns the first message that can be read; a damaged one holds up nobody.
async fn first_sound(store: &dyn PodStore, pod: PodId) -> Result<Option<InboxEntry>, StoreError> {
    let mut page = Page::first(1);
    loop {
        let listing = store.undelivered(pod, page).await?;
        for damaged in &listing.corrupt {
            tracing::warn!(
                message = damaged.id,
                error = damaged.error,
                "passed over a message"
            );
        }
        match (listing.items.into_iter().next(), listing.next) {
            (None, Some(next)) => page = Page::after(next, 1),
            (found, _) => return Ok(found),
        }
    }
}
