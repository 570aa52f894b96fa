//! A new content beside the file that it is for.

use std::fs::{self, File, Metadata};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile};

use super::directory_of;

/// By which end of their names files are known that a killed process left.
const SUFFIX: &str = ".fleet-new";

/// A new content beside the file that it is for; removed unless it gets there.
///
/// It is locked while its process lives, so that what a killed one left can be told from what
/// another is just writing.
#[derive(Debug)]
pub(super) struct Staged {
    file: NamedTempFile,
    target: PathBuf,
}

impl Staged {
    pub(super) fn new(target: &Path) -> io::Result<Self> {
        let file = Builder::new()
            .prefix(&prefix(target))
            .suffix(SUFFIX)
            // The process's own mask takes its part away.
            .permissions(fs::Permissions::from_mode(0o644))
            .tempfile_in(directory_of(target))?;
        file.as_file().lock()?;
        Ok(Self {
            file,
            target: target.to_owned(),
        })
    }

    /// Takes a content, and the owner and permissions of the file that it is for.
    pub(super) fn filled(mut self, new: &[u8], old: &Metadata) -> io::Result<Self> {
        let file = self.file.as_file();
        // Nobody may read it before it is known who may.
        file.set_permissions(fs::Permissions::from_mode(0o600))?;
        let own = file.metadata()?;
        if (own.uid(), own.gid()) != (old.uid(), old.gid()) {
            fchown(file, Some(old.uid()), Some(old.gid())).map_err(|error| {
                io::Error::new(error.kind(), "its owner and group cannot be kept")
            })?;
        }
        self.file.write_all(new)?;
        let file = self.file.as_file();
        file.set_permissions(fs::Permissions::from_mode(old.mode() & 0o7777))?;
        file.sync_all()?;
        Ok(self)
    }

    /// Makes the file with this content; fails if there is one by now.
    pub(super) fn create(mut self, new: &[u8]) -> io::Result<()> {
        self.file.write_all(new)?;
        self.file.as_file().sync_all()?;
        let Self { file, target } = self;
        file.persist_noclobber(&target)
            .map_err(|error| error.error)?;
        sync_directory(&target)
    }

    /// Puts the content in the place of the file's.
    pub(super) fn replace(self) -> io::Result<()> {
        let Self { file, target } = self;
        file.persist(&target).map_err(|error| error.error)?;
        sync_directory(&target)
    }

    /// Removes what killed processes left beside a file. What cannot be removed is nobody's loss.
    pub(super) fn sweep(target: &Path) {
        let prefix = prefix(target);
        let entries = fs::read_dir(directory_of(target)).into_iter().flatten();
        for entry in entries.filter_map(Result::ok) {
            let name = entry.file_name();
            let ours = name
                .to_str()
                .is_some_and(|name| name.starts_with(&prefix) && name.ends_with(SUFFIX));
            if ours && is_left(&entry.path()) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

fn prefix(target: &Path) -> String {
    let name = target.file_name().unwrap_or_default();
    format!(".{}.", name.to_string_lossy())
}

fn is_left(path: &Path) -> bool {
    File::open(path).is_ok_and(|file| file.try_lock().is_ok())
}

fn sync_directory(target: &Path) -> io::Result<()> {
    File::open(directory_of(target))?.sync_all()
}
