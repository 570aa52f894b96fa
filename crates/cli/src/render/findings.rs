//! Findings about rosters, in the forms that people and programs read.

mod github;
mod human;
mod json;
mod sarif;

use podfleet_roster::{Diagnostic, Document, Severity};

pub(crate) use human::{summary, total};

/// A roster's text and what was found in it.
#[derive(Debug)]
pub(crate) struct Checked {
    /// The name of the text: the path as the user gave it.
    pub(crate) name: String,
    /// The text itself without its secrets; empty where nothing was found.
    pub(crate) text: String,
    /// What was found, sorted by place.
    pub(crate) findings: Vec<Diagnostic>,
}

impl Checked {
    /// Returns what was found in a document, with its text if there is anything to show of it.
    pub(crate) fn of(document: &Document, findings: Vec<Diagnostic>) -> Self {
        let text = if findings.is_empty() {
            String::new()
        } else {
            document.redacted_text()
        };
        Self {
            name: document.name().to_owned(),
            text,
            findings,
        }
    }

    /// Returns how many findings have this severity.
    pub(crate) fn count(&self, severity: Severity) -> usize {
        let same = |finding: &&Diagnostic| finding.severity == severity;
        self.findings.iter().filter(same).count()
    }
}

/// A roster that could not be read.
#[derive(Debug)]
pub(crate) struct Unread {
    /// The path as the user gave it; none where a pattern named no file.
    pub(crate) name: Option<String>,
    /// Why it could not, in one line.
    pub(crate) why: String,
}

/// The name of what is wrong with a roster that could not be read; it is no finding in a text.
pub(crate) const UNREADABLE: &str = "fleet::unreadable";

/// The forms in which findings are printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// For people, with the lines of the text
    #[default]
    Human,
    /// One JSON object a line
    Json,
    /// Annotations of GitHub's workflows
    Github,
    /// SARIF 2.1.0, for code scanning
    Sarif,
}

impl Format {
    /// Renders the findings of all texts. What could not be read is a part of the forms of which a
    /// service makes annotations; it is told on standard error besides.
    pub(crate) fn render(
        self,
        checked: &[Checked],
        unread: &[Unread],
    ) -> serde_json::Result<String> {
        match self {
            Self::Human => Ok(human::render(checked)),
            Self::Json => json::render(checked),
            Self::Github => Ok(github::render(checked, unread)),
            Self::Sarif => sarif::render(checked, unread),
        }
    }
}

#[cfg(test)]
mod samples {
    use podfleet_roster::{Known, Roster};

    use super::Checked;

    /// A roster whose faults lie behind a tab, wide characters and a comment.
    pub(super) const FAULTY: &str = "version: 1\ntransport: tmux\nagents:\n  - {name: 漢字コーダー, runtime: claude}\n  - name: coder\n    runtme:\tclaude # 😀 tab\n  - name: coder\n    runtime: pi\n    working_directory: 7\n";

    pub(super) fn check(text: &str) -> Vec<Checked> {
        let (_, findings) = Roster::parse(text, "fleet/my roster.yaml", &Known::shipped());
        vec![Checked {
            name: "fleet/my roster.yaml".into(),
            text: text.into(),
            findings,
        }]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_format_repeats_a_secret(
            hidden in "[0-9][a-zA-Z0-9]{39}",
            at in 0_usize..8,
        ) {
            let secret = format!("ghp_{hidden}");
            let fields = [
                format!("env: {{T: {secret}}}"),
                format!("\"{secret}\": x"),
                format!("yollo: {secret}"),
                format!("class: {secret} # {secret}"),
                format!("depends_on: [{secret}]"),
                format!("restart: {{window: {secret}}}"),
                format!("env: {{{secret}: 1, {secret}: 2}}"),
                format!("alias: [ # {secret}"),
            ];
            let text = format!("version: 1\ntransport: tmux\nagents:\n- name: a\n  runtime: sim\n  {}\n", fields[at]);
            let document = podfleet_roster::Document::read(&text, "roster.yaml");
            let (_, findings) = document.check(&podfleet_roster::Known::shipped());
            prop_assert!(findings.iter().any(Diagnostic::is_error) || at == 3);
            let checked = [Checked { name: "roster.yaml".into(), text: document.redacted_text(), findings }];
            for format in [Format::Human, Format::Json, Format::Github, Format::Sarif] {
                let shown = format.render(&checked, &[]).unwrap();
                prop_assert!(!shown.is_empty());
                prop_assert!(!shown.contains(&hidden), "{:?}: {}", format, shown);
            }
        }
    }
}
