//! Sessions, records, and a disk that fails on command.

use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};

use podfleet_pod_store::session_log::{
    Disk, Entry, LogError, LogFile, LogOptions, LogStorage, LogWriter, Record, SessionFiles,
    SessionReader,
};
use podfleet_protocol::{
    FleetName, Generation, Identity, PodId, PodName, SessionId, TenantId, UnixMillis,
};
use tempfile::TempDir;

pub(super) const AT: UnixMillis = UnixMillis(1_767_225_600_250);

/// A session in a directory of its own.
pub(super) struct Session {
    directory: TempDir,
    pub(super) identity: Identity,
    pub(super) files: SessionFiles,
}

impl Session {
    pub(super) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let identity = Identity {
            id: PodId::generate(),
            name: PodName::new("coder").unwrap(),
            fleet: FleetName::default(),
            tenant_id: TenantId::new("me").unwrap(),
            host: "fern".to_owned(),
        };
        let files = SessionFiles::new(directory.path(), identity.id, SessionId::generate());
        Self {
            directory,
            identity,
            files,
        }
    }

    /// The state directory.
    pub(super) fn state(&self) -> &Path {
        self.directory.path()
    }

    pub(super) fn options(&self) -> LogOptions {
        LogOptions::new(self.identity.clone(), Generation(1))
    }

    pub(super) fn writer(&self) -> LogWriter {
        self.writer_with(self.options())
    }

    pub(super) fn writer_with(&self, options: LogOptions) -> LogWriter {
        LogWriter::open(self.files.clone(), options, AT).unwrap()
    }

    pub(super) fn writer_of(&self, generation: u64) -> LogWriter {
        self.writer_with(LogOptions {
            generation: Generation(generation),
            ..self.options()
        })
    }

    pub(super) fn reader(&self) -> SessionReader {
        SessionReader::open(self.files.clone()).unwrap()
    }

    pub(super) fn read(&self) -> Result<Vec<Record>, LogError> {
        self.reader()
            .map(|item| item.map(|located| located.record))
            .collect()
    }

    /// The texts of all [`note`]s of the session.
    pub(super) fn notes(&self) -> Vec<String> {
        notes(self.reader())
    }
}

/// A record that is easy to recognise.
pub(super) fn note(text: &str) -> Entry {
    Entry::Error {
        origin: "test".to_owned(),
        text: text.to_owned(),
    }
}

pub(super) fn notes(
    reader: impl Iterator<Item = Result<podfleet_pod_store::session_log::LocatedRecord, LogError>>,
) -> Vec<String> {
    reader
        .filter_map(|item| match item.unwrap().record.entry {
            Entry::Error { text, .. } => Some(text),
            _ => None,
        })
        .collect()
}

/// What goes wrong with one operation on a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    /// An append works.
    Nothing,
    /// An append writes so many bytes and no more.
    Short(usize),
    /// An append writes so many bytes and then finds the disk full.
    Full(usize),
    /// A cut fails.
    Cut,
    /// A flush fails.
    Sync,
    /// A file cannot be opened.
    Open,
}

/// A disk whose next operations of the right kind fail as it was told.
#[derive(Debug, Clone, Default)]
pub(super) struct BadDisk {
    troubles: Arc<Mutex<VecDeque<Trouble>>>,
}

impl BadDisk {
    pub(super) fn plan(&self, troubles: impl IntoIterator<Item = Trouble>) {
        self.troubles.lock().unwrap().extend(troubles);
    }

    pub(super) fn options(&self, session: &Session) -> LogOptions {
        LogOptions {
            storage: Arc::new(self.clone()),
            ..session.options()
        }
    }

    fn next(&self, fits: impl Fn(Trouble) -> bool) -> Option<Trouble> {
        let mut troubles = self.troubles.lock().unwrap();
        troubles.pop_front_if(|trouble| fits(*trouble))
    }
}

impl LogStorage for BadDisk {
    fn open(&self, path: &Path) -> io::Result<Box<dyn LogFile>> {
        if self.next(|trouble| trouble == Trouble::Open).is_some() {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        Ok(Box::new(BadFile {
            disk: self.clone(),
            file: Disk.open(path)?,
        }))
    }
}

#[derive(Debug)]
struct BadFile {
    disk: BadDisk,
    file: Box<dyn LogFile>,
}

impl LogFile for BadFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.disk.next(|trouble| {
            matches!(
                trouble,
                Trouble::Nothing | Trouble::Short(_) | Trouble::Full(_)
            )
        }) {
            Some(Trouble::Short(count)) => self.file.append(&bytes[..count]),
            Some(Trouble::Full(count)) => {
                self.file.append(&bytes[..count])?;
                Err(io::ErrorKind::StorageFull.into())
            }
            _ => self.file.append(bytes),
        }
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        match self.disk.next(|trouble| trouble == Trouble::Cut) {
            Some(_) => Err(io::Error::other("cut")),
            None => self.file.truncate(length),
        }
    }

    fn sync(&mut self) -> io::Result<()> {
        match self.disk.next(|trouble| trouble == Trouble::Sync) {
            Some(_) => Err(io::Error::other("sync")),
            None => self.file.sync(),
        }
    }
}
