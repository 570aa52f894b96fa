//! What the checks take as known from outside the roster.

use std::collections::BTreeSet;

use crate::role::Roles;

/// What a roster may name without defining it: runtimes, roles, and the machine it is read on.
///
/// The shipped ones are a constant; a program adds the user's own, which it finds in places that
/// this crate does not look at.
///
/// ```
/// use podfleet_roster::Known;
///
/// let known = Known::shipped().with_runtimes(["aider"]).with_roles(["librarian"]);
/// assert!(known.runtimes().any(|name| name == "aider"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    runtimes: BTreeSet<String>,
    roles: BTreeSet<String>,
    host: Option<String>,
}

/// The runtimes for which a harness is shipped.
pub const SHIPPED_RUNTIMES: [&str; 6] = ["claude", "codex", "pi", "opencode", "generic", "sim"];

impl Known {
    /// Returns the shipped runtimes and roles.
    #[must_use]
    pub fn shipped() -> Self {
        Self {
            runtimes: SHIPPED_RUNTIMES.map(str::to_owned).into(),
            roles: Roles::shipped().classes().map(str::to_owned).collect(),
            host: None,
        }
    }

    /// Adds runtimes, such as those of the user's harness files.
    #[must_use]
    pub fn with_runtimes<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.runtimes.extend(names.into_iter().map(Into::into));
        self
    }

    /// Adds classes for which there is a role.
    #[must_use]
    pub fn with_roles<S: Into<String>>(mut self, classes: impl IntoIterator<Item = S>) -> Self {
        self.roles.extend(classes.into_iter().map(Into::into));
        self
    }

    /// Takes the classes of these roles in place of the shipped ones: a user's role may have fewer
    /// synonyms than the shipped one that it replaces.
    #[must_use]
    pub fn with_only_roles_of(mut self, roles: &Roles) -> Self {
        self.roles = roles.classes().map(str::to_owned).collect();
        self
    }

    /// Says what this machine is called (its short host name), so that an agent whose `host` is
    /// this one counts as hosted here.
    #[must_use]
    pub fn with_host(mut self, short_name: impl Into<String>) -> Self {
        self.host = Some(short_name.into());
        self
    }

    /// Returns the known runtimes in alphabetical order.
    pub fn runtimes(&self) -> impl Iterator<Item = &str> {
        self.runtimes.iter().map(String::as_str)
    }

    /// Returns the classes with a role in alphabetical order.
    pub fn roles(&self) -> impl Iterator<Item = &str> {
        self.roles.iter().map(String::as_str)
    }

    pub(crate) fn has_runtime(&self, name: &str) -> bool {
        self.runtimes.contains(name)
    }

    pub(crate) fn is_this_host(&self, name: &str) -> bool {
        self.host.as_deref() == Some(name)
    }

    pub(crate) fn has_role(&self, class: &str) -> bool {
        self.roles.contains(class)
    }
}

impl Default for Known {
    fn default() -> Self {
        Self::shipped()
    }
}
