//! The user's terminal is given back as it was, however a command that took it ends.

use rustix::process::Signal;

use crate::in_terminal::InTerminal;
use crate::sandbox::Sandbox;

fn watching() -> (Sandbox, InTerminal) {
    let sandbox = Sandbox::new();
    sandbox.run("init --preset local-canary --write");
    let mut terminal = InTerminal::start(&sandbox, "ps --watch");
    terminal.wait_for("orchestrator");
    assert!(terminal.is_raw());
    (sandbox, terminal)
}

#[test]
fn leaving_by_a_key_gives_the_terminal_back() {
    let (_sandbox, mut terminal) = watching();
    terminal.keys("q");
    terminal.wait_for_the_first_screen();
    assert_eq!(terminal.end().0, Some(0));
}

#[test]
fn a_signal_gives_the_terminal_back() {
    for signal in [Signal::TERM, Signal::HUP, Signal::INT] {
        let (_sandbox, mut terminal) = watching();
        terminal.signal(signal);
        terminal.wait_for_the_first_screen();
        assert_eq!(terminal.end().0, Some(130), "{signal:?}");
    }
}
