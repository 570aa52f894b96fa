//! Another validator, check-jsonschema, which shares no code with ours, comes to the same verdicts
//! by the published schemas; and what we publish as SARIF it finds to be SARIF.

mod mutants;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use podfleet_roster::{Document, Layer};
use podfleet_tests::require;
use serde_json::Value;

use mutants::Chance;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
const SCHEMAS: [&str; 2] = ["roster.schema.json", "roster.draft-07.schema.json"];

/// How many rosters are generated; every fourth is left right.
const GENERATED: usize = 2000;

fn check_jsonschema() -> Option<PathBuf> {
    require::program("check-jsonschema", "scripts/setup.sh tests")
}

/// Returns those of the files that the validator refuses by a schema.
fn refused(validator: &Path, schema: &Path, files: &BTreeSet<PathBuf>) -> BTreeSet<PathBuf> {
    let output = Command::new(validator)
        .args(["--output-format", "json", "--schemafile"])
        .arg(schema)
        .args(files)
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    let files_of = |errors: &str| -> BTreeSet<PathBuf> {
        let errors = report[errors].as_array().into_iter().flatten();
        let file = |error: &Value| error["filename"].as_str().unwrap().into();
        errors.map(file).collect()
    };
    let unread = files_of("parse_errors");
    assert!(unread.is_empty(), "it cannot read {unread:?}");
    files_of("errors")
}

/// Returns those of the files in which our second layer finds something. All are read by the first.
fn found(files: &BTreeSet<PathBuf>) -> BTreeSet<PathBuf> {
    let finds = |file: &&PathBuf| !read(file).check_schema().is_empty();
    files.iter().filter(finds).cloned().collect()
}

fn read(file: &Path) -> Document {
    Document::read_bytes(fs::read(file).unwrap(), &file.to_string_lossy())
}

/// Samples that the other validator cannot read: it takes tabs between tokens for an error, which
/// YAML 1.2 allows.
const UNREAD_BY_IT: [&str; 2] = ["tabs-between-tokens.yaml", "tab-before-fault.yaml"];

/// What our first layer refuses is left out. The other validator takes duplicate keys, merge keys,
/// unknown tags and numbers as keys; it unfolds an alias bomb, and breaks at a value that contains
/// itself.
fn is_read(file: &Path) -> bool {
    if UNREAD_BY_IT.iter().any(|name| file.ends_with(name)) {
        return false;
    }
    let findings = read(file).check_schema();
    findings
        .iter()
        .all(|finding| finding.code.layer() != Layer::Syntax)
}

fn corpus() -> BTreeSet<PathBuf> {
    let entries = ["valid", "invalid", "ancestor"]
        .into_iter()
        .flat_map(|directory| {
            fs::read_dir(Path::new(ROOT).join("tests/rosters").join(directory)).unwrap()
        });
    let rosters = entries.map(|entry| entry.unwrap().path()).filter(|path| {
        path.extension()
            .is_some_and(|ending| ending == "yaml" || ending == "json")
    });
    rosters.collect()
}

fn assert_agreement(validator: &Path, files: &BTreeSet<PathBuf>) -> usize {
    let ours = found(files);
    for schema in SCHEMAS {
        let schema = Path::new(ROOT).join("schemas").join(schema);
        let theirs = refused(validator, &schema, files);
        let disputed: Vec<_> = ours.symmetric_difference(&theirs).collect();
        let texts: Vec<_> = disputed.iter().take(3).map(fs::read_to_string).collect();
        assert!(
            disputed.is_empty(),
            "{}: {disputed:?} {texts:?}",
            schema.display()
        );
    }
    ours.len()
}

#[test]
fn both_validators_agree_on_the_corpus_by_both_drafts() {
    let Some(validator) = check_jsonschema() else {
        return;
    };
    let (files, left_out): (BTreeSet<_>, BTreeSet<_>) =
        corpus().into_iter().partition(|file| is_read(file));
    assert!(
        files.len() > 200 && left_out.len() < 80,
        "{} left out",
        left_out.len()
    );
    let refused = assert_agreement(&validator, &files);
    assert!(refused > 80, "{refused} refused");
}

#[test]
fn both_validators_agree_on_generated_rosters_by_both_drafts() {
    let Some(validator) = check_jsonschema() else {
        return;
    };
    let directory = tempfile::tempdir().unwrap();
    let mut chance = Chance::new(1);
    let mut files = BTreeSet::new();
    for index in 0..GENERATED {
        let mut roster = mutants::roster(&mut chance);
        for _ in 0..index % 4 {
            mutants::mutate(&mut roster, &mut chance);
        }
        let file = directory.path().join(format!("{index:04}.json"));
        fs::write(&file, roster.to_string()).unwrap();
        files.insert(file);
    }
    let refused = assert_agreement(&validator, &files);
    assert!(
        (GENERATED / 3..GENERATED * 3 / 4).contains(&refused),
        "{refused} refused"
    );
}

#[test]
fn sarif_of_the_whole_corpus_is_valid_by_its_own_schema() {
    let Some(validator) = check_jsonschema() else {
        return;
    };
    let Some(schema) = require::file(".tools/schemas/sarif.json", "scripts/setup.sh tests") else {
        return;
    };
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    let (sound, empty, unread) = (at("all.sarif"), at("none.sarif"), at("unread.sarif"));
    for (to, rosters) in [
        (&sound, &["rosters/*/*.[yj]*"][..]),
        (&empty, &["rosters/valid/class-floor.yaml"]),
        (&unread, &["rosters", "no-such.yaml", "no-such-*.yaml"]),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_fleet-under-test"))
            .args(["validate", "--isolated", "--format", "sarif"])
            .args(rosters)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .unwrap();
        fs::write(to, output.stdout).unwrap();
    }
    let results = |log: &Path| -> usize {
        let log: Value = serde_json::from_slice(&fs::read(log).unwrap()).unwrap();
        log["runs"][0]["results"].as_array().unwrap().len()
    };
    assert!(results(&sound) > 200);
    assert_eq!(results(&empty), 0);
    assert_eq!(results(&unread), 0);
    let files = BTreeSet::from([sound, empty, unread]);
    assert_eq!(refused(&validator, &schema, &files), BTreeSet::new());
}
