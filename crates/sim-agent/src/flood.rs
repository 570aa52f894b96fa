//! Output by the megabyte, at a rate or as fast as the terminal takes it.

use std::fmt::Write as _;
use std::time::Duration;

/// Bytes at a time, so that input and signals are looked at in between.
const CHUNK: u64 = 16 * 1024;
/// How often a flood with a rate goes on.
const PERIOD: Duration = Duration::from_millis(5);
/// How many of these are in a second.
const PERIODS: u64 = 200;

/// A flood under way.
#[derive(Debug)]
pub(crate) struct FloodState {
    remaining: Option<u64>,
    bytes_per_second: Option<u64>,
    next: Duration,
    line: u64,
}

impl FloodState {
    pub(crate) fn new(bytes: Option<u64>, bytes_per_second: Option<u64>, now: Duration) -> Self {
        Self {
            remaining: bytes,
            bytes_per_second,
            next: now,
            line: 0,
        }
    }

    pub(crate) fn is_over(&self) -> bool {
        self.remaining == Some(0)
    }

    pub(crate) fn is_endless(&self) -> bool {
        self.remaining.is_none()
    }

    pub(crate) fn deadline(&self) -> Duration {
        self.next
    }

    /// Returns the lines that are due by `now`, without the last line end.
    pub(crate) fn advance(&mut self, now: Duration) -> Option<String> {
        if now < self.next || self.is_over() {
            return None;
        }
        let due = self.bytes_per_second.map_or(CHUNK, |rate| {
            self.next = now + PERIOD;
            (rate / PERIODS).max(1)
        });
        let bytes = self.remaining.map_or(due, |remaining| remaining.min(due));
        self.remaining = self.remaining.map(|remaining| remaining - bytes);
        Some(self.lines(bytes))
    }

    /// Returns about `bytes` bytes in numbered lines; the last one is cut to fit.
    fn lines(&mut self, bytes: u64) -> String {
        let length = usize::try_from(bytes).unwrap_or(usize::MAX);
        let mut text = String::with_capacity(length + 64);
        while text.len() < length {
            self.line += 1;
            let _ = writeln!(
                text,
                "flood {:08} the quick brown fox jumps over the lazy dog",
                self.line
            );
        }
        text.truncate(length.saturating_sub(1));
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_with_an_end_gives_exactly_its_bytes() {
        let mut flood = FloodState::new(Some(40_000), None, Duration::ZERO);
        let mut bytes = 0;
        while let Some(text) = flood.advance(Duration::ZERO) {
            bytes += text.len() + 1;
        }
        assert_eq!(bytes, 40_000);
        assert!(flood.is_over());
    }

    #[test]
    fn a_flood_with_a_rate_waits() {
        let mut flood = FloodState::new(None, Some(4000), Duration::ZERO);
        assert_eq!(flood.advance(Duration::ZERO).unwrap().len(), 19);
        assert_eq!(flood.advance(Duration::from_millis(4)), None);
        assert!(flood.advance(Duration::from_millis(5)).is_some());
    }
}
