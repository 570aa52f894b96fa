//! Every code of the catalogue is found in a sample below `tests/rosters`.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use podfleet_roster::{Code, Known, Layer, MAX_BYTES, Roster};

const SAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/rosters");

/// Returns the codes in the files that stand beside the samples.
fn codes_of_samples() -> BTreeSet<String> {
    let mut codes = BTreeSet::new();
    for directory in ["valid", "invalid", "ancestor"] {
        for entry in fs::read_dir(Path::new(SAMPLES).join(directory)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|ending| ending == "findings") {
                let findings = fs::read_to_string(&path).unwrap();
                codes.extend(
                    findings
                        .lines()
                        .filter_map(|line| Some(line.split_once(' ')?.0.to_owned())),
                );
            }
        }
    }
    codes
}

/// A sample that would be a burden to everybody who clones the repository.
fn too_large() -> String {
    "# a log that was appended by accident\n".repeat(MAX_BYTES / 32)
}

#[test]
fn every_code_of_the_catalogue_has_a_sample() {
    let mut found = codes_of_samples();
    let (_, findings) = Roster::parse(&too_large(), "roster", &Known::shipped());
    found.extend(findings.iter().map(|finding| finding.code.to_string()));
    let lacking: Vec<_> = Code::ALL
        .iter()
        .filter(|code| code.layer() != Layer::Profiles && !found.contains(code.as_str()))
        .collect();
    assert!(lacking.is_empty(), "no sample has {lacking:?}");
}

#[test]
fn there_are_as_many_samples_as_are_promised() {
    let count = |directory: &str| {
        let entries = fs::read_dir(Path::new(SAMPLES).join(directory)).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        paths
            .filter(|path| {
                path.extension()
                    .is_some_and(|ending| ending == "yaml" || ending == "json")
            })
            .count()
    };
    assert!(count("valid") >= 40 && count("invalid") >= 120 && count("ancestor") >= 10);
}

#[test]
fn every_file_beside_a_sample_has_its_sample() {
    for directory in ["valid", "invalid", "ancestor"] {
        for entry in fs::read_dir(Path::new(SAMPLES).join(directory)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|ending| ending == "findings") {
                assert!(
                    path.with_extension("").is_file(),
                    "{} has no sample",
                    path.display()
                );
            }
        }
    }
}
