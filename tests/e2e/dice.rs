//! Chance that can be repeated.

use std::time::Duration;

/// Marsaglia's xorshift64: the same moments for the same seed.
pub(crate) struct Dice(u64);

impl Dice {
    /// Zero would roll nothing but zeros.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.max(1))
    }

    pub(crate) fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }

    pub(crate) fn choose<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        let index = self.roll(from.len() as u64);
        &from[usize::try_from(index).unwrap()]
    }

    /// Waits for up to so long. The moments are the test: nothing tells when one is bad.
    pub(crate) fn wait(&mut self, longest: Duration) {
        let millis = u64::try_from(longest.as_millis()).unwrap();
        std::thread::sleep(Duration::from_millis(self.roll(millis)));
    }
}

/// Returns a number from the environment.
pub(crate) fn setting(name: &str, default: u64) -> u64 {
    let text = std::env::var(name).ok();
    text.and_then(|text| text.parse().ok()).unwrap_or(default)
}
