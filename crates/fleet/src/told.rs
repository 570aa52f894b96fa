//! What an agent is told at its launch, besides its own program's prompt.

use std::path::Path;

use podfleet_roster::{Agent, Roster};

use crate::comms;

/// Returns the whole text: `SOUL.md` of the configuration directory, `roles/<class>.md`,
/// `personas/<name>.md`, then the comms block; what is not there is left out.
///
/// Reads at most three small files. A file that cannot be read counts as absent, because an agent
/// without its persona is better than none.
#[must_use]
pub fn told(config: &Path, roster: &Roster, agent: &Agent, host: &str) -> String {
    let read = |path: &Path| std::fs::read_to_string(path).ok();
    // A class is free text, so it names a file only if it stays in its directory.
    let role = is_file_name(&agent.class)
        .then(|| config.join("roles").join(format!("{}.md", agent.class)));
    let persona = config.join("personas").join(format!("{}.md", agent.name));
    [
        read(&config.join("SOUL.md")),
        role.and_then(|path| read(&path)),
        read(&persona),
        comms::block(roster, agent.name.as_str(), host),
    ]
    .into_iter()
    .flatten()
    .map(|text| text.trim_end().to_owned())
    .filter(|text| !text.is_empty())
    .collect::<Vec<_>>()
    .join("\n\n")
}

fn is_file_name(text: &str) -> bool {
    !text.starts_with('.') && !text.contains(['/', '\0'])
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
        let roster = roster("code");
        let told = |name: &str| {
            let agent = roster.agent(name).unwrap();
            told(config.path(), &roster, agent, "fern")
        };
        assert!(told("a").starts_with("soul\n\npersona\n\n# Your fleet\n"));
        write("roles/code.md", "role\n");
        assert!(told("a").starts_with("soul\n\nrole\n\npersona\n\n# Your fleet\n"));
        assert!(told("b").starts_with("soul\n\n# Your fleet\n"));
    }

    #[test]
    fn a_class_cannot_name_a_file_elsewhere() {
        let config = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(config.path().join("roles")).unwrap();
        std::fs::write(config.path().join("secret.md"), "secret").unwrap();
        let roster = roster("../secret");
        let text = told(config.path(), &roster, &roster.agents[0], "fern");
        assert!(!text.contains("secret\n"), "{text}");
    }
}
