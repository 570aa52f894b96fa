//! Orders about the agent: holding its messages.

use std::time::Instant;

use podfleet_protocol::{MessageId, Paused};

use super::Controller;

impl Controller {
    /// Holds delivery, or lets it go on. What is being typed now is brought to its end.
    pub(super) fn pause(&mut self, paused: Option<Paused>) {
        self.paused = paused;
        self.dirty = true;
    }

    /// Returns when the agent is to be started again: not while the pod is paused.
    pub(super) fn restart_due(&self) -> Option<Instant> {
        self.phase.due().filter(|_| self.paused.is_none())
    }

    /// Takes notice that the store no longer has a message to be delivered.
    pub(super) fn withdrawn(&mut self, id: MessageId) {
        if self.head_asked {
            self.withdrawn.push(id);
        }
        let is_next = |next: &super::Next| next.message.id == id;
        if !self.live.next.as_ref().is_some_and(is_next) {
            self.live.waiting = self.live.waiting.saturating_sub(1);
        } else if self.live.delivery.is_free() {
            self.live.next = None;
            self.live.waiting = self.live.waiting.saturating_sub(1);
            self.head_wanted = true;
        }
        // Else its text is on its way to the log, and the store will say no to that.
        self.dirty = true;
    }
}
