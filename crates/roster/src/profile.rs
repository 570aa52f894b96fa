//! Profiles: kinds of organisation from which rosters are made.

mod check;
mod provision;
mod set;
mod topology;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use provision::Staffing;
pub use set::{Profiles, UnknownProfile};
pub use topology::Branch;

use crate::catalog::Code;
use crate::diagnostic::Diagnostic;
use crate::document::Document;
use crate::finding::Finding;
use crate::known::Known;
use crate::name::NAME_PATTERN;
use crate::schema::Subject;
use crate::typed::typed;

/// The grammar of a profile's id: kebab-case.
pub(crate) const ID_PATTERN: &str = "^[a-z0-9]+(-[a-z0-9]+)*$";

/// The class that leads every fleet.
const ORCHESTRATOR: &str = "orchestrator";

/// A kind of organisation: which classes work in it, how many of each, and who reports to whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Podfleet profile")]
#[non_exhaustive]
pub struct Profile {
    /// What the profile is called: small letters, digits and `-`; the stem of its file's name.
    #[schemars(regex(pattern = ID_PATTERN), length(max = 64), example = &"software-delivery")]
    pub id: String,
    /// Its name for people.
    #[schemars(length(min = 1), example = &"Software delivery")]
    pub title: String,
    /// What such an organisation is for, in a sentence or two.
    #[schemars(length(min = 1), example = &"Turns plans into reviewed, merged and running software.")]
    pub description: String,
    /// The class to which the work reports. The fleet's lead in the sense of rights is always the
    /// orchestrator.
    #[schemars(regex(pattern = NAME_PATTERN), example = &"planner")]
    pub lead: String,
    /// The classes that must be staffed, however small the fleet is.
    #[schemars(length(min = 1), inner(regex(pattern = NAME_PATTERN)), example = serde_json::json!(["orchestrator", "enhancer"]))]
    pub floor: Vec<String>,
    /// The classes that work in it; their order is that of the agents in a roster made of it.
    #[schemars(length(min = 1, max = 256), example = serde_json::json!([{"class": "code", "reports_to": "planner", "multiplicity": 2}]))]
    pub roster: Vec<Position>,
    /// What else is worth knowing about it. Absent: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1), example = &"Begin with the floor, and add seats as the work demands them.")]
    pub notes: Option<String>,
}

/// A class in a [`Profile`], with the number of its seats.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Position {
    /// The class, for which there must be a role.
    #[schemars(regex(pattern = NAME_PATTERN), example = &"code")]
    pub class: String,
    /// The class to which it reports. Absent: the lead; for the lead itself and the floor, the
    /// orchestrator.
    #[serde(alias = "reportsTo", default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = NAME_PATTERN), example = &"planner")]
    pub reports_to: Option<String>,
    /// How many agents of the class there are.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 64), example = 2)]
    pub multiplicity: u32,
}

const fn one() -> u32 {
    1
}

impl Profile {
    /// Reads and checks a profile in one pass, as [`Roster::parse`](crate::Roster::parse) does a
    /// roster.
    ///
    /// `name` is what findings call the text, usually a path. If it ends in `.yaml` or `.json`, the
    /// profile's id must be its stem. There is a profile exactly when nothing is wrong with it.
    ///
    /// ```
    /// use podfleet_roster::{Code, Known, Profile};
    ///
    /// let text = "\
    /// id: pair
    /// title: Pair
    /// description: One writes, one looks.
    /// lead: orchestrator
    /// floor: [orchestrator, enhancer]
    /// roster:
    ///   - class: orchestrator
    ///   - class: enhancer
    ///   - class: coed
    /// ";
    /// let (profile, findings) = Profile::parse(text, "profiles/pair.yaml", &Known::shipped());
    /// assert!(profile.is_none());
    /// assert_eq!(findings[0].code, Code::UnknownClass);
    /// assert_eq!((findings[0].line, findings[0].column), (9, 12));
    /// assert_eq!(findings[0].help.as_deref(), Some("did you mean `code`?"));
    ///
    /// let text = text.replace("coed", "code");
    /// let (profile, _) = Profile::parse(&text, "profiles/pair.yaml", &Known::shipped());
    /// assert_eq!(profile.unwrap().roster[2].multiplicity, 1);
    /// ```
    #[must_use]
    pub fn parse(text: &str, name: &str, known: &Known) -> (Option<Self>, Vec<Diagnostic>) {
        Document::read(text, name).check_profile(known)
    }

    /// Returns the class to which a class of the profile reports, with the defaults applied; none
    /// for the orchestrator and for a class that is not in the profile.
    #[must_use]
    pub fn superior_of(&self, class: &str) -> Option<&str> {
        let position = self.position(class)?;
        let explicit = position.reports_to.as_deref();
        let default = || check::default_superior(class, &self.lead, |class| self.is_floor(class));
        explicit
            .or_else(default)
            .filter(|superior| self.position(superior).is_some())
    }

    /// Returns whether the class must be staffed.
    #[must_use]
    pub fn is_floor(&self, class: &str) -> bool {
        self.floor.iter().any(|floor| floor == class)
    }

    /// Returns how many seats all classes have together.
    #[must_use]
    pub fn seats(&self) -> usize {
        let seats = self.roster.iter().map(|position| position.multiplicity);
        seats.map(|seats| seats as usize).sum()
    }

    /// Returns how many seats have an agent in the roster that is made of it.
    #[must_use]
    pub fn staffed_seats(&self, staffing: Staffing) -> usize {
        let staffed = self.staffed(staffing);
        staffed.map(|position| position.multiplicity as usize).sum()
    }

    fn position(&self, class: &str) -> Option<&Position> {
        self.roster.iter().find(|position| position.class == class)
    }
}

impl Document {
    /// Reads and checks the text as a [`Profile`], as [`Document::check`] does as a roster.
    #[must_use]
    pub fn check_profile(&self, known: &Known) -> (Option<Profile>, Vec<Diagnostic>) {
        let mut findings = self.syntax_findings();
        let mut profile = None;
        if let Some(root) = self.root() {
            findings.extend(self.schema(Subject::Profile, root));
            let ruled = check::rules(self.tree(), root, self.name(), known);
            Self::add_ruled(ruled, &mut findings);
            if !findings.iter().any(Finding::is_error) {
                // The schema comes from the types, so this fails only where they disagree.
                profile = typed(self.tree(), root)
                    .inspect_err(|error| {
                        findings.push(Finding::new(Code::InvalidValue, &(0..0), error.to_string()));
                    })
                    .ok();
            }
        }
        (profile, self.locate(findings))
    }
}
