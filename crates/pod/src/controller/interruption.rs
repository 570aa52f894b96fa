//! Interrupting the agent's turn, on order.

use std::time::{Duration, Instant};

use podfleet_harness::ScreenState;
use podfleet_pod_store::session_log::Entry;
use podfleet_protocol::method::InterruptResult;
use podfleet_protocol::{Address, ScreenStatus};
use tokio::sync::oneshot;

use super::Controller;
use super::agent::Phase;

/// How long an agent may take to show that it has ended its turn.
const ENDS: Duration = Duration::from_secs(3);

/// A turn whose end is waited for. A second order waits with the first: two keys in a row mean
/// something else to some programs.
#[derive(Debug)]
pub(super) struct Interruption {
    pressed: Instant,
    /// Whether the key was pressed once more, as the program wants it.
    again: bool,
    /// What was on the screen before.
    screen: ScreenStatus,
    answers: Vec<oneshot::Sender<InterruptResult>>,
}

impl Interruption {
    /// Returns when it is told that the agent works on.
    pub(super) fn due(&self) -> Instant {
        self.pressed + ENDS
    }
}

impl Controller {
    /// Presses the interrupt key, if the screen shows now that the agent works, and answers when it
    /// has ended its turn. At any other moment the key means something else: it would deny a dialog,
    /// or edit the history.
    pub(super) fn interrupt(&mut self, answer: oneshot::Sender<InterruptResult>) {
        let now = Instant::now();
        self.look(now);
        if let Some(interruption) = &mut self.live.interruption {
            interruption.answers.push(answer);
            return;
        }
        let works = self.live.classification.state == ScreenState::Busy;
        let running = matches!(self.phase, Phase::Running);
        let screen = self.screen_status();
        if !running || !works || self.live.delivery.is_typing() {
            let identity = &self.setup.shared.identity;
            self.setup.shared.journal.note(Entry::Control {
                action: "interrupt".into(),
                by: Address::new(&identity.host, identity.name.as_str()),
                detail: format!("no key was pressed: {}", self.live.classification.state),
            });
            let _ = answer.send(InterruptResult {
                pressed: false,
                works_on: false,
                screen,
            });
            return;
        }
        // Somebody has pressed it once, and once more is enough.
        let again = self.wants_it_again();
        self.press_interrupt();
        self.live.delivery.interrupted();
        self.live.interruption = Some(Interruption {
            pressed: now,
            again,
            screen,
            answers: vec![answer],
        });
    }

    fn press_interrupt(&mut self) {
        let key = &self.setup.harness.submit().interrupt;
        self.live.outgoing.extend_from_slice(key);
    }

    fn wants_it_again(&self) -> bool {
        let again = self.setup.harness.submit().interrupt_again.as_ref();
        again == Some(&self.live.classification.rule)
    }

    /// Draws the conclusions from what the screen shows after the key.
    pub(super) fn go_on_interrupting(&mut self, now: Instant) {
        let again = self.wants_it_again() && !self.live.delivery.is_typing();
        let Some(interruption) = &mut self.live.interruption else {
            return;
        };
        let shown = &self.live.classification;
        let (due, busy) = (interruption.due(), shown.state == ScreenState::Busy);
        if busy && again && !interruption.again {
            interruption.again = true;
            interruption.pressed = now;
            self.press_interrupt();
            return;
        }
        let nowhere = matches!(shown.state, ScreenState::Unknown | ScreenState::Starting);
        if now >= due || !(busy || nowhere) {
            self.interruption_is_over(busy);
        }
    }

    /// Answers who gave the order.
    pub(super) fn interruption_is_over(&mut self, works_on: bool) {
        let Some(interruption) = self.live.interruption.take() else {
            return;
        };
        // What was held meanwhile may be typed.
        self.dirty = true;
        for answer in interruption.answers {
            let _ = answer.send(InterruptResult {
                pressed: true,
                works_on,
                screen: interruption.screen.clone(),
            });
        }
    }
}
