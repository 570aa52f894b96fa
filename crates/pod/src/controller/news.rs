//! What subscribers are told of the agent.

use podfleet_harness::ScreenState;
use podfleet_protocol::Event;

use super::Controller;

impl Controller {
    pub(super) fn tell(&self, event: Event) {
        self.setup.shared.events.publish(event);
    }

    /// Tells what the change of the screen since `before` means.
    pub(super) fn tell_of_screen(&self, before: ScreenState) {
        let now = self.live.classification.state;
        if now == before {
            return;
        }
        let line = self.live.classification.line.clone().unwrap_or_default();
        match now {
            ScreenState::Blocked(kind) => self.tell(Event::Blocked {
                kind: kind.to_string(),
                detail: line,
            }),
            ScreenState::Error => self.tell(Event::Errored { detail: line }),
            // A turn that a message of ours started ends with that message's receipt.
            ScreenState::Ready | ScreenState::Draft
                if before == ScreenState::Busy && !self.live.delivery.is_watching() =>
            {
                let answer = self.setup.harness.answer(&self.live.terminal.screen());
                self.tell(Event::TurnEnded {
                    message: None,
                    answer,
                });
            }
            _ => {}
        }
    }
}
