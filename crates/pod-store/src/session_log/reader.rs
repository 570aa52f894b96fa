//! Readers of a session's log: from the front, from a position, or the last records.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;

use super::backward::BackwardLines;
use super::error::{LogError, LogErrorKind};
use super::files::SessionFiles;
use super::record::{MAX_RECORD, Record};

/// A place between two records of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogPosition {
    /// The segment, counted from 1.
    pub segment: u32,
    /// The byte of it at which the next record begins.
    pub offset: u64,
}

impl LogPosition {
    /// The front of a session.
    pub const START: Self = Self {
        segment: 1,
        offset: 0,
    };
}

/// A record and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct LocatedRecord {
    /// The record.
    pub record: Record,
    /// Where it begins.
    pub position: LogPosition,
}

/// Gives the records of a session in order, one at a time.
///
/// `None` means that there is no further whole record *now*: call [`next`](Iterator::next) again to
/// follow a log that grows. After an error about a damaged line the records behind it follow.
#[derive(Debug)]
pub struct SessionReader {
    files: SessionFiles,
    segment: SegmentReader,
    skip_corrupt: bool,
    skipped: u64,
}

impl SessionReader {
    /// Reads a session from its front.
    ///
    /// # Errors
    /// Fails when the session has no log, or it cannot be read.
    pub fn open(files: SessionFiles) -> Result<Self, LogError> {
        let first = files.segments()?.first().copied().unwrap_or(1);
        Self::from_position(
            files,
            LogPosition {
                segment: first,
                offset: 0,
            },
        )
    }

    /// Reads a session from a position that a reader gave.
    ///
    /// # Errors
    /// Fails when the segment is not there, is shorter, or cannot be read.
    pub fn from_position(files: SessionFiles, position: LogPosition) -> Result<Self, LogError> {
        let segment = SegmentReader::open(&files, position)?;
        Ok(Self {
            files,
            segment,
            skip_corrupt: false,
            skipped: 0,
        })
    }

    /// Reads the last `count` records and what follows them, without reading those before.
    ///
    /// # Errors
    /// Fails when the session has no log, or it cannot be read.
    pub fn tail(files: SessionFiles, count: u64) -> Result<Self, LogError> {
        let position = tail_position(&files, count)?;
        Self::from_position(files, position)
    }

    /// Leaves damaged lines out instead of failing at them.
    #[must_use]
    pub fn skip_corrupt(mut self, skip: bool) -> Self {
        self.skip_corrupt = skip;
        self
    }

    /// Returns how many damaged lines were left out.
    #[must_use]
    pub fn skipped(&self) -> u64 {
        self.skipped
    }

    /// Returns where the next record begins.
    #[must_use]
    pub fn position(&self) -> LogPosition {
        self.segment.position
    }

    fn advance(&mut self) -> Result<Option<LocatedRecord>, LogError> {
        if let Some(found) = self.segment.next()? {
            return Ok(Some(found));
        }
        while let Some(number) = self.following()? {
            // The segment was complete before the next one was created, but perhaps not yet when
            // its end was seen.
            if let Some(found) = self.segment.next()? {
                return Ok(Some(found));
            }
            let next = LogPosition {
                segment: number,
                offset: 0,
            };
            self.segment = SegmentReader::open(&self.files, next)?;
            if let Some(found) = self.segment.next()? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    fn following(&self) -> Result<Option<u32>, LogError> {
        let present = self.segment.position.segment;
        Ok(self
            .files
            .segments()?
            .into_iter()
            .find(|number| *number > present))
    }
}

impl Iterator for SessionReader {
    type Item = Result<LocatedRecord, LogError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.advance() {
                Err(error)
                    if self.skip_corrupt
                        && matches!(error.kind(), LogErrorKind::Damaged { .. }) =>
                {
                    self.skipped += 1;
                }
                result => return result.transpose(),
            }
        }
    }
}

fn tail_position(files: &SessionFiles, count: u64) -> Result<LogPosition, LogError> {
    let numbers = files.segments()?;
    let mut position = LogPosition::START;
    let mut missing = count;
    for number in numbers.into_iter().rev() {
        let path = files.segment(number);
        let fault = |error| LogError::io("read", &path, error);
        let mut lines = BackwardLines::open(&path).map_err(fault)?;
        position = LogPosition {
            segment: number,
            offset: lines.whole_length(),
        };
        while missing > 0 {
            let Some(line) = lines.next().map_err(fault)? else {
                break;
            };
            position.offset = line.offset;
            missing -= 1;
        }
        if missing == 0 {
            break;
        }
    }
    Ok(position)
}

/// Gives the records of one file.
#[derive(Debug)]
struct SegmentReader {
    path: PathBuf,
    input: BufReader<File>,
    /// Where the next record begins. The input may be ahead of it, within an unfinished line.
    position: LogPosition,
    line: Vec<u8>,
    /// Whether the input must go back to `position`.
    rewind: bool,
}

impl SegmentReader {
    fn open(files: &SessionFiles, position: LogPosition) -> Result<Self, LogError> {
        let path = files.segment(position.segment);
        let file = File::open(&path).map_err(|error| LogError::io("open", &path, error))?;
        Ok(Self {
            path,
            input: BufReader::with_capacity(64 << 10, file),
            position,
            line: Vec::new(),
            rewind: position.offset > 0,
        })
    }

    fn next(&mut self) -> Result<Option<LocatedRecord>, LogError> {
        let begin = self.position;
        let length = self.read_line().map_err(|error| self.fault(error))?;
        let Some(length) = length else {
            return self.check_length().map(|()| None);
        };
        self.position.offset += length;
        let decoded = if length > MAX_RECORD as u64 {
            Err("the line is too long".to_owned())
        } else {
            Record::decode(&self.line)
        };
        match decoded {
            Ok(record) => Ok(Some(LocatedRecord {
                record,
                position: begin,
            })),
            Err(why) => Err(self.damage(begin.offset, why)),
        }
    }

    /// Reads up to the next newline; of a line that is too long only the length is kept.
    ///
    /// `None` if there is no further newline: then the next call begins at the same place.
    fn read_line(&mut self) -> io::Result<Option<u64>> {
        if self.rewind {
            self.input.seek(SeekFrom::Start(self.position.offset))?;
        }
        self.rewind = true;
        let mut length = 0;
        loop {
            self.line.clear();
            let limit = MAX_RECORD as u64 + 1;
            let read = (&mut self.input)
                .take(limit)
                .read_until(b'\n', &mut self.line)?;
            length += read as u64;
            match self.line.last() {
                Some(b'\n') => break,
                Some(_) if read as u64 == limit => {}
                _ => return Ok(None),
            }
        }
        self.line.pop();
        self.rewind = false;
        Ok(Some(length))
    }

    fn check_length(&self) -> Result<(), LogError> {
        let metadata = self
            .input
            .get_ref()
            .metadata()
            .map_err(|error| self.fault(error))?;
        if metadata.len() < self.position.offset {
            return Err(LogError::new("read", &self.path, LogErrorKind::Shrunk));
        }
        Ok(())
    }

    fn fault(&self, error: io::Error) -> LogError {
        LogError::io("read", &self.path, error)
    }

    fn damage(&self, offset: u64, why: String) -> LogError {
        // Lines are counted only for people, and only when something is wrong.
        match count_newlines(&self.path, offset) {
            Ok(before) => {
                let kind = LogErrorKind::Damaged {
                    line: before + 1,
                    offset,
                    why,
                };
                LogError::new("read", &self.path, kind)
            }
            Err(error) => self.fault(error),
        }
    }
}

fn count_newlines(path: &std::path::Path, before: u64) -> io::Result<u64> {
    let mut input = BufReader::new(File::open(path)?.take(before));
    let mut count = 0;
    loop {
        let block = input.fill_buf()?;
        if block.is_empty() {
            return Ok(count);
        }
        count += block.iter().filter(|byte| **byte == b'\n').count() as u64;
        let length = block.len();
        input.consume(length);
    }
}
