//! A roster as it lies in its file, checked with what the user adds to the shipped runtimes.

use std::path::{Path, PathBuf};

use podfleet_roster::{Diagnostic, Known, Roster};

use crate::dirs::Dirs;
use crate::error::{FleetError, FleetErrorKind};

/// A roster that was read, and everything that was found in it.
#[derive(Debug, Clone)]
pub struct RosterFile {
    /// Where it is.
    pub path: PathBuf,
    /// The roster; absent if syntax or schema have errors.
    pub roster: Option<Roster>,
    /// All findings, by place.
    pub findings: Vec<Diagnostic>,
}

impl RosterFile {
    /// Reads and checks a roster. The user's own harness files and roles count as known.
    ///
    /// # Errors
    /// Fails when the file cannot be read; what is wrong inside it are findings.
    pub fn read(path: &Path, dirs: &Dirs) -> Result<Self, FleetError> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| FleetError::io("read the roster", path, error))?;
        let known = Known::shipped()
            .with_runtimes(stems(&dirs.config.join("harnesses"), "toml"))
            .with_roles(stems(&dirs.config.join("roles"), "md"));
        let (roster, findings) = Roster::parse(&text, &path.to_string_lossy(), &known);
        Ok(Self {
            path: path.to_owned(),
            roster,
            findings,
        })
    }

    /// Returns whether it may be the ground for changes.
    #[must_use]
    pub fn allows_changes(&self) -> bool {
        self.roster.is_some() && !self.findings.iter().any(Diagnostic::blocks_changes)
    }

    /// Returns the roster and its path, as [`Setup`](crate::Setup) takes them.
    ///
    /// # Errors
    /// Fails with all the findings if it may not be the ground for changes.
    pub fn for_changes(self) -> Result<(Roster, PathBuf), FleetError> {
        let allowed = self.allows_changes();
        match self.roster {
            Some(roster) if allowed => Ok((roster, self.path)),
            _ => Err(FleetError::new(FleetErrorKind::Roster {
                path: self.path,
                findings: self.findings,
            })),
        }
    }
}

/// The names of a directory's files of one kind; none if there is no such directory.
fn stems(directory: &Path, extension: &str) -> Vec<String> {
    let entries = std::fs::read_dir(directory).into_iter().flatten();
    entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(roster: &str, harness: Option<&str>) -> RosterFile {
        let root = tempfile::tempdir().unwrap();
        let dirs = Dirs {
            config: root.path().to_owned(),
            state: "/s".into(),
            runtime: "/r".into(),
        };
        if let Some(name) = harness {
            let directory = root.path().join("harnesses");
            std::fs::create_dir(&directory).unwrap();
            std::fs::write(directory.join(format!("{name}.toml")), "").unwrap();
        }
        let path = root.path().join("roster.yaml");
        std::fs::write(&path, roster).unwrap();
        RosterFile::read(&path, &dirs).unwrap()
    }

    const AIDER: &str = "version: 1\ntransport: tmux\nagents:\n- {name: a, runtime: aider}\n";

    #[test]
    fn a_harness_file_of_the_users_own_makes_its_runtime_known() {
        let codes = |file: RosterFile| -> Vec<_> {
            let errors = file.findings.into_iter().filter(Diagnostic::is_error);
            errors.map(|finding| finding.code.as_str()).collect()
        };
        assert_eq!(codes(read(AIDER, None)), ["roster::unknown-runtime"]);
        assert!(codes(read(AIDER, Some("aider"))).is_empty());
    }

    #[test]
    fn a_roster_with_errors_is_no_ground_for_changes() {
        let error = read("agents: 7\n", None).for_changes().unwrap_err();
        let FleetErrorKind::Roster { findings, .. } = error.kind() else {
            panic!("{error:?}");
        };
        assert!(!findings.is_empty());
        assert!(read(AIDER, None).for_changes().is_ok());
    }

    #[test]
    fn a_missing_file_is_named() {
        let dirs = Dirs {
            config: "/c".into(),
            state: "/s".into(),
            runtime: "/r".into(),
        };
        let error = RosterFile::read(Path::new("/nonexistent/roster.yaml"), &dirs).unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot read the roster /nonexistent/roster.yaml"
        );
    }
}
