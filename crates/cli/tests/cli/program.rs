//! What the program says of itself, and how it treats its streams.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use crate::sandbox::Sandbox;

#[test]
fn the_version_names_the_build_and_the_protocol() {
    let ran = Sandbox::new().run("version --json");
    let version: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(version["version"], env!("CARGO_PKG_VERSION"));
    assert!(
        version["build"]
            .as_str()
            .unwrap()
            .starts_with(env!("CARGO_PKG_VERSION"))
    );
    assert!(version["protocol"].as_u64() >= version["min_protocol"].as_u64());
}

#[test]
fn names_of_agents_complete() {
    let sandbox = Sandbox::new();
    sandbox.run("init --preset local-canary --write");
    let variables = [("FLEET_COMPLETE", "bash"), ("_CLAP_COMPLETE_INDEX", "2")];
    let ran = sandbox.run_in("-- fleet send co", &variables);
    assert_eq!((ran.stdout.trim(), ran.status), ("coder", 0));
}

#[test]
fn commands_for_machines_do_not_complete() {
    let variables = [("FLEET_COMPLETE", "bash"), ("_CLAP_COMPLETE_INDEX", "1")];
    let ran = Sandbox::new().run_in("-- fleet p", &variables);
    assert_eq!(
        ran.stdout.split_whitespace().collect::<Vec<_>>(),
        [
            "provision",
            "profile",
            "plan",
            "ps",
            "pause",
            "prune",
            "pods",
            "pod",
            "peer",
            "pty"
        ]
    );
}

#[test]
fn every_shell_gets_a_script() {
    for shell in ["bash", "zsh", "fish"] {
        let ran = Sandbox::new().run(&format!("completions {shell}"));
        assert!(
            ran.status == 0 && ran.stdout.contains("FLEET_COMPLETE"),
            "{shell}"
        );
    }
}

#[test]
fn every_visible_command_has_a_manual_page() {
    let sandbox = Sandbox::new();
    let ran = sandbox.run("man --dir man");
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    let page = |name: &str| sandbox.home().join("man").join(name).exists();
    assert!(page("fleet.1") && page("fleet-up.1") && page("fleet-sim-agent.1"));
    assert!(page("fleet-pod-restore.1") && !page("fleet-pod-run.1"));
}

#[test]
fn colours_come_only_where_they_are_wanted() {
    let sandbox = Sandbox::new();
    let coloured = |variables: &[(&str, &str)], option: &str| {
        let ran = sandbox.run_in(&format!("--color {option} explain syntax"), variables);
        ran.stdout.contains('\u{1b}')
    };
    assert!(!coloured(&[], "auto"));
    assert!(coloured(&[], "always"));
    assert!(!coloured(&[("CLICOLOR_FORCE", "1")], "never"));
    assert!(!coloured(&[("NO_COLOR", "1")], "auto"));
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fleet"))
        .args(["schema", "roster"])
        .env_clear()
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(command.stdout.take());
    let output = command.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn whoever_follows_ends_with_the_reader() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "roster.yaml",
        "version: 1\ntransport: tmux\nagents:\n- {name: coder, runtime: sim}\n",
    );
    let mut command = Command::new(env!("CARGO_BIN_EXE_fleet"))
        .args(["ps", "--watch", "--json"])
        .env_clear()
        .env("HOME", sandbox.home())
        .env("FLEET_RUNTIME_DIR", sandbox.home().join("run"))
        .current_dir(sandbox.home())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut rows = BufReader::new(command.stdout.take().unwrap());
    rows.read_line(&mut String::new()).unwrap();
    drop(rows);
    let output = command.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert_eq!(output.status.code(), Some(0));
}
