//! Who reports to whom, drawn as a tree.

use podfleet_roster::{Branch, Profile, Staffing};
use unicode_width::UnicodeWidthStr;

use super::style::DIM;

/// Draws a profile. With a `staffing` the classes that it leaves without an agent are marked.
pub(crate) fn render(profile: &Profile, staffing: Option<Staffing>) -> String {
    let mut lines = Vec::new();
    for root in profile.topology() {
        add(&root, "", "", &mut lines);
    }
    let widest = lines.iter().map(|line| line.0.width()).max().unwrap_or(0);
    let mut text = String::new();
    for (drawn, mut marks, is_floor) in lines {
        let empty = staffing == Some(Staffing::Floor) && !is_floor;
        if empty {
            marks.push("no seat yet");
        }
        let style = if empty { DIM } else { anstyle::Style::new() };
        let blank = " ".repeat(widest - drawn.width() + 2);
        let line = format!("{drawn}{blank}{}", marks.join(", "));
        text.push_str(&format!("{style}{}{style:#}\n", line.trim_end()));
    }
    text
}

/// A class as it is drawn, what it is, and whether it belongs to the floor.
type Line = (String, Vec<&'static str>, bool);

/// Adds a class and those below it; `own` and `below` are what stands in front of them.
fn add(branch: &Branch<'_>, own: &str, below: &str, lines: &mut Vec<Line>) {
    let position = branch.position;
    let seats = match position.multiplicity {
        1 => String::new(),
        seats => format!(" ×{seats}"),
    };
    let marks = [(branch.is_lead, "lead"), (branch.is_floor, "floor")];
    let marks = marks.into_iter().filter(|(is, _)| *is);
    lines.push((
        format!("{own}{}{seats}", position.class),
        marks.map(|(_, mark)| mark).collect(),
        branch.is_floor,
    ));
    let last = branch.reports.len().saturating_sub(1);
    for (index, report) in branch.reports.iter().enumerate() {
        let (fork, trunk) = match index == last {
            true => ("└─ ", "   "),
            false => ("├─ ", "│  "),
        };
        let (own, below) = (format!("{below}{fork}"), format!("{below}{trunk}"));
        add(report, &own, &below, lines);
    }
}

#[cfg(test)]
mod tests {
    use podfleet_roster::Profiles;

    use super::*;

    #[test]
    fn a_profile_is_drawn_as_a_tree() {
        let profiles = Profiles::shipped();
        let draw = |id, staffing| {
            let text = render(profiles.get(id).unwrap(), staffing);
            anstream::adapter::strip_str(&text).to_string()
        };
        insta::assert_snapshot!(draw("software-delivery", None), @"
        orchestrator           floor
        ├─ enhancer            floor
        │  └─ session-review
        └─ planner             lead
           ├─ decomposition
           ├─ code ×2
           ├─ review
           ├─ security-review
           ├─ site-tester
           ├─ documentation
           ├─ rebase
           ├─ merge-gate
           └─ operator
        ");
        insta::assert_snapshot!(draw("research", Some(Staffing::Floor)), @"
        orchestrator        floor
        ├─ enhancer         floor
        └─ lead-researcher  lead, no seat yet
           ├─ research ×3   no seat yet
           ├─ analyst       no seat yet
           ├─ fact-check    no seat yet
           └─ writer        no seat yet
        ");
    }
}
