//! The turn that a message started, until the agent is idle again.

use std::time::{Duration, Instant};

use podfleet_harness::{Holding, ScreenState, same_text};
use podfleet_protocol::{Evidence, MessageId, Outcome, RunEnd, Source};

use super::{Finding, Look, Records, Words};

/// How long an agent must look idle for its turn to have ended: between two steps of a turn some
/// look idle for a repaint.
const IDLE_FOR: Duration = Duration::from_millis(100);

/// How long an agent that looks idle may take to write down that its turn has ended.
const WRITTEN_DOWN: Duration = Duration::from_millis(1500);

/// Why a turn has no answer that was interrupted on an order.
const INTERRUPTED: &str = "the interrupt key was pressed during the turn";

/// A turn in progress.
#[derive(Debug)]
pub(super) struct Turn {
    id: MessageId,
    /// What was typed.
    text: String,
    /// Which of the agent's own records have its beginning.
    seen: Vec<Source>,
    /// The agent's last words so far.
    answer: Option<Words>,
    begun: Finding,
    since: Instant,
    idle: Option<Instant>,
    /// How long it must look idle.
    patience: Duration,
    /// Whether a line of the screen showed that, and not quiet alone.
    shown: bool,
    interrupted: bool,
    /// Whether the agent was so idle that the next message was begun.
    found_idle: bool,
}

impl Turn {
    pub(super) fn new(id: MessageId, text: String, begun: &Finding, now: Instant) -> Self {
        Self {
            id,
            text,
            seen: Vec::new(),
            answer: None,
            begun: begun.clone(),
            since: now,
            idle: None,
            patience: IDLE_FOR,
            shown: false,
            interrupted: false,
            found_idle: false,
        }
    }

    pub(super) fn id(&self) -> MessageId {
        self.id
    }

    /// Returns the text if the agent's transcript was not yet found to have it.
    pub(super) fn unseen(&self) -> Option<&str> {
        (!self.is_seen_by(Source::Transcript)).then_some(&self.text)
    }

    /// Returns whether the turn began with these words of the user.
    pub(super) fn is_about(&self, said: &str) -> bool {
        same_text(&self.text, said)
    }

    /// Takes notice that one of the agent's own records has its beginning.
    pub(super) fn seen(&mut self, source: Source) {
        if !self.is_seen_by(source) {
            self.seen.push(source);
        }
    }

    pub(super) fn is_seen(&self) -> bool {
        !self.seen.is_empty()
    }

    /// Returns whether this record has its beginning. What it tells then is of this turn, for each
    /// is in order by itself; another may be late, and still speak of the turn before.
    pub(super) fn is_seen_by(&self, source: Source) -> bool {
        self.seen.contains(&source)
    }

    /// Takes notice of the agent's words.
    pub(super) fn answered(&mut self, words: &str) {
        self.answer = Some(Words::own(words.to_owned()));
    }

    /// Returns whether it looks over and its end is waited for in the agent's own records.
    pub(super) fn is_settling(&self) -> bool {
        self.idle.is_some() && self.patience > IDLE_FOR
    }

    /// Returns whether it looks over.
    pub(super) const fn looks_idle(&self) -> bool {
        self.idle.is_some()
    }

    /// Returns what came of it when the turn that it is a part of has ended like this.
    pub(super) fn ends_like(self, finding: &Finding) -> Finding {
        if finding.outcome != Outcome::Answered {
            return Finding {
                settled: true,
                reason: finding.reason.clone(),
                ..self.begun
            };
        }
        Finding {
            submit_keys: self.begun.submit_keys,
            ..finding.clone()
        }
    }

    /// Returns whether what a record says of the end of a turn is said of this one: of these words,
    /// or of none and the same record has its beginning.
    pub(super) fn is_ended_by(&self, source: Source, of: Option<&str>) -> bool {
        of.map_or_else(|| self.is_seen_by(source), |of| self.is_about(of))
    }

    /// Returns that it was answered, by the agent's own word.
    pub(super) fn ended(self, source: Source, now: Instant) -> Finding {
        if self.interrupted {
            return Finding {
                settled: true,
                ..self.begun
            }
            .reason(INTERRUPTED);
        }
        let seconds = now.duration_since(self.since).as_secs_f32();
        let finding = Finding::new(Outcome::Answered, true, self.begun.submit_keys);
        let finding = finding.evidence(Evidence {
            source,
            detail: format!("the turn has ended, after {seconds:.1} s"),
        });
        Finding {
            answer: self.answer,
            ..finding
        }
    }

    /// Takes notice that the agent was idle enough to be given the next message.
    pub(super) fn found_idle(&mut self, shown: impl FnOnce() -> Option<String>) {
        self.found_idle = self.begun.outcome != Outcome::Submitted || self.shown;
        if self.found_idle && self.answer.is_none() {
            self.answer = shown().map(Words::shown);
        }
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
        let finding = Finding::new(Outcome::Answered, true, self.begun.submit_keys);
        let finding = finding.evidence(Evidence {
            source: Source::StatusEdge,
            detail: "idle when the next message was begun".into(),
        });
        Finding {
            answer: self.answer,
            ..finding
        }
    }

    /// Returns that it was answered, once the agent has been idle for a moment, and for a longer
    /// one if its own records are expected to say so.
    pub(super) fn look(&mut self, look: &Look<'_>, records: Records) -> Option<Finding> {
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
        let failed = look.classification.state == ScreenState::Error;
        self.patience = match records {
            Records::Expected if !failed => WRITTEN_DOWN,
            _ => IDLE_FOR,
        };
        if look.now < first + self.patience {
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
        let shown = || look.harness.answer(look.screen).map(Words::shown);
        let line = look.classification.line.clone().unwrap_or_default();
        Some(Finding {
            reason: failed.then(|| format!("the turn ended with an error: {line}")),
            answer: self.answer.take().or_else(shown),
            ..Finding::new(Outcome::Answered, true, self.begun.submit_keys)
                .evidence(self.evidence(look))
        })
    }

    /// Returns why an agent that is idle again did not come to the end of its turn, or may not have.
    fn unanswered(&self, look: &Look<'_>) -> Option<&'static str> {
        let state = look.classification.state;
        if self.interrupted {
            return Some(INTERRUPTED);
        }
        // Once the next message is begun, what stands there is that one.
        if state == ScreenState::Draft
            && !self.found_idle
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
        self.idle.map(|first| first + self.patience)
    }

    pub(super) fn cut_short(self, end: &RunEnd) -> Finding {
        Finding {
            settled: true,
            ..self.begun
        }
        .reason(format!("the agent ended in the middle of the turn: {end}"))
    }
}
