//! Completion in a real bash.

use crate::in_terminal::InTerminal;
use crate::sandbox::Sandbox;

/// Returns a bash that waits for a line, with the script read.
fn bash(sandbox: &Sandbox) -> InTerminal {
    let script = sandbox.run("completions bash").stdout;
    sandbox.write("fleet.bash", &script);
    sandbox.write(
        "rc",
        "PS1='> '; bind 'set enable-bracketed-paste off'; . ./fleet.bash\n",
    );
    let mut bash = InTerminal::run(sandbox, "/bin/bash", "--noprofile --rcfile rc -i", 80);
    bash.wait_for("> ");
    bash
}

#[test]
fn bash_completes_words_that_it_splits() {
    let sandbox = Sandbox::new();
    sandbox.run("init --preset coding --write");
    let mut bash = bash(&sandbox);
    for (typed, whole) in [
        ("explain roster::unknown-k", "explain roster::unknown-key "),
        ("explain ros", "explain roster::"),
        ("explain roster:", "explain roster::"),
        ("explain roster::", "explain roster::"),
        ("explain unknown-k", "explain unknown-key "),
        ("explain profile::dup", "explain profile::duplicate-"),
        ("--color=al", "--color=always "),
        (
            "explain --json  roster::enc",
            "explain --json  roster::encoding ",
        ),
        ("vali", "validate "),
        ("status cod", "status coder"),
        ("tail coder1", "tail coder1 "),
    ] {
        // What follows shows where the line ends.
        bash.keys(&format!("fleet {typed}\t#"));
        bash.wait_for(&format!("fleet {whole}#"));
        bash.keys("\x15\r");
        bash.wait_for("> ");
    }
}
