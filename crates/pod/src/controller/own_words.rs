//! What the agent says of itself, beside what its screen shows.
//!
//! For what became of a message the agent's own word wins. Whether anything may be typed is decided
//! with more care: an agent that says that it works is busy, whatever its screen shows, as long as
//! that word is fresh; one that says that it asks does, where its screen is not understood; and a
//! screen that shows work or a dialog is believed in any case.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use podfleet_harness::{BlockKind, Classification, Fact, ScreenState};
use podfleet_pod_store::session_log::Entry;
use podfleet_protocol::{SelfReport, Source};
use serde_json::Value;

use super::Controller;
use crate::clock;
use crate::delivery::Records;
use crate::witness::{Wanted, Witness};

/// How long the agent's own word about its work counts more than its screen. An interruption by a
/// person is not always told.
const FRESH: Duration = Duration::from_secs(2);

/// What the agent last said of itself.
#[derive(Debug)]
pub(super) struct OwnWord {
    does: Doing,
    found: Instant,
    report: SelfReport,
    /// Whether it was logged that the screen shows something else.
    disputed: bool,
    /// Whether the screen has shown since that it asks no more.
    past: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Doing {
    Working,
    Asking,
    Idle,
}

impl Doing {
    const fn word(self) -> &'static str {
        match self {
            Self::Working => "working",
            Self::Asking => "asking",
            Self::Idle => "idle",
        }
    }
}

impl OwnWord {
    pub(super) fn report(&self) -> &SelfReport {
        &self.report
    }
}

impl Controller {
    /// Begins to follow the transcripts of a new run, where its agent writes some.
    pub(super) fn follow_transcripts(&mut self) {
        self.live.own_word = None;
        self.live.witness = None;
        let harness = &self.setup.harness;
        let transcript = harness.transcript();
        let directory = transcript.and_then(|rules| rules.directory(&self.environment()));
        let expected = directory.is_some() || harness.hooks().is_some();
        self.live.delivery.expect_records(if expected {
            Records::Expected
        } else {
            Records::Missing
        });
        if let (Some(rules), Some(directory)) = (transcript, directory) {
            let witness = Witness::start(rules.clone(), PathBuf::from(directory));
            self.live.witness = Some(witness);
        }
    }

    /// Takes what the agent wrote down last, before what is open is settled by its end.
    pub(super) async fn hear_the_rest(&mut self) {
        if let Some(witness) = self.live.witness.take() {
            let facts = witness.end().await;
            self.witnessed(Source::Transcript, &facts);
        }
    }

    /// Tells the witness what is on its way now.
    pub(super) fn direct_witness(&self) {
        if let Some(witness) = &self.live.witness {
            let (texts, turn) = self.live.delivery.wanted();
            witness.look_for(Wanted { texts, turn });
        }
    }

    /// Takes what a hook brought.
    pub(super) fn hook_called(&mut self, payload: &Value) {
        let hooks = self.setup.harness.hooks();
        let Some((hooks, fact)) = hooks.and_then(|hooks| Some((hooks, hooks.read(payload)?)))
        else {
            tracing::debug!("a hook says nothing that the harness knows");
            return;
        };
        // Some programs also call for turns of their own, such as that for a title.
        if !self.live.delivery.concerns(&fact) {
            return;
        }
        let conversation = hooks.conversation(payload).map(Fact::Conversation);
        let facts: Vec<Fact> = conversation.into_iter().chain([fact]).collect();
        self.witnessed(Source::Hook, &facts);
    }

    /// Takes what the agent says of itself.
    pub(super) fn witnessed(&mut self, source: Source, facts: &[Fact]) {
        let now = Instant::now();
        for fact in facts {
            let does = match fact {
                Fact::User(_) | Fact::Answer(_) => Some(Doing::Working),
                Fact::Asks(_) => Some(Doing::Asking),
                Fact::End { .. } => Some(Doing::Idle),
                _ => None,
            };
            if let Some(does) = does {
                self.live.own_word = Some(OwnWord {
                    does,
                    found: now,
                    report: SelfReport {
                        state: does.word().into(),
                        source,
                        at: clock::wall(),
                    },
                    disputed: false,
                    past: false,
                });
            }
            match fact {
                Fact::Conversation(id) => self.conversation_is(id),
                Fact::User(_) | Fact::End { .. } => self.keep_conversation(),
                _ => {}
            }
            let actions = self.live.delivery.witnessed(source, fact, now);
            self.act(actions);
        }
        self.dirty = true;
    }

    /// Returns what holds of what the screen shows, given what the agent says.
    pub(super) fn reconciled(&mut self, shown: Classification, now: Instant) -> Classification {
        let Some(word) = &mut self.live.own_word else {
            return shown;
        };
        let fresh = now.saturating_duration_since(word.found) < FRESH;
        let idle = matches!(shown.state, ScreenState::Ready | ScreenState::Draft);
        let disagree = match word.does {
            Doing::Working => idle,
            Doing::Idle => shown.state == ScreenState::Busy,
            Doing::Asking => false,
        };
        if word.does == Doing::Asking {
            // Once the screen has shown that it goes on, the question is one of before.
            word.past |= !fresh && (idle || shown.state == ScreenState::Busy);
            if !word.past && shown.state == ScreenState::Unknown {
                return Classification {
                    state: ScreenState::Blocked(BlockKind::Permission),
                    rule: word.report.source.as_str().into(),
                    line: shown.line,
                };
            }
        }
        if !disagree {
            return shown;
        }
        if fresh && word.does == Doing::Working && shown.state == ScreenState::Ready {
            return Classification {
                state: ScreenState::Busy,
                rule: word.report.source.as_str().into(),
                line: shown.line,
            };
        }
        if !fresh && !word.disputed {
            word.disputed = true;
            let (source, state) = (word.report.source.as_str(), &word.report.state);
            let text = format!(
                "the {source} says {state}, the screen {} (rule {}); the screen is believed",
                shown.state, shown.rule
            );
            tracing::info!("{text}");
            self.setup.shared.journal.note(Entry::Error {
                origin: "evidence".into(),
                text,
            });
        }
        shown
    }

    /// Returns when the agent's own word is no longer fresh, if the screen is then to be looked at
    /// again.
    pub(super) fn own_word_expires(&self) -> Option<Instant> {
        let word = self.live.own_word.as_ref()?;
        let at = word.found + FRESH;
        (word.does == Doing::Working && at > self.last_look).then_some(at)
    }
}
