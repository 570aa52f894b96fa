//! The error of every command: how it ends, what went wrong, and what to do about it.

#[cfg(feature = "fleet")]
mod fleet;

use std::fmt::Write as _;
use std::io;

use podfleet_roster::without_secrets;

use crate::exit::Exit;
use crate::output::ReaderGone;
use crate::render::style;
use crate::render::wrap::wrap;

/// Why a command failed.
#[derive(Debug)]
pub(crate) struct Error {
    exit: Exit,
    cause: anyhow::Error,
    hints: Vec<String>,
}

/// What every command gives: how it ended, or why it failed.
pub(crate) type Outcome = Result<Exit, Error>;

impl Error {
    /// Makes an error of a lowercase message or of another error.
    pub(crate) fn new(exit: Exit, cause: impl Into<anyhow::Error>) -> Self {
        Self {
            exit,
            cause: cause.into(),
            hints: Vec::new(),
        }
    }

    /// Makes an error of a message alone.
    pub(crate) fn message(exit: Exit, message: impl Into<String>) -> Self {
        Self::new(exit, anyhow::Error::msg(message.into()))
    }

    /// Says what was being done when it went wrong.
    pub(crate) fn context(mut self, what: impl Into<String>) -> Self {
        self.cause = self.cause.context(what.into());
        self
    }

    /// Adds what to do about it, as a full sentence without its full stop.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Adds a hint if it was the user who interrupted the command.
    pub(crate) fn hint_if_interrupted(self, hint: impl Into<String>) -> Self {
        match self.exit {
            Exit::Interrupted => self.hint(hint),
            _ => self,
        }
    }

    /// Returns how the command ends.
    pub(crate) const fn exit(&self) -> Exit {
        self.exit
    }

    /// Returns whether the reader of our output went away, which is nobody's fault.
    pub(crate) fn is_reader_gone(&self) -> bool {
        self.cause
            .chain()
            .filter_map(|cause| cause.downcast_ref::<io::Error>()?.get_ref())
            .any(<dyn std::error::Error + Send + Sync>::is::<ReaderGone>)
    }

    /// Returns the message alone.
    pub(crate) fn headline(&self) -> String {
        self.cause.to_string()
    }

    /// Returns the message and its causes, for places that have one line.
    pub(crate) fn in_one_line(&self) -> String {
        let mut line = without_secrets(&self.cause.to_string());
        let causes = self.cause.chain().skip(1);
        for cause in causes.map(|cause| without_secrets(&cause.to_string())) {
            if !line.contains(&cause) {
                line.push_str(": ");
                line.push_str(&cause);
            }
        }
        line
    }

    /// Returns the message, its causes and what to do about it, for agents that read it as a text.
    #[cfg(feature = "fleet")]
    pub(crate) fn for_agents(&self) -> String {
        let mut text = self.in_one_line();
        for hint in &self.hints {
            text.push_str("\nhint: ");
            text.push_str(hint);
        }
        text
    }

    /// Renders the error: its message, what caused it, and the hints apart from both.
    pub(crate) fn render(&self) -> String {
        let mut text = String::new();
        if self.exit == Exit::Interrupted && self.hints.is_empty() {
            // Whoever interrupts knows it.
            return text;
        }
        let mut said = shown(&self.cause.to_string());
        let _ = writeln!(
            text,
            "{}error:{:#} {}",
            style::ERROR,
            style::ERROR,
            wrap(&said, "error: ".len(), "  ")
        );
        for cause in self.cause.chain().skip(1) {
            let cause = shown(&cause.to_string());
            // Some foreign errors repeat their source in their own words.
            if said.contains(&cause) {
                continue;
            }
            let _ = writeln!(text, "  cause: {}", wrap(&cause, "  cause: ".len(), "    "));
            said = cause;
        }
        if !self.hints.is_empty() {
            text.push('\n');
        }
        for hint in &self.hints {
            let _ = writeln!(
                text,
                "{}hint:{:#} {}",
                style::HINT,
                style::HINT,
                wrap(&without_secrets(hint), "hint: ".len(), "  ")
            );
        }
        text
    }
}

/// Returns a message as people see it; it may repeat a word of the command line that is a secret.
fn shown(message: &str) -> String {
    without_secrets(&plain(message))
}

/// Returns a message without the number that the standard library adds to the system's words.
fn plain(message: &str) -> String {
    match message.rsplit_once(" (os error ") {
        // The path of a temporary file helps nobody.
        Some((words, rest)) if rest.ends_with(')') || rest.contains(") at path ") => {
            words.to_owned()
        }
        _ => message.to_owned(),
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::new(Exit::System, error)
    }
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Self::from(io::Error::from(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_and_hints_stand_apart_from_the_message() {
        let error = Error::from(io::Error::from(io::ErrorKind::StorageFull))
            .context("the message for `coder` cannot be accepted")
            .hint("free some space below /home/me/.local/state/fleet and send the message once more with the same `--id`");
        insta::assert_snapshot!(anstream::adapter::strip_str(&error.render()), @r"
        error: the message for `coder` cannot be accepted
          cause: no storage space

        hint: free some space below /home/me/.local/state/fleet and send the message
          once more with the same `--id`
        ");
    }

    #[test]
    fn the_number_of_a_system_error_is_left_out() {
        for message in [
            "Permission denied (os error 13)",
            "Permission denied (os error 13) at path \"/c/.tmpAb1\"",
        ] {
            assert_eq!(plain(message), "Permission denied");
        }
        assert_eq!(plain("a (b)"), "a (b)");
    }

    #[test]
    fn a_reader_that_is_gone_is_told_from_other_failures() {
        let gone = Error::from(io::Error::from(ReaderGone)).context("printing");
        assert!(gone.is_reader_gone());
        let of_a_socket = io::Error::from(io::ErrorKind::BrokenPipe);
        assert!(!Error::from(of_a_socket).is_reader_gone());
    }
}
