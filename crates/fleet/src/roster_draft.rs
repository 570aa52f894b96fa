//! A roster's file with an edit that is not yet written.

use std::path::Path;

use podfleet_roster::{Diagnostic, Document, Edit, EditError, Edited, Known, MAX_BYTES, Roster};

use crate::error::{FleetError, FleetErrorKind};
use crate::file_snapshot::{FileSnapshot, PreparedFile};

/// A roster's file with an edit that is not yet written.
#[derive(Debug)]
pub struct RosterDraft {
    file: FileSnapshot,
    before: Document,
    roster_before: Option<Roster>,
    findings_before: Vec<Diagnostic>,
    edited: Edited,
}

impl RosterDraft {
    /// Reads a roster and edits it; writes nothing.
    ///
    /// # Errors
    /// Fails with [`FleetErrorKind::Unreadable`], and with [`FleetErrorKind::RosterEdit`] if the
    /// edit is refused; the reason, an [`EditError`], is the cause.
    pub fn make(
        path: &Path,
        known: &Known,
        edit: impl FnOnce(&mut Edit<'_>) -> Result<(), EditError>,
    ) -> Result<Self, FleetError> {
        let file = FileSnapshot::read(path, MAX_BYTES)?;
        let Some(bytes) = file.bytes() else {
            let missing = std::io::Error::from(rustix::io::Errno::NOENT);
            return Err(
                FleetError::unreadable(path, missing).hint("`fleet init --write` makes one")
            );
        };
        let before = Document::read_bytes(bytes, &path.to_string_lossy());
        let (roster_before, findings_before) = before.check(known);
        let edited = before.edit(known).and_then(|mut editing| {
            edit(&mut editing)?;
            editing.finish()
        });
        let edited = edited.map_err(|error| refused(path, error))?;
        Ok(Self {
            file,
            before,
            roster_before,
            findings_before,
            edited,
        })
    }

    /// Returns the roster's path.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// Returns whether the text changes at all.
    #[must_use]
    pub fn changes(&self) -> bool {
        self.text_before() != self.text()
    }

    /// Returns the text as it is in the file.
    #[must_use]
    pub fn text_before(&self) -> &str {
        self.before.text()
    }

    /// Returns the text as the edit makes it.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.edited.text
    }

    /// Returns the roster as it is in the file.
    #[must_use]
    pub const fn roster_before(&self) -> Option<&Roster> {
        self.roster_before.as_ref()
    }

    /// Returns the roster as the edit makes it.
    #[must_use]
    pub const fn roster(&self) -> &Roster {
        &self.edited.roster
    }

    /// Returns what is found in the roster only since the edit; nothing of it forbids to write it.
    pub fn new_findings(&self) -> impl Iterator<Item = &Diagnostic> {
        let told = |finding: &Diagnostic| {
            let mut before = self.findings_before.iter();
            !before.any(|old| (old.code, &old.message) == (finding.code, &finding.message))
        };
        self.edited
            .findings
            .iter()
            .filter(move |finding| told(finding))
    }

    /// Gets everything ready for the roster to be written, where something else is to be done before:
    /// what the system would refuse, it refuses now. Nothing if the roster does not change.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub fn prepare(&self) -> Result<Option<PreparedFile>, FleetError> {
        let prepare = || self.file.prepare(self.text().as_bytes());
        self.changes().then(prepare).transpose()
    }

    /// Writes the roster, if it changes.
    ///
    /// # Errors
    /// As [`FileSnapshot::replace`]: above all if the file is not any more as it was read.
    pub fn write(&self) -> Result<(), FleetError> {
        self.prepare()?.map_or(Ok(()), PreparedFile::put)
    }
}

fn refused(path: &Path, error: EditError) -> FleetError {
    let hint = error.hint();
    let made = FleetError::new(FleetErrorKind::RosterEdit {
        path: path.to_owned(),
    })
    .caused_by(error);
    match hint {
        Some(hint) => made.hint(hint),
        None => made,
    }
}
