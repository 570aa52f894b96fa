//! The turn that is in progress, with all messages that it is about.

use std::time::Instant;

use podfleet_harness::Fact;
use podfleet_protocol::{Outcome, RunEnd, Source};

use super::turn::Turn;
use super::{Action, Finding, Look, Records};

/// The messages that the agent works on.
#[derive(Debug, Default)]
pub(super) struct Turns {
    /// What began the turn.
    first: Option<Turn>,
    /// What the agent took from its queue meanwhile. It ends with the turn.
    joined: Vec<Turn>,
}

impl Turns {
    pub(super) const fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    fn all(&self) -> impl Iterator<Item = &Turn> {
        self.first.iter().chain(&self.joined)
    }

    fn all_mut(&mut self) -> impl Iterator<Item = &mut Turn> {
        self.first.iter_mut().chain(&mut self.joined)
    }

    fn take(&mut self) -> impl Iterator<Item = Turn> + use<> {
        let joined = std::mem::take(&mut self.joined);
        self.first.take().into_iter().chain(joined)
    }

    /// Returns whether the turn looks over and its end is waited for in the agent's own records.
    pub(super) fn are_settling(&self) -> bool {
        self.first.as_ref().is_some_and(Turn::is_settling)
    }

    /// Returns whether one of them began with these words of the user.
    pub(super) fn are_about(&self, said: &str) -> bool {
        self.all().any(|turn| turn.is_about(said))
    }

    /// Returns the texts that the agent's own records were not yet found to have.
    pub(super) fn unseen(&self) -> impl Iterator<Item = &str> {
        self.all().filter_map(Turn::unseen)
    }

    /// Takes notice that a record has what the user said, if that is ours and it is told for the first
    /// time by this record.
    pub(super) fn seen(&mut self, source: Source, said: &str) -> bool {
        let mut turns = self.all_mut();
        let turn = turns.find(|turn| turn.is_about(said) && !turn.is_seen_by(source));
        turn.map(|turn| turn.seen(source)).is_some()
    }

    /// Takes notice of the agent's words.
    pub(super) fn answered(&mut self, source: Source, words: &str) {
        for turn in self.all_mut().filter(|turn| turn.is_seen_by(source)) {
            turn.answered(words);
        }
    }

    /// A turn has ended: ours, if its beginning was seen or the record says so.
    pub(super) fn ended(&mut self, source: Source, fact: &Fact, now: Instant) -> Vec<Action> {
        let Fact::End { answer, of, error } = fact else {
            return Vec::new();
        };
        let of = of.as_deref();
        if !self.all().any(|turn| turn.is_ended_by(source, of)) {
            return Vec::new();
        }
        let end = |mut turn: Turn| {
            if let Some(answer) = answer {
                turn.answered(answer);
            }
            let (id, found) = (turn.id(), turn.ended(source, now));
            let found = match error {
                Some(error) if found.outcome == Outcome::Answered => {
                    found.reason(format!("the turn ended with an error: {error}"))
                }
                _ => found,
            };
            Action::Found(id, found)
        };
        told_once(self.take().map(end).collect())
    }

    /// Begins with a message of which it was found that the agent works on it.
    pub(super) fn follow(&mut self, turn: Turn, finding: Finding) -> Vec<Action> {
        let settle = |before: Turn| Action::Found(before.id(), before.followed());
        let mut actions: Vec<Action> = self.take().map(settle).collect();
        actions.push(Action::Found(turn.id(), finding));
        self.first = Some(turn);
        actions
    }

    /// The same of a message from the agent's queue: it may have been taken into the turn that goes on.
    pub(super) fn join(&mut self, turn: Turn, finding: Finding) -> Vec<Action> {
        if self.first.as_ref().is_none_or(Turn::looks_idle) {
            return self.follow(turn, finding);
        }
        let told = Action::Found(turn.id(), finding);
        self.joined.push(turn);
        vec![told]
    }

    /// Takes notice that the agent was idle enough to be given the next message.
    pub(super) fn found_idle(&mut self, shown: impl FnOnce() -> Option<String>) {
        let (mut shown, mut words) = (Some(shown), None);
        for turn in self.all_mut() {
            turn.found_idle(|| {
                words = shown.take().map_or_else(|| words.clone(), |shown| shown());
                words.clone()
            });
        }
    }

    /// Takes notice that the interrupt key was pressed.
    pub(super) fn interrupted(&mut self) {
        self.all_mut().for_each(Turn::interrupted);
    }

    /// Draws the conclusions from what is seen now.
    pub(super) fn look(&mut self, look: &Look<'_>, records: &mut Records) -> Vec<Action> {
        let Some(turn) = &mut self.first else {
            return Vec::new();
        };
        let Some(finding) = turn.look(look, *records) else {
            return Vec::new();
        };
        if !turn.is_seen() {
            *records = Records::Missing;
        }
        let tell = |turn: Turn| Action::Found(turn.id(), turn.ends_like(&finding));
        told_once(self.take().map(tell).collect())
    }

    /// Returns when to look again though nothing moved.
    pub(super) fn next_look(&self) -> Option<Instant> {
        self.first.as_ref().and_then(Turn::next_look)
    }

    /// Settles all when the agent is gone.
    pub(super) fn cut_short(&mut self, end: &RunEnd) -> Vec<Action> {
        let cut = |turn: Turn| Action::Found(turn.id(), turn.cut_short(end));
        self.take().map(cut).collect()
    }
}

/// The agent has said its last words once, whatever the number of messages that they answer.
fn told_once(mut actions: Vec<Action>) -> Vec<Action> {
    for action in actions.iter_mut().skip(1) {
        if let Action::Found(_, finding) = action
            && let Some(answer) = &mut finding.answer
        {
            answer.repeated = true;
        }
    }
    actions
}
