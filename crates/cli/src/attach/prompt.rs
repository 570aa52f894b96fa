//! The line in which a command is typed: its text, its keys, and how it is drawn.

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use super::command::{Completion, complete};
use super::keys::OurKeys;

/// The longest line that can be typed, in bytes.
const LONGEST: usize = 256;

/// The key that gives the line up, and the first byte of many others.
const ESCAPE: u8 = 0x1b;

/// A line being typed.
#[derive(Debug, Default)]
pub(crate) struct Prompt {
    text: String,
    /// What the last completion left open.
    candidates: Vec<String>,
    /// The pods that can be named; nothing until they are known.
    names: Option<Vec<String>>,
    /// Whether a completion waits for them.
    wanted: bool,
    /// The first bytes of a character whose rest is still to come.
    partial: Vec<u8>,
}

/// What a piece of typing did to the line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Typed<'i> {
    /// It goes on.
    Editing,
    /// It is given up. What was typed after that: it begins with our own prefix where that did it.
    Cancelled(&'i [u8]),
    /// It is to be carried out. What was typed after it.
    Entered(String, &'i [u8]),
}

impl Prompt {
    /// Makes the pods known that can be named, and completes a line that waited for them.
    pub(crate) fn know(&mut self, names: Vec<String>) {
        self.names = Some(names);
        if self.wanted {
            self.complete();
        }
    }

    /// Takes what was typed, until the line ends.
    pub(crate) fn take<'i>(&mut self, input: &'i [u8], keys: &OurKeys) -> Typed<'i> {
        let mut rest = input;
        while let [first, tail @ ..] = rest {
            if keys.behind(rest).is_some() {
                return Typed::Cancelled(rest);
            }
            rest = tail;
            match *first {
                b'\r' | b'\n' => return Typed::Entered(std::mem::take(&mut self.text), rest),
                0x03 | 0x07 => return Typed::Cancelled(rest),
                // Alone it is the key; else it begins a sequence of a key that means nothing here.
                ESCAPE if tail.is_empty() => return Typed::Cancelled(rest),
                ESCAPE => rest = after_sequence(tail),
                b'\t' => self.complete(),
                0x08 | 0x7f => {
                    if self.text.is_empty() {
                        return Typed::Cancelled(rest);
                    }
                    self.delete();
                }
                0x15 => self.edited(String::clear),
                0x17 => self.edited(delete_word),
                byte if byte < 0x20 => {}
                byte => self.byte(byte),
            }
        }
        Typed::Editing
    }

    fn edited(&mut self, edit: impl FnOnce(&mut String)) {
        edit(&mut self.text);
        self.candidates.clear();
        self.wanted = false;
    }

    fn delete(&mut self) {
        self.edited(|text| {
            let last = text.grapheme_indices(true).next_back();
            text.truncate(last.map_or(0, |(at, _)| at));
        });
    }

    fn byte(&mut self, byte: u8) {
        self.partial.push(byte);
        match std::str::from_utf8(&self.partial) {
            Ok(character) => {
                let printable = !character.chars().any(char::is_control);
                let fits = self.text.len() + character.len() <= LONGEST;
                if printable && fits {
                    let character = character.to_owned();
                    self.edited(|text| text.push_str(&character));
                }
                self.partial.clear();
            }
            // More of it may come; what cannot become a character is dropped.
            Err(error) if error.error_len().is_some() => self.partial.clear(),
            Err(_) => {}
        }
    }

    fn complete(&mut self) {
        let names = self.names.as_deref().unwrap_or_default();
        let Completion { line, candidates } = complete(&self.text, names);
        self.wanted = self.names.is_none();
        self.text = line;
        self.candidates = match candidates.len() {
            0 | 1 => Vec::new(),
            _ => candidates,
        };
    }

    /// Returns the lines to show, the typed one last, and the cursor's column in it.
    pub(crate) fn lines(&self, columns: usize) -> (Vec<String>, usize) {
        let mut lines = Vec::new();
        if !self.candidates.is_empty() {
            lines.push(self.candidates.join("  "));
        }
        // Of a line that is too long its end is shown, where the typing happens.
        let room = columns.saturating_sub(2);
        let mut shown = self.text.as_str();
        while shown.width() > room {
            shown = shown
                .grapheme_indices(true)
                .nth(1)
                .map_or("", |(at, _)| &shown[at..]);
        }
        lines.push(format!(":{shown}"));
        (lines, 1 + shown.width())
    }
}

fn delete_word(text: &mut String) {
    let trimmed = text.trim_end();
    let start = trimmed.rfind(char::is_whitespace).map_or(0, |at| at + 1);
    text.truncate(start);
}

/// Returns what follows a key's escape sequence; `bytes` begins after its ESC.
fn after_sequence(bytes: &[u8]) -> &[u8] {
    let body = match bytes {
        [b'[', body @ ..] => body,
        [b'O', _, rest @ ..] | [_, rest @ ..] => return rest,
        [] => return bytes,
    };
    let end = body.iter().position(|byte| (0x40..=0x7e).contains(byte));
    end.map_or(&[], |end| &body[end + 1..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attach::prefix::PrefixKey;

    fn ours() -> OurKeys {
        OurKeys::new(PrefixKey::default())
    }

    fn typed<'i>(pieces: &[&'i [u8]]) -> (String, Typed<'i>) {
        let mut prompt = Prompt::default();
        prompt.know(vec!["coder0".to_owned(), "coder1".to_owned()]);
        let mut last = Typed::Editing;
        for piece in pieces {
            last = prompt.take(piece, &ours());
        }
        (prompt.lines(80).0.join("\n"), last)
    }

    #[test]
    fn a_line_is_edited_and_entered() {
        let (_, end) = typed(&[b"peer lex\x7fad\r"]);
        assert_eq!(end, Typed::Entered("peer lead".to_owned(), b""));
        let (_, end) = typed(&[b"rubbish\x15pods", b"\r"]);
        assert_eq!(end, Typed::Entered("pods".to_owned(), b""));
        let (_, end) = typed(&[b"peer lead\x17coder0\r"]);
        assert_eq!(end, Typed::Entered("peer coder0".to_owned(), b""));
    }

    #[test]
    fn escape_control_c_and_deleting_the_colon_give_up() {
        for keys in [&b"pods\x1b"[..], b"pods\x03", b"a\x7f\x7f"] {
            assert_eq!(typed(&[keys]).1, Typed::Cancelled(b""), "{keys:?}");
        }
    }

    #[test]
    fn our_key_gives_up_with_what_follows_it() {
        for keys in [&b"\x1c:p"[..], b"\x1b[92;5u:p", b"\x1b[27;5;92~:p"] {
            let input = [b"po\x1b[A", keys].concat();
            assert_eq!(typed(&[&input]).1, Typed::Cancelled(keys), "{keys:?}");
        }
        let another = OurKeys::new("ctrl-a".parse().unwrap());
        let mut prompt = Prompt::default();
        assert_eq!(prompt.take(b"po\x1cds", &another), Typed::Editing);
        assert_eq!(prompt.text, "pods");
        assert_eq!(prompt.take(b"\x01d", &another), Typed::Cancelled(b"\x01d"));
    }

    #[test]
    fn keys_that_mean_nothing_here_leave_no_trace() {
        let (shown, end) = typed(&[b"po\x1b[A\x1b[1;5C\x1bOHds\x01"]);
        assert_eq!((shown.as_str(), end), (":pods", Typed::Editing));
    }

    #[test]
    fn a_character_may_come_in_pieces_and_rubbish_is_dropped() {
        let (shown, _) = typed(&[b"\xe6\xbc", b"\xa2\xff!"]);
        assert_eq!(shown, ":漢!");
    }

    #[test]
    fn tab_completes_and_shows_what_is_left_open() {
        assert_eq!(typed(&[b"pee\tc\t"]).0, "coder0  coder1\n:peer coder");
        assert_eq!(typed(&[b"pee\tc\t0"]).0, ":peer coder0");
    }

    #[test]
    fn a_tab_before_the_names_are_known_completes_when_they_come() {
        let names = || vec!["lead".to_owned()];
        let mut prompt = Prompt::default();
        prompt.take(b"peer l\t", &ours());
        prompt.know(names());
        assert_eq!(prompt.text, "peer lead ");
        let mut edited = Prompt::default();
        edited.take(b"peer l\tx", &ours());
        edited.know(names());
        assert_eq!(edited.text, "peer lx");
    }

    #[test]
    fn of_a_long_line_the_end_is_shown() {
        let mut prompt = Prompt::default();
        prompt.take("peer 漢字abcdef".as_bytes(), &ours());
        assert_eq!(prompt.lines(8), (vec![":abcdef".to_owned()], 7));
        prompt.take(&[b'x'; 1000], &ours());
        assert_eq!(prompt.text.len(), LONGEST);
    }
}
