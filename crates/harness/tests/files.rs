//! The shipped harness files, and the messages about bad ones.

use std::collections::BTreeSet;

use podfleet_harness::{Harness, HarnessErrorKind, SHIPPED, Screen, Signals};

#[test]
fn every_shipped_harness_can_be_read() {
    for name in SHIPPED {
        let path = format!("{}/data/{name}.toml", env!("CARGO_MANIFEST_DIR"));
        let source = std::fs::read_to_string(path).unwrap();
        assert_eq!(Harness::parse(name, &source).err(), None);
        assert_eq!(Harness::shipped(name).unwrap().name(), *name);
    }
    assert!(Harness::shipped("unheard-of").is_none());
}

#[test]
fn every_harness_file_is_shipped() {
    let folder = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/data")).unwrap();
    let files: BTreeSet<String> = folder
        .map(|entry| {
            entry
                .unwrap()
                .file_name()
                .to_string_lossy()
                .replace(".toml", "")
        })
        .collect();
    assert_eq!(
        files,
        SHIPPED.iter().map(|name| (*name).to_owned()).collect()
    );
}

const VALID: &str = r#"title = "mine"
evidence = "echo"

[launch]
argv = ["mine"]
model = ["--model", "{model}"]

[submit]
key = "\r"
gap_ms = 10
quiet_ms = 10
turn_start_ms = 100
newline = "\n"
interrupt = "\u001b"

[[rules]]
name = "prompt"
priority = 1
state = "ready"
region = "prompt"
match = ['^> ']
"#;

#[test]
fn a_fault_is_reported_at_its_place_with_what_may_be_meant() {
    let faults = [
        ("evidence =", "evidense ="),
        ("gap_ms", "gap"),
        ("gap_ms", "delay"),
        ("priority = 1", "priority = 1\nregon = 1"),
        ("\"ready\"", "\"readdy\""),
        ("\"ready\"", "{ blocked = \"permision\" }"),
        ("gap_ms = 10", "gap_ms = \"soon\""),
        ("gap_ms = 10", "gap_ms = -1"),
        ("'^> '", "'^> ('"),
        ("newline = \"\\n\"", ""),
        ("[launch]", "[launch"),
        ("{model}", "{modell}"),
        ("\"echo\"", "\"screen\""),
        (
            "[[rules]]",
            "[composer]\nframe = { between = '^─' }\n\n[[rules]]",
        ),
    ];
    let mut messages = String::new();
    for (from, to) in faults {
        let error = Harness::parse("mine", &VALID.replacen(from, to, 1)).unwrap_err();
        messages += &format!("{error}\n");
        if let Some(hint) = error.hint() {
            messages += &format!("    {hint}\n");
        }
    }
    insta::assert_snapshot!(messages);
}

#[test]
fn a_file_of_ones_own_can_be_read() {
    let mine = Harness::parse("mine", VALID).unwrap();
    assert_eq!((mine.name(), mine.title()), ("mine", "mine"));
    assert_eq!(mine.comfortable_bytes(), 64 * 1024);
    assert!(!mine.queue_safe());
}

#[test]
fn a_fault_has_a_kind() {
    let kind = |from: &str, to: &str| {
        Harness::parse("mine", &VALID.replacen(from, to, 1))
            .unwrap_err()
            .kind()
    };
    assert_eq!(kind("gap_ms", "gap"), HarnessErrorKind::UnknownKey);
    assert_eq!(kind("gap_ms = 10", ""), HarnessErrorKind::MissingKey);
    assert_eq!(kind("[launch]", "[launch"), HarnessErrorKind::Syntax);
    assert_eq!(kind("'^> '", "'^> ('"), HarnessErrorKind::InvalidValue);
    assert_eq!(
        kind("\"echo\"", "\"screen\""),
        HarnessErrorKind::Inconsistent
    );
}

#[test]
fn the_example_of_the_documentation_is_a_harness_that_knows_its_screens() {
    let page = include_str!("../../../docs/harnesses.md");
    let (_, rest) = page.split_once("```toml\n").unwrap();
    let (example, _) = rest.split_once("```").unwrap();
    let harness = Harness::parse("python", example).unwrap();
    let state = |row: &str| {
        let mut screen = Screen::from_text(80, row);
        screen.cursor.column = 80;
        harness
            .classify(&screen, &Signals::default())
            .state
            .to_string()
    };
    assert_eq!(state(">>> "), "ready");
    assert_eq!(state("(Pdb) "), "blocked{dialog}");
    assert_eq!(state("42"), "busy");
}
