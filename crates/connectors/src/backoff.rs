//! Growing pauses between tries.

use std::time::Duration;

use crate::chance;

/// The longest pause.
const LONGEST: Duration = Duration::from_secs(60);
const FIRST: Duration = Duration::from_millis(500);

/// Pauses that double from half a second to a minute, and begin anew after a success. Each is up to
/// a quarter shorter, by chance: what lost its carrier together does not come back together.
#[derive(Debug, Default)]
pub struct Backoff {
    tries: u32,
}

impl Backoff {
    /// Takes note of a success.
    pub fn reset(&mut self) {
        self.tries = 0;
    }

    /// Takes note of a failure, and returns how long to leave it alone.
    #[expect(
        clippy::should_implement_trait,
        reason = "it never ends, and is no sequence to anybody"
    )]
    pub fn next(&mut self) -> Duration {
        let pause = FIRST.saturating_mul(1 << self.tries.min(10)).min(LONGEST);
        self.tries = self.tries.saturating_add(1);
        let part = u32::try_from(chance::number() % 256).unwrap_or_default();
        pause - pause * part / 1024
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_minute_less_a_quarter_at_most_and_begin_anew() {
        let mut backoff = Backoff::default();
        let within = |pause: Duration, whole: u64| {
            let whole = Duration::from_millis(whole);
            assert!(
                pause <= whole && pause >= whole * 3 / 4,
                "{pause:?} of {whole:?}"
            );
        };
        for whole in [500, 1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000] {
            within(backoff.next(), whole);
        }
        backoff.reset();
        within(backoff.next(), 500);
    }

    #[test]
    fn two_that_fail_together_do_not_come_back_together() {
        let first = |_| Backoff::default().next();
        let pauses: std::collections::HashSet<_> = (0..64).map(first).collect();
        assert!(pauses.len() > 1);
    }
}
