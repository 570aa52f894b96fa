//! Messages that a busy agent took into its own queue, until it begins with them.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use podfleet_harness::{Holding, ScreenState, same_text};
use podfleet_protocol::{Evidence, MessageId, Outcome, RunEnd, Source};

use super::{Finding, Look, Records};

/// How many are followed; no person queues more.
const LIMIT: usize = 64;
/// How long the agent's queue must be seen without a message for it to have left it: a repaint may
/// show half of it.
const GONE_FOR: Duration = Duration::from_millis(500);
/// The same where the agent's own records are expected to say more.
const WRITTEN_DOWN: Duration = Duration::from_secs(2);
/// How long an idle agent may take to begin with what it has queued, or to say that it has.
const BEGINS: Duration = Duration::from_secs(5);

/// The messages in the agent's queue, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Queue {
    messages: VecDeque<Queued>,
}

/// A message in the agent's queue.
#[derive(Debug)]
pub(super) struct Queued {
    pub(super) id: MessageId,
    /// What was typed.
    pub(super) text: String,
    finding: Finding,
    /// Whether the screen has shown it in the queue.
    shown: bool,
    /// Since when it is seen there no more.
    gone: Option<Instant>,
}

/// What became of a message that is in the queue no more.
#[derive(Debug)]
pub(super) enum Left {
    /// The agent works on it.
    Begun(Queued),
    /// Nobody knows.
    Lost(Queued, &'static str),
}

impl Queue {
    pub(super) fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// Follows a message from now on; gives back what is told of it.
    pub(super) fn take_in(&mut self, id: MessageId, text: &str, finding: Finding) -> Finding {
        let followed = self.messages.len() < LIMIT;
        if followed {
            self.messages.push_back(Queued {
                id,
                text: text.to_owned(),
                finding: finding.clone(),
                shown: false,
                gone: None,
            });
        }
        Finding {
            settled: !followed,
            ..finding
        }
    }

    pub(super) fn texts(&self) -> impl Iterator<Item = &str> {
        self.messages.iter().map(|queued| queued.text.as_str())
    }

    /// Takes out the message that the user is said to have said.
    pub(super) fn take_out(&mut self, said: &str) -> Option<Queued> {
        let mut messages = self.messages.iter();
        let at = messages.position(|queued| same_text(&queued.text, said))?;
        self.messages.remove(at)
    }

    /// Looks whether the oldest has left the queue. Those behind it wait for it.
    pub(super) fn look(&mut self, look: &Look<'_>, records: Records) -> Option<Left> {
        let queued = self.messages.front_mut()?;
        let state = look.classification.state;
        let idle = matches!(
            state,
            ScreenState::Ready | ScreenState::Draft | ScreenState::Error
        );
        if !idle && state != ScreenState::Busy {
            queued.gone = None;
            return None;
        }
        if look.harness.queued(look.screen, &queued.text).is_some() {
            queued.shown = true;
            queued.gone = None;
            return None;
        }
        let gone_for = look.now - *queued.gone.get_or_insert(look.now);
        let held = || look.harness.holds(look.screen, &queued.text) == Holding::Text;
        let lost = if state == ScreenState::Draft && gone_for >= GONE_FOR && held() {
            Some("the text stands in the composer again")
        } else if idle && gone_for >= BEGINS {
            Some("the agent is idle, and nothing shows what became of it")
        } else {
            None
        };
        if let Some(why) = lost {
            return Some(Left::Lost(self.messages.pop_front()?, why));
        }
        let patience = match records {
            Records::Expected => WRITTEN_DOWN,
            Records::Missing => GONE_FOR,
        };
        let begun = !idle && queued.shown && gone_for >= patience;
        begun.then(|| self.messages.pop_front().map(Left::Begun))?
    }

    /// Returns when to look again though nothing moved.
    pub(super) fn next_look(&self, now: Instant) -> Option<Instant> {
        let gone = self.messages.front()?.gone;
        gone.map(|_| now + GONE_FOR)
    }

    /// Gives up all: the queue was the agent's, and has ended with it.
    pub(super) fn agent_ended(&mut self, end: &RunEnd) -> Vec<(MessageId, Finding)> {
        let lost = |queued: Queued| {
            let finding = Finding::new(Outcome::Unknown, true, queued.finding.submit_keys);
            let why = format!("it stood in the agent's own queue when that ended: {end}");
            (queued.id, finding.reason(why))
        };
        self.messages.drain(..).map(lost).collect()
    }
}

impl Queued {
    /// Returns that the agent works on it.
    pub(super) fn begun(&self, source: Source, detail: &str) -> Finding {
        let finding = Finding::new(Outcome::Started, false, self.finding.submit_keys);
        finding.evidence(Evidence {
            source,
            detail: detail.to_owned(),
        })
    }

    /// Returns that no more will be known of it.
    pub(super) fn lost(self, why: &str) -> Finding {
        Finding {
            settled: true,
            ..self.finding
        }
        .reason(why)
    }
}
