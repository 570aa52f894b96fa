//! Coming to rest before somebody ends the pod.

use std::time::{Duration, Instant};

use podfleet_harness::ScreenState;
use podfleet_protocol::method::DrainResult;
use podfleet_protocol::{Hold, HoldReason};
use tokio::sync::oneshot;

use super::Controller;
use super::agent::Phase;

/// How long nothing is begun while somebody asks again and again whether the agent is at rest.
const ASKED: Duration = Duration::from_secs(1);
/// The same after it was told that it is. Who asked may be gone: then it goes on by itself.
const HELD: Duration = Duration::from_secs(30);

impl Controller {
    /// Has nothing begun for a while, and tells whether anything is under way.
    pub(super) fn come_to_rest(&mut self, answer: oneshot::Sender<DrainResult>, now: Instant) {
        let asked = now + ASKED;
        self.drained = Some(self.drained.map_or(asked, |until| until.max(asked)));
        self.look(now);
        let idle = self.is_at_rest();
        if idle {
            self.drained = Some(now + HELD);
        }
        let _ = answer.send(DrainResult {
            idle,
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

    /// Returns why nothing is begun, if somebody waits to end the pod. What else keeps a message back
    /// says more.
    pub(super) fn about_to_end(&self, now: Instant) -> Option<Hold> {
        self.drained.filter(|until| *until > now).map(|_| Hold {
            reason: HoldReason::Starting,
            detail: "a restart is waited for".into(),
        })
    }
}
