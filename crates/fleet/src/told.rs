//! What an agent is told at its launch, besides its own program's prompt.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use podfleet_protocol::{Address, Scope};
use podfleet_roster::{Agent, Role, Roles, Roster};

use crate::comms::{self, CommandReaders, Tools};
use crate::file_snapshot::FileSnapshot;

/// The most that is read of one file, in bytes.
const MAX_BYTES: usize = 256 * 1024;

/// The user's texts, read once for all agents of a fleet.
///
/// A file that cannot be read counts as absent, because an agent without its persona is better
/// than none.
#[derive(Debug)]
pub struct Texts {
    personas: PathBuf,
    soul: Option<String>,
    roles: Roles,
}

impl Texts {
    /// Reads `SOUL.md` and `roles/` of the configuration directory. The user's roles win over the
    /// shipped ones.
    #[must_use]
    pub fn read(config: &Path) -> Self {
        Self {
            personas: config.join("personas"),
            soul: read(&config.join("SOUL.md")),
            roles: roles(&config.join("roles")),
        }
    }

    /// Returns whether agents of a class have a role.
    #[must_use]
    pub fn has_role(&self, class: &str) -> bool {
        self.roles.of_class(class).is_some()
    }

    /// Returns the whole text for one agent: `SOUL.md`, the role of its class (found by synonyms
    /// too), `personas/<name>.md`, then the comms block; what is not there is left out.
    #[must_use]
    pub fn told(
        &self,
        roster: &Roster,
        agent: &Agent,
        host: &str,
        tools: Tools,
        readers: &CommandReaders,
    ) -> String {
        let role = self.roles.of_class(&agent.class).map(Role::text);
        let persona = read(&self.personas.join(format!("{}.md", agent.name)));
        let comms = comms::block(roster, agent.name.as_str(), host, tools, readers);
        [
            self.soul.as_deref(),
            role,
            persona.as_deref(),
            comms.as_deref(),
        ]
        .into_iter()
        .flatten()
        .map(str::trim_end)
        .filter(|text| !text.is_empty())
        .collect::<Vec<_>>()
        .join("\n\n")
    }
}

fn read(path: &Path) -> Option<String> {
    let snapshot = FileSnapshot::read(path, MAX_BYTES).ok()?;
    String::from_utf8(snapshot.bytes()?.to_vec()).ok()
}

/// The shipped roles, with the user's in their place.
fn roles(directory: &Path) -> Roles {
    let mut roles = Roles::shipped();
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    for path in entries.map(|entry| entry.path()) {
        let class = path.file_stem().and_then(|stem| stem.to_str());
        let class = class.filter(|_| path.extension().is_some_and(|found| found == "md"));
        let role = class.and_then(|class| Role::parse(class, &read(&path)?).ok());
        role.map(|role| roles.insert(role));
    }
    roles
}

/// Returns what a spawned agent is told: its role if it was given one, who it is and who spawned it,
/// and what it may change.
#[must_use]
pub(crate) fn told_child(
    own: &Address,
    parent: Option<&Address>,
    role: Option<&str>,
    scope: &Scope,
) -> String {
    let mut text = role.map_or_else(String::new, |role| format!("{}\n\n", role.trim()));
    match parent {
        Some(parent) => {
            let name = &parent.session;
            let _ = write!(
                text,
                "# Who you are\n\nYou are `[{own}]`, spawned by `[{parent}]` for a task of its own. \
                 Your orders come from there.\nTo tell it something: `fleet send {name} -m \"…\"`. \
                 It is told by itself when a turn of yours ends or fails, and when you wait for a \
                 person.\n"
            );
        }
        None => {
            let _ = write!(
                text,
                "# Who you are\n\nYou are `[{own}]`, spawned by the operator.\n"
            );
        }
    }
    if scope.writable.is_some() {
        let _ = writeln!(text, "Change nothing but: {scope}.");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use podfleet_roster::Known;

    fn roster(class: &str) -> Roster {
        let text = format!(
            "version: 1\ntransport: tmux\nagents:\n- {{name: a, runtime: sim, class: {class}}}\n- {{name: b, runtime: sim}}\n"
        );
        Roster::parse(&text, "roster.yaml", &Known::shipped())
            .0
            .unwrap()
    }

    #[test]
    fn the_parts_come_in_order_and_missing_ones_leave_no_gap() {
        let config = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = config.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("SOUL.md", "soul\n\n");
        write("personas/a.md", "persona\n");
        let roster = roster("librarian");
        let told = |name: &str| {
            let agent = roster.agent(name).unwrap();
            Texts::read(config.path()).told(
                &roster,
                agent,
                "fern",
                Tools::None,
                &CommandReaders::default(),
            )
        };
        assert!(told("a").starts_with("soul\n\npersona\n\n# Your fleet\n"));
        write(
            "roles/archivist.md",
            "---\nsynonyms: librarian\n---\nrole\n",
        );
        assert!(told("a").starts_with("soul\n\nrole\n\npersona\n\n# Your fleet\n"));
        assert!(told("b").starts_with("soul\n\n# Worker\n"));
    }

    #[test]
    fn the_users_role_wins_over_the_shipped_one() {
        let config = tempfile::tempdir().unwrap();
        let roster = roster("implementer");
        let told = || {
            Texts::read(config.path()).told(
                &roster,
                &roster.agents[0],
                "fern",
                Tools::None,
                &CommandReaders::default(),
            )
        };
        assert!(told().starts_with("# Code\n"));
        std::fs::create_dir_all(config.path().join("roles")).unwrap();
        std::fs::write(config.path().join("roles/implementer.md"), "Mine.\n").unwrap();
        assert!(told().starts_with("Mine.\n\n# Your fleet\n"));
    }

    #[test]
    fn a_class_cannot_name_a_file_elsewhere() {
        let config = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(config.path().join("roles")).unwrap();
        std::fs::write(config.path().join("secret.md"), "secret").unwrap();
        let roster = roster("../secret");
        let text = Texts::read(config.path()).told(
            &roster,
            &roster.agents[0],
            "fern",
            Tools::None,
            &CommandReaders::default(),
        );
        assert!(!text.contains("secret\n"), "{text}");
    }
}
