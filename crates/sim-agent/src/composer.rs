//! The composer: what stands in the input box before it is submitted.

use unicode_segmentation::UnicodeSegmentation;

/// The text of the input box. The cursor is always at its end.
///
/// A paste may stand in it as a placeholder; the text that is submitted is whole in any case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Composer {
    parts: Vec<Part>,
    placeholders: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Plain(String),
    Placeholder { label: String, text: String },
}

impl Composer {
    /// Returns whether there is nothing to submit, not even a blank.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// Appends typed text.
    pub fn insert(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        if let Some(Part::Plain(last)) = self.parts.last_mut() {
            last.push_str(text);
        } else {
            self.parts.push(Part::Plain(text.to_owned()));
        }
    }

    /// Appends a paste; one of at least `placeholder_lines` shows as a placeholder.
    ///
    /// Line ends are normalised to LF, as terminals send CR for them.
    pub fn paste(&mut self, text: &str, placeholder_lines: Option<usize>) {
        let text = text.replace("\r\n", "\n").replace('\r', "\n");
        let newlines = text.matches('\n').count();
        if text.is_empty() || placeholder_lines.is_none_or(|least| newlines + 1 < least) {
            self.insert(&text);
            return;
        }
        self.placeholders += 1;
        let label = match newlines {
            0 => format!("[Pasted text #{}]", self.placeholders),
            lines => format!("[Pasted text #{} +{lines} lines]", self.placeholders),
        };
        self.parts.push(Part::Placeholder { label, text });
    }

    /// Removes the last grapheme cluster, or the last placeholder as a whole.
    pub fn backspace(&mut self) {
        let Some(Part::Plain(last)) = self.parts.last_mut() else {
            self.parts.pop();
            return;
        };
        let kept = last
            .grapheme_indices(true)
            .next_back()
            .map_or(0, |(at, _)| at);
        last.truncate(kept);
        if last.is_empty() {
            self.parts.pop();
        }
    }

    /// Empties the composer.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Empties the composer and returns its whole text.
    pub fn take(&mut self) -> String {
        let text = self.text();
        self.clear();
        text
    }

    /// Returns the whole text, placeholders replaced by what they stand for.
    #[must_use]
    pub fn text(&self) -> String {
        self.parts
            .iter()
            .map(|part| match part {
                Part::Plain(text) | Part::Placeholder { text, .. } => text.as_str(),
            })
            .collect()
    }

    /// Returns what the input box shows.
    #[must_use]
    pub fn shown(&self) -> String {
        self.parts
            .iter()
            .map(|part| match part {
                Part::Plain(text) => text.as_str(),
                Part::Placeholder { label, .. } => label.as_str(),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backspace_removes_what_a_person_sees_as_one_character() {
        let mut composer = Composer::default();
        composer.insert("a👩\u{200d}💻");
        composer.backspace();
        assert_eq!(composer.text(), "a");
        composer.backspace();
        assert!(composer.is_empty());
        composer.backspace();
        assert!(composer.is_empty());
    }

    #[test]
    fn a_placeholder_is_shown_and_its_text_submitted() {
        let mut composer = Composer::default();
        composer.insert("see ");
        composer.paste("1\r2\r\n3", Some(3));
        composer.paste("short", Some(3));
        assert_eq!(composer.shown(), "see [Pasted text #1 +2 lines]short");
        assert_eq!(composer.take(), "see 1\n2\n3short");
        assert!(composer.is_empty());
    }

    #[test]
    fn backspace_removes_a_placeholder_whole() {
        let mut composer = Composer::default();
        composer.paste("one line", Some(1));
        assert_eq!(composer.shown(), "[Pasted text #1]");
        composer.backspace();
        assert!(composer.is_empty());
    }
}
