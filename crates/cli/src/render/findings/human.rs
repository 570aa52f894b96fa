//! Findings for people: the line, a mark below the place, and what to do.

use std::borrow::Cow;
use std::ops::RangeInclusive;

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Renderer, Snippet};
use podfleet_roster::{Diagnostic, Severity};

use super::Checked;
use crate::render::count::counted;
use crate::render::wrap::{width, wrap};

/// Renders the findings of all texts, a blank line after each.
pub(super) fn render(checked: &[Checked]) -> String {
    let renderer = Renderer::styled().term_width(width());
    let mut text = String::new();
    for roster in checked {
        let source = without_c1(&roster.text);
        for finding in &roster.findings {
            text.push_str(&renderer.render(&[group(finding, &source)]));
            text.push_str("\n\n");
        }
    }
    text
}

/// Shows the controls U+0080 to U+009F, which terminals obey and the renderer lets through, as a
/// character of the same length.
fn without_c1(text: &str) -> Cow<'_, str> {
    const C1: RangeInclusive<char> = '\u{80}'..='\u{9f}';
    if text.contains(|c| C1.contains(&c)) {
        Cow::Owned(text.replace(|c| C1.contains(&c), "\u{bf}"))
    } else {
        Cow::Borrowed(text)
    }
}

fn group<'a>(finding: &'a Diagnostic, text: &'a str) -> Group<'a> {
    let level = match finding.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let used = finding.code.as_str().len() + "warning[]: ".len();
    let message = hanging(&finding.message, used);
    let snippet = Snippet::source(text)
        .path(finding.file.as_str())
        .annotation(AnnotationKind::Primary.span(finding.span.clone()))
        .annotations(finding.related.iter().map(related));
    let group = level
        .primary_title(message)
        .id(finding.code.as_str())
        .element(snippet);
    match &finding.help {
        Some(help) => {
            let numbers = text.lines().count().to_string().len();
            let help = hanging(help, numbers + "  = help: ".len());
            group.element(Level::HELP.message(help))
        }
        None => group,
    }
}

/// Breaks a text whose lines all begin at column `used`, where the renderer puts them.
fn hanging(text: &str, used: usize) -> String {
    let indent = " ".repeat(used);
    wrap(text, used, &indent).replace(&format!("\n{indent}"), "\n")
}

fn related(place: &podfleet_roster::Related) -> Annotation<'_> {
    AnnotationKind::Context
        .span(place.span.clone())
        .label(place.message.as_str())
}

/// Says in one line what came of a text's check.
pub(crate) fn summary(roster: &Checked) -> String {
    let count = |severity, one: &str| {
        let count = roster.count(severity);
        (count > 0).then(|| counted(count, one))
    };
    let parts = [
        count(Severity::Error, "error"),
        count(Severity::Warning, "warning"),
        count(Severity::Note, "note"),
    ];
    let found: Vec<String> = parts.into_iter().flatten().collect();
    let found = if found.is_empty() {
        "valid".to_owned()
    } else {
        found.join(", ")
    };
    format!("{}: {found}", roster.name)
}

/// Says in one line what came of all texts, those that could not be read too. Each is counted once,
/// by the worst that was found in it.
pub(crate) fn total(checked: &[Checked], unreadable: usize) -> String {
    let has = |roster: &Checked, severity| roster.count(severity) > 0;
    let (wrong, rest): (Vec<_>, Vec<_>) = checked
        .iter()
        .partition(|roster| has(roster, Severity::Error));
    let doubtful = rest.iter().filter(|roster| has(roster, Severity::Warning));
    let (errors, warnings) = (wrong.len(), doubtful.count());
    let parts = [
        (errors, "with errors"),
        (warnings, "with warnings"),
        (unreadable, "unreadable"),
    ];
    let parts: Vec<String> = parts
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    let rosters = counted(checked.len() + unreadable, "roster");
    if parts.is_empty() {
        format!("{rosters}: all valid")
    } else {
        format!("{rosters}: {}", parts.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{FAULTY, check};
    use super::*;

    #[test]
    fn each_finding_shows_its_place_and_what_to_do() {
        let text = render(&check(FAULTY));
        insta::assert_snapshot!(anstream::adapter::strip_str(&text), @r#"
        warning[roster::no-lead]: the fleet has no orchestrator and no enhancer, so it
                                  has no lead
         --> fleet/my roster.yaml:3:1
          |
        3 | agents:
          | ^^^^^^
          |
          = help: add an agent of class `orchestrator` and one of class `enhancer`

        error[roster::invalid-value]: `agents[0].name` is `漢字コーダー`: it contains
                                      '漢'
         --> fleet/my roster.yaml:4:12
          |
        4 |   - {name: 漢字コーダー, runtime: claude}
          |            ^^^^^^^^^^^^
          |
          = help: expected 1 to 64 ASCII letters, digits, `_`, `.` or `-`, the first
                  none of the last two

        error[roster::unknown-key]: unknown key `runtme` in `agents[1]`
         --> fleet/my roster.yaml:6:5
          |
        6 |     runtme:    claude # 😀 tab
          |     ^^^^^^
          |
          = help: did you mean `runtime`?

        error[roster::duplicate-name]: the name `coder` is given twice
         --> fleet/my roster.yaml:7:11
          |
        5 |   - name: coder
          |           ----- first given here
        6 |     runtme:    claude # 😀 tab
        7 |   - name: coder
          |           ^^^^^
          |
          = help: names are addresses; give each agent its own

        error[roster::wrong-type]: `agents[2].working_directory` is a number, expected
                                   a string
         --> fleet/my roster.yaml:9:24
          |
        9 |     working_directory: 7
          |                        ^
          |
          = help: put it in quotes: `working_directory: "7"`
        "#);
    }

    #[test]
    fn no_line_is_wider_than_eighty_columns() {
        let blank = "\n".repeat(120);
        let key = "sk-ant-api03-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
        let roster = format!(
            "version: 1\ntransport: tmux\nagents:{blank}  - {{name: a, runtime: sim, env: {{A: {key}}}}}\n"
        );
        let text = render(&check(&roster));
        let text = anstream::adapter::strip_str(&text).to_string();
        let wide = |line: &&str| line.chars().count() > 80 && !line.contains("sk-ant");
        assert_eq!(text.lines().find(wide), None);
    }
}
