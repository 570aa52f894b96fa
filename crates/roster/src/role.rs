//! Roles: what an agent of a class is told about its mandate.

use std::collections::BTreeMap;

/// A role: the text that agents of a class get at launch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    class: String,
    synonyms: Vec<String>,
    text: String,
}

/// Why a file is not a role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidRole {
    /// There is nothing to tell an agent.
    #[error("the role `{class}` has no text")]
    Empty {
        /// The role's class.
        class: String,
    },
    /// The lines between the `---` at the beginning say something that roles do not have.
    #[error("the role `{class}` has an unknown head line `{line}`, only `synonyms:` is known")]
    UnknownHead {
        /// The role's class.
        class: String,
        /// The line.
        line: String,
    },
    /// The head is not closed by a second `---`.
    #[error("the head of the role `{class}` is not closed by `---`")]
    OpenHead {
        /// The role's class.
        class: String,
    },
}

impl Role {
    /// Reads a role file. `class` is the file's stem.
    ///
    /// The file is Markdown. It may begin with a head of lines between two `---`, in which
    /// `synonyms: a, b` names further classes of the same role.
    ///
    /// ```
    /// use podfleet_roster::Role;
    ///
    /// let role = Role::parse("code", "---\nsynonyms: coder\n---\n# Code\nYou write.\n").unwrap();
    /// assert_eq!(role.synonyms(), ["coder"]);
    /// assert_eq!(role.text(), "# Code\nYou write.\n");
    /// ```
    ///
    /// # Errors
    ///
    /// When the file has no text, or a head that is not understood.
    pub fn parse(class: &str, markdown: &str) -> Result<Self, InvalidRole> {
        let class = class.to_owned();
        let markdown = &markdown.replace("\r\n", "\n");
        let (synonyms, text) = match markdown.strip_prefix("---\n") {
            None => (Vec::new(), markdown.as_str()),
            Some(rest) => match rest.split_once("---\n") {
                None => return Err(InvalidRole::OpenHead { class }),
                Some((head, text)) => (synonyms(&class, head)?, text),
            },
        };
        if text.trim().is_empty() {
            return Err(InvalidRole::Empty { class });
        }
        Ok(Self {
            class,
            synonyms,
            text: text.to_owned(),
        })
    }

    /// Returns the class whose role this is.
    #[must_use]
    pub fn class(&self) -> &str {
        &self.class
    }

    /// Returns the other classes that have this role unless there is one of their own.
    #[must_use]
    pub fn synonyms(&self) -> &[String] {
        &self.synonyms
    }

    /// Returns the text for the agent, in Markdown.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

fn synonyms(class: &str, head: &str) -> Result<Vec<String>, InvalidRole> {
    let mut synonyms = Vec::new();
    for line in head.lines().filter(|line| !line.trim().is_empty()) {
        let Some(list) = line.strip_prefix("synonyms:") else {
            return Err(InvalidRole::UnknownHead {
                class: class.to_owned(),
                line: line.to_owned(),
            });
        };
        let words = list.split(',').map(str::trim);
        synonyms.extend(words.filter(|word| !word.is_empty()).map(str::to_owned));
    }
    Ok(synonyms)
}

/// The roles that a fleet has: the shipped ones, and the user's in their place.
///
/// ```
/// use podfleet_roster::{Role, Roles};
///
/// let mut roles = Roles::shipped();
/// assert_eq!(roles.of_class("implementer").unwrap().class(), "code");
///
/// roles.insert(Role::parse("implementer", "You implement.").unwrap());
/// assert_eq!(roles.of_class("implementer").unwrap().text(), "You implement.");
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Roles {
    by_class: BTreeMap<String, Role>,
}

macro_rules! shipped {
    ($($class:literal)*) => {
        [$(($class, include_str!(concat!("roles/", $class, ".md")))),*]
    };
}

const SHIPPED: [(&str, &str); 22] = shipped![
    "board"
    "code"
    "decomposition"
    "documentation"
    "enhancer"
    "fact-check"
    "inbox"
    "lead-researcher"
    "merge-gate"
    "operations"
    "operator"
    "orchestrator"
    "planner"
    "rebase"
    "research"
    "review"
    "scheduler"
    "security-review"
    "session-review"
    "site-tester"
    "worker"
    "writer"
];

impl Roles {
    /// Returns the shipped roles.
    #[must_use]
    pub fn shipped() -> Self {
        let roles = SHIPPED.iter();
        // A test proves that every shipped role can be read.
        let roles = roles.filter_map(|(class, text)| Role::parse(class, text).ok());
        Self {
            by_class: roles.map(|role| (role.class.clone(), role)).collect(),
        }
    }

    /// Adds a role, in place of one of the same class. Returns the one that it replaced.
    pub fn insert(&mut self, role: Role) -> Option<Role> {
        self.by_class.insert(role.class.clone(), role)
    }

    /// Returns the role of a class: its own, else the one that names it as a synonym.
    #[must_use]
    pub fn of_class(&self, class: &str) -> Option<&Role> {
        let synonym = |role: &&Role| role.synonyms.iter().any(|synonym| synonym == class);
        self.by_class
            .get(class)
            .or_else(|| self.by_class.values().find(synonym))
    }

    /// Returns the roles, sorted by class.
    pub fn iter(&self) -> impl Iterator<Item = &Role> {
        self.by_class.values()
    }

    /// Returns every class that has a role, synonyms included.
    pub fn classes(&self) -> impl Iterator<Item = &str> {
        self.iter().flat_map(|role| {
            let synonyms = role.synonyms.iter().map(String::as_str);
            std::iter::once(role.class.as_str()).chain(synonyms)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shipped_role_is_read() {
        assert_eq!(Roles::shipped().iter().count(), SHIPPED.len());
        for role in Roles::shipped().iter() {
            let sections = [
                "## What you do\n",
                "## What you do not do\n",
                "## With the others\n",
            ];
            for section in sections {
                assert!(role.text.contains(section), "{}: {section}", role.class);
            }
        }
    }

    #[test]
    fn no_two_roles_share_a_class() {
        let roles = Roles::shipped();
        let mut classes: Vec<&str> = roles.classes().collect();
        let count = classes.len();
        classes.sort_unstable();
        classes.dedup();
        assert_eq!(classes.len(), count);
    }

    #[test]
    fn a_synonym_has_the_role_that_names_it() {
        let roles = Roles::shipped();
        for (synonym, class) in [
            ("coder", "code"),
            ("implementer", "code"),
            ("reviewer", "review"),
            ("code-review", "review"),
            ("researcher", "research"),
            ("analyst", "research"),
        ] {
            assert_eq!(roles.of_class(synonym).unwrap().class(), class);
        }
        assert_eq!(roles.of_class("codr"), None);
    }

    #[test]
    fn what_is_no_role_is_refused() {
        let empty = Role::parse("x", "\n \n");
        assert!(matches!(empty, Err(InvalidRole::Empty { .. })));
        let head = Role::parse("x", "---\ncolour: red\n---\ntext");
        assert!(matches!(head, Err(InvalidRole::UnknownHead { .. })));
        let open = Role::parse("x", "---\nsynonyms: y\n");
        assert!(matches!(open, Err(InvalidRole::OpenHead { .. })));
    }
}
