//! How often a pod that dies is started again.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

/// More deaths than this within [`WINDOW`] have a cause that no start mends; systemd's units have
/// the same limit.
const MOST: usize = 10;
const WINDOW: Duration = Duration::from_secs(300);

/// When pods were started again.
#[derive(Debug, Default)]
pub(super) struct Revivals(HashMap<String, VecDeque<Instant>>);

impl Revivals {
    /// Returns whether an agent's pod may be started again, and if so counts it.
    pub(super) fn allow(&mut self, agent: &str, now: Instant) -> bool {
        let times = self.0.entry(agent.to_owned()).or_default();
        while times
            .front()
            .is_some_and(|first| now.duration_since(*first) > WINDOW)
        {
            times.pop_front();
        }
        let allowed = times.len() < MOST;
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
    fn a_pod_that_dies_again_and_again_is_left_until_some_time_is_over() {
        let mut revivals = Revivals::default();
        let begin = Instant::now();
        let allowed = (0..20).filter(|_| revivals.allow("a", begin)).count();
        assert_eq!(allowed, MOST);
        assert!(revivals.allow("b", begin), "others are not touched");
        assert!(revivals.allow("a", begin + WINDOW + Duration::from_secs(1)));
    }
}
