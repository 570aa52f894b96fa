//! Findings as annotations of GitHub's workflows: `::error file=…,line=…::message`.
//!
//! GitHub shows an annotation at one line; the end of the span is left out, because an end that
//! lies in another line makes it ignore the columns.

use podfleet_roster::{Diagnostic, Severity};

use super::Checked;

/// Renders the findings of all texts.
pub(super) fn render(checked: &[Checked]) -> String {
    checked
        .iter()
        .flat_map(|roster| &roster.findings)
        .map(annotation)
        .collect()
}

fn annotation(finding: &Diagnostic) -> String {
    let command = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "notice",
    };
    let mut message = finding.message.clone();
    if let Some(help) = &finding.help {
        message.push_str("\nhelp: ");
        message.push_str(help);
    }
    format!(
        "::{command} file={},line={},col={},title={}::{}\n",
        property(&finding.file),
        finding.line,
        finding.column,
        property(finding.code.as_str()),
        data(&message),
    )
}

/// Escapes a message, which ends at the end of its line.
fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// Escapes a property, which ends at a comma or colon.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::super::samples::{FAULTY, check};
    use super::*;

    #[test]
    fn each_finding_is_one_line() {
        insta::assert_snapshot!(render(&check(FAULTY)), @r#"
        ::warning file=fleet/my roster.yaml,line=3,col=1,title=roster%3A%3Ano-lead::the fleet has no orchestrator and no enhancer, so it has no lead%0Ahelp: add an agent of class `orchestrator` and one of class `enhancer`
        ::error file=fleet/my roster.yaml,line=4,col=12,title=roster%3A%3Ainvalid-value::`agents[0].name` is `漢字コーダー`: it contains '漢'%0Ahelp: expected 1 to 64 ASCII letters, digits, `_`, `.` or `-`, the first none of the last two
        ::error file=fleet/my roster.yaml,line=6,col=5,title=roster%3A%3Aunknown-key::unknown key `runtme` in `agents[1]`%0Ahelp: did you mean `runtime`?
        ::error file=fleet/my roster.yaml,line=7,col=11,title=roster%3A%3Aduplicate-name::the name `coder` is given twice%0Ahelp: names are addresses; give each agent its own
        ::error file=fleet/my roster.yaml,line=9,col=24,title=roster%3A%3Awrong-type::`agents[2].working_directory` is a number, expected a string%0Ahelp: put it in quotes: `working_directory: "7"`
        "#);
    }

    #[test]
    fn no_text_can_end_its_annotation() {
        assert_eq!(data("50%\r\n::error::x"), "50%25%0D%0A::error::x");
        assert_eq!(property("a,b:c"), "a%2Cb%3Ac");
    }
}
