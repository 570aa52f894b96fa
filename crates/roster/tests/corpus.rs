//! Checks every roster below `tests/rosters`; a new file there is a new test.
//!
//! Beside a roster `x.yaml` stands `x.yaml.findings` with one line `code line:column` for each
//! finding; a roster without that file has none. `UPDATE_FINDINGS=1` writes these files anew.
//!
//! Most samples are small fleets, which is not what they are about: that a fleet has no lead stands
//! only beside those whose name begins with `no-lead`. The disk that all are checked against is
//! [`SampleDisk`].

use std::fs;
use std::path::{Path, PathBuf};

use jsonschema::Validator;
use podfleet_roster::{Code, Diagnostic, Disk, Document, Known, Layer, PathKind, Roster};

type Outcome = Result<(), Box<dyn std::error::Error>>;

datatest_stable::harness! {
    { test = valid, root = "../../tests/rosters/valid", pattern = r"\.(yaml|json)$" },
    { test = invalid, root = "../../tests/rosters/invalid", pattern = r"\.(yaml|json)$" },
    { test = ancestor, root = "../../tests/rosters/ancestor", pattern = r"\.(yaml|json)$" },
}

/// A valid roster has no error, and a value.
fn valid(path: &Path) -> Outcome {
    let (roster, findings) = check(path)?;
    assert!(roster, "no roster: {findings:#?}");
    assert!(!findings.iter().any(Diagnostic::is_error), "{findings:#?}");
    compare(path, &findings)
}

/// An invalid roster has exactly the findings that stand beside it, one of them an error.
fn invalid(path: &Path) -> Outcome {
    let (_, findings) = check(path)?;
    assert!(findings.iter().any(Diagnostic::is_error), "{findings:#?}");
    compare(path, &findings)
}

/// What the ancestor system accepted has exactly the findings that stand beside it.
fn ancestor(path: &Path) -> Outcome {
    let (_, findings) = check(path)?;
    compare(path, &findings)
}

fn check(path: &Path) -> Result<(bool, Vec<Diagnostic>), Box<dyn std::error::Error>> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let document = Document::read_bytes(fs::read(path)?, &name);
    let (roster, findings) = document.check(&Known::shipped());
    a_glance_sees_what_a_check_sees(&document, roster.as_ref(), &findings);
    assert_eq!(document.findings(&Known::shipped(), None), findings);
    let findings = document.findings(&Known::shipped(), Some(&SampleDisk));
    each_fault_is_reported_once(&findings);
    no_secret_is_shown(&document, &findings);
    the_drafts_agree(&document)?;
    Ok((roster.is_some(), findings))
}

/// A disk on which paths with an ending are files, all other paths directories, and each directory
/// directly below `~/git` is a git working tree.
struct SampleDisk;

impl Disk for SampleDisk {
    fn kind(&self, path: &str) -> PathKind {
        match path.rsplit('/').next().unwrap_or(path).contains('.') {
            true => PathKind::Other,
            false => PathKind::Directory,
        }
    }

    fn work_tree(&self, path: &str) -> Option<String> {
        let below = path.strip_prefix("~/git/")?;
        Some(below.split('/').next().unwrap_or(below).to_owned())
    }
}

/// A glance may pass what only the schema forbids; all else it tells as a check does.
fn a_glance_sees_what_a_check_sees(
    document: &Document,
    checked: Option<&Roster>,
    findings: &[Diagnostic],
) {
    let (glanced, told) = document.glance(&Known::shipped());
    if let Some(checked) = checked {
        assert_eq!(glanced.as_ref(), Some(checked));
        assert_eq!(told, findings);
    } else if glanced.is_none() {
        assert_eq!(told, findings);
    }
}

fn compare(path: &Path, findings: &[Diagnostic]) -> Outcome {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let about_the_lead = name.starts_with("no-lead");
    let found: String = findings
        .iter()
        .filter(|finding| about_the_lead || finding.code.as_str() != "roster::no-lead")
        .map(|finding| format!("{} {}:{}\n", finding.code, finding.line, finding.column))
        .collect();
    let mut beside = PathBuf::from(path).into_os_string();
    beside.push(".findings");
    let beside = PathBuf::from(beside);
    if std::env::var_os("UPDATE_FINDINGS").is_some() {
        if found.is_empty() {
            let _ = fs::remove_file(&beside);
        } else {
            fs::write(&beside, &found)?;
        }
    }
    let expected = if beside.exists() {
        fs::read_to_string(&beside)?
    } else {
        String::new()
    };
    assert_eq!(found, expected, "findings: {findings:#?}");
    Ok(())
}

/// Of one place there is one finding, but for keys that a mapping lacks, which have no place of their
/// own, and for secrets, which are a fault wherever they stand. That a fault has no second finding elsewhere, the files beside the samples tell.
fn each_fault_is_reported_once(findings: &[Diagnostic]) {
    for (index, finding) in findings.iter().enumerate() {
        let is_twin = |other: &&Diagnostic| {
            let both_lack = [other.code, finding.code] == [Code::MissingKey; 2];
            let is_apart = both_lack || [other.code, finding.code].contains(&Code::Secret);
            other.span == finding.span && !(is_apart && other.message != finding.message)
        };
        let twin = findings[..index].iter().find(is_twin);
        assert!(twin.is_none(), "reported twice: {finding} and {twin:?}");
    }
}

/// Fragments of the credentials in the samples.
const SECRETS: [&str; 7] = [
    "0123456789abcdefghij",
    "abcdefghijklmnop",
    "abcdefGHIJ1234567890",
    "ZnCjm1XVW7vRze4b7Cq4se7kKWs",
    "MIIEow",
    "IOSFODNN7EXAMPLE",
    "hunter2",
];

fn no_secret_is_shown(document: &Document, findings: &[Diagnostic]) {
    let shown = format!("{findings:?}{}", document.redacted_text());
    for secret in SECRETS {
        assert!(!shown.contains(secret), "`{secret}` is shown: {shown}");
    }
    assert_eq!(document.redacted_text().len(), document.text().len());
}

/// Both drafts of the published schema, evaluated over the text as another YAML library reads it,
/// come to the same verdict as the program.
fn the_drafts_agree(document: &Document) -> Outcome {
    let findings = document.check_schema();
    if findings.iter().any(|f| f.code.layer() == Layer::Syntax) {
        return Ok(());
    }
    let text = document.text().trim_start_matches('\u{feff}');
    let value: serde_json::Value = match serde_json::from_str(text) {
        Ok(json) => json,
        Err(_) => serde_yaml::from_str(text)?,
    };
    for schema in [
        podfleet_roster::json_schema(),
        podfleet_roster::json_schema_draft07(),
    ] {
        let validator: Validator = jsonschema::validator_for(&schema)?;
        assert_eq!(
            validator.is_valid(&value),
            findings.is_empty(),
            "{} disagrees: {findings:#?}",
            schema["$schema"]
        );
    }
    Ok(())
}
