//! Pages of `docs/` name tests; they are there.

use std::path::Path;

#[test]
fn every_test_that_the_table_of_reliability_names_is_there() {
    names_tests("reliability.md", 37);
}

#[test]
fn every_test_that_the_table_of_incidents_names_is_there() {
    names_tests("incidents.md", 15);
}

#[test]
fn every_test_that_the_table_of_tmux_names_is_there() {
    names_tests("tmux.md", 25);
}

#[test]
fn every_test_that_the_table_of_the_hub_names_is_there() {
    names_tests("hub.md", 25);
}

#[test]
fn every_test_that_the_table_of_the_chat_names_is_there() {
    names_tests("connectors/reliability.md", 29);
}

/// Checks the table of a page. It has at least so many lines: none is dropped for want of a test.
fn names_tests(page: &str, lines: usize) {
    let page = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../docs")
        .join(page);
    let docs = page.parent().unwrap();
    let text = std::fs::read_to_string(&page).unwrap();
    let (_, table) = text.split_once("| what | tests |\n|---|---|\n").unwrap();
    let rows: Vec<_> = table
        .lines()
        .take_while(|line| line.starts_with('|'))
        .collect();
    assert!(rows.len() >= lines, "{} lines", rows.len());
    let wrong: Vec<String> = rows.iter().flat_map(|row| faults(docs, row)).collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// Returns what is wrong with a line of the table: `| what | [test](path), … |`.
fn faults(docs: &Path, row: &str) -> Vec<String> {
    let cells: Vec<_> = row.trim_matches('|').split(" | ").collect();
    let [what, tests] = cells[..] else {
        return vec![format!("no two cells: {row}")];
    };
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
