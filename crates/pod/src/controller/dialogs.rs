//! Dialogs of the agent: what they ask, and picking a choice on an explicit order.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, Instant};

use podfleet_harness::ScreenState;
use podfleet_protocol::method::{AnswerParams, AnswerResult, Choice, Dialog, DialogResult};

use super::Controller;
use super::agent::Phase;
use crate::agent_process::AgentTerminal;

/// How long an agent may take from reading a pick to drawing what follows it.
const DRAWS: Duration = Duration::from_secs(3);

/// The last choice that was picked, until the screen has shown something else.
#[derive(Debug)]
pub(super) struct Pick {
    dialog: String,
    /// When the agent had not read it yet.
    unread: Instant,
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
    pub(super) fn answer(&mut self, params: &AnswerParams) -> AnswerResult {
        let now = Instant::now();
        self.look(now);
        let dialog = self.dialog();
        let stands = dialog.as_ref().is_some_and(|dialog| {
            let known = |choice: &Choice| choice.key == params.key;
            dialog.id == params.dialog && dialog.choices.iter().any(known)
        });
        let keys = self.setup.harness.pick(&params.key);
        let keys = keys.filter(|_| stands && !self.is_answered(&params.dialog, now));
        if let Some(keys) = &keys {
            self.live.outgoing.extend_from_slice(keys);
            self.live.pick = Some(Pick {
                dialog: params.dialog.clone(),
                unread: now,
            });
        }
        AnswerResult {
            pressed: keys.is_some(),
            dialog: dialog.filter(|_| keys.is_none()),
            screen: self.screen_status(),
        }
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
        let ScreenState::Blocked(kind) = self.live.classification.state else {
            return None;
        };
        if !matches!(self.phase, Phase::Running) {
            return None;
        }
        let found = self.setup.harness.dialog(&self.live.terminal.screen())?;
        let mut hasher = DefaultHasher::new();
        // The same words in another run are another dialog.
        (
            self.live.run.0,
            kind.to_string(),
            &found.text,
            &found.choices,
        )
            .hash(&mut hasher);
        let choices = found.choices.into_iter();
        Some(Dialog {
            id: format!("{:016x}", hasher.finish()),
            kind: kind.to_string(),
            text: found.text,
            choices: choices.map(|(key, label)| Choice { key, label }).collect(),
        })
    }
}
