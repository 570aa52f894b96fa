//! Reading the roster that a command goes by.

use std::path::{Path, PathBuf};

use podfleet_home::ReadFileErrorKind;
use podfleet_roster::{Code, Diagnostic, Document, Known, MAX_BYTES, Roster, Severity};

use crate::error::Error;
use crate::exit::Exit;
use crate::input::unreadable;
use crate::render::findings::{Checked, Format};

/// A roster's file, read and checked.
#[derive(Debug)]
pub(crate) struct RosterFile {
    path: PathBuf,
    roster: Option<Roster>,
    checked: Checked,
}

/// How badly a command needs a roster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RosterNeed {
    /// It changes the fleet on its strength: without a sound one it does nothing.
    Sound,
    /// It goes by what is recorded, and takes more from a roster if there is a sound one.
    Helpful,
}

impl RosterFile {
    /// Reads the file and checks it as well as is needed; `None` if it is not there.
    ///
    /// # Errors
    /// Fails when it is there and cannot be read.
    pub(crate) fn read(
        path: &Path,
        known: &Known,
        need: RosterNeed,
    ) -> Result<Option<Self>, Error> {
        let bytes = match podfleet_home::read_file(path, MAX_BYTES) {
            Ok(bytes) => bytes,
            Err(error) if matches!(error.kind(), ReadFileErrorKind::Missing) => return Ok(None),
            Err(error) => return Err(unreadable(path, error)),
        };
        let name = path.display().to_string();
        let document = Document::read_bytes(bytes, &name);
        let (roster, findings) = match need {
            RosterNeed::Sound => document.check(known),
            RosterNeed::Helpful => document.glance(known),
        };
        Ok(Some(Self {
            path: path.to_owned(),
            roster,
            checked: Checked::of(&document, findings),
        }))
    }

    /// Returns the findings that are wrong but stop nothing here, a line each; that an agent would be
    /// told nothing about its mandate too, since nothing else shows it.
    pub(crate) fn warnings(&self) -> impl Iterator<Item = String> {
        let wrong = |finding: &&Diagnostic| {
            let role_is_missing = finding.code == Code::UnknownRole;
            (finding.is_error() || role_is_missing) && !finding.blocks_changes()
        };
        self.checked.findings.iter().filter(wrong).map(as_warning)
    }

    /// Returns the roster with its path, if nothing forbids to go by it.
    pub(crate) fn sound(self) -> Result<(Roster, PathBuf), UnsoundRoster> {
        let sound = !self.checked.findings.iter().any(Diagnostic::blocks_changes);
        match self.roster {
            Some(roster) if sound => Ok((roster, self.path)),
            _ => Err(UnsoundRoster {
                checked: self.checked,
            }),
        }
    }
}

/// Returns the line of a finding that stops nothing here, whatever it stops elsewhere.
pub(crate) fn as_warning(finding: &Diagnostic) -> String {
    let mut finding = finding.clone();
    finding.severity = finding.severity.min(Severity::Warning);
    finding.to_string()
}

/// A roster that nothing may be changed on the strength of.
#[derive(Debug)]
pub(crate) struct UnsoundRoster {
    checked: Checked,
}

impl UnsoundRoster {
    /// Returns the name of its file.
    pub(crate) fn name(&self) -> &str {
        &self.checked.name
    }

    /// Returns what is wrong with it, for people.
    pub(crate) fn findings(&self) -> Result<String, Error> {
        Ok(Format::Human.render(std::slice::from_ref(&self.checked), &[])?)
    }

    /// Returns the error of a command that needs a sound one.
    pub(crate) fn error(&self) -> Error {
        let name = &self.checked.name;
        Error::message(
            Exit::No,
            format!("the roster {name} has errors; nothing was done"),
        )
    }
}
