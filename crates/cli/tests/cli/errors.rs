//! Every shape of an error that needs no pod: what is wrong, why, what to do, and the exit status.

use std::os::unix::fs::PermissionsExt;

use crate::sandbox::Sandbox;

const SOUND: &str = "version: 1\ntransport: tmux\ntmux: {socket_name: podfleet-cli-tests}\nagents:\n- {name: coder, runtime: sim}\n";
const FAULTY: &str = "version: 1\ntransport: tmux\nagents:\n- {name: coder, runtime: sim, clas: code}\n- {name: coder, runtime: sim}\n";

fn show(roster: Option<&str>, line: &str) -> String {
    let sandbox = Sandbox::new();
    if let Some(text) = roster {
        sandbox.write("roster.yaml", text);
    }
    sandbox.run(line).show()
}

#[test]
fn a_command_that_is_not_known() {
    insta::assert_snapshot!(show(None, "pss"), @"
    --- stderr
    error: unrecognized subcommand 'pss'

      tip: some similar subcommands exist: 'pods', 'ps'

    Usage: fleet [OPTIONS] <COMMAND>

    For more information, try '--help'.
    --- exit 2
    ");
}

#[test]
fn an_option_with_a_wrong_value() {
    insta::assert_snapshot!(show(None, "send coder -m hi --wait bogus"), @"
    --- stderr
    error: invalid value 'bogus' for '--wait <OUTCOME>': it is one of accepted,
    submitted, started and answered

    For more information, try '--help'.
    --- exit 2
    ");
}

#[test]
fn no_roster() {
    insta::assert_snapshot!(show(None, "up"), @"
    --- stderr
    error: there is no roster [HOME]/.config/fleet/roster.yaml

    hint: `fleet init --write` makes one
    --- exit 2
    ");
    insta::assert_snapshot!(show(None, "plan --roster other.yaml"), @"
    --- stderr
    error: there is no roster [HOME]/other.yaml

    hint: `fleet init --write --roster [HOME]/other.yaml` makes one
    --- exit 2
    ");
}

#[test]
fn a_roster_with_errors_stops_up_and_shows_them() {
    insta::assert_snapshot!(show(Some(FAULTY), "up"), @"
    --- stderr
    error[roster::unknown-key]: unknown key `clas` in `agents[0]`
     --> [HOME]/roster.yaml:4:31
      |
    4 | - {name: coder, runtime: sim, clas: code}
      |                               ^^^^
      |
      = help: did you mean `class`?

    error[roster::duplicate-name]: the name `coder` is given twice
     --> [HOME]/roster.yaml:5:10
      |
    4 | - {name: coder, runtime: sim, clas: code}
      |          ----- first given here
    5 | - {name: coder, runtime: sim}
      |          ^^^^^
      |
      = help: names are addresses; give each agent its own

    error: the roster [HOME]/roster.yaml has errors; nothing was done
    --- exit 1
    ");
}

#[test]
fn a_roster_with_errors_stops_no_look() {
    insta::assert_snapshot!(show(Some(FAULTY), "ps"), @"
    --- stderr
    note: the roster [HOME]/roster.yaml has errors and is left aside;
      `fleet validate` shows them
    no agents: no roster names any, and none is recorded
    --- exit 0
    ");
}

#[test]
fn a_named_roster_with_errors_is_not_said_to_be_missing() {
    let sandbox = Sandbox::new();
    sandbox.write("faulty.yaml", FAULTY);
    insta::assert_snapshot!(sandbox.run("--roster faulty.yaml tail codr").show(), @"
    --- stderr
    note: the roster [HOME]/faulty.yaml has errors and is left aside;
      `fleet validate [HOME]/faulty.yaml` shows them
    error: fleet `default` has no agent `codr`

    hint: `fleet ps` lists them
    hint: the roster cannot be used; `fleet validate [HOME]/faulty.yaml`
      tells why
    --- exit 2
    ");
}

#[test]
fn an_agent_that_is_not_in_the_fleet() {
    insta::assert_snapshot!(show(Some(SOUND), "tail codr"), @"
    --- stderr
    error: fleet `default` has no agent `codr`

    hint: did you mean `coder`?
    --- exit 2
    ");
}

#[test]
fn an_agent_that_was_never_started() {
    insta::assert_snapshot!(show(Some(SOUND), "tail coder"), @"
    --- stderr
    error: the pod of `coder` does not run

    hint: start it with `fleet up coder`
    --- exit 1
    ");
}

#[test]
fn a_terminal_is_needed_to_attach() {
    insta::assert_snapshot!(show(Some(SOUND), "attach coder"), @"
    --- stderr
    error: standard input and output are not a terminal

    hint: `fleet tail` prints an agent's terminal where there is none
    --- exit 2
    ");
}

#[test]
fn a_message_without_text() {
    insta::assert_snapshot!(Sandbox::new().pipe("send coder -", " \n").show(), @"
    --- stderr
    error: the message is empty
    --- exit 2
    ");
}

#[test]
fn a_message_from_a_file_that_is_not_there() {
    insta::assert_snapshot!(show(Some(SOUND), "send coder -f body.md"), @"
    --- stderr
    error: body.md cannot be read
      cause: No such file or directory
    --- exit 2
    ");
}

#[test]
fn a_message_that_is_no_text() {
    let sandbox = Sandbox::new();
    std::fs::write(sandbox.home().join("body"), [0x61, 0xff, 0x62]).unwrap();
    insta::assert_snapshot!(sandbox.run("send coder -f body").show(), @"
    --- stderr
    error: body is no UTF-8 text
      cause: invalid utf-8 sequence of 1 bytes from index 1
    --- exit 2
    ");
}

#[test]
fn a_message_that_is_too_long() {
    let sandbox = Sandbox::new();
    let body = "x".repeat((1 << 20) + 1);
    insta::assert_snapshot!(sandbox.pipe("send coder -", &body).show(), @"
    --- stderr
    error: the message is longer than 1 MiB

    hint: put it into a file that the agent can read, and send the file's name
    --- exit 3
    ");
}

#[test]
fn a_raw_message_that_is_a_command() {
    insta::assert_snapshot!(show(Some(SOUND), "send coder --raw -m /clear"), @"
    --- stderr
    error: the message to `coder` is refused: a raw body that begins with `!`, `/`
      or `@` needs --allow-command
    --- exit 3
    ");
}

#[test]
fn tmux_is_missing() {
    let sandbox = Sandbox::new();
    sandbox.write("roster.yaml", SOUND);
    let ran = sandbox.run_in("up", &[("PATH", "/nonexistent")]);
    insta::assert_snapshot!(ran.show(), @"
    --- stderr
    error: tmux is not installed: no `tmux` in PATH

    hint: install it: `apt install tmux`, `dnf install tmux` or `brew install tmux`
    --- exit 4
    ");
    assert!(!sandbox.home().join("src").exists());
}

#[test]
fn a_runtime_directory_that_others_may_enter() {
    let sandbox = Sandbox::new();
    sandbox.write("roster.yaml", SOUND);
    let open = sandbox.home().join("open");
    std::fs::create_dir(&open).unwrap();
    std::fs::set_permissions(&open, PermissionsExt::from_mode(0o755)).unwrap();
    let variables = [("FLEET_RUNTIME_DIR", open.to_str().unwrap())];
    insta::assert_snapshot!(sandbox.run_in("up", &variables).show(), @"
    --- stderr
    error: the runtime directory cannot be used
      cause: [HOME]/open is open to others; run `chmod 700` on it
    --- exit 3
    ");
}

#[test]
fn a_directory_that_is_not_absolute() {
    let ran = Sandbox::new().run_in("ps", &[("FLEET_STATE_DIR", "state")]);
    insta::assert_snapshot!(ran.show(), @"
    --- stderr
    error: FLEET_STATE_DIR is not an absolute path: state
    --- exit 2
    ");
}

#[test]
fn no_home() {
    let ran = Sandbox::new().run_in("ps", &[("HOME", "")]);
    insta::assert_snapshot!(ran.show(), @"
    --- stderr
    error: neither FLEET_HOME nor HOME is set
    --- exit 2
    ");
}

#[test]
fn a_variable_that_names_a_missing_roster_is_told() {
    let gone = [("FLEET_ROSTER", "gone.yaml")];
    insta::assert_snapshot!(Sandbox::new().run_in("ps", &gone).show(), @"
    --- stderr
    note: there is no roster [HOME]/gone.yaml
    no agents: no roster names any, and none is recorded
    --- exit 0
    ");
}

#[test]
fn a_pod_that_never_ran_has_no_log() {
    let sandbox = Sandbox::new();
    sandbox.write("roster.yaml", SOUND);
    // A message makes its record.
    assert_eq!(sandbox.run("send coder -m hi").status, 0);
    insta::assert_snapshot!(sandbox.run("logs coder").show(), @"
    --- stderr
    error: the pod of `coder` never ran

    hint: start it with `fleet up coder`
    --- exit 1
    ");
    insta::assert_snapshot!(sandbox.run("log coder").show(), @"
    --- stderr
    note: `coder` never ran
    --- exit 0
    ");
}

#[test]
fn a_message_id_that_is_none() {
    insta::assert_snapshot!(show(None, "send coder -m hi --id 7"), @"
    --- stderr
    error: invalid value '7' for '--id <ID>': it is a UUID, such as a receipt shows

    For more information, try '--help'.
    --- exit 2
    ");
}

#[test]
fn a_dry_run_says_what_would_be_done() {
    insta::assert_snapshot!(show(Some(SOUND), "up --dry-run"), @"
    --- stderr
    note: the working directory [HOME]/src will be created
    coder           would start: it is new
    1 agent: 1 planned
    --- exit 0
    ");
}

#[test]
fn a_spawn_with_a_runtime_that_is_none_is_wrong_usage() {
    let sandbox = Sandbox::new();
    sandbox.write("roster.yaml", SOUND);
    for more in ["", " --dry-run"] {
        let ran = sandbox.run(&format!("spawn helper --runtime none-such --task x{more}"));
        let fault = "`helper`: unknown runtime `none-such`";
        assert!(ran.stderr.contains(fault), "{}", ran.stderr);
        assert_eq!(ran.status, 2);
    }
}

#[test]
fn a_negative_number_is_a_wrong_value_and_no_option() {
    let sandbox = Sandbox::new();
    insta::assert_snapshot!(sandbox.run("send coder -m x --timeout -3").show(), @"
    --- stderr
    error: invalid value '-3' for '--timeout <S>': it is a whole number from 0 to
    3600

    For more information, try '--help'.
    --- exit 2
    ");
    let ran = sandbox.run("tail coder -n -1");
    assert!(
        ran.stderr.contains("invalid value '-1' for '--lines"),
        "{}",
        ran.stderr
    );
}

#[test]
fn pods_of_a_fleet_that_nobody_knows_are_in_no_roster() {
    let said = |command| Sandbox::new().run_in(command, &[]).show();
    insta::assert_snapshot!(said("pods --fleet nosuch"), @"
    --- stderr
    no pods: no roster names any, and none is recorded
    --- exit 0
    ");
}
