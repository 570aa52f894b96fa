//! Which conversation a start of the agent goes on with.

use std::time::Duration;

use podfleet_harness::Conversation as Chosen;
use podfleet_protocol::{MessageId, RunEnd};

use super::Controller;
use crate::clock;
use crate::conversation::Conversation;
use crate::spec::Resume;

/// What a run's conversation is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Talk {
    /// The id to the agent's program, as far as it is known.
    id: Option<String>,
    /// Whether it began in an earlier run.
    resumed: bool,
    /// Whether the agent was once ready in this run.
    was_ready: bool,
    /// Whether we have typed something into it.
    used: bool,
}

impl Talk {
    pub(super) const fn is_resumed(&self) -> bool {
        self.resumed
    }

    pub(super) const fn is_used(&self) -> bool {
        self.used
    }
}

impl Controller {
    /// Returns the command line of the next start, and the conversation that it begins or goes on
    /// with.
    pub(super) fn command_line(&self) -> (Vec<String>, Talk) {
        let spec = &self.setup.spec;
        let mut argv = spec.argv.clone();
        let Some(place) = &spec.conversation else {
            return (argv, Talk::default());
        };
        let launch = self.setup.harness.launch();
        let kept = Conversation::read(&self.setup.shared.conversation);
        // The file may not show yet what was forgotten a moment ago.
        let kept = kept.filter(|_| !self.forgotten);
        let kept = kept.filter(|kept| is_to_go_on(kept, place.resume) && launch.resume.is_some());
        let here = &spec.working_directory;
        let kept = kept.filter(|kept| kept.directory.as_ref().is_none_or(|there| there == here));
        let fresh = MessageId::generate().to_string();
        let (chosen, talk) = match &kept {
            Some(kept) => {
                let talk = Talk {
                    id: kept.id.clone(),
                    resumed: true,
                    ..Talk::default()
                };
                (Chosen::Resume(kept.id.as_deref().unwrap_or_default()), talk)
            }
            None if launch.session.is_some() => {
                let talk = Talk {
                    id: Some(fresh.clone()),
                    ..Talk::default()
                };
                (Chosen::Named(fresh.as_str()), talk)
            }
            None => (Chosen::New, Talk::default()),
        };
        let at = place.at.min(argv.len());
        let mut own = launch.conversation(chosen);
        own.extend(launch.bodies.flags(&self.setup.bodies.to_string_lossy()));
        argv.splice(at..at, own);
        (argv, talk)
    }

    /// Takes notice that the agent was ready in this run.
    pub(super) fn was_ready(&mut self) {
        self.talk.was_ready = true;
    }

    /// Takes notice that we type something into the conversation.
    pub(super) fn conversation_used(&mut self) {
        self.talk.used = true;
    }

    /// Takes notice of the conversation's id.
    pub(super) fn conversation_is(&mut self, id: &str) {
        self.talk.id = Some(id.to_owned());
    }

    /// Keeps the conversation for later starts: something was said in it.
    pub(super) fn keep_conversation(&mut self) {
        if self.setup.spec.conversation.is_none() {
            return;
        }
        let by_id = self.setup.harness.launch().resumes_by_id();
        // Without its id, going on with it would be guessing.
        if by_id && self.talk.id.is_none() {
            return;
        }
        let kept = Conversation {
            id: self.talk.id.clone().filter(|_| by_id),
            at: clock::wall(),
            directory: Some(self.setup.spec.working_directory.clone()),
        };
        self.forgotten = false;
        self.setup.shared.journal.keep_conversation(Some(kept));
    }

    /// Returns whether turns alone show that something was said: the agent writes nothing down that
    /// we read.
    pub(super) fn talks(&self) -> bool {
        self.setup.harness.transcript().is_none()
    }

    /// Lets the next start begin a new conversation.
    pub(super) fn forget_conversation(&mut self) {
        self.talk.id = None;
        self.forgotten = true;
        self.setup.shared.journal.keep_conversation(None);
    }

    /// Draws the conclusion from the end of a run: a conversation that could not be gone on with is
    /// not tried again. Returns whether that is so, and a new one is to be begun at once.
    pub(super) fn conversation_ended(&mut self, end: &RunEnd) -> bool {
        let failed = matches!(end, RunEnd::Exited(status) if *status != 0);
        let anew = self.talk.resumed && !self.talk.was_ready && failed && self.stopping.is_none();
        if anew {
            tracing::warn!(%end, "the conversation cannot be gone on with, so a new one is begun");
            self.forget_conversation();
        }
        anew
    }
}

fn is_to_go_on(kept: &Conversation, resume: Resume) -> bool {
    match resume {
        Resume::Always => true,
        Resume::Never => false,
        Resume::Within { seconds } => {
            let age = clock::wall().0.saturating_sub(kept.at.0);
            let age = Duration::from_millis(u64::try_from(age).unwrap_or_default());
            age <= Duration::from_secs(seconds)
        }
    }
}
