//! Dialogs of the agent: what they ask, and picking a choice on an explicit order.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Instant;

use podfleet_harness::ScreenState;
use podfleet_protocol::method::{AnswerParams, AnswerResult, Choice, Dialog, DialogResult};

use super::Controller;
use super::agent::Phase;

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
        self.look(Instant::now());
        let dialog = self.dialog();
        let stands = dialog.as_ref().is_some_and(|dialog| {
            let known = |choice: &Choice| choice.key == params.key;
            dialog.id == params.dialog && dialog.choices.iter().any(known)
        });
        // Keys on their way would reach whatever follows the dialog.
        let keys = self.setup.harness.pick(&params.key);
        let keys = keys.filter(|_| stands && self.live.outgoing.is_empty());
        if let Some(keys) = &keys {
            self.live.outgoing.extend_from_slice(keys);
        }
        AnswerResult {
            pressed: keys.is_some(),
            dialog: dialog.filter(|_| keys.is_none()),
            screen: self.screen_status(),
        }
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
