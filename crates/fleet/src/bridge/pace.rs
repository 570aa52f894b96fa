//! A limit on what the bridge says by itself: never a flood.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// At most so many events in any window.
#[derive(Debug)]
pub(super) struct Pace {
    most: usize,
    times: Mutex<VecDeque<Instant>>,
}

impl Pace {
    pub(super) const WINDOW: Duration = Duration::from_secs(60);

    pub(super) fn new(most: usize) -> Self {
        Self {
            most,
            times: Mutex::default(),
        }
    }

    /// Returns whether one more may happen now, and if so counts it.
    pub(super) fn allows(&self, now: Instant) -> bool {
        let mut times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
        let old = |first: &Instant| now.duration_since(*first) >= Self::WINDOW;
        while times.front().is_some_and(old) {
            times.pop_front();
        }
        let allowed = times.len() < self.most;
        if allowed {
            times.push_back(now);
        }
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_window_holds_more_than_allowed() {
        let pace = Pace::new(6);
        let begin = Instant::now();
        let at = |seconds| begin + Duration::from_secs(seconds);
        let allowed = (0..60).filter(|second| pace.allows(at(*second))).count();
        assert_eq!(allowed, 6);
        assert!(pace.allows(at(60)), "the first is out of the window");
        assert!(!pace.allows(at(60)));
    }
}
