//! A terminal of forty columns shows everything whole.

use unicode_width::UnicodeWidthStr;

use crate::in_terminal::InTerminal;
use crate::sandbox::Sandbox;

/// Returns what a command shows in forty columns; no line is wider but for a long word, which is
/// left whole.
fn shown(sandbox: &Sandbox, line: &str) -> String {
    let terminal = InTerminal::run(sandbox, env!("CARGO_BIN_EXE_fleet"), line, 40);
    let (_, text) = terminal.end();
    for line in text.lines() {
        assert!(line.width() <= 40 || !line.trim().contains(' '), "{line}");
    }
    text
}

#[test]
fn the_help_breaks_its_lines() {
    let sandbox = Sandbox::new();
    let help = shown(&sandbox, "--help");
    assert!(help.contains("  send         Send a message"), "{help}");
    for command in ["init", "send", "set", "ps"] {
        shown(&sandbox, &format!("{command} --help"));
    }
}

#[test]
fn plans_checks_and_errors_break_their_lines() {
    let sandbox = Sandbox::new();
    sandbox.run("init --preset local-canary --write");
    let plan = shown(&sandbox, "plan");
    assert!(plan.contains("orchestrator"), "{plan}");
    let checks = shown(&sandbox, "doctor");
    assert!(
        checks.contains("CHECK") && checks.contains("FOUND"),
        "{checks}"
    );
    shown(&sandbox, "status nobody");
    shown(&sandbox, "ps");
}
