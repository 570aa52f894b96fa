//! The unit files in the user's directory: which are ours, and keeping what people edited.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::own_file;

/// The name of our drop-in; later names win over it.
const DROP_IN: &str = "50-fleet.conf";
/// Below the state directory: units as they were written last, by which an edit is known.
const PRISTINE: &str = "units";
const UNIT_MODE: u32 = 0o644;
const PRIVATE: u32 = 0o600;

/// Where units are, and where it is kept how we wrote them.
#[derive(Debug, Clone)]
pub(crate) struct UnitFiles {
    units: PathBuf,
    pristine: PathBuf,
}

/// What becomes of a unit file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Refresh {
    /// It is as it should be.
    Same,
    /// It is not there yet.
    New,
    /// It is replaced; it was as we wrote it.
    Replaced,
    /// It is replaced; what somebody made of it is kept beside it, with the ending `.bak`.
    KeptAsBak,
    /// Somebody edited it, and there is a `.bak` with another text already: it is left as it is.
    Edited,
}

impl UnitFiles {
    pub(super) fn new(units: &Path, state: &Path) -> Self {
        Self {
            units: units.to_owned(),
            pristine: state.join(PRISTINE),
        }
    }

    pub(super) fn path(&self, unit: &str) -> PathBuf {
        self.units.join(unit)
    }

    fn backup(&self, unit: &str) -> PathBuf {
        self.units.join(format!("{unit}.bak"))
    }

    /// Tells what [`write`](Self::write) would do.
    pub(super) fn plan(&self, unit: &str, text: &str) -> Refresh {
        let Ok(found) = fs::read(self.path(unit)) else {
            return Refresh::New;
        };
        if found == text.as_bytes() {
            return Refresh::Same;
        }
        if self.is_pristine(unit, &found) {
            return Refresh::Replaced;
        }
        match fs::read(self.backup(unit)) {
            Ok(kept) if kept != found => Refresh::Edited,
            _ => Refresh::KeptAsBak,
        }
    }

    fn is_pristine(&self, unit: &str, found: &[u8]) -> bool {
        fs::read(self.pristine.join(unit)).is_ok_and(|written| written == found)
    }

    /// Makes a unit what it should be, and keeps what somebody else made of it.
    pub(super) fn write(&self, unit: &str, text: &str) -> io::Result<Refresh> {
        let refresh = self.plan(unit, text);
        match refresh {
            Refresh::Edited => return Ok(refresh),
            Refresh::KeptAsBak => {
                let edited = fs::read(self.path(unit))?;
                own_file::replace(&self.backup(unit), &edited, UNIT_MODE)?;
            }
            Refresh::Same | Refresh::New | Refresh::Replaced => {}
        }
        // First the record of what is ours: after a crash in between, the unit counts as edited,
        // which loses nothing.
        own_file::replace(&self.pristine.join(unit), text.as_bytes(), PRIVATE)?;
        own_file::replace(&self.path(unit), text.as_bytes(), UNIT_MODE)?;
        Ok(refresh)
    }

    /// Returns whether a unit is there and not as we wrote it.
    pub(super) fn is_edited(&self, unit: &str) -> bool {
        fs::read(self.path(unit)).is_ok_and(|found| !self.is_pristine(unit, &found))
    }

    /// Removes a unit that is as we wrote it; returns whether it is gone.
    pub(super) fn remove(&self, unit: &str) -> io::Result<bool> {
        let gone = match fs::read(self.path(unit)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => true,
            Err(error) => return Err(error),
            Ok(found) if self.is_pristine(unit, &found) => {
                fs::remove_file(self.path(unit))?;
                true
            }
            Ok(_) => false,
        };
        if gone {
            remove_file(&self.pristine.join(unit))?;
        }
        Ok(gone)
    }

    /// Returns the path of the environment file of a unit.
    pub(super) fn environment_file(&self, unit: &str) -> PathBuf {
        self.pristine
            .join(format!("{}.env", unit.trim_end_matches(".service")))
    }

    /// Writes the environment of an instance; nobody but its owner may read it.
    pub(super) fn write_environment(&self, unit: &str, text: &str) -> io::Result<()> {
        own_file::replace(&self.environment_file(unit), text.as_bytes(), PRIVATE).map(drop)
    }

    /// Writes our drop-in of an instance; returns whether it changed.
    pub(super) fn write_drop_in(&self, unit: &str, text: &str) -> io::Result<bool> {
        own_file::replace(&self.drop_in(unit), text.as_bytes(), UNIT_MODE)
    }

    fn drop_in(&self, unit: &str) -> PathBuf {
        self.units.join(format!("{unit}.d")).join(DROP_IN)
    }

    /// Removes what was written for an instance; drop-ins of people stay.
    pub(super) fn forget(&self, unit: &str) -> io::Result<()> {
        remove_file(&self.drop_in(unit))?;
        remove_file(&self.environment_file(unit))?;
        // A directory with a person's drop-in in it is not empty, and stays.
        let _ = fs::remove_dir(self.units.join(format!("{unit}.d")));
        Ok(())
    }

    /// Returns whether all of an instance's files are there: its template, our drop-in, its environment.
    pub(super) fn is_whole(&self, unit: &str) -> bool {
        self.path(&template_of(unit)).exists()
            && self.drop_in(unit).exists()
            && self.environment_file(unit).exists()
    }

    /// Returns the instances that have a drop-in of ours.
    pub(super) fn instances(&self) -> Vec<String> {
        let mut found = names(&self.units);
        found.retain(|name| {
            let unit = name.strip_suffix(".d").unwrap_or_default();
            name.ends_with(".d") && self.drop_in(unit).exists()
        });
        for name in &mut found {
            name.truncate(name.len() - ".d".len());
        }
        found
    }

    /// Returns the units that a target starts, as far as the user's own directory says so.
    pub(crate) fn wanted_by(&self, target: &str) -> Vec<String> {
        names(&self.units.join(format!("{target}.wants")))
    }
}

/// Returns the template of an instance.
pub(super) fn template_of(unit: &str) -> String {
    let (template, _) = unit.split_once('@').unwrap_or((unit, ""));
    format!("{template}@.service")
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut names: Vec<_> = entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.sort();
    names
}

fn remove_file(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNIT: &str = "fleet-pod@.service";

    fn files(dir: &Path) -> UnitFiles {
        UnitFiles::new(&dir.join("units"), &dir.join("state"))
    }

    #[test]
    fn what_we_wrote_is_replaced_and_what_somebody_edited_is_kept_once() {
        let dir = tempfile::tempdir().unwrap();
        let files = files(dir.path());
        assert_eq!(files.write(UNIT, "one").unwrap(), Refresh::New);
        assert_eq!(files.write(UNIT, "one").unwrap(), Refresh::Same);
        assert_eq!(files.write(UNIT, "two").unwrap(), Refresh::Replaced);
        fs::write(files.path(UNIT), "mine").unwrap();
        assert_eq!(files.write(UNIT, "three").unwrap(), Refresh::KeptAsBak);
        assert_eq!(fs::read(files.backup(UNIT)).unwrap(), b"mine");
        fs::write(files.path(UNIT), "mine too").unwrap();
        assert_eq!(files.write(UNIT, "four").unwrap(), Refresh::Edited);
        assert_eq!(fs::read(files.backup(UNIT)).unwrap(), b"mine");
        assert_eq!(fs::read(files.path(UNIT)).unwrap(), b"mine too");
    }

    #[test]
    fn an_edited_unit_is_not_removed() {
        let dir = tempfile::tempdir().unwrap();
        let files = files(dir.path());
        assert!(files.remove(UNIT).unwrap(), "it was never there");
        files.write(UNIT, "one").unwrap();
        assert!(files.remove(UNIT).unwrap());
        assert!(!files.path(UNIT).exists());
        files.write(UNIT, "one").unwrap();
        fs::write(files.path(UNIT), "mine").unwrap();
        assert!(!files.remove(UNIT).unwrap());
        assert_eq!(fs::read(files.path(UNIT)).unwrap(), b"mine");
    }

    #[test]
    fn forgetting_an_instance_leaves_the_drop_ins_of_people() {
        let dir = tempfile::tempdir().unwrap();
        let files = files(dir.path());
        let (mine, bare) = ("fleet-pod@a.b.service", "fleet-pod@a.c.service");
        for unit in [mine, bare] {
            assert!(files.write_drop_in(unit, "[Service]\n").unwrap());
            files.write_environment(unit, "A=1\n").unwrap();
        }
        assert_eq!(files.instances(), [mine, bare]);
        assert!(!files.is_whole(mine), "there is no template");
        files.write(UNIT, "[Service]\n").unwrap();
        assert!(files.is_whole(mine) && files.is_whole(bare));
        let own = files
            .path(mine)
            .with_extension("service.d")
            .join("mine.conf");
        fs::write(&own, "[Service]\n").unwrap();
        files.forget(mine).unwrap();
        files.forget(bare).unwrap();
        assert!(own.exists() && files.instances().is_empty());
        assert!(!files.units.join("fleet-pod@a.c.service.d").exists());
        assert!(!files.environment_file(mine).exists());
        assert!(!files.is_whole(mine));
    }
}
