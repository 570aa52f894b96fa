//! Coming to rest before somebody ends the pod.

use std::time::{Duration, Instant};

use podfleet_harness::ScreenState;
use podfleet_protocol::method::DrainResult;
use podfleet_protocol::{Hold, HoldReason};
use tokio::sync::oneshot;

use super::Controller;
use super::agent::Phase;

/// How long nothing is begun after somebody asked. Who asked may be gone: then it goes on by itself.
const HELD: Duration = Duration::from_secs(10);

impl Controller {
    /// Has nothing begun for a while, and tells whether anything is under way.
    pub(super) fn come_to_rest(&mut self, answer: oneshot::Sender<DrainResult>, now: Instant) {
        self.drained = Some(now + HELD);
        self.look(now);
        let _ = answer.send(DrainResult {
            idle: self.is_at_rest(),
            screen: self.screen_status(),
        });
    }

    fn is_at_rest(&self) -> bool {
        if !matches!(self.phase, Phase::Running) {
            return true;
        }
        let live = &self.live;
        live.classification.state == ScreenState::Ready
            && !live.delivery.is_watching()
            && live.outgoing.is_empty()
            && live.interruption.is_none()
    }

    /// Returns why nothing is begun, if somebody is about to end the pod.
    pub(super) fn about_to_end(&self, now: Instant) -> Option<Hold> {
        self.drained.filter(|until| *until > now).map(|_| Hold {
            reason: HoldReason::Stopped,
            detail: "it is about to be ended".into(),
        })
    }
}
