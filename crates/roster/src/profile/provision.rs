//! A roster made of a profile.

use crate::schema::ROSTER_MODELINE;
use crate::spelling::quoted_name;

use super::{Position, Profile};

/// How much of a profile is staffed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Staffing {
    /// The classes of the floor alone.
    Floor,
    /// Every seat.
    Full,
}

/// What stands in front of the agents, as in the presets.
const HEAD: &str = "\
version: 1
transport: tmux

tmux:
  socket_name: podfleet  # look at the agents with: tmux -L podfleet attach

defaults:
  working_directory: ~/src

agents:
";

/// Columns of a comment, its `# ` not counted.
const COMMENT_WIDTH: usize = 78;

/// What an agent in an always-on seat runs on.
const CORE: &str = "    runtime: claude\n";

/// What the others run on.
const OTHERS: &str = "    runtime: pi\n    model_hint: openai-codex/gpt-5.5:high\n";

impl Profile {
    /// Returns a roster with the seats of this profile, as commented YAML.
    ///
    /// Seats are named after their class, and numbered from 0 where it has several; a seat of class
    /// `operator` is called `ops`, because that name is reserved. The floor and the lead are
    /// persistent, the others are reset between tasks. Whether the roster is sound is for
    /// [`Roster::parse`](crate::Roster::parse) to say: a profile may lack an orchestrator.
    ///
    /// ```
    /// use podfleet_roster::{Known, Profiles, Roster, Staffing};
    ///
    /// let profiles = Profiles::shipped();
    /// let text = profiles.get("research").unwrap().provision(Staffing::Full);
    /// let (roster, findings) = Roster::parse(&text, "research", &Known::shipped());
    /// assert!(findings.is_empty());
    /// let names: Vec<_> = roster.unwrap().agents.into_iter().map(|a| a.name.to_string()).collect();
    /// assert_eq!(names[2..6], ["lead-researcher", "research0", "research1", "research2"]);
    /// ```
    #[must_use]
    pub fn provision(&self, staffing: Staffing) -> String {
        let mut text = format!("{ROSTER_MODELINE}\n#\n");
        comment(&mut text, &format!("{}: {}", self.title, self.description));
        let seats = match staffing {
            Staffing::Full => "every seat",
            Staffing::Floor => "the seats of its floor",
        };
        comment(
            &mut text,
            &format!("Made of the profile {}: {seats}.", self.id),
        );
        text.push('\n');
        text.push_str(HEAD);
        let staffed: Vec<&Position> = self.staffed(staffing).collect();
        let agents: Vec<String> = staffed
            .iter()
            .flat_map(|position| self.agents(position, &staffed))
            .collect();
        text.push_str(&agents.join("\n"));
        text
    }

    pub(super) fn staffed(&self, staffing: Staffing) -> impl Iterator<Item = &Position> {
        let staffed = move |position: &&Position| match staffing {
            Staffing::Full => true,
            Staffing::Floor => self.is_floor(&position.class),
        };
        self.roster.iter().filter(staffed)
    }

    /// The agents in the seats of a position; above the first stands to whom they report.
    fn agents(&self, position: &Position, staffed: &[&Position]) -> impl Iterator<Item = String> {
        let class = &position.class;
        let persistent = *class == self.lead || self.is_floor(class);
        let superior = self.staffed_superior(class, staffed);
        let core = self.is_floor(class);
        (0..position.multiplicity).map(move |seat| {
            let mut text = String::new();
            if let Some(superior) = superior.filter(|_| seat == 0) {
                text.push_str(&format!("  # Reports to {superior}.\n"));
            }
            let name = quoted_name(&seat_name(position, seat));
            text.push_str(&format!("  - name: {name}\n"));
            text.push_str(if core { CORE } else { OTHERS });
            text.push_str(&format!("    class: {}\n", quoted_name(class)));
            text.push_str(if persistent {
                "    persistent_persona: true\n"
            } else {
                "    reset_between_tasks: true\n"
            });
            text
        })
    }

    /// The nearest superior that has a seat.
    fn staffed_superior(&self, class: &str, staffed: &[&Position]) -> Option<&str> {
        let mut above = std::iter::successors(self.superior_of(class), |at| self.superior_of(at));
        above.find(|above| staffed.iter().any(|position| position.class == *above))
    }
}

fn seat_name(position: &Position, seat: u32) -> String {
    let stem = match position.class.as_str() {
        "operator" => "ops",
        class => class,
    };
    match position.multiplicity {
        1 => stem.to_owned(),
        _ => format!("{stem}{seat}"),
    }
}

/// Appends a text as comment lines, whatever characters it has.
fn comment(text: &mut String, words: &str) {
    let mut column = 0;
    for word in words.split_whitespace() {
        let word: String = word.chars().filter(|c| !c.is_control()).collect();
        let width = word.chars().count();
        let fits = column + 1 + width <= COMMENT_WIDTH;
        text.push_str(match column {
            0 => "# ",
            _ if fits => " ",
            _ => "\n# ",
        });
        column = if column > 0 && fits {
            column + 1 + width
        } else {
            width
        };
        text.push_str(&word);
    }
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_keeps_every_line_a_comment() {
        let mut text = String::new();
        comment(
            &mut text,
            &format!("a\nb: {} {}", "x".repeat(90), "word ".repeat(30)),
        );
        assert!(text.ends_with('\n'));
        for line in text.lines() {
            assert!(line.starts_with("# ") && (line.len() <= 92), "{line}");
        }
    }
}
