//! One file operation after the other fails, and each time the log keeps its word.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use podfleet_pod_store::session_log::{Disk, LogFile, LogOptions, LogStorage, LogWriter, problems};

use super::samples::{AT, Session, note};

/// A disk of which one operation fails, by its number.
#[derive(Debug, Clone)]
struct FailsAt {
    fails: usize,
    done: Arc<AtomicUsize>,
}

impl FailsAt {
    fn take(&self) -> io::Result<()> {
        match self.done.fetch_add(1, Ordering::Relaxed) {
            number if number == self.fails => Err(io::ErrorKind::StorageFull.into()),
            _ => Ok(()),
        }
    }
}

impl LogStorage for FailsAt {
    fn open(&self, path: &Path) -> io::Result<Box<dyn LogFile>> {
        self.take()?;
        let (disk, file) = (self.clone(), Disk.open(path)?);
        Ok(Box::new(File { disk, file }))
    }
}

#[derive(Debug)]
struct File {
    disk: FailsAt,
    file: Box<dyn LogFile>,
}

impl LogFile for File {
    fn append(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Err(error) = self.disk.take() {
            // A full disk takes a part, here up to the middle of a character of three bytes.
            self.file.append(&bytes[..bytes.len() / 2])?;
            return Err(error);
        }
        self.file.append(bytes)
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        self.disk.take()?;
        self.file.truncate(length)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.disk.take()?;
        self.file.sync()
    }
}

/// Writes and flushes notes over several segments; returns those that were promised, or nothing
/// if the log could not be opened.
fn write(session: &Session, disk: &FailsAt) -> Option<Vec<String>> {
    let options = LogOptions {
        storage: Arc::new(disk.clone()),
        segment_bytes: 900,
        ..session.options()
    };
    let mut promised = Vec::new();
    let mut writer = LogWriter::open(session.files.clone(), options, AT).ok()?;
    for number in 0..12 {
        let text = format!("{number}: {}", "漢".repeat(20));
        let written = writer.append(AT, note(&text));
        if written.is_ok() && writer.commit().is_ok() {
            promised.push(text);
        }
        if writer.is_sealed() {
            // What can go wrong again is told by the next append.
            let _ = writer.new_segment(AT);
        }
    }
    Some(promised)
}

#[test]
fn whichever_operation_fails_all_that_was_promised_is_read_and_the_next_writer_goes_on() {
    let healthy = FailsAt {
        fails: usize::MAX,
        done: Arc::default(),
    };
    assert_eq!(write(&Session::new(), &healthy).unwrap().len(), 12);
    let operations = healthy.done.load(Ordering::Relaxed);
    assert!(operations > 30, "{operations}");
    for fails in 0..operations {
        let session = Session::new();
        let disk = FailsAt {
            fails,
            done: Arc::default(),
        };
        let promised = write(&session, &disk);
        let least = if promised.is_some() { 10 } else { 0 };
        let promised = promised.unwrap_or_default();
        assert!(promised.len() >= least, "operation {fails}: {promised:?}");
        let mut writer = session.writer();
        writer.append(AT, note("afterwards")).unwrap();
        writer.commit().unwrap();
        let found = session.notes();
        let kept = found.iter().filter(|text| promised.contains(text));
        assert_eq!(kept.count(), promised.len(), "operation {fails}");
        assert_eq!(found.last().unwrap(), "afterwards", "operation {fails}");
        assert_eq!(problems(&session.files), [""; 0], "operation {fails}");
        let records = session.read().unwrap();
        assert!(
            records.is_sorted_by(|one, next| one.seq < next.seq),
            "operation {fails}"
        );
    }
}
