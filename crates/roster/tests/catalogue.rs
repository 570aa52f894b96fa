//! The catalogue of findings: every example shows what it says, and `docs/findings.md` is what the
//! code says. `UPDATE_SCHEMAS=1` writes that file anew.

use std::fmt::Write as _;
use std::path::Path;
use std::{fs, io};

use podfleet_roster::{Blocks, Code, Diagnostic, Disk, Document, Known, Layer, PathKind, Profiles};

#[test]
fn the_bad_example_has_that_finding_alone_and_the_good_one_none() {
    for code in Code::ALL {
        let bad = found(*code, code.bad(), "profiles/my-team.json");
        assert_eq!(bad, [*code], "the bad example of {code}");
        let good = found(*code, code.good(), "elsewhere");
        assert_eq!(good, [], "the good example of {code}");
    }
}

/// Returns the codes of what is found in an example, each once. Examples are small fleets; that
/// they have no lead is not what they are about.
fn found(code: Code, example: &str, twin: &str) -> Vec<Code> {
    let findings = match code.layer() {
        Layer::Profiles => profile_findings(code, example, twin),
        _ => roster_findings(code, example),
    };
    let mut codes: Vec<Code> = findings.iter().map(|finding| finding.code).collect();
    codes.dedup();
    codes.retain(|found| *found != Code::NoLead || code == Code::NoLead);
    codes
}

fn roster_findings(code: Code, example: &str) -> Vec<Diagnostic> {
    let name = match code {
        Code::Json => "x.json",
        _ => "x",
    };
    let document = Document::read_bytes(complete(code, example), name);
    let (_, mut findings) = document.check(&Known::shipped());
    findings.extend(document.check_disk(&Known::shipped(), &ExampleDisk));
    findings
}

/// Makes a roster of an example: what cannot be shown in a catalogue is put in, and the keys that
/// every roster has are added.
fn complete(code: Code, example: &str) -> Vec<u8> {
    match code {
        Code::TooLarge if example.starts_with('#') => example.repeat(100_000).into(),
        Code::Encoding => {
            let text = with_keys(&example.replace("\\xE9", "\0"), &ROSTER);
            text.bytes()
                .map(|b| if b == 0 { 0xE9 } else { b })
                .collect()
        }
        Code::Json => example.into(),
        Code::Secret => {
            let token = "0123456789abcdefghijklmnopqrstuvwxyz";
            with_keys(&example.replace('…', token), &ROSTER).into()
        }
        _ if example.starts_with("- ") => {
            format!("version: 1\ntransport: tmux\nagents:\n{example}").into()
        }
        _ => with_keys(example, &ROSTER).into(),
    }
}

const ROSTER: [(&str, &str); 3] = [
    ("version", "1"),
    ("transport", "tmux"),
    ("agents", "[{name: coder0, runtime: claude}]"),
];

const PROFILE: [(&str, &str); 6] = [
    ("id", "my-team"),
    ("title", "My team"),
    ("description", "What it is for."),
    ("lead", "orchestrator"),
    ("floor", "[orchestrator]"),
    ("roster", "[{class: orchestrator}]"),
];

/// Adds the keys that an example leaves out, unless it is one without any.
fn with_keys(example: &str, keys: &[(&str, &str)]) -> String {
    if let Some(agents) = example.strip_prefix("- ") {
        return format!("version: 1\ntransport: tmux\nagents:\n- {agents}");
    }
    let given = |key: &str| example.lines().any(|line| line.starts_with(key));
    let mut text = example.to_owned();
    if example.lines().all(|line| line.starts_with('#')) {
        return text;
    }
    for (key, value) in keys.iter().filter(|(key, _)| !given(&format!("{key}:"))) {
        let _ = writeln!(text, "{key}: {value}");
    }
    text
}

/// `twin` is the name of the other file, where an example speaks of two.
fn profile_findings(code: Code, example: &str, twin: &str) -> Vec<Diagnostic> {
    let text = with_keys(example, &PROFILE);
    let known = Known::shipped();
    let mut profiles = Profiles::shipped();
    let document = Document::read(&text, "profiles/my-team.yaml");
    let first = profiles.read(&document, &known);
    if code != Code::DuplicateId || twin == "elsewhere" {
        return first;
    }
    assert!(first.is_empty(), "{first:#?}");
    profiles.read(
        &Document::read(document.to_json().unwrap_or_default(), twin),
        &known,
    )
}

/// A disk on which what is below `~/src` is a git working tree, and `/etc` has files.
struct ExampleDisk;

impl Disk for ExampleDisk {
    fn kind(&self, path: &str) -> PathKind {
        if path.starts_with("/etc/") {
            PathKind::Other
        } else if path.starts_with("~/src/") {
            PathKind::Directory
        } else {
            PathKind::Absent
        }
    }

    fn work_tree(&self, path: &str) -> Option<String> {
        Some(path.to_owned())
    }
}

#[test]
fn the_published_catalogue_is_fresh() -> io::Result<()> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/findings.md");
    let generated = catalogue();
    if std::env::var_os("UPDATE_SCHEMAS").is_some() {
        fs::write(&path, &generated)?;
    }
    let published = fs::read_to_string(&path)?;
    assert!(
        published == generated,
        "docs/findings.md is stale; `make schemas` writes it anew"
    );
    Ok(())
}

const HEAD: &str = "\
# Findings

Everything that `fleet validate` and the other commands find wrong with a roster or a profile, by
its code. `fleet explain CODE` prints an entry; codes are never reused and never change their
meaning. Examples are fragments: lists are agents, other keys stand at the top level.

This page is made from the code by `make schemas`.
";

fn catalogue() -> String {
    let mut text = HEAD.to_owned();
    for (layer, title) in [
        (Layer::Syntax, "Syntax: what keeps the text from being read"),
        (
            Layer::Schema,
            "Schema: what any validator finds with the published schema",
        ),
        (Layer::Rules, "Rules: what a schema cannot say of a roster"),
        (
            Layer::Profiles,
            "Profiles: what a schema cannot say of a profile",
        ),
    ] {
        let _ = write!(text, "\n## {title}\n");
        for code in Code::ALL.iter().filter(|code| code.layer() == layer) {
            entry(&mut text, *code);
        }
    }
    text
}

fn entry(text: &mut String, code: Code) {
    let blocks = match code.blocks() {
        Blocks::Nothing => "stops nothing",
        Blocks::ThatAgent => "keeps that agent from being started",
        Blocks::Writing if code.layer() == Layer::Profiles => "stops `provision` of that profile",
        Blocks::Writing => "stops `init`, `provision` and `remove`",
        Blocks::Changes => "stops every change",
    };
    let (severity, meaning) = (code.severity(), code.meaning());
    let (bad, good) = (code.bad(), code.good());
    let _ = write!(
        text,
        "\n### `{code}`\n\n*{severity}, {blocks}.* {meaning}\n\nWrong:\n\n```yaml\n{bad}```\n\n\
         Right:\n\n```yaml\n{good}```\n"
    );
}
