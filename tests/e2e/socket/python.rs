//! A client in another language: the one that the documentation shows.

use std::fs;
use std::process::Command;

use podfleet_sim_agent::Kind;

use super::pod::Pods;

const DOCUMENTATION: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/protocol.md");

/// Returns the only Python program in the documentation.
fn documented_client() -> String {
    let text = fs::read_to_string(DOCUMENTATION).unwrap();
    let (_, program) = text.split_once("```python\n").expect("no program");
    let (program, rest) = program.split_once("```\n").unwrap();
    assert!(!rest.contains("```python"), "a second program");
    program.to_owned()
}

#[test]
fn the_documented_python_client_sends_an_order_and_follows_it_to_its_answer() {
    let Some(python) = podfleet_tests::require::python3() else {
        return;
    };
    let program = documented_client();
    let lines = program.lines().filter(|line| !line.trim().is_empty());
    assert!(lines.count() <= 30, "the documentation says thirty lines");
    let (pods, pod) = Pods::one("{}");
    pod.settled();
    let file = pods.world.path("client.py");
    fs::write(&file, program).unwrap();
    let output = Command::new(python)
        .arg(file)
        .arg(&pod.files.socket)
        .arg("count to three")
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}{complaint}");
    let said: Vec<&str> = said.lines().collect();
    assert_eq!(said[..2], ["ready", "accepted"]);
    assert_eq!(said.last(), Some(&"answered"));
    assert_eq!(
        pods.received("a", Kind::Submit),
        ["[fern:operator -> fern:a] count to three"]
    );
}
