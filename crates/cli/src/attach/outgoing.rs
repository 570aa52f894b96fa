//! What is on its way to the user's terminal, and how much of it the pod may count as seen.

use std::io;

use super::tty::Tty;

/// Bytes that may wait before no more are taken from the pod.
const LIMIT: usize = 256 << 10;
/// The pod hears of what was seen after so many bytes, well before it would stop sending.
const ACK_EVERY: u64 = 32 << 10;

/// Bytes on their way to the user's terminal.
#[derive(Debug, Default)]
pub(crate) struct Outgoing {
    bytes: Vec<u8>,
    written: usize,
    /// Offset in the view stream after everything in `bytes`.
    offset: u64,
    acknowledged: u64,
}

impl Outgoing {
    /// Gives access to the end of what waits, and says up to where in the view stream that is.
    pub(crate) fn append(&mut self, offset: Option<u64>, write: impl FnOnce(&mut Vec<u8>)) {
        write(&mut self.bytes);
        self.offset = offset.unwrap_or(self.offset);
    }

    /// Begins the stream anew at an offset, which counts as seen.
    pub(crate) fn restart(&mut self, offset: u64) {
        self.offset = offset;
        self.acknowledged = offset;
    }

    /// Returns whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.written == self.bytes.len()
    }

    /// Returns whether so much waits that no more should be taken from the pod.
    pub(crate) fn is_full(&self) -> bool {
        self.bytes.len() - self.written >= LIMIT
    }

    /// Writes some of it; what is written before this is cancelled is never lost or repeated.
    pub(crate) async fn write(&mut self, tty: &Tty) -> io::Result<()> {
        self.written += tty.write(&self.bytes[self.written..]).await?;
        if self.is_empty() {
            self.bytes.clear();
            self.written = 0;
        }
        Ok(())
    }

    /// Returns the offset to acknowledge, if it is time to.
    pub(crate) fn acknowledgement(&mut self) -> Option<u64> {
        if !self.is_empty() || self.offset - self.acknowledged < ACK_EVERY {
            return None;
        }
        self.acknowledged = self.offset;
        Some(self.offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_written_is_acknowledged() {
        let mut outgoing = Outgoing::default();
        outgoing.restart(100);
        outgoing.append(Some(100 + ACK_EVERY), |out| out.push(b'x'));
        assert_eq!(outgoing.acknowledgement(), None);
        outgoing.written = 1;
        assert_eq!(outgoing.acknowledgement(), Some(100 + ACK_EVERY));
        assert_eq!(outgoing.acknowledgement(), None);
    }

    #[test]
    fn little_output_is_not_acknowledged_at_once() {
        let mut outgoing = Outgoing::default();
        outgoing.append(Some(10), |_| ());
        assert_eq!(outgoing.acknowledgement(), None);
    }
}
