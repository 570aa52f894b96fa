//! Why an agent is in its state: every fact, its source and its age.

use std::time::Duration;

use podfleet::wording::age;
use podfleet::{Explanation, RowState};

use super::ps::style;
use super::style::STRONG;
use super::table::{Cell, Column, Table};
use super::wrap::columns;

/// The mark in front of the fact that decided.
const DECIDED: &str = "►";

/// Renders an explanation in `width` columns; the fact that decided is marked.
pub(crate) fn render(explanation: &Explanation, width: usize) -> String {
    let state = style(RowState::Judged(explanation.readiness));
    let mut table = Table::new([
        Column::new(""),
        Column::new("FACT"),
        Column::new("VALUE").wrapping(16),
        Column::new("AGE").right(),
        Column::new("SOURCE").wrapping(12),
    ]);
    for fact in &explanation.facts {
        let (mark, style) = match fact.decided {
            true => (DECIDED, STRONG),
            false => ("", anstyle::Style::new()),
        };
        let seconds = fact.age_seconds.map(Duration::from_secs);
        table.row([
            mark.into(),
            Cell::styled(fact.what.as_str(), style),
            Cell::styled(fact.value.as_str(), style),
            seconds.map_or_else(|| "-".to_owned(), age).into(),
            source(&fact.source).into(),
        ]);
    }
    let (agent, readiness) = (&explanation.agent, explanation.readiness);
    let facts = table.render(Some(width));
    let head = format!("{agent} is {state}{readiness}{state:#}");
    let legend = format!("({DECIDED} decided)");
    let one_line = columns(&head) + 1 + columns(&legend) <= width;
    let gap = if one_line { " " } else { "\n" };
    format!("{head}{gap}{legend}\n\n{facts}")
}

/// Returns a source for people: of a file its name, since all lie in the fleet's directories.
fn source(source: &str) -> &str {
    match source.rsplit_once('/') {
        Some((directory, file)) if directory.starts_with('/') => file,
        _ => source,
    }
}

#[cfg(test)]
mod tests {
    use podfleet::{Fact, Readiness};

    use super::*;

    fn explanation() -> Explanation {
        let fact = |what: &str, value: &str, source: &str, age, decided| Fact {
            what: what.into(),
            value: value.into(),
            source: source.into(),
            age_seconds: age,
            decided,
        };
        Explanation {
            agent: "coder".into(),
            readiness: Readiness::Blocked,
            facts: vec![
                fact(
                    "pod",
                    "listens",
                    "/run/user/1000/fleet/abcdefghijkl.sock",
                    Some(0),
                    false,
                ),
                fact(
                    "screen",
                    "blocked(permission): Do you want to make this edit to main.rs?",
                    "harness rule `permission`",
                    Some(75),
                    true,
                ),
                fact("heartbeat", "none of this generation", "-", None, false),
            ],
        }
    }

    #[test]
    fn the_fact_that_decided_is_marked() {
        let text = render(&explanation(), 80);
        insta::assert_snapshot!(anstream::adapter::strip_str(&text), @"
        coder is blocked (► decided)

           FACT       VALUE                               AGE  SOURCE
           pod        listens                              0s  abcdefghijkl.sock
        ►  screen     blocked(permission): Do you want     1m  harness rule `permission`
                      to make this edit to main.rs?
           heartbeat  none of this generation               -  -
        ");
    }

    #[test]
    fn the_longest_name_fits_a_terminal() {
        let explanation = Explanation {
            agent: "x".repeat(64),
            readiness: Readiness::Quarantined,
            ..explanation()
        };
        let text = render(&explanation, 80);
        let text = anstream::adapter::strip_str(&text).to_string();
        assert!(text.lines().all(|line| columns(line) <= 80), "{text}");
        assert_eq!(text.lines().nth(1), Some("(► decided)"));
    }

    #[test]
    fn in_a_narrow_terminal_each_fact_is_a_paragraph() {
        let text = render(&explanation(), 40);
        insta::assert_snapshot!(anstream::adapter::strip_str(&text), @"
        coder is blocked (► decided)

        FACT    pod
        VALUE   listens
        AGE     0s
        SOURCE  abcdefghijkl.sock

        FACT    ► screen
        VALUE   blocked(permission): Do you want
                to make this edit to main.rs?
        AGE     1m
        SOURCE  harness rule `permission`

        FACT    heartbeat
        VALUE   none of this generation
        ");
    }
}
