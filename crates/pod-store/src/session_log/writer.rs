//! The one writer of a session's log.

use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;

use podfleet_protocol::{Generation, Identity, SessionId, UnixMillis};

use super::backward::BackwardLines;
use super::error::{LogError, LogErrorKind, Loss};
use super::files::SessionFiles;
use super::record::{Entry, Lineage, MAX_RECORD, Record};
use super::segment::{Segment, is_locked, lock};
use super::storage::{Disk, LogStorage};
use crate::crash::CrashPoint;

/// When a segment is followed by another, in bytes.
pub const DEFAULT_SEGMENT_BYTES: u64 = 64 << 20;

/// The version of the format that this build writes.
const FORMAT: u32 = 1;

/// How a log is written.
#[derive(Debug, Clone)]
pub struct LogOptions {
    /// The pod that writes.
    pub identity: Identity,
    /// Its generation, which every record carries.
    pub generation: Generation,
    /// How long a segment may grow before another follows it, in bytes.
    pub segment_bytes: u64,
    /// Where the files are.
    pub storage: Arc<dyn LogStorage>,
}

impl LogOptions {
    /// Makes the options of a pod's generation: files of the file system, segments of
    /// [`DEFAULT_SEGMENT_BYTES`].
    #[must_use]
    pub fn new(identity: Identity, generation: Generation) -> Self {
        Self {
            identity,
            generation,
            segment_bytes: DEFAULT_SEGMENT_BYTES,
            storage: Arc::new(Disk),
        }
    }
}

/// The writer of a session's log; there is one, by a kernel lock held until it is dropped.
///
/// Its calls block for the time of a write or a flush.
#[derive(Debug)]
pub struct LogWriter {
    files: SessionFiles,
    options: LogOptions,
    segment: Segment,
    /// Number of the last record.
    sequence: u64,
    /// The highest segment number that was tried.
    attempted: u32,
    sealed: bool,
    /// What happened to the segment's file, until the next segment tells it.
    lost: Option<Loss>,
    /// Bytes that the writer before left behind its last newline.
    cut: u64,
    /// The first segment, whose lock is that of the session.
    lock: File,
}

impl LogWriter {
    /// Opens the log of a session, and creates it if it is not there.
    ///
    /// An unfinished line that an earlier writer left is cut off first.
    ///
    /// # Errors
    /// [`Locked`](LogErrorKind::Locked) when the session has a writer already; fails also when the
    /// files cannot be read or written.
    pub fn open(
        files: SessionFiles,
        options: LogOptions,
        at: UnixMillis,
    ) -> Result<Self, LogError> {
        let first = files.segment(1);
        let fault = |error| LogError::io("open", &first, error);
        files.create_directory().map_err(fault)?;
        let lock = lock(&first)?;
        let numbers = files.segments()?;
        let number = numbers.last().copied().unwrap_or(1);
        let (segment, cut) = Segment::open(&files, &options, number)?;
        let mut writer = Self {
            sequence: last_sequence(&files, &numbers)?,
            attempted: number,
            sealed: false,
            lost: None,
            cut,
            files,
            options,
            segment,
            lock,
        };
        if writer.segment.length == 0 {
            let previous = writer.lineage_on_disk(&numbers)?;
            writer.begin_segment(at, previous)?;
        }
        Ok(writer)
    }

    /// Returns the number of the last record; with no gaps it is how many the session has.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// Returns the session.
    #[must_use]
    pub fn session(&self) -> SessionId {
        self.files.session()
    }

    /// Returns the file that is written to.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.segment.path
    }

    /// Returns whether a failed write to the disk, or the loss of its file, ended this segment.
    #[must_use]
    pub fn is_sealed(&self) -> bool {
        self.sealed
    }

    /// Returns how many bytes of an unfinished record were cut off when the log was opened.
    #[must_use]
    pub fn cut_bytes(&self) -> u64 {
        self.cut
    }

    /// Appends a record without flushing it, and returns its number.
    ///
    /// # Errors
    /// As [`append_all`](Self::append_all).
    pub fn append(&mut self, at: UnixMillis, entry: Entry) -> Result<u64, LogError> {
        self.append_all(at, vec![entry])
    }

    /// Appends records without flushing them, all or none, and returns the number of the last one.
    /// Begins a new segment first if this one is long enough.
    ///
    /// # Errors
    /// When it fails the log is as it was before; if that cannot be restored it is sealed.
    pub fn append_all(&mut self, at: UnixMillis, entries: Vec<Entry>) -> Result<u64, LogError> {
        self.check_open("append to")?;
        if self.segment.length >= self.options.segment_bytes {
            self.new_segment(at)?;
        }
        self.write(at, entries)
    }

    /// Makes every record before this call survive the end of the machine, in a file that can be
    /// found.
    ///
    /// # Errors
    /// [`Lost`](LogErrorKind::Lost) when the file was removed, replaced or cut short meanwhile. A
    /// failure seals the segment: what the disk holds is unknown from then on, and trying again would
    /// not tell.
    pub fn commit(&mut self) -> Result<(), LogError> {
        self.check_open("flush")?;
        let synced = self.segment.file.sync();
        let synced = synced.map_err(|error| LogError::io("flush", &self.segment.path, error));
        synced
            .and_then(|()| self.segment.check_presence())
            .inspect_err(|error| {
                self.sealed = true;
                if let LogErrorKind::Lost(loss) = error.kind() {
                    self.lost = Some(*loss);
                }
            })?;
        CrashPoint::LogFlushed.reach();
        Ok(())
    }

    /// Goes on in a new file that names this one as the one before it; ends a seal. The directory is
    /// made anew if it is gone, and what happened to a lost file is the second record of the new one.
    ///
    /// # Errors
    /// When this segment cannot be flushed, or the new one cannot be created, written and flushed,
    /// the log is sealed, and this may be tried again. The old segment is not written to any more:
    /// readers may have gone on already.
    pub fn new_segment(&mut self, at: UnixMillis) -> Result<(), LogError> {
        if !self.sealed {
            self.commit()?;
        }
        CrashPoint::SegmentFlushed.reach();
        let previous = Lineage {
            file: self.files.segment_name(self.segment.number),
            bytes: self.segment.length,
            last_seq: self.sequence,
            sealed: self.sealed,
        };
        self.sealed = true;
        self.make_place()?;
        // The file of an attempt that failed half-way is left as it is: its state is unknown too.
        self.attempted += 1;
        let (segment, _) = Segment::open(&self.files, &self.options, self.attempted)?;
        CrashPoint::SegmentCreated.reach();
        let old = std::mem::replace(&mut self.segment, segment);
        self.sealed = false;
        self.begin_segment(at, Some(previous)).inspect_err(|_| {
            self.segment = old;
            self.sealed = true;
        })?;
        self.lost = None;
        Ok(())
    }

    /// Sees to it that there is a directory, and that the session's lock is one that others find.
    fn make_place(&mut self) -> Result<(), LogError> {
        let first = self.files.segment(1);
        let directory = self.files.create_directory();
        directory.map_err(|error| LogError::io("create", self.files.directory(), error))?;
        if !is_locked(&self.lock, &first) {
            self.lock = lock(&first)?;
        }
        Ok(())
    }

    fn begin_segment(&mut self, at: UnixMillis, previous: Option<Lineage>) -> Result<(), LogError> {
        let lost = self.lost.zip(previous.as_ref());
        let lost = lost.map(|(loss, previous)| Entry::Error {
            origin: "session log".to_owned(),
            text: format!("{} was lost: {loss}", previous.file),
        });
        let start = Entry::SegmentStart {
            format: FORMAT,
            session: self.files.session(),
            identity: self.options.identity.clone(),
            segment: self.segment.number,
            previous,
        };
        self.write(at, [start].into_iter().chain(lost).collect())?;
        CrashPoint::SegmentWritten.reach();
        self.commit()?;
        CrashPoint::SegmentBegun.reach();
        self.files.sync_directory().map_err(|error| {
            self.sealed = true;
            LogError::io("flush", self.files.directory(), error)
        })
    }

    fn lineage_on_disk(&self, numbers: &[u32]) -> Result<Option<Lineage>, LogError> {
        let Some(previous) = numbers
            .iter()
            .rev()
            .find(|number| **number < self.segment.number)
        else {
            return Ok(None);
        };
        let path = self.files.segment(*previous);
        let length = fs::metadata(&path)
            .map_err(|error| LogError::io("open", &path, error))?
            .len();
        Ok(Some(Lineage {
            file: self.files.segment_name(*previous),
            bytes: length,
            last_seq: self.sequence,
            sealed: false,
        }))
    }

    fn check_open(&self, operation: &'static str) -> Result<(), LogError> {
        if self.sealed {
            return Err(LogError::new(
                operation,
                &self.segment.path,
                LogErrorKind::Sealed,
            ));
        }
        Ok(())
    }

    fn write(&mut self, at: UnixMillis, entries: Vec<Entry>) -> Result<u64, LogError> {
        let lines = self.encode(at, entries)?;
        let (length, sequence) = (self.segment.length, self.sequence);
        for line in lines {
            CrashPoint::LogTorn.reach_with(|| self.segment.append_half(&line));
            if let Err(error) = self.segment.append(&line) {
                self.sequence = sequence;
                self.sealed = self.segment.roll_back(length).is_err();
                return Err(LogError::io("append to", &self.segment.path, error));
            }
            self.sequence += 1;
            CrashPoint::LogAppended.reach();
        }
        Ok(self.sequence)
    }

    fn encode(&self, at: UnixMillis, entries: Vec<Entry>) -> Result<Vec<Vec<u8>>, LogError> {
        let fault = |kind| LogError::new("append to", &self.segment.path, kind);
        if self.sequence.checked_add(entries.len() as u64).is_none() {
            return Err(fault(LogErrorKind::OutOfNumbers));
        }
        let numbered = (self.sequence.saturating_add(1)..=u64::MAX).zip(entries);
        numbered
            .map(|(seq, entry)| {
                let record = Record {
                    ts: at,
                    seq,
                    generation: self.options.generation,
                    entry,
                };
                let line = record
                    .encode()
                    .map_err(|error| fault(LogErrorKind::Encoding).caused_by(error))?;
                match line.len() {
                    bytes if bytes > MAX_RECORD => Err(fault(LogErrorKind::TooLong { bytes })),
                    _ => Ok(line),
                }
            })
            .collect()
    }
}

/// Finds the number of the session's last record.
///
/// Lines that cannot be read had a number too.
pub(super) fn last_sequence(files: &SessionFiles, numbers: &[u32]) -> Result<u64, LogError> {
    let mut damaged = 0;
    for number in numbers.iter().rev() {
        let path = files.segment(*number);
        let fault = |error| LogError::io("read", &path, error);
        let mut lines = BackwardLines::open(&path).map_err(fault)?;
        while let Some(line) = lines.next().map_err(fault)? {
            match Record::decode(&line.bytes) {
                Ok(record) => return Ok(record.seq.saturating_add(damaged)),
                Err(_) => damaged += 1,
            }
        }
    }
    Ok(damaged)
}
