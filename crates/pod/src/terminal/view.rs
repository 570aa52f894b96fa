//! What attached clients get to see.

use super::filter::Filter;

/// The filter between an agent's output and the terminals of attached clients.
///
/// It drops everything that asks a terminal for an answer and everything that reaches outside its
/// screen; what is let through is exactly what [`Terminal`](super::Terminal) understands. The
/// outcome depends on the bytes alone, not on how they are cut into chunks.
#[derive(Debug)]
pub struct ViewStream {
    filter: Filter,
}

impl ViewStream {
    /// Returns a filter at the beginning of a stream.
    #[must_use]
    pub fn new() -> Self {
        Self {
            filter: Filter::new(),
        }
    }

    /// Appends to `out` what clients may see of `bytes`.
    ///
    /// What is appended is complete: it ends in a terminal's ground state and with a whole
    /// character. An unfinished sequence is held back, up to 64 KiB; a longer one is dropped up to
    /// its end.
    pub fn feed(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        self.filter.feed(bytes, out, |_, _| {});
    }
}

impl Default for ViewStream {
    fn default() -> Self {
        Self::new()
    }
}
