//! The third layer: what a schema cannot say. Each rule is one function and can be run apart.

mod class_floor;
mod connector;
mod dependencies;
mod directories;
mod empty_values;
mod hosts;
mod names;
mod resume;
mod roles;
mod runtimes;
mod secrets;

use std::fmt;

pub use directories::{Disk, PathKind};
pub use names::reserved_for;
pub use secrets::without_secrets;

pub(crate) use directories::directories;
pub(crate) use names::are_apart;
pub(crate) use secrets::{redact, secrets_below};

use crate::finding::Finding;
use crate::known::Known;
use crate::outline::Outline;

type Check = fn(&Outline<'_>, &Known) -> Vec<Finding>;

/// A rule of the third layer; see [`crate::Document::check_rule`].
///
/// ```
/// use podfleet_roster::{Code, Document, Known, Rule};
///
/// let text = "agents:\n- {name: a, depends_on: [b]}\n";
/// let document = Document::read(text, "roster.yaml");
/// let rule = Rule::named("unknown-dependencies").unwrap();
/// let findings = document.check_rule(rule, &Known::shipped());
/// assert_eq!(findings[0].code, Code::UnknownDependency);
/// ```
#[derive(Clone, Copy)]
pub struct Rule {
    name: &'static str,
    check: Check,
}

/// Every rule that needs nothing but the text and what is known.
const RULES: &[Rule] = &[
    rule("duplicate-names", names::duplicate_names),
    rule("case-twins", names::case_twins),
    rule("session-clashes", names::session_clashes),
    rule("reserved-names", names::reserved_names),
    rule("unknown-dependencies", dependencies::unknown_dependencies),
    rule("dependency-cycles", dependencies::dependency_cycles),
    rule("class-floor", class_floor::class_floor),
    rule("known-runtimes", runtimes::known_runtimes),
    rule("missing-commands", runtimes::missing_commands),
    rule("known-roles", roles::known_roles),
    rule("secrets", secrets::secrets),
    rule("resume-conflicts", resume::resume_conflicts),
    rule("tokens-in-the-clear", connector::tokens_in_the_clear),
    rule("remote-agents", hosts::remote_agents),
    rule("empty-values", empty_values::empty_values),
];

const fn rule(name: &'static str, check: Check) -> Rule {
    Rule { name, check }
}

impl Rule {
    /// Returns every rule.
    #[must_use]
    pub const fn all() -> &'static [Self] {
        RULES
    }

    /// Returns the rule of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        RULES.iter().find(|rule| rule.name == name)
    }

    /// Returns the rule's name in kebab-case.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    pub(crate) fn check(&self, outline: &Outline<'_>, known: &Known) -> Vec<Finding> {
        (self.check)(outline, known)
    }
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Rule").field(&self.name).finish()
    }
}
