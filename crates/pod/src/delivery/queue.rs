//! Messages that a busy agent took into its own queue, until it begins with them.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use podfleet_harness::{Composer, ScreenState, same_text};
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
    /// Since when it is seen there no more, and since when the agent is idle without it.
    gone: Option<Instant>,
    idle: Option<Instant>,
    /// Whether it was seen in the composer since: a person has it.
    taken_back: bool,
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
        let evidence = finding.evidence.as_ref();
        let footer = evidence.is_some_and(|found| found.source == Source::QueueFooter);
        if followed {
            self.messages.push_back(Queued {
                id,
                text: text.to_owned(),
                finding: finding.clone(),
                shown: footer,
                gone: None,
                idle: None,
                taken_back: false,
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

    /// Looks whether the oldest has left the queue. Those behind it wait for it. What is typed now may
    /// have the same words.
    pub(super) fn look(
        &mut self,
        look: &Look<'_>,
        records: Records,
        typing: Option<&str>,
    ) -> Option<Left> {
        let queued = self.messages.front_mut()?;
        let state = look.classification.state;
        let idle = matches!(
            state,
            ScreenState::Ready | ScreenState::Draft | ScreenState::Error
        );
        if !idle && state != ScreenState::Busy {
            queued.is_there();
            return None;
        }
        if look.harness.queued(look.screen, &queued.text).is_some() {
            queued.shown = true;
            queued.is_there();
            return None;
        }
        let ours = typing.is_some_and(|typing| same_text(typing, &queued.text));
        queued.taken_back |= !ours && look.harness.composer_has(look.screen, &queued.text);
        match queued.left(look, idle, records) {
            Some(Ok(())) => self.messages.pop_front().map(Left::Begun),
            Some(Err(why)) => Some(Left::Lost(self.messages.pop_front()?, why)),
            None => None,
        }
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
    /// Takes notice that it is in the queue, or that nothing shows that it is not.
    fn is_there(&mut self) {
        self.gone = None;
        self.idle = None;
    }

    /// Returns whether the agent works on it, or why that will not be known; nothing yet if it may
    /// still show. A draft of a person hides what came of it.
    fn left(
        &mut self,
        look: &Look<'_>,
        idle: bool,
        records: Records,
    ) -> Option<Result<(), &'static str>> {
        let gone_for = look.now - *self.gone.get_or_insert(look.now);
        if self.taken_back {
            let why = "its text was taken back into the composer";
            return (gone_for >= GONE_FOR).then_some(Err(why));
        }
        let drafted = matches!(look.harness.composer(look.screen), Composer::Holds(_));
        let (patience, records) = match records {
            Records::Expected => (WRITTEN_DOWN, true),
            Records::Missing => (GONE_FOR, false),
        };
        // An idle agent may be done with it already; one that writes it down will say so.
        if self.shown && !drafted && gone_for >= patience && !(idle && records) {
            return Some(Ok(()));
        }
        if !idle {
            self.idle = None;
            return None;
        }
        let idle_for = look.now - *self.idle.get_or_insert(look.now);
        let why = "the agent is idle, and nothing shows what became of it";
        (idle_for >= BEGINS).then_some(Err(why))
    }

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
