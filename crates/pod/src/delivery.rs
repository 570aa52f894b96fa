//! The delivery of messages into an agent's terminal, as a state machine without I/O.
//!
//! A message goes through these stages, one message at a time:
//!
//! ```text
//! gate open ─► Committing ─► Composing ─► Submitting ─► Confirmed ─► (turn)
//!              the log has    typed; the   submit key    composer     answered when
//!              the text       composer     pressed       was empty    the agent is
//!                             must hold it               twice        idle again
//! ```
//!
//! The submit key is pressed only while the screen says that the composer holds our text and
//! nothing moves: a dialog that opened meanwhile would be approved by it. No other key is ever
//! pressed. What the screen does not show is not claimed.

mod echo;
mod gate;
mod keystrokes;
mod queue;
mod submission;
mod text;
mod turn;
mod turns;

use std::time::{Duration, Instant};

use podfleet_harness::{Classification, Fact, Harness, Screen, same_text};
use podfleet_protocol::{Evidence, Hold, MessageId, Outcome, RunEnd, Source};

pub(crate) use gate::{Conditions, hold, opens_in};
pub(crate) use keystrokes::{CANONICAL_LINE, TYPED_TAB, keystrokes};
use queue::{Left, Queue};
use submission::Submission;
pub(crate) use text::typed_text;
use turn::Turn;
use turns::Turns;

/// What is seen of the agent at one moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look<'a> {
    pub(crate) now: Instant,
    pub(crate) harness: &'a Harness,
    pub(crate) screen: &'a Screen,
    pub(crate) classification: &'a Classification,
    /// Time since the agent last wrote something.
    pub(crate) quiet_for: Duration,
    /// Whether all that was typed has gone to the terminal.
    pub(crate) written: bool,
    /// Whether some of it waits in the kernel for a program to read it; nothing where the kernel
    /// cannot be asked.
    pub(crate) unread: Option<bool>,
}

/// A message on its way.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    pub(crate) id: MessageId,
    /// The exact text that is typed, its preamble in front.
    pub(crate) text: String,
    /// Whether it may be typed into a busy agent's queue.
    pub(crate) now: bool,
    /// Whether it is a command to the agent's program, which starts no turn.
    pub(crate) command: bool,
}

/// What was found out about a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) outcome: Outcome,
    pub(crate) settled: bool,
    pub(crate) evidence: Option<Evidence>,
    pub(crate) hold: Option<Hold>,
    pub(crate) reason: Option<String>,
    pub(crate) submit_keys: u8,
    /// The agent's last words of the turn that has ended.
    pub(crate) answer: Option<Words>,
}

/// Words of an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Words {
    pub(crate) text: String,
    /// Whether they are its own; else they were read off its screen.
    pub(crate) exact: bool,
    /// Whether they were told of another message of the same turn already.
    pub(crate) repeated: bool,
}

impl Words {
    fn own(text: String) -> Self {
        Self {
            text,
            exact: true,
            repeated: false,
        }
    }

    fn shown(text: String) -> Self {
        Self {
            exact: false,
            ..Self::own(text)
        }
    }
}

impl Finding {
    fn new(outcome: Outcome, settled: bool, submit_keys: u8) -> Self {
        Self {
            outcome,
            settled,
            evidence: None,
            hold: None,
            reason: None,
            submit_keys,
            answer: None,
        }
    }

    fn evidence(self, evidence: Evidence) -> Self {
        Self {
            evidence: Some(evidence),
            ..self
        }
    }

    fn reason(self, reason: impl Into<String>) -> Self {
        Self {
            reason: Some(reason.into()),
            ..self
        }
    }

    fn hold(self, hold: Hold) -> Self {
        Self {
            hold: Some(hold),
            ..self
        }
    }
}

/// What the pod has to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Action {
    /// Press the submit key.
    Submit,
    /// Record what was found out about a message.
    Found(MessageId, Finding),
}

#[derive(Debug)]
enum Stage {
    /// No message is on its way.
    Free,
    /// The text is on its way to the session log.
    Committing(Job),
    /// The text is typed; the rest of the way.
    Submitting(Box<Submission>),
}

impl Stage {
    /// Returns the text that is typed, or was and is not settled.
    fn typed(&self) -> Option<&str> {
        match self {
            Self::Submitting(submission) => Some(submission.text()),
            Self::Free | Self::Committing(_) => None,
        }
    }
}

/// The one message that is on its way, and what became of those before it.
#[derive(Debug)]
pub(crate) struct Delivery {
    stage: Stage,
    /// Those that the agent works on.
    turns: Turns,
    /// Those that wait in its own queue.
    queue: Queue,
    /// Whether the agent's own records are found, so that they are worth a wait.
    records: Records,
}

/// Whether an agent's own records say what the screen says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Records {
    /// There are none, or they were not found.
    #[default]
    Missing,
    /// They are expected, or were found at the last turn.
    Expected,
}

impl Delivery {
    pub(crate) fn new() -> Self {
        Self {
            stage: Stage::Free,
            turns: Turns::default(),
            queue: Queue::default(),
            records: Records::Missing,
        }
    }

    /// Says whether the agent's own records are to be expected in this run.
    pub(crate) fn expect_records(&mut self, records: Records) {
        self.records = records;
    }

    /// Returns whether no message is on its way.
    pub(crate) const fn is_free(&self) -> bool {
        matches!(self.stage, Stage::Free)
    }

    /// Returns whether a further message may be begun: not while the last words of the turn before
    /// are waited for.
    pub(crate) fn may_begin(&self) -> bool {
        self.is_free() && !self.turns.are_settling()
    }

    /// Returns whether a key of a person, pressed now, could end up in our message.
    pub(crate) fn is_typing(&self) -> bool {
        match &self.stage {
            Stage::Free | Stage::Committing(_) => false,
            Stage::Submitting(submission) => submission.is_typing(),
        }
    }

    /// Returns whether every change of the screen matters now.
    pub(crate) fn is_watching(&self) -> bool {
        !self.is_free() || !self.turns.is_empty() || !self.queue.is_empty()
    }

    /// Returns the texts that the agent's own records are searched for, and whether a turn of ours
    /// goes on.
    pub(crate) fn wanted(&self) -> (Vec<String>, bool) {
        let others = self.turns.unseen().chain(self.queue.texts());
        let texts = self.stage.typed().into_iter().chain(others);
        let texts = texts.map(str::to_owned);
        (texts.collect(), !self.turns.is_empty())
    }

    /// Returns whether a fact may be about a turn that we know: not if it names other words.
    pub(crate) fn concerns(&self, fact: &Fact) -> bool {
        match fact {
            Fact::End { of: Some(of), .. } => self.turns.are_about(of),
            _ => true,
        }
    }

    /// Draws the conclusions from what the agent says of itself.
    pub(crate) fn witnessed(&mut self, source: Source, fact: &Fact, now: Instant) -> Vec<Action> {
        match fact {
            Fact::User(said) => self.began(source, said, now),
            Fact::Queued(said) => self.queued(source, said),
            Fact::Answer(text) => {
                self.turns.answered(source, text);
                Vec::new()
            }
            Fact::End { .. } => self.turns.ended(source, fact, now),
            _ => Vec::new(),
        }
    }

    /// The agent took what the user said as a turn.
    fn began(&mut self, source: Source, said: &str, now: Instant) -> Vec<Action> {
        if self.turns.seen(source, said) {
            self.records = Records::Expected;
            return Vec::new();
        }
        if let Some(queued) = self.queue.take_out(said) {
            self.records = Records::Expected;
            let finding = queued.begun(source, "it has the message");
            let mut turn = Turn::new(queued.id, queued.text, &finding, now);
            turn.seen(source);
            return self.turns.join(turn, finding);
        }
        if self.turns.are_about(said) {
            return Vec::new();
        }
        let Stage::Submitting(submission) = &self.stage else {
            return Vec::new();
        };
        if !submission.was_submitted() || !same_text(submission.text(), said) {
            return Vec::new();
        }
        self.records = Records::Expected;
        let finding = submission.taken(Outcome::Started, source, "it has the message");
        let (id, text) = (submission.id(), submission.text().to_owned());
        let mut turn = Turn::new(id, text, &finding, now);
        turn.seen(source);
        self.stage = Stage::Free;
        self.turns.follow(turn, finding)
    }

    fn queued(&mut self, source: Source, said: &str) -> Vec<Action> {
        let Stage::Submitting(submission) = &self.stage else {
            return Vec::new();
        };
        if !submission.was_submitted() || !same_text(submission.text(), said) {
            return Vec::new();
        }
        let id = submission.id();
        let finding = submission.taken(Outcome::QueuedByAgent, source, "it has the message queued");
        let finding = self.queue.take_in(id, submission.text(), finding);
        self.stage = Stage::Free;
        vec![Action::Found(id, finding)]
    }

    /// Begins a message. The caller commits its text to the log, then takes it
    /// back ([`withdraw`](Self::withdraw)), to type it ([`typed`](Self::typed)) or not.
    ///
    /// What answers the turn before stands on the screen for the last time now; it is asked for if
    /// nothing better tells it.
    pub(crate) fn begin(&mut self, job: Job, shown: impl FnOnce() -> Option<String>) {
        if !job.now {
            self.turns.found_idle(shown);
        }
        self.stage = Stage::Committing(job);
    }

    /// Takes the message back before anything was typed.
    pub(crate) fn withdraw(&mut self) -> Option<Job> {
        match std::mem::replace(&mut self.stage, Stage::Free) {
            Stage::Committing(job) => Some(job),
            stage => {
                self.stage = stage;
                None
            }
        }
    }

    /// Goes on with a message whose text was typed now.
    pub(crate) fn typed(&mut self, job: Job, now: Instant) {
        self.stage = Stage::Submitting(Box::new(Submission::new(job, now)));
    }

    /// Takes notice that the interrupt key was pressed.
    pub(crate) fn interrupted(&mut self) {
        self.turns.interrupted();
    }

    /// Draws the conclusions from what is seen now.
    pub(crate) fn look(&mut self, look: &Look<'_>) -> Vec<Action> {
        let mut actions = self.turns.look(look, &mut self.records);
        actions.extend(self.look_at_queue(look));
        if let Stage::Submitting(submission) = &mut self.stage {
            let id = submission.id();
            match submission.look(look) {
                submission::Step::Wait => {}
                submission::Step::Press => actions.push(Action::Submit),
                submission::Step::Report(finding) => {
                    if finding.settled {
                        self.stage = Stage::Free;
                    }
                    actions.push(Action::Found(id, finding));
                }
                submission::Step::Queued(finding) => {
                    let finding = self.queue.take_in(id, submission.text(), finding);
                    self.stage = Stage::Free;
                    actions.push(Action::Found(id, finding));
                }
                submission::Step::Working(finding) => {
                    let turn = Turn::new(id, submission.text().to_owned(), &finding, look.now);
                    self.stage = Stage::Free;
                    actions.extend(self.turns.follow(turn, finding));
                }
            }
        }
        actions
    }

    fn look_at_queue(&mut self, look: &Look<'_>) -> Vec<Action> {
        match self.queue.look(look, self.records, self.stage.typed()) {
            None => Vec::new(),
            Some(Left::Lost(queued, why)) => {
                vec![Action::Found(queued.id, queued.lost(why))]
            }
            Some(Left::Begun(queued)) => {
                let detail = "it left the agent's queue, and the agent works";
                let finding = queued.begun(Source::QueueFooter, detail);
                let turn = Turn::new(queued.id, queued.text, &finding, look.now);
                self.turns.join(turn, finding)
            }
        }
    }

    /// Returns when to look again though nothing moved.
    pub(crate) fn next_look(&self, now: Instant) -> Option<Instant> {
        let submission = match &self.stage {
            Stage::Submitting(submission) => Some(submission.next_look(now)),
            Stage::Free | Stage::Committing(_) => None,
        };
        let others = [self.turns.next_look(), self.queue.next_look(now)];
        submission
            .into_iter()
            .chain(others.into_iter().flatten())
            .min()
    }

    /// Settles what is on its way when the agent is gone.
    pub(crate) fn agent_ended(&mut self, end: &RunEnd) -> Vec<Action> {
        let mut actions = self.turns.cut_short(end);
        let queued = self.queue.agent_ended(end).into_iter();
        actions.extend(queued.map(|(id, finding)| Action::Found(id, finding)));
        match std::mem::replace(&mut self.stage, Stage::Free) {
            Stage::Free => {}
            // Nothing was typed yet: it is begun again in the next run.
            stage @ Stage::Committing(_) => self.stage = stage,
            Stage::Submitting(submission) => {
                actions.push(Action::Found(submission.id(), submission.cut_short(end)));
            }
        }
        actions
    }
}

#[cfg(test)]
mod tests;
