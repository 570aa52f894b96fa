//! Findings for people: the line, a mark below the place, and what to do.

use std::borrow::Cow;
use std::ops::{Range, RangeInclusive};

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Renderer, Snippet};
use podfleet_roster::{Diagnostic, Severity};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::Checked;
use crate::render::count::counted;
use crate::render::wrap::{width, wrap};

/// Columns of a line of a text that its number and the marks of what is cut take.
const FRAME: usize = 24;

/// Renders the findings of all texts, a blank line after each.
pub(super) fn render(checked: &[Checked]) -> String {
    let renderer = Renderer::styled().term_width(width());
    let mut text = String::new();
    for roster in checked {
        let shown = Shown::new(&roster.text);
        for finding in &roster.findings {
            let rendered = renderer.render(&[group(finding, &shown)]);
            let (head, rest) = rendered.split_once('\n').unwrap_or((&rendered, ""));
            text.push_str(&format!("{}\n{rest}\n\n", broken(head, finding)));
        }
    }
    text
}

/// Breaks the first line: the message goes on below its beginning, or, if it has a word that is too
/// wide for that, two columns from the left.
fn broken(head: &str, finding: &Diagnostic) -> String {
    let (severity, code) = (finding.severity.as_str(), finding.code.as_str());
    let below = format!("{severity}[{code}]: ").len();
    let widest = finding.message.split(' ').map(UnicodeWidthStr::width).max();
    let fits = below + widest.unwrap_or(0) <= width();
    wrap(head, 0, &" ".repeat(if fits { below } else { 2 }))
}

/// A text as it is shown.
struct Shown<'t> {
    text: Cow<'t, str>,
    /// The bytes in front of it that are not shown: a byte order mark.
    hidden: usize,
}

impl<'t> Shown<'t> {
    fn new(text: &'t str) -> Self {
        let shown = text.strip_prefix('\u{feff}').unwrap_or(text);
        Self {
            text: without_c1(shown),
            hidden: text.len() - shown.len(),
        }
    }

    /// Returns the place of a part as it is marked: of one that is wider than `room` its beginning, so
    /// that its line can be cut to the width of the terminal.
    fn marked(&self, span: &Range<usize>, room: usize) -> Range<usize> {
        let shown = |at: usize| at.saturating_sub(self.hidden);
        let span = shown(span.start)..shown(span.end);
        let part = self.text.get(span.clone()).unwrap_or_default();
        if part.contains('\n') {
            return span;
        }
        let mut columns = 0;
        let wide = part.char_indices().find(|(_, c)| {
            columns += c.width().unwrap_or(0);
            columns > room
        });
        span.start..wide.map_or(span.end, |(at, _)| span.start + at)
    }
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

fn group<'a>(finding: &'a Diagnostic, shown: &'a Shown<'_>) -> Group<'a> {
    let level = match finding.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let text = shown.text.as_ref();
    let place = shown.marked(&finding.span, width() - FRAME);
    let snippet = Snippet::source(text)
        .path(finding.file.as_str())
        .annotation(AnnotationKind::Primary.span(place))
        .annotations(finding.related.iter().map(|place| related(place, shown)));
    let group = level
        .primary_title(finding.message.as_str())
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

fn related<'a>(place: &'a podfleet_roster::Related, shown: &Shown<'_>) -> Annotation<'a> {
    let label = place.message.as_str();
    let room = (width() - FRAME).saturating_sub(1 + label.width()).max(1);
    AnnotationKind::Context
        .span(shown.marked(&place.span, room))
        .label(label)
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

        error[roster::wrong-type]: `agents[2].working_directory` is a number, expected a
                                   string
         --> fleet/my roster.yaml:9:24
          |
        9 |     working_directory: 7
          |                        ^
          |
          = help: put it in quotes: `working_directory: "7"`
        "#);
    }

    fn plain(text: &str) -> String {
        anstream::adapter::strip_str(&render(&check(text))).to_string()
    }

    #[test]
    fn no_line_is_wider_than_eighty_columns() {
        let blank = "\n".repeat(120);
        let (name, mate, class) = ("n".repeat(64), "m".repeat(64), "漢".repeat(70));
        let roster = format!(
            "version: 1\ntransport: tmux\nagents:{blank}\
             - {{name: {name}, runtime: sim, depends_on: [{mate}], class: {class}}}\n\
             - {{name: {name}, runtime: {class}, resume: {mate}{name}}}\n"
        );
        let text = plain(&roster);
        assert_eq!(text.lines().find(|line| line.width() > 80), None);
        assert!(text.contains(&name) && text.contains(&mate), "{text}");
    }

    #[test]
    fn a_name_too_wide_for_its_place_begins_a_line() {
        let roster = format!(
            "version: 1\ntransport: tmux\nagents:\n- {{name: a, runtime: sim, depends_on: [{}]}}\n",
            "m".repeat(64)
        );
        let text = plain(&roster);
        let (_, lost) = text.split_once("error[").unwrap();
        insta::assert_snapshot!(lost, @"
        roster::unknown-dependency]: `a` depends on
          `mmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmm`, which is
          not in the roster
         --> fleet/my roster.yaml:4:40
          |
        4 | ...s_on: [mmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmm]}
          |           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          |
          = help: add that agent, or remove the dependency
        ");
    }

    #[test]
    fn a_byte_order_mark_takes_no_column() {
        let text =
            plain("\u{feff}version: 2\ntransport: tmux\nagents: [{name: a, runtime: sim}]\n");
        assert!(text.contains("roster.yaml:1:10\n"), "{text}");
        assert!(
            text.contains("\n1 | version: 2\n  |          ^\n"),
            "{text}"
        );
    }
}
