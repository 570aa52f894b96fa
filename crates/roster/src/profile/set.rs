//! The profiles that there are.

use std::collections::BTreeMap;

use crate::catalog::Code;
use crate::diagnostic::Diagnostic;
use crate::document::Document;
use crate::finding::Finding;
use crate::known::Known;
use crate::spelling;

use super::Profile;

macro_rules! shipped {
    ($($id:literal)*) => {
        [$((concat!($id, ".yaml"), include_str!(concat!("../profiles/", $id, ".yaml")))),*]
    };
}

const SHIPPED: [(&str, &str); 3] = shipped!["personal-assistant" "research" "software-delivery"];

/// The profiles that there are: the shipped ones, and the user's beside or in place of them.
///
/// ```
/// use podfleet_roster::{Document, Known, Profiles};
///
/// let mut profiles = Profiles::shipped();
/// assert_eq!(profiles.get("research").unwrap().lead, "lead-researcher");
///
/// let text = "id: solo\ntitle: Solo\ndescription: Just one.\nlead: orchestrator\n\
///     floor: [orchestrator]\nroster: [{class: orchestrator}]\n";
/// let document = Document::read(text, "profiles/solo.yaml");
/// assert!(profiles.read(&document, &Known::shipped()).is_empty());
/// assert_eq!(profiles.file_of("solo"), Some("profiles/solo.yaml"));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Profiles {
    by_id: BTreeMap<String, Entry>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    profile: Profile,
    file: Option<String>,
}

impl Profiles {
    /// Returns the shipped profiles.
    #[must_use]
    pub fn shipped() -> Self {
        let known = Known::shipped();
        // A test proves that every shipped profile is sound.
        let read = |(file, text): &(&str, &str)| Profile::parse(text, file, &known).0;
        let profiles = SHIPPED.iter().filter_map(read);
        let entry = |profile: Profile| {
            let id = profile.id.clone();
            (
                id,
                Entry {
                    profile,
                    file: None,
                },
            )
        };
        Self {
            by_id: profiles.map(entry).collect(),
        }
    }

    /// Reads a file of the user's own, and adds its profile if nothing is wrong with it, in place
    /// of a shipped one of the same id. Returns what is wrong with it, which may also be that an
    /// earlier file has the same id.
    pub fn read(&mut self, file: &Document, known: &Known) -> Vec<Diagnostic> {
        let (profile, mut findings) = file.check_profile(known);
        let Some(profile) = profile else {
            return findings;
        };
        if let Some(earlier) = self.file_of(&profile.id) {
            let message = format!("the id `{}` is also that of {earlier}", profile.id);
            let finding = Finding::new(Code::DuplicateId, &file.span_of("id"), message)
                .help("ids are addresses; rename one of the two, or remove it");
            findings.extend(file.locate(vec![finding]));
            return findings;
        }
        let entry = Entry {
            file: Some(file.name().to_owned()),
            profile,
        };
        self.by_id.insert(entry.profile.id.clone(), entry);
        findings
    }

    /// Returns the profile of that id.
    ///
    /// # Errors
    /// There is none; the error's hint names the nearest.
    pub fn get(&self, id: &str) -> Result<&Profile, UnknownProfile> {
        let entry = self.by_id.get(id);
        entry
            .map(|entry| &entry.profile)
            .ok_or_else(|| UnknownProfile {
                id: id.to_owned(),
                known: self.by_id.keys().cloned().collect(),
            })
    }

    /// Returns the name of the user's file that a profile is from; none for a shipped one.
    #[must_use]
    pub fn file_of(&self, id: &str) -> Option<&str> {
        self.by_id.get(id)?.file.as_deref()
    }

    /// Returns the profiles, sorted by id.
    pub fn iter(&self) -> impl Iterator<Item = &Profile> {
        self.by_id.values().map(|entry| &entry.profile)
    }
}

/// Says that there is no profile of an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no profile {id:?}")]
pub struct UnknownProfile {
    id: String,
    known: Vec<String>,
}

impl UnknownProfile {
    /// Returns what to do about it: the nearest profile, else all of them.
    #[must_use]
    pub fn hint(&self) -> String {
        let known = || self.known.iter().map(String::as_str);
        match spelling::nearest(&self.id, known()) {
            Some(id) => format!("did you mean `{id}`?"),
            None => format!("profiles are {}", spelling::list(known(), "and")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shipped_profile_is_sound() {
        for (file, text) in SHIPPED {
            let (profile, findings) = Profile::parse(text, file, &Known::shipped());
            assert!(profile.is_some(), "{file}: {findings:#?}");
        }
        assert_eq!(Profiles::shipped().iter().count(), SHIPPED.len());
    }

    #[test]
    fn an_unknown_profile_is_told_the_nearest_one() {
        let hint = |id: &str| Profiles::shipped().get(id).unwrap_err().hint();
        assert_eq!(hint("reserach"), "did you mean `research`?");
        assert_eq!(
            hint("xyz"),
            "profiles are `personal-assistant`, `research` and `software-delivery`"
        );
    }
}
