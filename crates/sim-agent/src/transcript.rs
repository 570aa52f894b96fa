//! The transcript: what has been said, above the composer.

use std::collections::VecDeque;

/// How many bytes of entries already drawn are kept to be drawn again after a resize.
const KEPT_BYTES: usize = 64 * 1024;

/// One entry of the transcript.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// Who this is, at the start.
    Banner(String),
    /// A message of the user.
    User(String),
    /// An answer, or an error in its place.
    Answer(String),
    /// A remark of the program.
    Note(String),
    /// Raw output lines.
    Output(String),
}

impl Entry {
    pub(crate) fn text(&self) -> &str {
        match self {
            Self::Banner(text)
            | Self::User(text)
            | Self::Answer(text)
            | Self::Note(text)
            | Self::Output(text) => text,
        }
    }
}

/// The entries, numbered from 0 in order; old ones are forgotten once drawn.
#[derive(Debug, Default)]
pub struct Transcript {
    entries: VecDeque<Entry>,
    bytes: usize,
    first: u64,
    clears: u64,
}

impl Transcript {
    /// Appends an entry.
    pub fn push(&mut self, entry: Entry) {
        self.bytes += entry.text().len();
        self.entries.push_back(entry);
    }

    /// Forgets everything; what is drawn has to be drawn anew.
    pub fn clear(&mut self) {
        self.first = self.end();
        self.entries.clear();
        self.bytes = 0;
        self.clears += 1;
    }

    /// Returns how often the transcript was cleared.
    #[must_use]
    pub fn clears(&self) -> u64 {
        self.clears
    }

    /// Returns the number that the next entry will get.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.first + self.entries.len() as u64
    }

    /// Returns the entries from number `from` on.
    pub fn since(&self, from: u64) -> impl DoubleEndedIterator<Item = &Entry> {
        let skipped = usize::try_from(from.saturating_sub(self.first)).unwrap_or(usize::MAX);
        self.entries.range(skipped.min(self.entries.len())..)
    }

    /// Returns all entries that are kept, the newest first.
    pub fn newest_first(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().rev()
    }

    /// Forgets the oldest entries down to a bound of memory; to be called once all are drawn.
    pub fn trim(&mut self) {
        while self.bytes > KEPT_BYTES {
            let Some(oldest) = self.entries.pop_front() else {
                return;
            };
            self.bytes -= oldest.text().len();
            self.first += 1;
        }
        self.entries.shrink_to(64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(transcript: &Transcript, from: u64) -> Vec<&str> {
        transcript.since(from).map(Entry::text).collect()
    }

    #[test]
    fn numbers_stay_when_old_entries_are_forgotten() {
        let mut transcript = Transcript::default();
        transcript.push(Entry::Note("x".repeat(KEPT_BYTES)));
        transcript.push(Entry::Note("kept".to_owned()));
        transcript.trim();
        assert_eq!(transcript.end(), 2);
        assert_eq!(texts(&transcript, 0), ["kept"]);
        assert_eq!(texts(&transcript, 1), ["kept"]);
        assert!(texts(&transcript, 2).is_empty());
    }

    #[test]
    fn clearing_leaves_nothing_to_draw() {
        let mut transcript = Transcript::default();
        transcript.push(Entry::Note("old".to_owned()));
        transcript.clear();
        transcript.push(Entry::Note("new".to_owned()));
        assert_eq!((transcript.clears(), transcript.end()), (1, 2));
        assert_eq!(texts(&transcript, 0), ["new"]);
    }
}
