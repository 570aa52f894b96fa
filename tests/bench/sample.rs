//! Durations of one thing done often.

use std::fmt;
use std::time::{Duration, Instant};

/// Durations, shortest first.
#[derive(Debug, Clone)]
pub(crate) struct Sample(Vec<Duration>);

impl From<Vec<Duration>> for Sample {
    fn from(mut durations: Vec<Duration>) -> Self {
        durations.sort_unstable();
        Self(durations)
    }
}

impl Sample {
    pub(crate) fn median(&self) -> Duration {
        self.percentile(50)
    }

    /// Returns the shortest duration that this many in a hundred do not exceed.
    pub(crate) fn percentile(&self, percent: usize) -> Duration {
        let rank = (self.0.len() * percent).div_ceil(100);
        self.0[rank.saturating_sub(1)]
    }
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, last) = (self.0[0], self.percentile(100));
        write!(f, "{} ({} to {})", ms(self.median()), ms(first), ms(last))
    }
}

/// Returns how long something took.
pub(crate) fn timed(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

/// Measures two things in turn, after one round that does not count.
pub(crate) fn side_by_side(
    rounds: usize,
    mut measured: impl FnMut() -> Duration,
    mut floor: impl FnMut() -> Duration,
) -> (Sample, Sample) {
    let rounds = (0..=rounds).map(|_| (measured(), floor()));
    let (measured, floor): (Vec<_>, Vec<_>) = rounds.skip(1).unzip();
    (measured.into(), floor.into())
}

/// Returns how many times longer one median is than the other.
pub(crate) fn ratio(measured: &Sample, floor: &Sample) -> f64 {
    measured.median().as_secs_f64() / floor.median().as_secs_f64()
}

/// Returns a duration in milliseconds, with as many digits as mean something.
pub(crate) fn ms(duration: Duration) -> String {
    let ms = duration.as_secs_f64() * 1e3;
    match ms {
        ms if ms < 10.0 => format!("{ms:.2} ms"),
        ms if ms < 100.0 => format!("{ms:.1} ms"),
        ms => format!("{ms:.0} ms"),
    }
}

/// Returns a duration in microseconds.
pub(crate) fn us(duration: Duration) -> String {
    format!("{:.0} µs", duration.as_secs_f64() * 1e6)
}
