//! Roles: what an agent of a class is told about its mandate.

use std::collections::BTreeMap;

use crate::source::BYTE_ORDER_MARK;
use crate::spelling;

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
        let markdown = markdown.strip_prefix(BYTE_ORDER_MARK).unwrap_or(markdown);
        let markdown = &markdown.replace("\r\n", "\n");
        // The newline before the head's end is the one of the line above it.
        let (synonyms, text) = match markdown.strip_prefix("---") {
            Some(rest) if rest.starts_with('\n') => match rest.split_once("\n---\n") {
                None => return Err(InvalidRole::OpenHead { class }),
                Some((head, text)) => (synonyms(&class, head)?, text),
            },
            _ => (Vec::new(), markdown.as_str()),
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

    /// Returns the mandate in one line: the first paragraph below the title.
    #[must_use]
    pub fn summary(&self) -> String {
        let lines = self.text.lines().map(str::trim);
        let body = lines.skip_while(|line| line.is_empty() || line.starts_with('#'));
        let paragraph = body.take_while(|line| !line.is_empty() && !line.starts_with('#'));
        paragraph.collect::<Vec<_>>().join(" ")
    }

    /// Returns the whole file, head included, from which [`Role::parse`] reads the same role.
    #[must_use]
    pub fn to_markdown(&self) -> String {
        if self.synonyms.is_empty() {
            return self.text.clone();
        }
        let synonyms = self.synonyms.join(", ");
        format!("---\nsynonyms: {synonyms}\n---\n{}", self.text)
    }

    /// Returns a file to begin a role of that class with: the sections that every shipped role
    /// has, and what belongs into them.
    #[must_use]
    pub fn template(class: &str) -> String {
        include_str!("role_template.md").replace("CLASS", class)
    }
}

/// The sections that every role should have, below its title and its mandate in a sentence.
pub const ROLE_SECTIONS: [&str; 4] = [
    "What you do",
    "What you do not do",
    "With the others",
    "Done means",
];

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

    /// Returns the class that a misspelt one most likely meant.
    #[must_use]
    pub fn nearest(&self, class: &str) -> Option<&str> {
        spelling::nearest(class, self.classes())
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
            assert_eq!(headings(role), ROLE_SECTIONS, "{}", role.class);
            assert!(role.summary().len() > 20, "{}", role.class);
        }
    }

    #[test]
    fn every_line_of_a_role_fits_80_columns() {
        let roles = Roles::shipped();
        let texts = roles.iter().map(|role| (role.class(), role.to_markdown()));
        for (class, text) in texts.chain([("new", Role::template("new"))]) {
            let long: Vec<_> = text
                .lines()
                .filter(|line| line.chars().count() > 80)
                .collect();
            assert_eq!(long, [""; 0], "{class}");
        }
    }

    fn headings(role: &Role) -> Vec<&str> {
        let lines = role.text.lines();
        lines.filter_map(|line| line.strip_prefix("## ")).collect()
    }

    /// The lines below one of a role's headings, in one line.
    fn section(class: &str, heading: &str) -> String {
        let roles = Roles::shipped();
        let text = roles.of_class(class).unwrap().text();
        let (_, rest) = text.split_once(&format!("## {heading}\n")).unwrap();
        let section = rest.split("\n## ").next().unwrap_or_default();
        section.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_fixed_mandates_are_told() {
        let [does, does_not, _, done] = ROLE_SECTIONS;
        for (class, heading, words) in [
            ("orchestrator", does_not, "never the sole worker"),
            ("orchestrator", does, "Decide when agents disagree"),
            ("code", done, "The change is proposed on its branch"),
            ("code", done, "There you stop"),
            (
                "code",
                does_not,
                "begin no second card before the first is proposed",
            ),
            ("review", does_not, "You judge, you do not write"),
            ("security-review", does_not, "You judge, you do not write"),
            ("board", does_not, "You decide, you do not do"),
            (
                "enhancer",
                does_not,
                "write no product code, review none, and deliver nothing",
            ),
            (
                "enhancer",
                does,
                "Propose upgrades of tools, skills, role texts and harnesses",
            ),
            (
                "enhancer",
                does,
                "Report defects of tools to the people who maintain them",
            ),
            ("enhancer", does, "Recommend agents"),
            ("operator", does_not, "delete no data"),
            ("merge-gate", does_not, "You repair nothing"),
        ] {
            let section = section(class, heading);
            assert!(section.contains(words), "{class}, {heading}: {section}");
        }
        for class in ["orchestrator", "code", "enhancer"] {
            let summary = Roles::shipped().of_class(class).unwrap().summary();
            let words = match class {
                "orchestrator" => {
                    "single contact and the lead of this fleet. You compose the fleet, delegate all delivery, coordinate, and decide"
                }
                "code" => "one card at a time, on one branch, and stop when the change is proposed",
                _ => "improvement loop of this fleet: monitor, analyse, plan, and upgrade",
            };
            assert!(summary.contains(words), "{summary}");
        }
    }

    #[test]
    fn the_board_looks_through_five_lenses() {
        let does = section("board", ROLE_SECTIONS[0]);
        for lens in [
            "Moonshot",
            "Contrarian",
            "Technical",
            "Business",
            "Financial",
        ] {
            assert!(does.contains(&format!("- {lens}: ")), "{lens}");
        }
    }

    #[test]
    fn whoever_must_not_write_is_not_told_to() {
        let working = [
            "implement",
            "write the code",
            "commit",
            "merge one",
            "repair it",
            "deploy",
        ];
        for class in [
            "review",
            "security-review",
            "board",
            "session-review",
            "fact-check",
        ] {
            let does = section(class, ROLE_SECTIONS[0]).to_lowercase();
            let told = working.iter().find(|word| does.contains(**word));
            assert_eq!(told, None, "{class}: {does}");
        }
    }

    #[test]
    fn every_role_says_how_the_others_are_reached() {
        for role in Roles::shipped().iter() {
            let others = section(role.class(), ROLE_SECTIONS[2]);
            assert!(
                others.contains("`fleet send NAME -m"),
                "{}: {others}",
                role.class()
            );
            assert!(role.text().len() < 3500, "{} is long", role.class());
        }
    }

    #[test]
    fn a_role_is_written_as_it_was_read() {
        for (class, text) in SHIPPED {
            assert_eq!(Role::parse(class, text).unwrap().to_markdown(), text);
        }
    }

    #[test]
    fn a_new_role_begins_with_every_section() {
        let role = Role::parse("librarian", &Role::template("librarian")).unwrap();
        assert_eq!(headings(&role), ROLE_SECTIONS);
        assert!(role.text.starts_with("# librarian\n"));
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
    fn a_head_begins_behind_a_byte_order_mark_and_ends_with_a_line() {
        let role = Role::parse("x", "\u{feff}---\nsynonyms: a---, b\n---\nYou keep.\n").unwrap();
        assert_eq!(role.synonyms(), ["a---", "b"]);
        assert_eq!(role.text(), "You keep.\n");
        let empty = Role::parse("x", "---\n---\nYou keep.\n").unwrap();
        assert_eq!(empty.text(), "You keep.\n");
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
