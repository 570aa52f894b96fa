//! Readiness: the one word for people and schedulers.
//!
//! A pure total function of what was observed; the first rule that matches decides. Idleness is
//! never an alarm.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How long an agent without evidence must be quiet to count as available.
pub const IDLE_THRESHOLD: Duration = Duration::from_secs(300);
/// A heartbeat is stale when it is older than this many intervals.
pub const STALE_INTERVALS: u32 = 3;

/// What an agent is good for at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Readiness {
    /// The restart limit was reached.
    Quarantined,
    /// There is no pod, and none is expected.
    Stopped,
    /// It is expected, but pod or agent is gone.
    Dead,
    /// There is no heartbeat to judge by.
    Unknown,
    /// The heartbeat is older than three intervals.
    Stale,
    /// The agent is not ready for input yet.
    Starting,
    /// It waits for a person.
    Blocked,
    /// It works.
    Working,
    /// It can be given work.
    Available,
}

impl Readiness {
    /// Every state, in the order in which the rules are tried.
    pub const ALL: [Self; 9] = [
        Self::Quarantined,
        Self::Stopped,
        Self::Dead,
        Self::Unknown,
        Self::Stale,
        Self::Starting,
        Self::Blocked,
        Self::Working,
        Self::Available,
    ];

    /// Returns the word that stands for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Quarantined => "quarantined",
            Self::Stopped => "stopped",
            Self::Dead => "dead",
            Self::Unknown => "unknown",
            Self::Stale => "stale",
            Self::Starting => "starting",
            Self::Blocked => "blocked",
            Self::Working => "working",
            Self::Available => "available",
        }
    }
}

impl std::fmt::Display for Readiness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// Whether a pod listens on its socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PodAnswer {
    /// Something listens.
    Listening,
    /// Nobody listens, or there is no socket.
    Refused,
    /// It could not be tried.
    Untried,
    /// Nobody finds its socket, though a process holds its lock: it begins, ends, or something has
    /// removed the file.
    Hidden,
}

/// What the heartbeat's age says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeartbeatAge {
    /// There is no heartbeat of the pod's present generation that can be read.
    Missing,
    /// It is from the future or from another boot of the machine.
    Untimed,
    /// It was written this long ago, and is written at least this often.
    Known {
        /// Time since it was written.
        age: Duration,
        /// The longest time between two.
        interval: Duration,
    },
}

/// What became of the agent's process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AgentProcess {
    /// It runs.
    Running,
    /// It has not been started yet.
    NotYet,
    /// It ended, whether or not it will be started again.
    Gone,
}

/// What the screen shows, as far as readiness needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScreenEvidence {
    /// The program has not drawn its prompt yet.
    Starting,
    /// It waits for a person.
    Blocked,
    /// It works.
    Busy,
    /// It waits for a message with an empty composer.
    Idle,
    /// It waits, and messages wait for the person whose text stands in its composer.
    Draft,
    /// No evidence either way: no rule matched.
    None,
}

impl ScreenEvidence {
    /// Reads the screen state's word of a heartbeat or a pod's status.
    #[must_use]
    pub fn from_word(word: &str) -> Self {
        match word {
            "starting" => Self::Starting,
            "busy" => Self::Busy,
            // A failed turn has ended too, and the next message is typed.
            "ready" | "error" => Self::Idle,
            "draft" => Self::Draft,
            _ if word.starts_with("blocked") => Self::Blocked,
            _ => Self::None,
        }
    }
}

/// Everything that readiness is judged by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// Whether the restart limit was reached.
    pub quarantined: bool,
    /// Whether somebody wants the pod up.
    pub expected: bool,
    /// Whether the pod listens.
    pub pod: PodAnswer,
    /// The heartbeat's age.
    pub heartbeat: HeartbeatAge,
    /// The agent's process, by the heartbeat.
    pub agent: AgentProcess,
    /// The screen, by the heartbeat.
    pub screen: ScreenEvidence,
    /// Time since the last output, or since the start if there was none.
    pub quiet: Duration,
    /// From when on quiet means available.
    pub idle_threshold: Duration,
}

/// The kind of the fact that decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Decider {
    /// The count of restarts.
    Restarts,
    /// Whether the pod is wanted up.
    Expectation,
    /// The pod's socket.
    Pod,
    /// The heartbeat's presence or age.
    Heartbeat,
    /// The agent's process.
    Agent,
    /// The screen.
    Screen,
    /// How long nothing was written.
    Quiet,
}

/// A readiness and the fact that decided it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Judgement {
    /// The word.
    pub readiness: Readiness,
    /// What decided.
    pub decided_by: Decider,
}

/// Judges; the first rule that matches decides.
#[must_use]
pub fn judge(facts: &Facts) -> Judgement {
    let (readiness, decided_by) = rules(facts);
    Judgement {
        readiness,
        decided_by,
    }
}

fn rules(facts: &Facts) -> (Readiness, Decider) {
    let gone = facts.pod == PodAnswer::Refused;
    if facts.quarantined {
        return (Readiness::Quarantined, Decider::Restarts);
    }
    let hidden = facts.pod == PodAnswer::Hidden;
    if (gone || hidden) && !facts.expected {
        return (Readiness::Stopped, Decider::Expectation);
    }
    if gone {
        return (Readiness::Dead, Decider::Pod);
    }
    if facts.agent == AgentProcess::Gone {
        return (Readiness::Dead, Decider::Agent);
    }
    if hidden {
        return (Readiness::Unknown, Decider::Pod);
    }
    let HeartbeatAge::Known { age, interval } = facts.heartbeat else {
        return (Readiness::Unknown, Decider::Heartbeat);
    };
    if age > interval.saturating_mul(STALE_INTERVALS) {
        return (Readiness::Stale, Decider::Heartbeat);
    }
    if facts.agent == AgentProcess::NotYet {
        return (Readiness::Starting, Decider::Agent);
    }
    match facts.screen {
        ScreenEvidence::Starting => (Readiness::Starting, Decider::Screen),
        ScreenEvidence::Blocked | ScreenEvidence::Draft => (Readiness::Blocked, Decider::Screen),
        ScreenEvidence::Busy => (Readiness::Working, Decider::Screen),
        ScreenEvidence::Idle => (Readiness::Available, Decider::Screen),
        ScreenEvidence::None if facts.quiet < facts.idle_threshold => {
            (Readiness::Working, Decider::Quiet)
        }
        ScreenEvidence::None => (Readiness::Available, Decider::Quiet),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HEALTHY: Facts = Facts {
        quarantined: false,
        expected: true,
        pod: PodAnswer::Listening,
        heartbeat: HeartbeatAge::Known {
            age: Duration::from_secs(5),
            interval: Duration::from_secs(15),
        },
        agent: AgentProcess::Running,
        screen: ScreenEvidence::Idle,
        quiet: Duration::from_secs(1),
        idle_threshold: IDLE_THRESHOLD,
    };

    /// The table of the rules, one predicate a state, without regard to their order.
    fn holds(state: Readiness, facts: &Facts) -> bool {
        let gone = facts.pod == PodAnswer::Refused;
        let hidden = facts.pod == PodAnswer::Hidden;
        let late = match facts.heartbeat {
            HeartbeatAge::Known { age, interval } => {
                Some(age > interval.saturating_mul(STALE_INTERVALS))
            }
            _ => None,
        };
        let unclear = facts.screen == ScreenEvidence::None;
        match state {
            Readiness::Quarantined => facts.quarantined,
            Readiness::Stopped => (gone || hidden) && !facts.expected,
            Readiness::Dead => gone || facts.agent == AgentProcess::Gone,
            Readiness::Unknown => hidden || late.is_none(),
            Readiness::Stale => late == Some(true),
            Readiness::Starting => {
                facts.agent == AgentProcess::NotYet || facts.screen == ScreenEvidence::Starting
            }
            Readiness::Blocked => {
                matches!(
                    facts.screen,
                    ScreenEvidence::Blocked | ScreenEvidence::Draft
                )
            }
            Readiness::Working => {
                facts.screen == ScreenEvidence::Busy
                    || unclear && facts.quiet < facts.idle_threshold
            }
            Readiness::Available => {
                facts.screen == ScreenEvidence::Idle
                    || unclear && facts.quiet >= facts.idle_threshold
            }
        }
    }

    fn facts() -> impl Strategy<Value = Facts> {
        let seconds = |max: u64| (0..max).prop_map(Duration::from_secs);
        let heartbeat = prop_oneof![
            Just(HeartbeatAge::Missing),
            Just(HeartbeatAge::Untimed),
            (seconds(120), seconds(20))
                .prop_map(|(age, interval)| HeartbeatAge::Known { age, interval }),
        ];
        use AgentProcess::{Gone, NotYet, Running};
        use PodAnswer::{Hidden, Listening, Refused, Untried};
        (
            any::<bool>(),
            any::<bool>(),
            prop::sample::select(vec![Listening, Refused, Untried, Hidden]),
            heartbeat,
            prop::sample::select(vec![Running, NotYet, Gone]),
            prop::sample::select(vec![
                ScreenEvidence::Starting,
                ScreenEvidence::Blocked,
                ScreenEvidence::Busy,
                ScreenEvidence::Idle,
                ScreenEvidence::Draft,
                ScreenEvidence::None,
            ]),
            seconds(600),
        )
            .prop_map(
                |(quarantined, expected, pod, heartbeat, agent, screen, quiet)| Facts {
                    quarantined,
                    expected,
                    pod,
                    heartbeat,
                    agent,
                    screen,
                    quiet,
                    idle_threshold: IDLE_THRESHOLD,
                },
            )
    }

    proptest! {
        #[test]
        fn the_first_rule_of_the_table_that_holds_decides(facts in facts()) {
            let first = Readiness::ALL.into_iter().find(|state| holds(*state, &facts));
            prop_assert_eq!(first, Some(judge(&facts).readiness));
        }
    }

    #[test]
    fn an_idle_agent_is_available_however_long_it_idles() {
        let idle = Facts {
            quiet: Duration::from_secs(1_000_000),
            ..HEALTHY
        };
        assert_eq!(judge(&idle).readiness, Readiness::Available);
    }

    #[test]
    fn a_pod_that_is_killed_is_dead_and_one_that_was_brought_down_is_stopped() {
        let killed = Facts {
            pod: PodAnswer::Refused,
            ..HEALTHY
        };
        let down = Facts {
            expected: false,
            ..killed
        };
        assert_eq!(judge(&killed).readiness, Readiness::Dead);
        assert_eq!(judge(&down).readiness, Readiness::Stopped);
    }

    #[test]
    fn a_stamp_from_the_future_makes_nobody_stale() {
        let future = Facts {
            heartbeat: HeartbeatAge::Untimed,
            ..HEALTHY
        };
        assert_eq!(judge(&future).readiness, Readiness::Unknown);
    }

    #[test]
    fn a_heartbeat_of_exactly_three_intervals_still_counts() {
        let aged = |seconds| Facts {
            heartbeat: HeartbeatAge::Known {
                age: Duration::from_secs(seconds),
                interval: Duration::from_secs(15),
            },
            ..HEALTHY
        };
        assert_eq!(judge(&aged(45)).readiness, Readiness::Available);
        assert_eq!(judge(&aged(46)).readiness, Readiness::Stale);
    }

    #[test]
    fn an_agent_whose_last_turn_failed_can_be_given_work() {
        let failed = Facts {
            screen: ScreenEvidence::from_word("error"),
            ..HEALTHY
        };
        assert_eq!(judge(&failed).readiness, Readiness::Available);
    }
}
