//! A client in another language: the one that the documentation shows.

use std::fs;
use std::path::Path;
use std::process::Command;

use podfleet_sim_agent::Kind;

use super::client::Client;
use super::pod::Pods;
use crate::world::World;

const DOCUMENTATION: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/protocol.md");

/// Returns the only Python program in the documentation.
fn documented_client() -> String {
    let text = fs::read_to_string(DOCUMENTATION).unwrap();
    let (_, program) = text.split_once("```python\n").expect("no program");
    let (program, rest) = program.split_once("```\n").unwrap();
    assert!(!rest.contains("```python"), "a second program");
    program.to_owned()
}

/// Runs it on the only pod with an order; what it prints.
fn run(pods: &Pods, socket: &Path, order: &str) -> Option<Vec<String>> {
    let python = podfleet_tests::require::python3()?;
    let file = pods.world.path("client.py");
    fs::write(&file, documented_client()).unwrap();
    let output = Command::new(python)
        .arg(file)
        .arg(socket)
        .arg(order)
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}{complaint}");
    Some(said.lines().map(str::to_owned).collect())
}

#[test]
fn the_documented_python_client_sends_an_order_and_follows_it_to_its_answer() {
    let program = documented_client();
    let lines = program.lines().filter(|line| !line.trim().is_empty());
    assert!(lines.count() <= 30, "the documentation says thirty lines");
    let (pods, pod) = Pods::one("{}");
    pod.settled();
    let Some(said) = run(&pods, &pod.files.socket, "count to three") else {
        return;
    };
    assert_eq!(said[..2], ["ready", "accepted"]);
    assert_eq!(said.last().map(String::as_str), Some("answered"));
    assert_eq!(
        pods.received("a", Kind::Submit),
        ["[fern:operator -> fern:a] count to three"]
    );
}

#[test]
fn the_documented_python_client_ends_also_with_an_order_that_ends_its_agent() {
    let (pods, pod) = Pods::one("{}");
    pod.settled();
    if let Some(said) = run(&pods, &pod.files.socket, "EXIT:3") {
        assert_ne!(
            said.last().map(String::as_str),
            Some("answered"),
            "{said:?}"
        );
    }
}

#[test]
fn the_socket_of_a_pod_is_where_the_documentation_says() {
    let text = fs::read_to_string(DOCUMENTATION).unwrap();
    assert!(text.contains("fleet pod show coder --json | jq -r .socket"));
    let world = World::with_agents(&[("a", "")]);
    world.fleet(&["up"]).exits(0);
    let shown = world.fleet(&["pod", "show", "a", "--json"]);
    let shown = shown.exits(0).json();
    let mut client = Client::connect(Path::new(shown["socket"].as_str().unwrap()));
    assert_eq!(client.greet("test", None).unwrap().name.as_str(), "a");
}
