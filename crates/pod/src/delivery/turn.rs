//! The turn that a message started, until the agent is idle again.

use std::time::{Duration, Instant};

use podfleet_harness::ScreenState;
use podfleet_protocol::{Evidence, MessageId, Outcome, RunEnd, Source};

use super::{Finding, Look};

/// How long an agent must look idle for its turn to have ended: between two steps of a turn some
/// look idle for a repaint.
const IDLE_FOR: Duration = Duration::from_millis(100);

/// A turn in progress.
#[derive(Debug)]
pub(super) struct Turn {
    id: MessageId,
    begun: Finding,
    since: Instant,
    idle: Option<Instant>,
    /// Whether the agent was so idle that the next message was begun.
    found_idle: bool,
}

impl Turn {
    pub(super) fn new(id: MessageId, begun: &Finding, now: Instant) -> Self {
        Self {
            id,
            begun: begun.clone(),
            since: now,
            idle: None,
            found_idle: false,
        }
    }

    pub(super) fn id(&self) -> MessageId {
        self.id
    }

    /// Takes notice that the agent was idle enough to be given the next message.
    pub(super) fn found_idle(&mut self) {
        self.found_idle = true;
    }

    /// Returns what came of it when another turn has begun.
    pub(super) fn followed(self) -> Finding {
        if !self.found_idle {
            return Finding {
                settled: true,
                ..self.begun
            }
            .reason("the next turn began before the end of this one was seen");
        }
        Finding::new(Outcome::Answered, true, self.begun.submit_keys).evidence(Evidence {
            source: Source::StatusEdge,
            detail: "idle when the next message was begun".into(),
        })
    }

    /// Returns that it was answered, once the agent has been idle for a moment.
    pub(super) fn look(&mut self, look: &Look<'_>) -> Option<Finding> {
        let idle = matches!(
            look.classification.state,
            ScreenState::Ready | ScreenState::Draft | ScreenState::Error
        );
        if !idle {
            self.idle = None;
            return None;
        }
        let first = *self.idle.get_or_insert(look.now);
        if look.now < first + IDLE_FOR {
            return None;
        }
        let failed = look.classification.state == ScreenState::Error;
        let line = look.classification.line.clone().unwrap_or_default();
        Some(Finding {
            reason: failed.then(|| format!("the turn ended with an error: {line}")),
            ..Finding::new(Outcome::Answered, true, self.begun.submit_keys)
                .evidence(self.evidence(look))
        })
    }

    fn evidence(&self, look: &Look<'_>) -> Evidence {
        let seconds = look.now.duration_since(self.since).as_secs_f32();
        if self.begun.outcome == Outcome::Started {
            return Evidence {
                source: Source::StatusEdge,
                detail: format!(
                    "busy to idle after {seconds:.1} s, rule {}",
                    look.classification.rule
                ),
            };
        }
        Evidence {
            source: Source::Quiet,
            detail: format!(
                "quiet again after {seconds:.1} s, rule {}",
                look.classification.rule
            ),
        }
    }

    pub(super) fn next_look(&self) -> Option<Instant> {
        self.idle.map(|first| first + IDLE_FOR)
    }

    pub(super) fn cut_short(self, end: &RunEnd) -> Finding {
        Finding {
            settled: true,
            ..self.begun
        }
        .reason(format!("the agent ended in the middle of the turn: {end}"))
    }
}
