//! Findings about rosters, in the forms that people and programs read.

mod github;
mod human;
mod json;
mod sarif;

use podfleet_roster::{Diagnostic, Severity};

pub(crate) use human::{summary, total};

/// A roster's text and what was found in it.
#[derive(Debug)]
pub(crate) struct Checked {
    /// The name of the text: the path as the user gave it.
    pub(crate) name: String,
    /// The text itself.
    pub(crate) text: String,
    /// What was found, sorted by place.
    pub(crate) findings: Vec<Diagnostic>,
}

impl Checked {
    /// Returns how many findings have this severity.
    pub(crate) fn count(&self, severity: Severity) -> usize {
        let same = |finding: &&Diagnostic| finding.severity == severity;
        self.findings.iter().filter(same).count()
    }
}

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
    /// Renders the findings of all texts.
    pub(crate) fn render(self, checked: &[Checked]) -> serde_json::Result<String> {
        match self {
            Self::Human => Ok(human::render(checked)),
            Self::Json => json::render(checked),
            Self::Github => Ok(github::render(checked)),
            Self::Sarif => sarif::render(checked),
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
