//! Orders about the agent: holding its messages, interrupting it, the size of its terminal.

use std::time::Instant;

use podfleet_harness::ScreenState;
use podfleet_pod_store::session_log::Entry;
use podfleet_protocol::method::InterruptResult;
use podfleet_protocol::rpc::{ErrorCode, RpcError};
use podfleet_protocol::{Address, MessageId, Paused, Size};

use super::Controller;
use super::agent::Phase;

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

    /// Presses the interrupt key, if the screen shows now that the agent works. At any other moment
    /// the key means something else: it would deny a dialog, or edit the history.
    pub(super) fn interrupt(&mut self) -> InterruptResult {
        self.look(Instant::now());
        let works = self.live.classification.state == ScreenState::Busy;
        let running = matches!(self.phase, Phase::Running);
        let pressed = running && works && !self.live.delivery.is_typing();
        if pressed {
            let key = &self.setup.harness.submit().interrupt;
            self.live.outgoing.extend_from_slice(key);
            self.live.delivery.interrupted();
        } else {
            let identity = &self.setup.shared.identity;
            self.setup.shared.journal.note(Entry::Control {
                action: "interrupt".into(),
                by: Address::new(&identity.host, identity.name.as_str()),
                detail: format!("no key was pressed: {}", self.live.classification.state),
            });
        }
        InterruptResult {
            pressed,
            screen: self.screen_status(),
        }
    }

    /// Sets the terminal's size.
    ///
    /// # Errors
    /// Fails when a controller sets it.
    pub(super) fn resize(&mut self, size: Size) -> Result<Size, RpcError> {
        if self.live.clients.wanted_size().is_some() {
            let controller = self.live.clients.controller().unwrap_or_default();
            return Err(RpcError::new(
                ErrorCode::ControlTaken,
                format!("{controller} has control, and the terminal its size"),
            ));
        }
        let size = size.clamped();
        if size != self.live.terminal.size() {
            self.apply_size(size);
        }
        Ok(size)
    }
}
