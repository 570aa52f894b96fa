//! The pod's own messages: what an agent is told at its start, and its reset.

use std::time::Instant;

use podfleet_pod_store::session_log::Entry;
use podfleet_protocol::method::ResetResult;
use podfleet_protocol::{Message, MessageId, Receipt, Typing};

use super::agent::Phase;
use super::{Controller, Next};

/// How a command to the agent's program is typed.
const COMMAND: Typing = Typing {
    raw: true,
    allow_command: true,
    task: false,
    now: false,
    on_crash: podfleet_protocol::OnCrash::Report,
};

impl Controller {
    /// Puts what the agent is told first into the lane of a new run: the text that its program has
    /// no flag for, then the kickstart.
    pub(super) fn greet(&mut self) {
        self.own.clear();
        self.resetting = None;
        let role = self.setup.spec.first_message.clone();
        if let Some(role) = role.filter(|_| !self.talk.is_resumed()) {
            self.say(role, Typing::default());
        }
        self.kick_off();
    }

    /// Has the agent forget its conversation, by its own command; then it is kicked off again. The
    /// command is typed before the messages that wait, as they are.
    pub(super) fn reset(&mut self) -> ResetResult {
        let running = matches!(self.phase, Phase::Running) && self.stopping.is_none();
        let command = self.setup.harness.reset_command().map(str::to_owned);
        let message = command
            .filter(|_| running)
            .map(|command| self.say_reset(command));
        self.dirty = true;
        ResetResult { message }
    }

    /// Puts the harness's reset command in front of a message that starts a task; an agent without
    /// such a command is started anew. Returns whether that has to be done before.
    pub(super) fn needs_reset(&mut self, message: &Message) -> bool {
        let wanted = message.typing.task && self.setup.spec.reset_between_tasks;
        if !wanted || self.reset_for == Some(message.id) {
            return false;
        }
        self.reset_for = Some(message.id);
        match self.setup.harness.reset_command().map(str::to_owned) {
            Some(command) => {
                self.say_reset(command);
            }
            None if self.is_untouched() => return false,
            None => {
                self.setup.shared.journal.note(Entry::Control {
                    action: "restart".into(),
                    by: message.from.clone(),
                    detail: "with a new conversation, for a task".into(),
                });
                self.renew();
            }
        }
        self.dirty = true;
        true
    }

    /// Returns whether nothing was said in this conversation, by us or by a person.
    fn is_untouched(&self) -> bool {
        let person = self.live.keys.age(Instant::now());
        !self.talk.is_resumed() && !self.talk.is_used() && person.is_none()
    }

    fn say_reset(&mut self, command: String) -> MessageId {
        let id = self.say(command, COMMAND);
        self.resetting = Some(id);
        self.kick_off();
        self.next_is_own();
        id
    }

    fn kick_off(&mut self) {
        if let Some(kickstart) = self.setup.spec.kickstart.clone() {
            self.say(kickstart, self.setup.shared.reader.typing());
        }
    }

    fn say(&mut self, text: String, typing: Typing) -> MessageId {
        let message = self.own_message(text, typing);
        let id = message.id;
        self.setup.shared.journal.note(Entry::MessageAccepted {
            message: message.clone(),
        });
        let shared = &self.setup.shared;
        shared.expect_own(Receipt::accepted(id, message.accepted));
        self.own.push_back(message);
        id
    }

    /// Takes the pod's own messages before all others, unless one of those is on its way.
    pub(super) fn next_is_own(&mut self) {
        let waits = self.live.next.as_ref().is_none_or(|next| next.stored);
        if !waits || !self.live.delivery.is_free() {
            return;
        }
        let Some(message) = self.own.pop_front() else {
            return;
        };
        self.live.next = Some(Next {
            message,
            attempts: 0,
            stored: false,
        });
        self.dirty = true;
    }

    /// Takes notice that a message has left the composer: a reset ends the conversation.
    pub(super) fn reset_left(&mut self, id: MessageId) {
        if self.resetting.take_if(|reset| *reset == id).is_some() {
            self.live.own_word = None;
            self.forget_conversation();
        }
    }
}
