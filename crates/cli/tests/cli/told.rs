//! What is printed of what agents are told.

use crate::sandbox::Sandbox;

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    let roster = "version: 1\ntransport: tmux\nagents:\n\
        - {name: a, runtime: claude, class: librarian}\n\
        - {name: b, runtime: sim, class: codr}\n\
        - {name: c, runtime: generic, command: [cat]}\n";
    sandbox.write("r.yaml", roster);
    let config = ".config/fleet";
    sandbox.write(&format!("{config}/SOUL.md"), "The soul.\n");
    sandbox.write(&format!("{config}/personas/a.md"), "The persona.\n");
    let role = "---\nsynonyms: librarian\n---\nThe role.\n";
    sandbox.write(&format!("{config}/roles/archivist.md"), role);
    sandbox
}

#[test]
fn the_whole_that_an_agent_is_told_has_its_parts_in_order() {
    let sandbox = sandbox();
    let ran = sandbox.run("comms --all a --roster r.yaml");
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    let parts = "The soul.\n\nThe role.\n\nThe persona.\n\n# Your fleet\n\nYou are `[";
    assert!(ran.stdout.starts_with(parts), "{}", ran.stdout);
    let block = sandbox.run("comms a --roster r.yaml").stdout;
    assert!(block.starts_with("# Your fleet\n"), "{block}");
    assert!(ran.stdout.ends_with(&block), "{}", ran.stdout);
}

#[test]
fn the_whole_of_all_agents_and_who_is_told_nothing() {
    let sandbox = sandbox();
    let ran = sandbox.run("comms --all --roster r.yaml");
    assert_eq!(
        ran.stdout.matches("The soul.\n").count(),
        3,
        "{}",
        ran.stdout
    );
    let nothing = "note: the program of `c` takes no such text";
    assert!(ran.stderr.contains(nothing), "{}", ran.stderr);
    assert!(!ran.stderr.contains("program of `a`"), "{}", ran.stderr);
    let json = sandbox.run("comms --all --json --roster r.yaml").stdout;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert!(json[0]["told"].as_str().unwrap().contains("The persona."));
    let block = json[0]["block"].as_str().unwrap();
    assert!(block.starts_with("# Your fleet"), "{block}");
    assert_eq!(
        (&json[0]["handed"], &json[2]["handed"]),
        (&true.into(), &false.into())
    );
}

#[test]
fn ps_shows_a_class_without_a_role() {
    let sandbox = sandbox();
    let rows = sandbox.run("ps --roster r.yaml").stdout;
    assert!(
        rows.contains("b: ROLE (the class `codr` has none)"),
        "{rows}"
    );
    assert_eq!(rows.matches("ROLE").count(), 2, "{rows}");
    let explained = sandbox.run("ps --explain b --roster r.yaml").stdout;
    assert!(
        explained.contains("no role of the class `codr`"),
        "{explained}"
    );
}
