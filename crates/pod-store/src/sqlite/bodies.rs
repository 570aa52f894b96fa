//! Long bodies, in files beside the database.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write as _};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use podfleet_protocol::MessageId;

use crate::error::Fault;
use crate::inbox::MAX_INLINE_BODY;

/// How many bytes of a body are read at once.
const PIECE: usize = 64 << 10;
/// After how long a file that no record names is none that is just being written.
const LEFT_OVER: Duration = Duration::from_secs(60 * 60);

/// The directory of long bodies.
///
/// A file is written and flushed before the transaction that names it commits, and removed after
/// the one that drops it. A crash in between leaves a file that no record names, never a record
/// without its file.
#[derive(Debug, Clone)]
pub(crate) struct Bodies {
    directory: PathBuf,
}

impl Bodies {
    pub(crate) fn beside(directory: &Path) -> Self {
        Self {
            directory: directory.join("bodies"),
        }
    }

    /// Writes `body` to a file of its own if it is long, and returns the file's name.
    ///
    /// The name is fresh: two processes that accept the same message do not write to one file.
    pub(crate) fn keep(&self, body: &str) -> Result<Option<String>, Fault> {
        if body.len() <= MAX_INLINE_BODY {
            return Ok(None);
        }
        let name = MessageId::generate().to_string();
        match self.write(&name, body.as_bytes()) {
            Ok(()) => Ok(Some(name)),
            Err(error) => {
                self.remove(&name);
                Err(Fault::io(&self.path(&name), "write body", error))
            }
        }
    }

    fn write(&self, name: &str, body: &[u8]) -> io::Result<()> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.directory)?;
        let mut file = OpenOptions::new()
            .create_new(true)
            .write(true)
            .mode(0o600)
            .open(self.path(name))?;
        file.write_all(body)?;
        file.sync_all()?;
        File::open(&self.directory)?.sync_all()
    }

    pub(crate) fn read(&self, name: &str) -> Result<String, Fault> {
        let path = self.path(name);
        fs::read_to_string(&path).map_err(|error| Fault::io(&path, "read body", error))
    }

    /// Returns the first `characters` of a body, and its length in bytes. Reads all of it, piece by
    /// piece, since damage may be anywhere.
    pub(crate) fn beginning(&self, name: &str, characters: usize) -> Result<(String, u64), Fault> {
        let path = self.path(name);
        let read = || File::open(&path).and_then(|file| beginning_of(file, characters));
        read().map_err(|error| Fault::io(&path, "read body", error))
    }

    /// Copies a body of another directory under its name, unless it is there already; returns whether
    /// there is such a body. Names are never used twice, so that copies of several moments share
    /// one directory.
    pub(crate) fn copy_from(&self, other: &Self, name: &str) -> Result<bool, Fault> {
        let path = self.path(name);
        let body = match fs::read(other.path(name)) {
            Ok(body) => body,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(Fault::io(&other.path(name), "read body", error)),
        };
        match self.write(name, &body) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(true),
            Err(error) => Err(Fault::io(&path, "write body", error)),
            Ok(()) => Ok(true),
        }
    }

    /// Returns the names of all files; none if there is no directory.
    pub(crate) fn names(&self) -> Result<Vec<String>, Fault> {
        let fault = |error| Fault::io(&self.directory, "list bodies", error);
        let entries = match fs::read_dir(&self.directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(fault)?,
        };
        let name = |entry: io::Result<fs::DirEntry>| Ok(entry?.file_name());
        let names: Vec<_> = entries
            .map(name)
            .collect::<io::Result<_>>()
            .map_err(fault)?;
        Ok(names
            .iter()
            .map(|name| name.to_string_lossy().into_owned())
            .collect())
    }

    /// Returns the size of a file in bytes; 0 if it is not there.
    pub(crate) fn size(&self, name: &str) -> u64 {
        fs::metadata(self.path(name)).map_or(0, |found| found.len())
    }

    /// Returns whether a file has not been written to for so long that nobody is about to name it.
    pub(crate) fn is_left_over(&self, name: &str, now: SystemTime) -> bool {
        let written = fs::metadata(self.path(name)).and_then(|found| found.modified());
        // What the clock, set back since, places in the future stays.
        let age = written.ok().and_then(|at| now.duration_since(at).ok());
        age.is_some_and(|age| age >= LEFT_OVER)
    }

    /// Removes a file that no record names any more. One that stays costs space, nothing else.
    pub(crate) fn remove(&self, name: &str) {
        let _ = fs::remove_file(self.path(name));
    }

    fn path(&self, name: &str) -> PathBuf {
        // Names come from the database, which is only as trustworthy as its file.
        let name = Path::new(name).file_name().unwrap_or_default();
        self.directory.join(name)
    }
}

/// Reads a text to its end; returns its first `characters` and its length in bytes.
fn beginning_of(mut text: impl Read, characters: usize) -> io::Result<(String, u64)> {
    let mut piece = vec![0; PIECE];
    let (mut beginning, mut length, mut held) = (String::new(), 0, 0);
    let mut missing = characters;
    loop {
        let read = text.read(&mut piece[held..])?;
        let end = held + read;
        let sound = match std::str::from_utf8(&piece[..end]) {
            Ok(sound) => sound,
            // The rest of a character is in the next piece.
            Err(error) if error.error_len().is_none() && read > 0 => {
                std::str::from_utf8(&piece[..error.valid_up_to()]).unwrap_or_default()
            }
            Err(error) => return Err(io::Error::new(io::ErrorKind::InvalidData, error)),
        };
        if read == 0 {
            return Ok((beginning, length));
        }
        let taken = beginning.len();
        beginning.extend(sound.chars().take(missing));
        missing -= beginning[taken..].chars().count();
        let sound = sound.len();
        length += sound as u64;
        piece.copy_within(sound..end, 0);
        held = end - sound;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Gives so many bytes at once.
    struct Slow<'a>(&'a [u8], usize);

    impl Read for Slow<'_> {
        fn read(&mut self, piece: &mut [u8]) -> io::Result<usize> {
            let length = self.1.min(piece.len());
            self.0.read(&mut piece[..length])
        }
    }

    proptest! {
        #[test]
        fn the_beginning_of_any_text_is_read_whatever_the_pieces(
            text in ".{0,60}",
            characters in 0_usize..40,
            at_once in 1_usize..9,
        ) {
            let read = beginning_of(Slow(text.as_bytes(), at_once), characters).unwrap();
            let beginning: String = text.chars().take(characters).collect();
            prop_assert_eq!(read, (beginning, text.len() as u64));
        }

        #[test]
        fn damage_is_found_wherever_it_is(
            text in ".{1,60}",
            at in any::<prop::sample::Index>(),
            at_once in 1_usize..9,
        ) {
            let mut bytes = text.into_bytes();
            let at = at.index(bytes.len());
            bytes[at] = 0xff;
            prop_assert!(beginning_of(Slow(&bytes, at_once), 3).is_err());
        }
    }

    #[test]
    fn a_text_that_ends_within_a_character_is_damaged() {
        assert!(beginning_of(&"né".as_bytes()[..2], 1).is_err());
    }
}
