//! When an ended agent is started again: the restart policy as a pure state machine.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use podfleet_protocol::RunEnd;

use crate::agent_process::split_places;
use crate::spec::{RestartPolicy, RestartWhen};

const FIRST_DELAY: Duration = Duration::from_millis(200);
const LONGEST_DELAY: Duration = Duration::from_secs(30);

/// What to do after an agent ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Start it again after this delay; so many ends are in the window.
    Again { after: Duration, ends: u32 },
    /// Leave it.
    Leave,
    /// It ended too often: start it only when a person says so.
    Quarantine { account: String },
}

/// The ends of an agent within the policy's window.
#[derive(Debug)]
pub(crate) struct Restarts {
    policy: RestartPolicy,
    ends: VecDeque<Instant>,
    /// How often in a row a start was put off.
    put_off: u32,
}

impl Restarts {
    pub(crate) fn new(policy: RestartPolicy) -> Self {
        Self {
            policy,
            ends: VecDeque::new(),
            put_off: 0,
        }
    }

    /// Goes by another policy from the next end on.
    pub(crate) fn follow(&mut self, policy: RestartPolicy) {
        self.policy = policy;
    }

    /// Takes an end into account.
    pub(crate) fn ended(&mut self, now: Instant, end: &RunEnd) -> Decision {
        let again = match self.policy.policy {
            RestartWhen::Always => true,
            RestartWhen::OnFailure => *end != RunEnd::Exited(0),
            RestartWhen::Never => false,
        };
        if !again {
            return Decision::Leave;
        }
        let window = Duration::from_secs(self.policy.window_s);
        self.ends
            .retain(|at| now.saturating_duration_since(*at) < window);
        self.ends.push_back(now);
        let ends = self.ends();
        if ends >= self.policy.max_restarts {
            let exits = if ends == 1 { "exit" } else { "exits" };
            let end = end.to_string();
            // Where a program was looked for is told by each try, and long.
            let (end, _) = split_places(&end);
            let account = format!("{ends} {exits} in {}, last: {end}", span(window));
            return Decision::Quarantine { account };
        }
        Decision::Again {
            after: delay(ends),
            ends,
        }
    }

    /// Returns how many ends were in the window at the last of them.
    pub(crate) fn ends(&self) -> u32 {
        u32::try_from(self.ends.len()).unwrap_or(u32::MAX)
    }

    /// Takes into account that a start had to be put off before anything was started, and returns
    /// after which delay to try again. That is no end: it never quarantines, and no policy forbids
    /// what has not happened yet.
    pub(crate) fn put_off(&mut self) -> Duration {
        self.put_off = self.put_off.saturating_add(1);
        delay(self.put_off)
    }

    /// Takes into account that a start was not put off.
    pub(crate) fn launched(&mut self) {
        self.put_off = 0;
    }
}

/// Returns the delay after so many failures, which doubles with each.
fn delay(failures: u32) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    (FIRST_DELAY * (1 << doublings)).min(LONGEST_DELAY)
}

/// Writes a window as people do.
fn span(window: Duration) -> String {
    match window.as_secs() {
        seconds if seconds >= 3600 && seconds % 3600 == 0 => format!("{}h", seconds / 3600),
        seconds if seconds >= 60 && seconds % 60 == 0 => format!("{}m", seconds / 60),
        seconds => format!("{seconds}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(policy: RestartWhen) -> RestartPolicy {
        RestartPolicy {
            policy,
            max_restarts: 5,
            window_s: 600,
        }
    }

    #[test]
    fn the_fifth_end_within_the_window_quarantines() {
        let mut restarts = Restarts::new(policy(RestartWhen::OnFailure));
        let start = Instant::now();
        let decisions: Vec<_> = (0..5)
            .map(|second| restarts.ended(start + Duration::from_secs(second), &RunEnd::Exited(127)))
            .collect();
        let delays: Vec<_> = decisions
            .iter()
            .filter_map(|decision| match decision {
                Decision::Again { after, .. } => Some(after.as_millis()),
                _ => None,
            })
            .collect();
        assert_eq!(delays, [200, 400, 800, 1600]);
        let account = "5 exits in 10m, last: exit 127".to_owned();
        assert_eq!(decisions[4], Decision::Quarantine { account });
    }

    #[test]
    fn a_quarantine_names_the_missing_program_and_not_all_places_without_it() {
        let mut restarts = Restarts::new(RestartPolicy {
            max_restarts: 1,
            ..policy(RestartWhen::Always)
        });
        let why = "command not found: x, looked in /bin:/usr/bin";
        let end = RunEnd::NotStarted(why.to_owned());
        let Decision::Quarantine { account } = restarts.ended(Instant::now(), &end) else {
            panic!("the first end is one too many");
        };
        assert!(account.ends_with("command not found: x"), "{account}");
    }

    #[test]
    fn ends_older_than_the_window_do_not_count() {
        let mut restarts = Restarts::new(policy(RestartWhen::Always));
        let start = Instant::now();
        for hour in 0..20 {
            let decision =
                restarts.ended(start + Duration::from_secs(hour * 3600), &RunEnd::Exited(0));
            assert_eq!(
                decision,
                Decision::Again {
                    after: FIRST_DELAY,
                    ends: 1
                }
            );
        }
    }

    #[test]
    fn a_start_that_is_put_off_is_tried_again_for_ever_and_counts_as_no_end() {
        let mut restarts = Restarts::new(policy(RestartWhen::Never));
        let delays: Vec<_> = (0..10).map(|_| restarts.put_off().as_millis()).collect();
        assert_eq!(
            delays,
            [
                200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000
            ]
        );
        assert_eq!(restarts.ends(), 0);
        restarts.launched();
        assert_eq!(restarts.put_off(), FIRST_DELAY);
    }

    #[test]
    fn the_policy_decides_which_ends_count() {
        let now = Instant::now();
        let mut on_failure = Restarts::new(policy(RestartWhen::OnFailure));
        assert_eq!(on_failure.ended(now, &RunEnd::Exited(0)), Decision::Leave);
        let mut never = Restarts::new(policy(RestartWhen::Never));
        assert_eq!(never.ended(now, &RunEnd::Signalled(9)), Decision::Leave);
    }
}
