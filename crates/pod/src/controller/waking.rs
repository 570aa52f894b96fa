//! When the controller looks at the screen, and when it wakes by the clock.

use std::time::{Duration, Instant};

use super::Controller;
use super::interruption::Interruption;

/// How far apart looks at a changing screen are.
const LOOK_EVERY: Duration = Duration::from_millis(15);
/// The same while a delivery watches. An agent that streams is read in thousands of pieces, and a
/// look at each would take longer than all of them.
pub(super) const WATCH_EVERY: Duration = Duration::from_millis(2);
/// After which times of quiet the screen is looked at again, since rules may ask for quiet.
const QUIET_LOOKS: [Duration; 6] = [
    Duration::from_millis(60),
    Duration::from_millis(150),
    Duration::from_millis(300),
    Duration::from_millis(700),
    Duration::from_millis(1500),
    Duration::from_millis(3100),
];

impl Controller {
    pub(super) fn look_due(&self, now: Instant) -> bool {
        let timed = self.quiet_look().is_some_and(|at| at <= now)
            || self
                .live
                .delivery
                .next_look(self.last_look)
                .is_some_and(|at| at <= now)
            || self.gate_opens().is_some_and(|at| at <= now)
            || self.own_word_expires().is_some_and(|at| at <= now)
            || self.suspension_look().is_some_and(|at| at <= now)
            || self.drained.is_some_and(|at| at <= now);
        timed || self.change_look().is_some_and(|at| at <= now)
    }

    /// Returns when to look at what has changed on the screen.
    fn change_look(&self) -> Option<Instant> {
        let pace = if self.live.delivery.is_watching() {
            WATCH_EVERY
        } else {
            LOOK_EVERY
        };
        self.dirty.then(|| self.last_look + pace)
    }

    /// Returns the next moment of quiet that a rule may wait for.
    fn quiet_look(&self) -> Option<Instant> {
        self.process.as_ref()?;
        let quiet_since = self.live.last_output.unwrap_or(self.live.started);
        QUIET_LOOKS
            .iter()
            .map(|quiet| quiet_since + *quiet)
            .find(|at| *at > self.last_look)
    }

    pub(super) fn next_wake(&self) -> Instant {
        let now = Instant::now();
        let due = [
            self.quiet_look(),
            self.live.delivery.next_look(self.last_look),
            self.gate_opens(),
            self.own_word_expires(),
            self.suspension_look(),
            self.drained,
            self.chronicle_due(now),
            self.change_look(),
            self.geometry.due,
            self.restart_due(),
            self.order_due(),
            self.live.interruption.as_ref().map(Interruption::due),
            self.live.clients.next_wake(),
            self.live
                .answering
                .as_ref()
                .map(|answering| answering.until.min(now + LOOK_EVERY)),
            Some(self.heartbeat.due(self.setup.heartbeat_interval, now)),
        ];
        due.into_iter().flatten().min().unwrap_or(now)
    }
}
