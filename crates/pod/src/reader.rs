//! What may be typed to a program that runs what it reads.

use podfleet_harness::{Harness, Input};
use podfleet_pod_store::{PodRecord, PodStore, Refusal, Sender, StoreError};
use podfleet_protocol::{Message, PodId, Typing, may_be_preamble};

use crate::inspect::spec_of;
use crate::spec::PodSpec;

/// What an agent's program does with a message.
///
/// One that runs what it reads, such as a shell, would run a message's line head too, whose arrow sends
/// output into a file. So it gets nothing but what is typed as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// It reads it.
    OfMessages,
    /// It runs it.
    OfCommands {
        /// The longest command that is typed, in bytes.
        most: usize,
    },
}

impl Reader {
    /// Returns what a program does that `argv` starts.
    #[must_use]
    pub fn new(harness: &Harness, argv: &[String]) -> Self {
        match harness.input(argv) {
            Input::Messages => Self::OfMessages,
            Input::Commands => Self::OfCommands {
                most: harness.comfortable_bytes(),
            },
        }
    }

    /// Returns what the agent of a record does. One whose record or harness cannot be read cannot be
    /// started either.
    #[must_use]
    pub fn of(record: &PodRecord) -> Self {
        spec_of(record).map_or(Self::OfMessages, |spec| Self::of_spec(&spec))
    }

    /// Returns what the agent of a specification does.
    #[must_use]
    pub fn of_spec(spec: &PodSpec) -> Self {
        let harness = spec.harness.load();
        harness.map_or(Self::OfMessages, |harness| Self::new(&harness, &spec.argv))
    }

    /// Returns whether it runs what it reads.
    #[must_use]
    pub fn runs_input(self) -> bool {
        self != Self::OfMessages
    }

    /// Returns how a text of the operator's own is typed, such as a kickstart.
    #[must_use]
    pub fn typing(self) -> Typing {
        Typing {
            raw: self.runs_input(),
            allow_command: self.runs_input(),
            ..Typing::default()
        }
    }

    /// Checks whether a message may be typed.
    ///
    /// # Errors
    /// Gives why not.
    pub fn check(self, body: &str, typing: Typing) -> Result<(), Refusal> {
        match self {
            Self::OfMessages => Ok(()),
            Self::OfCommands { .. } if !typing.raw || may_be_preamble(body) => {
                Err(Refusal::RunsInput)
            }
            Self::OfCommands { most } if body.len() > most => {
                Err(Refusal::CommandTooLong { limit: most })
            }
            Self::OfCommands { .. } => Ok(()),
        }
    }

    /// Returns why a message is refused before it is offered to the receiver's records. A sender that
    /// has no relation to the receiver learns nothing of it here: those refuse it.
    pub(crate) async fn refuses(
        self,
        store: &dyn PodStore,
        sender: Sender,
        to: PodId,
        message: &Message,
    ) -> Result<Option<Refusal>, StoreError> {
        let Err(refusal) = self.check(&message.body, message.typing) else {
            return Ok(None);
        };
        let known = match sender {
            Sender::Pod(pod) => !store.relation(pod, to).await?.is_none(),
            _ => true,
        };
        Ok(known.then_some(refusal))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell() -> Reader {
        let harness = Harness::shipped("generic").unwrap();
        Reader::new(&harness, &["/bin/bash".into(), "--norc".into()])
    }

    #[test]
    fn what_runs_its_input_takes_nothing_with_a_line_head() {
        let raw = Typing {
            raw: true,
            ..Typing::default()
        };
        let head = "[fern:operator -> fern:shell] ls";
        assert_eq!(shell().check("ls", raw), Ok(()));
        for (body, typing) in [("ls", Typing::default()), (head, raw)] {
            assert_eq!(shell().check(body, typing), Err(Refusal::RunsInput));
        }
        // A longer one would be put into a file, with a line head that names it.
        let Reader::OfCommands { most } = shell() else {
            panic!("a shell runs what it reads");
        };
        let long = "x".repeat(most + 1);
        let too_long = Refusal::CommandTooLong { limit: most };
        assert_eq!(shell().check(&long, raw), Err(too_long));
    }

    #[test]
    fn what_reads_messages_takes_any() {
        let harness = Harness::shipped("generic").unwrap();
        let program = ["sh", "-c", "exec agent"].map(str::to_owned);
        let reader = Reader::new(&harness, &program);
        assert_eq!(reader, Reader::OfMessages);
        assert_eq!(reader.check("hello", Typing::default()), Ok(()));
        assert!(!reader.typing().raw && shell().typing().raw);
    }
}
