//! Canonical mode: a line reader behind a prompt, without a TUI.

use crate::screen::entry_lines;
use crate::transcript::{Entry, Transcript};

/// Cuts terminal input into lines; the kernel has already edited them.
#[derive(Debug, Default)]
pub(crate) struct LineReader {
    pending: Vec<u8>,
}

impl LineReader {
    /// Takes in bytes and returns the lines that they complete, without their ends.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Vec<String> {
        self.pending.extend_from_slice(bytes);
        let Some(end) = self.pending.iter().rposition(|&byte| byte == b'\n') else {
            return Vec::new();
        };
        let rest = self.pending.split_off(end + 1);
        let lines = std::mem::replace(&mut self.pending, rest);
        String::from_utf8_lossy(&lines)
            .lines()
            .map(str::to_owned)
            .collect()
    }
}

/// Writes answers and, when the agent is idle, a prompt.
#[derive(Debug, Default)]
pub(crate) struct PromptPainter {
    written: u64,
    prompted_at: Option<u64>,
}

impl PromptPainter {
    /// Returns the text that brings the terminal up to date.
    ///
    /// Messages of the user are left out: the kernel has echoed them, or was told not to.
    pub(crate) fn frame(&mut self, transcript: &Transcript, turns: u64, idle: bool) -> String {
        // Lines are left to the terminal to wrap.
        const COLUMNS: u16 = u16::MAX;
        let mut out = String::new();
        for entry in transcript.since(self.written) {
            if matches!(entry, Entry::User(_)) {
                continue;
            }
            for line in entry_lines(entry, COLUMNS) {
                out.push_str(&line.plain);
                out.push_str(&line.faint);
                out.push('\n');
            }
        }
        self.written = transcript.end();
        if idle && self.prompted_at != Some(turns) {
            self.prompted_at = Some(turns);
            out.push_str("> ");
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_may_come_in_pieces() {
        let mut reader = LineReader::default();
        assert!(reader.feed(b"on").is_empty());
        assert_eq!(reader.feed(b"e\ntwo\nth"), ["one", "two"]);
        assert_eq!(reader.feed(b"ree\n"), ["three"]);
    }

    #[test]
    fn the_prompt_comes_back_after_each_turn() {
        let mut transcript = Transcript::default();
        let mut painter = PromptPainter::default();
        assert_eq!(painter.frame(&transcript, 0, true), "> ");
        transcript.push(Entry::User("hello".to_owned()));
        assert_eq!(painter.frame(&transcript, 1, false), "");
        transcript.push(Entry::Answer("echo: hello".to_owned()));
        assert_eq!(painter.frame(&transcript, 1, true), "● echo: hello\n> ");
        assert_eq!(painter.frame(&transcript, 1, true), "");
    }
}
