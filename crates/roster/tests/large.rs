//! Large rosters, well-meant and hostile. Work that grows with the square of the size would not end
//! here within the patience of whoever runs the tests.

use podfleet_roster::{Code, Diagnostic, Known, Roster};

const HEAD: &str = "version: 1\ntransport: tmux\n";

fn findings(text: &str) -> Vec<Diagnostic> {
    Roster::parse(text, "x", &Known::shipped()).1
}

fn count(findings: &[Diagnostic], code: Code) -> usize {
    findings
        .iter()
        .filter(|finding| finding.code == code)
        .count()
}

fn lines(number: usize, line: impl Fn(usize) -> String) -> String {
    (0..number).map(line).collect()
}

#[test]
fn five_thousand_agents_are_read() {
    let agents = lines(5000, |index| {
        format!("- name: a{index}\n  runtime: pi\n  class: code\n  env: {{INDEX: \"{index}\"}}\n")
    });
    let (roster, found) =
        Roster::parse(&format!("{HEAD}agents:\n{agents}"), "x", &Known::shipped());
    assert_eq!(roster.map(|roster| roster.agents.len()), Some(5000));
    assert_eq!(found.len(), 1, "{:?}", found.last());
}

#[test]
fn many_unknown_keys_are_each_reported() {
    let found = findings(&format!("{HEAD}{}", lines(8_000, |i| format!("k{i}: x\n"))));
    assert_eq!(count(&found, Code::UnknownKey), 8_000);
}

#[test]
fn many_wrong_values_in_one_mapping_are_each_reported() {
    let env = lines(8_000, |i| format!("    K{i}: 1\n    {i}K: x\n"));
    let found = findings(&format!(
        "{HEAD}agents:\n- name: a\n  runtime: sim\n  env:\n{env}"
    ));
    assert_eq!(count(&found, Code::WrongType), 8_000);
    assert_eq!(count(&found, Code::InvalidValue), 8_000);
}

#[test]
fn many_circles_are_reported_up_to_a_limit() {
    let agents = lines(8_000, |i| {
        format!(
            "- {{name: a{i}, runtime: sim, depends_on: [a0, a{}]}}\n",
            i + 1
        )
    });
    let found = findings(&format!("{HEAD}agents:\n{agents}"));
    assert_eq!(count(&found, Code::DependencyCycle), 64);
}

#[test]
fn a_large_merge_is_refused_once() {
    let merged = lines(8_000, |i| format!("k{i}: x, "));
    let written = lines(8_000, |i| format!("  k{i}: y\n"));
    let found = findings(&format!(
        "{HEAD}x: &x {{{merged}}}\ny:\n  <<: *x\n{written}"
    ));
    assert_eq!(count(&found, Code::MergeKey), 1);
}
