//! Dialogs of the agent: what they ask, and picking a choice on an explicit order.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, Instant};

use podfleet_harness::{Press, ScreenState};
use podfleet_protocol::method::{AnswerParams, AnswerResult, Choice, Dialog, DialogResult};
use tokio::sync::oneshot;

use super::Controller;
use super::agent::Phase;
use crate::agent_process::AgentTerminal;
use crate::journal::Attempt;

/// How long an agent may take from reading a key to drawing what follows it.
const DRAWS: Duration = Duration::from_secs(3);
/// How long the next choice may take to be lit: longer than what was typed before may take to be
/// drawn, so that an answer waits for that.
const LIGHTS: Duration = Duration::from_secs(5);

/// How long the screen has to be still without the dialog until that is gone, and not only being
/// drawn.
const GONE: Duration = Duration::from_secs(1);

/// The last choice that was picked, until the screen has shown something else.
#[derive(Debug)]
pub(super) struct Pick {
    dialog: String,
    /// When the agent had not read it yet.
    unread: Instant,
}

/// An answer on its way to a choice that has to be lit first. A person's keys wait for its end.
#[derive(Debug)]
pub(super) struct Answering {
    params: AnswerParams,
    /// The choice that a key of ours has to have lit before anything else is pressed.
    lights: Option<usize>,
    /// When the answer came.
    begun: Instant,
    /// When it is given up.
    pub(super) until: Instant,
    attempt: Attempt,
    answer: oneshot::Sender<AnswerResult>,
}

/// A dialog on the screen, as the harness read it and as others are told of it.
struct Shown {
    read: podfleet_harness::Dialog,
    dialog: Dialog,
}

impl Controller {
    /// Tells what dialog is on the screen now.
    pub(super) fn dialog_result(&mut self) -> DialogResult {
        self.look(Instant::now());
        DialogResult {
            dialog: self.dialog(),
            screen: self.screen_status(),
        }
    }

    /// Picks a choice, if the dialog on the screen is the very same that was answered, and the
    /// choice is one of its own.
    pub(super) fn answer(
        &mut self,
        params: AnswerParams,
        attempt: Attempt,
        answer: oneshot::Sender<AnswerResult>,
        now: Instant,
    ) {
        self.look(now);
        let shown = self.shown().filter(|shown| {
            let known = |choice: &Choice| choice.key == params.key;
            shown.dialog.id == params.dialog && shown.dialog.choices.iter().any(known)
        });
        let free = self.live.answering.is_none() && !self.is_answered(&params.dialog, now);
        if shown.is_none() || !free {
            let _ = answer.send(self.not_pressed());
            return;
        }
        self.live.answering = Some(Answering {
            params,
            lights: None,
            begun: now,
            until: now + LIGHTS,
            attempt,
            answer,
        });
        self.go_on_answering(now);
    }

    /// Presses what comes next on the way to a choice, once the screen shows what was pressed
    /// before; gives up if it does not, or if nobody waits for the answer any more.
    pub(super) fn go_on_answering(&mut self, now: Instant) {
        let Some(answering) = self.live.answering.take() else {
            return;
        };
        let shown = self.shown();
        let shown = shown.filter(|shown| shown.dialog.id == answering.params.dialog);
        let gone = shown.is_none() && self.has_been_still(now);
        let given_up = gone || answering.answer.is_closed() || now >= answering.until;
        let is_lit = |lit| answering.lights.is_none() || lit == answering.lights;
        let shown = shown.filter(|shown| is_lit(shown.read.lit));
        let shown =
            shown.filter(|shown| shown.read.lit.is_none() || self.has_settled(&answering, now));
        let harness = &self.setup.harness;
        let press = shown.and_then(|shown| harness.press(&shown.read, &answering.params.key));
        match press.filter(|_| !answering.answer.is_closed()) {
            Some(Press::Picks(keys)) => self.pick(answering, &keys, now),
            Some(Press::Lights { keys, then }) => {
                self.live.outgoing.extend_from_slice(&keys);
                self.live.answering = Some(Answering {
                    lights: Some(then),
                    until: now + LIGHTS,
                    ..answering
                });
            }
            None if !given_up => self.live.answering = Some(answering),
            None => {
                if answering.lights.is_some() {
                    // It may be drawn yet.
                    self.live.last_input = Some(now);
                }
                drop(answering.attempt);
                let _ = answering.answer.send(self.not_pressed());
                self.release_keys();
            }
        }
    }

    fn pick(&mut self, answering: Answering, keys: &[u8], now: Instant) {
        self.live.outgoing.extend_from_slice(keys);
        self.live.pick = Some(Pick {
            dialog: answering.params.dialog,
            unread: now,
        });
        answering.attempt.forget();
        let _ = answering.answer.send(AnswerResult {
            pressed: true,
            dialog: None,
            screen: self.screen_status(),
        });
        self.release_keys();
    }

    fn not_pressed(&self) -> AnswerResult {
        AnswerResult {
            pressed: false,
            dialog: self.dialog(),
            screen: self.screen_status(),
        }
    }

    fn has_been_still(&self, now: Instant) -> bool {
        let since = self.live.last_output.unwrap_or(self.live.started);
        let drawing = self.live.terminal.modes().synchronized_update;
        !drawing && now.saturating_duration_since(since) >= GONE
    }

    /// Returns whether the choice that is seen to be lit is the one that the agent would take: it has
    /// read and drawn all that was typed, and the screen is still.
    fn has_settled(&mut self, answering: &Answering, now: Instant) -> bool {
        let terminal = self.terminal.as_ref();
        if !self.live.outgoing.is_empty() || terminal.is_some_and(AgentTerminal::has_unread) {
            self.live.last_input = Some(now);
            return false;
        }
        let quiet_since = self.live.last_output.unwrap_or(self.live.started);
        let quiet_for = now.saturating_duration_since(quiet_since);
        let quiet = quiet_for >= self.setup.harness.submit().quiet;
        let drawing = self.live.terminal.modes().synchronized_update;
        quiet && !drawing && self.has_drawn(answering, now)
    }

    /// Returns whether the screen shows what came of all that was typed. A light where our own key
    /// was to lead it shows that; of a person's key nobody knows what it does, nor whether output
    /// after it comes of it, so only time tells.
    fn has_drawn(&self, answering: &Answering, now: Instant) -> bool {
        let Some(typed) = self.live.last_input else {
            return true;
        };
        let output = self.live.last_output.is_some_and(|output| output > typed);
        if answering.lights.is_some() && output {
            return true;
        }
        // Without output since, it may have lain unread until just now.
        let read = match output {
            true => typed,
            false => typed.max(answering.begun),
        };
        now.saturating_duration_since(read) >= DRAWS
    }

    /// Returns whether keys are on their way, or were before the agent could draw what follows: the
    /// next would reach that.
    fn is_answered(&mut self, dialog: &str, now: Instant) -> bool {
        let terminal = self.terminal.as_ref();
        let on_their_way =
            !self.live.outgoing.is_empty() || terminal.is_some_and(AgentTerminal::has_unread);
        let pick = self.live.pick.as_mut().filter(|pick| pick.dialog == dialog);
        let Some(pick) = pick else {
            return on_their_way;
        };
        if on_their_way {
            pick.unread = now;
        }
        now.saturating_duration_since(pick.unread) < DRAWS
    }

    fn dialog(&self) -> Option<Dialog> {
        self.shown().map(|shown| shown.dialog)
    }

    fn shown(&self) -> Option<Shown> {
        let ScreenState::Blocked(kind) = self.live.classification.state else {
            return None;
        };
        if !matches!(self.phase, Phase::Running) {
            return None;
        }
        let read = self.setup.harness.dialog(&self.live.terminal.screen())?;
        let mut hasher = DefaultHasher::new();
        // The same words in another run are another dialog; which choice is lit does not count.
        (self.live.run.0, kind.to_string(), &read.text, &read.choices).hash(&mut hasher);
        let choices = read.choices.iter().cloned();
        let dialog = Dialog {
            id: format!("{:016x}", hasher.finish()),
            kind: kind.to_string(),
            text: read.text.clone(),
            cut: read.cut,
            choices: choices.map(|(key, label)| Choice { key, label }).collect(),
        };
        Some(Shown { read, dialog })
    }
}
