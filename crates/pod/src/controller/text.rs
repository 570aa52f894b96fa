//! The texts that the agent gets: what is typed for a message, and by which keys.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::PathBuf;

use podfleet_protocol::{Address, Class, Kind, Message, MessageId, Preamble, Typing};

use super::Controller;
use crate::clock;
use crate::delivery::{keystrokes, typed_text};

impl Controller {
    /// Makes a message from the fleet itself.
    pub(super) fn own_message(&self, body: String, typing: Typing) -> Message {
        let identity = &self.setup.shared.identity;
        Message {
            id: MessageId::generate(),
            from: Address::new(&identity.host, "fleet"),
            to: Address::new(&identity.host, identity.name.as_str()),
            kind: Kind::Run,
            class: Class::Actionable,
            thread: None,
            body,
            typing,
            accepted: clock::wall(),
        }
    }

    /// Returns the keys that type a text into the agent's terminal as it is now.
    pub(super) fn typed_bytes(&self, text: &str) -> Result<Vec<u8>, String> {
        let Some(terminal) = &self.terminal else {
            return Ok(Vec::new());
        };
        keystrokes(
            text,
            self.setup.harness.submit(),
            self.live.terminal.modes().bracketed_paste,
            terminal.discipline(),
        )
    }

    /// Returns the exact text that is typed for a message.
    pub(super) fn text(&self, message: &Message) -> Result<String, String> {
        // It may be older than this run of the agent.
        let fit = (self.setup.shared.reader).check(&message.body, message.typing);
        fit.map_err(|refusal| refusal.to_string())?;
        let preamble = Preamble {
            from: message.from.clone(),
            to: message.to.clone(),
            class: message.class,
            thread: message.thread.clone(),
        };
        if message.body.len() > self.setup.harness.comfortable_bytes() {
            let path = self.write_body(message).map_err(|error| {
                format!("its body is too long to be typed, and no file can be written: {error}")
            })?;
            return Ok(format!(
                "{preamble} This message is long ({} bytes). Read it from the file {}",
                message.body.len(),
                path.display()
            ));
        }
        typed_text(&preamble, &message.body, message.typing)
    }

    /// Writes a body that is too long for the composer to a file that the agent can read.
    fn write_body(&self, message: &Message) -> io::Result<PathBuf> {
        let directory = &self.setup.bodies;
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)?;
        let path = directory.join(format!("{}.txt", message.id));
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&path)?;
        file.write_all(message.body.as_bytes())?;
        file.sync_all()?;
        Ok(path)
    }
}
