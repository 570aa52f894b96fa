//! Who reports to whom, as a tree.

use super::{Position, Profile};

/// A class of a profile with the classes that report to it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Branch<'a> {
    /// The class and the number of its seats.
    pub position: &'a Position,
    /// Whether the work of the profile reports to it.
    pub is_lead: bool,
    /// Whether it must be staffed.
    pub is_floor: bool,
    /// The classes that report to it, in the profile's order.
    pub reports: Vec<Self>,
}

impl Profile {
    /// Returns who reports to whom: the classes that report to nobody, with all others below them.
    ///
    /// ```
    /// use podfleet_roster::Profiles;
    ///
    /// let profiles = Profiles::shipped();
    /// let research = profiles.get("research").unwrap();
    /// let [orchestrator] = research.topology().try_into().unwrap();
    /// let lead = &orchestrator.reports[1];
    /// assert!(lead.is_lead && lead.position.class == "lead-researcher");
    /// assert_eq!(lead.reports.len(), 4);
    /// ```
    #[must_use]
    pub fn topology(&self) -> Vec<Branch<'_>> {
        self.below(None)
    }

    /// A parsed profile has no circles, so this ends.
    fn below(&self, superior: Option<&str>) -> Vec<Branch<'_>> {
        self.roster
            .iter()
            .filter(|position| self.superior_of(&position.class) == superior)
            .map(|position| Branch {
                position,
                is_lead: position.class == self.lead,
                is_floor: self.is_floor(&position.class),
                reports: self.below(Some(&position.class)),
            })
            .collect()
    }
}
