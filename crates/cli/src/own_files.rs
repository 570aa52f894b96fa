//! The user's own roles and profiles, beside the shipped ones.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use podfleet_roster::{Document, Known, Profiles, Role, Roles};

use crate::error::Error;
use crate::exit::Exit;
use crate::input::read_file;
use crate::render::findings::Checked;

/// The largest role in bytes; an agent reads all of it at every launch.
const MAX_ROLE_BYTES: usize = 256 * 1024;

/// Where a role or profile is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Source {
    Shipped,
    Yours,
}

impl Source {
    /// Returns the word for it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Shipped => "shipped",
            Self::Yours => "yours",
        }
    }
}

/// All roles: the shipped ones, and the user's in their place.
#[derive(Debug)]
pub(crate) struct OwnRoles {
    pub(crate) roles: Roles,
    yours: BTreeSet<String>,
    faults: BTreeMap<PathBuf, Error>,
}

impl OwnRoles {
    /// Reads the user's roles in a directory, which need not be there.
    pub(crate) fn read(directory: &Path) -> Result<Self, Error> {
        let mut own = Self {
            roles: Roles::shipped(),
            yours: BTreeSet::new(),
            faults: BTreeMap::new(),
        };
        for file in files(directory, &["md"])? {
            match read_role(&file) {
                Ok(role) => {
                    own.yours.insert(role.class().to_owned());
                    own.roles.insert(role);
                }
                Err(fault) => {
                    own.faults.insert(file, fault);
                }
            }
        }
        Ok(own)
    }

    /// Returns why files of the user's are no roles.
    pub(crate) fn faults(&self) -> impl ExactSizeIterator<Item = &Error> {
        self.faults.values()
    }

    /// Returns why that file of the user's is no role.
    pub(crate) fn fault_of(&self, file: &Path) -> Option<&Error> {
        self.faults.get(file)
    }

    /// Returns where the role of that class is from.
    pub(crate) fn source(&self, role: &Role) -> Source {
        match self.yours.contains(role.class()) {
            true => Source::Yours,
            false => Source::Shipped,
        }
    }
}

fn read_role(file: &Path) -> Result<Role, Error> {
    let bytes = read_file(file)?;
    let wrong = |error: anyhow::Error| {
        Error::new(Exit::No, error).context(format!("{} is no role", file.display()))
    };
    if bytes.len() > MAX_ROLE_BYTES {
        return Err(wrong(anyhow::anyhow!(
            "it has more than {MAX_ROLE_BYTES} bytes"
        )));
    }
    let text = String::from_utf8(bytes).map_err(|error| wrong(error.into()))?;
    Role::parse(stem(file), &text).map_err(|error| wrong(error.into()))
}

/// All profiles: the shipped ones, and the user's beside or in place of them.
#[derive(Debug)]
pub(crate) struct OwnProfiles {
    pub(crate) profiles: Profiles,
    /// The user's files that are no profiles, with what is wrong with them.
    pub(crate) faulty: Vec<Checked>,
    /// Why files of the user's cannot be read.
    pub(crate) unreadable: BTreeMap<PathBuf, Error>,
}

impl OwnProfiles {
    /// Reads the user's profiles in a directory, which need not be there.
    pub(crate) fn read(directory: &Path, known: &Known) -> Result<Self, Error> {
        let mut own = Self {
            profiles: Profiles::shipped(),
            faulty: Vec::new(),
            unreadable: BTreeMap::new(),
        };
        for file in files(directory, &["json", "yaml"])? {
            match read_file(&file) {
                Ok(bytes) => own.add(&file, &bytes, known),
                Err(error) => {
                    own.unreadable.insert(file, error);
                }
            }
        }
        Ok(own)
    }

    fn add(&mut self, file: &Path, bytes: &[u8], known: &Known) {
        let name = file.display().to_string();
        let document = Document::read_bytes(bytes, &name);
        let findings = self.profiles.read(&document, known);
        if !findings.is_empty() {
            self.faulty.push(Checked::of(&document, findings));
        }
    }

    /// Returns where the profile of that id is from.
    pub(crate) fn source(&self, id: &str) -> Source {
        match self.profiles.file_of(id) {
            Some(_) => Source::Yours,
            None => Source::Shipped,
        }
    }

    /// Returns why the file that would define that profile cannot be read.
    pub(crate) fn unreadable_file_of(&self, id: &str) -> Option<&Error> {
        let mut unreadable = self.unreadable.iter();
        unreadable
            .find(|(file, _)| stem(file) == id)
            .map(|(_, error)| error)
    }

    /// Returns the faulty file that would define that profile.
    pub(crate) fn faulty_file_of(&self, id: &str) -> Option<&Checked> {
        let mut faulty = self.faulty.iter();
        faulty.find(|checked| stem(Path::new(&checked.name)) == id)
    }
}

/// Returns the files of a directory that have one of the extensions, sorted; hidden ones, such as
/// an editor's, are left out.
pub(crate) fn files(directory: &Path, extensions: &[&str]) -> Result<Vec<PathBuf>, Error> {
    let fault = |error: io::Error| {
        Error::from(error).context(format!("{} cannot be read", directory.display()))
    };
    let entries = match std::fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(fault)?,
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(fault)?.path();
        let extension = path.extension().and_then(|extension| extension.to_str());
        let wanted = extension.is_some_and(|extension| extensions.contains(&extension));
        if wanted && !stem(&path).is_empty() && !stem(&path).starts_with('.') {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Returns a file's name without its extension; empty if it is no text.
pub(crate) fn stem(file: &Path) -> &str {
    let stem = file.file_stem().and_then(|stem| stem.to_str());
    stem.unwrap_or_default()
}
