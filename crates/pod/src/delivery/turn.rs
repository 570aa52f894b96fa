//! The turn that a message started, until the agent is idle again.

use std::time::{Duration, Instant};

use podfleet_harness::{Holding, ScreenState};
use podfleet_protocol::{Evidence, MessageId, Outcome, RunEnd, Source};

use super::{Finding, Look};

/// How long an agent must look idle for its turn to have ended: between two steps of a turn some
/// look idle for a repaint.
const IDLE_FOR: Duration = Duration::from_millis(100);

/// A turn in progress.
#[derive(Debug)]
pub(super) struct Turn {
    id: MessageId,
    text: String,
    begun: Finding,
    since: Instant,
    idle: Option<Instant>,
    /// Whether a line of the screen showed that, and not quiet alone.
    shown: bool,
    interrupted: bool,
    /// Whether the agent was so idle that the next message was begun.
    found_idle: bool,
}

impl Turn {
    pub(super) fn new(id: MessageId, text: &str, begun: &Finding, now: Instant) -> Self {
        Self {
            id,
            text: text.to_owned(),
            begun: begun.clone(),
            since: now,
            idle: None,
            shown: false,
            interrupted: false,
            found_idle: false,
        }
    }

    pub(super) fn id(&self) -> MessageId {
        self.id
    }

    /// Takes notice that the agent was idle enough to be given the next message.
    pub(super) fn found_idle(&mut self) {
        self.found_idle = self.begun.outcome != Outcome::Submitted || self.shown;
    }

    /// Takes notice that the interrupt key was pressed.
    pub(super) fn interrupted(&mut self) {
        self.interrupted = true;
    }

    /// Returns what came of it when another turn has begun.
    pub(super) fn followed(self) -> Finding {
        if self.interrupted || !self.found_idle {
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
        self.shown = look.classification.line.is_some();
        let first = *self.idle.get_or_insert(look.now);
        if look.now < first + IDLE_FOR {
            return None;
        }
        if let Some(why) = self.unanswered(look) {
            return Some(
                Finding {
                    settled: true,
                    ..self.begun.clone()
                }
                .reason(why),
            );
        }
        let failed = look.classification.state == ScreenState::Error;
        let line = look.classification.line.clone().unwrap_or_default();
        Some(Finding {
            reason: failed.then(|| format!("the turn ended with an error: {line}")),
            ..Finding::new(Outcome::Answered, true, self.begun.submit_keys)
                .evidence(self.evidence(look))
        })
    }

    /// Returns why an agent that is idle again did not come to the end of its turn, or may not have.
    fn unanswered(&self, look: &Look<'_>) -> Option<&'static str> {
        let state = look.classification.state;
        if self.interrupted {
            return Some("the interrupt key was pressed during the turn");
        }
        if state == ScreenState::Draft
            && look.harness.holds(look.screen, &self.text) == Holding::Text
        {
            return Some("the turn was interrupted: the text stands in the composer again");
        }
        // Only of programs without a composer nothing more is known than that they took the text.
        let unseen = self.begun.outcome == Outcome::Submitted && !self.shown;
        (unseen && state == ScreenState::Ready)
            .then_some("it is quiet, without a prompt that would show the end of its work")
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
