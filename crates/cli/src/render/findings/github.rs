//! Findings as annotations of GitHub's workflows: `::error file=…,line=…::message`.
//!
//! GitHub shows an annotation at one line; the end of the span is left out, because an end that
//! lies in another line makes it ignore the columns.

use podfleet_roster::{Diagnostic, Severity};

use super::{Checked, UNREADABLE, Unread};

/// Renders the findings of all texts, and what could not be read.
pub(super) fn render(checked: &[Checked], unread: &[Unread]) -> String {
    let findings = checked.iter().flat_map(|roster| &roster.findings);
    let unread = unread.iter().map(annotation_of_file);
    findings.map(annotation).chain(unread).collect()
}

fn annotation_of_file(unread: &Unread) -> String {
    let file = unread.name.as_deref().map(property);
    let file = file.map(|file| format!("file={file},")).unwrap_or_default();
    let title = property(UNREADABLE);
    format!("::error {file}title={title}::{}\n", data(&unread.why))
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
        insta::assert_snapshot!(render(&check(FAULTY), &[]), @r#"
        ::warning file=fleet/my roster.yaml,line=3,col=1,title=roster%3A%3Ano-lead::the fleet has no orchestrator and no enhancer, so it has no lead%0Ahelp: add an agent of class `orchestrator` and one of class `enhancer`
        ::error file=fleet/my roster.yaml,line=4,col=12,title=roster%3A%3Ainvalid-value::`agents[0].name` is `漢字コーダー`: it contains '漢'%0Ahelp: expected 1 to 64 ASCII letters, digits, `_`, `.` or `-`, the first none of the last two
        ::error file=fleet/my roster.yaml,line=6,col=5,title=roster%3A%3Aunknown-key::unknown key `runtme` in `agents[1]`%0Ahelp: did you mean `runtime`?
        ::error file=fleet/my roster.yaml,line=7,col=11,title=roster%3A%3Aduplicate-name::the name `coder` is given twice%0Ahelp: names are addresses; give each agent its own
        ::error file=fleet/my roster.yaml,line=9,col=24,title=roster%3A%3Awrong-type::`agents[2].working_directory` is a number, expected a string%0Ahelp: put it in quotes: `working_directory: "7"`
        "#);
    }

    #[test]
    fn what_cannot_be_read_is_annotated() {
        let unread = [
            Unread {
                name: Some("a,b.yaml".into()),
                why: "there is no file a,b.yaml".into(),
            },
            Unread {
                name: None,
                why: "no file matches `*.yml`".into(),
            },
        ];
        insta::assert_snapshot!(render(&[], &unread), @r"
        ::error file=a%2Cb.yaml,title=fleet%3A%3Aunreadable::there is no file a,b.yaml
        ::error title=fleet%3A%3Aunreadable::no file matches `*.yml`
        ");
    }

    #[test]
    fn no_text_can_end_its_annotation() {
        assert_eq!(data("50%\r\n::error::x"), "50%25%0D%0A::error::x");
        assert_eq!(property("a,b:c"), "a%2Cb%3Ac");
    }

    type Properties = Vec<(String, String)>;

    /// Reads a line as the runner does: a name, properties with commas between them, and the data.
    fn read(line: &str) -> Option<(String, Properties, String)> {
        let (head, data) = line.strip_prefix("::")?.split_once("::")?;
        let (name, properties) = head.split_once(' ')?;
        let properties = properties.split(',').map(|property| {
            let (key, value) = property.split_once('=')?;
            let value = value.replace("%3A", ":").replace("%2C", ",");
            Some((key.to_owned(), unescape(&value)))
        });
        Some((
            name.to_owned(),
            properties.collect::<Option<_>>()?,
            unescape(data),
        ))
    }

    fn unescape(text: &str) -> String {
        let lines = text.replace("%0D", "\r").replace("%0A", "\n");
        lines.replace("%25", "%")
    }

    proptest::proptest! {
        #[test]
        fn the_runner_reads_back_what_was_meant(
            file in "[a-z%:,=\r\n\u{e9}\u{1F680} /.]{1,12}",
            key in "[a-z%:,=\u{e9} ]{1,12}",
        ) {
            let text = format!("version: 1\ntransport: tmux\nagents: [{{\"{key}\": 1}}]\n");
            let (_, findings) = podfleet_roster::Roster::parse(&text, &file, &podfleet_roster::Known::shipped());
            let checked = Checked { name: file.clone(), text, findings };
            let lines = render(std::slice::from_ref(&checked), &[]);
            proptest::prop_assert_eq!(lines.lines().count(), checked.findings.len());
            for (line, finding) in lines.lines().zip(&checked.findings) {
                let (name, properties, data) = read(line).expect(line);
                proptest::prop_assert!(["error", "warning", "notice"].contains(&name.as_str()));
                let expected = [
                    ("file", finding.file.clone()),
                    ("line", finding.line.to_string()),
                    ("col", finding.column.to_string()),
                    ("title", finding.code.to_string()),
                ];
                let expected: Vec<_> = expected.map(|(key, value)| (key.to_owned(), value)).into();
                proptest::prop_assert_eq!(properties, expected);
                let help = finding.help.iter().map(|help| format!("\nhelp: {help}"));
                proptest::prop_assert_eq!(data, finding.message.clone() + &help.collect::<String>());
            }
        }
    }
}
