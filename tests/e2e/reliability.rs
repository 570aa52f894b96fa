//! `docs/reliability.md` names tests; they are there.

use std::path::Path;

/// How many lines the table has at least: none is dropped for want of a test.
const LINES: usize = 37;

#[test]
fn every_test_that_the_table_of_reliability_names_is_there() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    let text = std::fs::read_to_string(docs.join("reliability.md")).unwrap();
    let (_, table) = text.split_once("| what | tests |\n|---|---|\n").unwrap();
    let rows: Vec<_> = table
        .lines()
        .take_while(|line| line.starts_with('|'))
        .collect();
    assert!(rows.len() >= LINES, "{} lines", rows.len());
    let wrong: Vec<String> = rows.iter().flat_map(|row| faults(&docs, row)).collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// Returns what is wrong with a line of the table: `| what | [test](path), … |`.
fn faults(docs: &Path, row: &str) -> Vec<String> {
    let cells: Vec<_> = row.trim_matches('|').split(" | ").collect();
    let [what, tests] = cells[..] else {
        return vec![format!("no two cells: {row}")];
    };
    if tests.trim() == "**missing**" {
        return Vec::new();
    }
    let links = tests.split(", ").map(str::trim);
    let gone = links.filter(|link| !is_there(docs, link));
    gone.map(|link| format!("{what}: no test {link}")).collect()
}

fn is_there(docs: &Path, link: &str) -> bool {
    let inner = link
        .strip_prefix('[')
        .and_then(|link| link.strip_suffix(')'));
    let Some((name, path)) = inner.and_then(|link| link.split_once("](")) else {
        return false;
    };
    std::fs::read_to_string(docs.join(path)).is_ok_and(|source| is_test(&source, name))
}

/// Returns whether a source has a test of this name: marked as one, of a property, or named in the
/// list of those that are run on every store.
fn is_test(source: &str, name: &str) -> bool {
    let Some(at) = source.find(&format!("fn {name}(")) else {
        return false;
    };
    let before: Vec<_> = source[..at].lines().rev().take(5).collect();
    let marked = before.iter().any(|line| {
        let line = line.trim();
        line.starts_with("#[") && line.contains("test")
    });
    let list = source
        .split_once("on_every_store!")
        .is_some_and(|(_, rest)| {
            rest.split('}')
                .next()
                .is_some_and(|list| list.contains(name))
        });
    marked || list
}
