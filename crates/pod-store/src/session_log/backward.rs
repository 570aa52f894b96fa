//! The lines of a file from the last to the first.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::record::MAX_RECORD;

/// How much is read at once, in bytes; doubled within a line that is longer.
const BLOCK: usize = 64 << 10;

/// Gives the whole lines of a file, the last one first, and reads no more than it needs.
///
/// What follows the last newline is no line.
#[derive(Debug)]
pub(super) struct BackwardLines {
    file: File,
    /// Where `buffer` begins in the file.
    start: u64,
    /// What is read and not yet given; ends with a newline once the tail is cut.
    buffer: Vec<u8>,
    /// How long the file is without its torn tail.
    whole: u64,
}

/// A line without its newline.
#[derive(Debug)]
pub(super) struct Line {
    /// Where it begins in the file, in bytes.
    pub(super) offset: u64,
    pub(super) bytes: Vec<u8>,
}

impl BackwardLines {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let start = file.metadata()?.len();
        let mut lines = Self {
            file,
            start,
            buffer: Vec::new(),
            whole: 0,
        };
        lines.cut_tail()?;
        Ok(lines)
    }

    /// Returns the length of the file up to its last newline.
    pub(super) fn whole_length(&self) -> u64 {
        self.whole
    }

    /// Returns the line before the one given last; `None` at the front of the file.
    pub(super) fn next(&mut self) -> io::Result<Option<Line>> {
        // The buffer ends with the newline of the next line, and is empty only at the front.
        let Some(mut unseen) = self.buffer.len().checked_sub(1) else {
            return Ok(None);
        };
        loop {
            if let Some(newline) = self.buffer[..unseen]
                .iter()
                .rposition(|byte| *byte == b'\n')
            {
                return Ok(Some(self.give(newline + 1)));
            }
            let Some(added) = self.load()? else {
                return Ok(Some(self.give(0)));
            };
            if self.buffer.len() > MAX_RECORD {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    "a line is too long",
                ));
            }
            unseen = added + 1;
        }
    }

    fn give(&mut self, from: usize) -> Line {
        let mut bytes = self.buffer.split_off(from);
        bytes.pop();
        Line {
            offset: self.start + from as u64,
            bytes,
        }
    }

    /// Drops what follows the last newline.
    fn cut_tail(&mut self) -> io::Result<()> {
        while self.load()?.is_some() {
            if let Some(newline) = self.buffer.iter().rposition(|byte| *byte == b'\n') {
                self.buffer.truncate(newline + 1);
                self.whole = self.start + self.buffer.len() as u64;
                return Ok(());
            }
            self.buffer.clear();
        }
        Ok(())
    }

    /// Reads what stands before the buffer. Returns the index of the last byte that came in front.
    fn load(&mut self) -> io::Result<Option<usize>> {
        let wanted = self.buffer.len().max(BLOCK) as u64;
        let size = usize::try_from(wanted.min(self.start)).unwrap_or(BLOCK);
        let Some(last) = size.checked_sub(1) else {
            return Ok(None);
        };
        self.start -= size as u64;
        let mut block = vec![0; size];
        self.file.read_exact_at(&mut block, self.start)?;
        block.append(&mut self.buffer);
        self.buffer = block;
        Ok(Some(last))
    }
}
