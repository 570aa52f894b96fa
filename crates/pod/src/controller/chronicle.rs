//! Which states of its agent a pod writes into the session log, and when.

use std::time::{Duration, Instant};

use podfleet_harness::ScreenState;
use podfleet_pod_store::session_log::Entry;

use super::Controller;
use super::agent::Phase;

/// How far apart two records of states are at least: a screen that flickers fills no disk.
const APART: Duration = Duration::from_secs(1);

/// What the log has of the states of a run.
#[derive(Debug, Default)]
pub(super) struct Chronicle {
    written: Option<ScreenState>,
    at: Option<Instant>,
}

impl Chronicle {
    /// Returns from when on a state may be written; nothing if it is the one that was written last.
    fn due(&self, state: ScreenState, now: Instant) -> Option<Instant> {
        let news = self.written != Some(state);
        news.then(|| self.at.map_or(now, |at| at + APART))
    }

    fn wrote(&mut self, state: ScreenState, now: Instant) {
        self.written = Some(state);
        self.at = Some(now);
    }

    /// Begins with another run, of which nothing is written. It may be one of many.
    pub(super) fn begin_run(&mut self) {
        self.written = None;
    }
}

impl Controller {
    /// Returns when the log is to be told of the agent's state; nothing if it knows that, or no agent
    /// runs.
    pub(super) fn chronicle_due(&self, now: Instant) -> Option<Instant> {
        matches!(self.phase, Phase::Running).then_some(())?;
        self.chronicle.due(self.told_state(), now)
    }

    /// Tells the log of the agent's state, if that is due.
    pub(super) fn keep_chronicle(&mut self, now: Instant) {
        if self.chronicle_due(now).is_some_and(|due| due <= now) {
            self.write_state(now);
        }
    }

    /// Tells the log of the state in which a run ended, however soon after the one before.
    pub(super) fn close_chronicle(&mut self, now: Instant) {
        if self.chronicle_due(now).is_some() {
            self.write_state(now);
        }
    }

    fn write_state(&mut self, now: Instant) {
        let told = self.told_screen();
        self.chronicle.wrote(told.state, now);
        self.setup.shared.journal.note(Entry::Status {
            state: told.state.to_string(),
            rule: told.rule,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lets a screen change its state every so many milliseconds, and returns what is written of it,
    /// with the last that it was.
    fn written(states: &[ScreenState], every: u64) -> (Vec<ScreenState>, ScreenState) {
        let (begin, mut chronicle) = (Instant::now(), Chronicle::default());
        let mut written = Vec::new();
        let mut look = |at: Duration, state| {
            let now = begin + at;
            if chronicle.due(state, now).is_some_and(|due| due <= now) {
                chronicle.wrote(state, now);
                written.push(state);
            }
        };
        let mut at = Duration::ZERO;
        for state in states {
            look(at, *state);
            at += Duration::from_millis(every);
        }
        let last = states[states.len() - 1];
        look(at + APART, last);
        look(at + 2 * APART, last);
        (written, last)
    }

    #[test]
    fn each_state_that_lasts_is_written_once() {
        use ScreenState::{Busy, Ready, Starting};
        let seen = [Starting, Starting, Ready, Busy, Busy, Ready];
        assert_eq!(written(&seen, 1000).0, [Starting, Ready, Busy, Ready]);
    }

    #[test]
    fn of_a_screen_that_flickers_a_state_a_second_is_written_and_the_last() {
        let flicker: Vec<_> = (0..1000)
            .map(|count| match count % 3 {
                0 => ScreenState::Ready,
                1 => ScreenState::Busy,
                _ => ScreenState::Draft,
            })
            .collect();
        let (written, last) = written(&flicker, 10);
        assert!((10..=12).contains(&written.len()), "{written:?}");
        assert_eq!(written.last(), Some(&last));
        assert!(written.windows(2).all(|pair| pair[0] != pair[1]));
    }

    #[test]
    fn a_state_that_comes_back_within_a_second_is_not_written_again() {
        use ScreenState::{Busy, Ready};
        assert_eq!(written(&[Ready, Busy, Ready], 300).0, [Ready]);
    }
}
