//! Whoever keeps a pod's process, and is told how it is.

use std::time::{Duration, Instant};

/// What started the pod's process and watches over it.
pub trait Keeper: std::fmt::Debug + Send {
    /// Hears that the pod holds its lock and its socket.
    fn ready(&mut self);

    /// Hears that the controller's loop goes round. A pod that is wedged or stopped does not say
    /// so.
    fn alive(&mut self);

    /// Returns how long it may be without a sign of life before it takes the pod for dead; nothing
    /// if it wants none.
    fn watchdog(&self) -> Option<Duration>;
}

/// When the keeper gets its next sign of life.
#[derive(Debug)]
pub(crate) struct Watchdog {
    keeper: Box<dyn Keeper>,
    /// Half of what is allowed, so that one late sign costs nothing.
    every: Option<Duration>,
    last: Instant,
}

impl Watchdog {
    pub(crate) fn new(keeper: Box<dyn Keeper>, now: Instant) -> Self {
        Self {
            every: keeper.watchdog().map(|allowed| allowed / 2),
            keeper,
            last: now,
        }
    }

    /// Returns when a sign is due; never, if none is wanted.
    pub(crate) fn due(&self) -> Option<Instant> {
        Some(self.last + self.every?)
    }

    /// Gives a sign if it is due.
    pub(crate) fn feed(&mut self, now: Instant) {
        if self.due().is_some_and(|due| due <= now) {
            self.last = now;
            self.keeper.alive();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[derive(Debug)]
    struct Counter(Option<Duration>, Arc<AtomicU32>);

    impl Keeper for Counter {
        fn ready(&mut self) {}

        fn alive(&mut self) {
            self.1.fetch_add(1, Ordering::Relaxed);
        }

        fn watchdog(&self) -> Option<Duration> {
            self.0
        }
    }

    #[test]
    fn a_sign_is_given_at_half_the_time_and_not_before() {
        let signs = Arc::new(AtomicU32::new(0));
        let begin = Instant::now();
        let allowed = Duration::from_secs(120);
        let keeper = Box::new(Counter(Some(allowed), Arc::clone(&signs)));
        let mut watchdog = Watchdog::new(keeper, begin);
        let given = |watchdog: &mut Watchdog, after: u64| {
            watchdog.feed(begin + Duration::from_secs(after));
            signs.load(Ordering::Relaxed)
        };
        assert_eq!(given(&mut watchdog, 59), 0);
        assert_eq!(given(&mut watchdog, 60), 1);
        assert_eq!(given(&mut watchdog, 61), 1);
        assert_eq!(watchdog.due(), Some(begin + allowed));
    }

    #[test]
    fn a_keeper_without_watchdog_is_never_due() {
        let keeper = Box::new(Counter(None, Arc::default()));
        assert_eq!(Watchdog::new(keeper, Instant::now()).due(), None);
    }
}
